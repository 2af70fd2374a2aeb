"""Libraries that lie in something else than a folder: an archive, an installed package."""
