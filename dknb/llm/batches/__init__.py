"""Batches: many requests handed to a vendor at once, answered within a day for half the price."""
