"""Answers of a database: the adapter, its statement, and the connection that only reads."""
