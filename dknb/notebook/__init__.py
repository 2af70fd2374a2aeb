"""dknb."""
