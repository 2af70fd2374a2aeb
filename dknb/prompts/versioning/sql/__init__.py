"""Versions, experiments and events in an SQL database: SQLite or PostgreSQL."""
