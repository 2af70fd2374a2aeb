"""Documents found by the nearness of their vectors: the adapter, its documents in memory, and their file."""
