"""Stores as files of JSON Lines."""

from .transfer import Imported, export_store, import_store

__all__ = ["Imported", "export_store", "import_store"]
