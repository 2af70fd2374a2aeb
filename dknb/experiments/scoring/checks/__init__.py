"""Scorers that need no model: comparisons with what is right, and measures of the answer."""
