"""What carries a dialect to its server: clients, streams of bytes, and what goes wrong with them."""
