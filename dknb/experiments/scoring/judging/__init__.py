"""Judges: models that score answers by a rubric, one by one or in pairs, and probes of their biases."""
