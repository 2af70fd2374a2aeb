"""What all stores that keep rows have in common, and the one in memory."""
