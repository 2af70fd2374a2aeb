"""``%%flow`` and ``%flow``: flows of the library, run in cells."""
