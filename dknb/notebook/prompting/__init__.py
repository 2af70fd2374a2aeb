"""Prompts in a notebook: the cell, the library, the form, the callable."""
