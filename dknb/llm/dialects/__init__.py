"""How the vendors' APIs are spoken: pure functions over plain data, both directions."""
