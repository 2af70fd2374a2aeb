"""The command ``dknb``: open the laboratory, and say what it finds."""

from .main import main

__all__ = ["main"]
