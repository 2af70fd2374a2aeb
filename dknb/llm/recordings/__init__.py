"""Recordings: what was asked and answered, kept beside the notebook, and answered again from there."""
