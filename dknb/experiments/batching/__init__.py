"""Experiments by the vendors' batch APIs: submitted today, collected whenever they are done."""
