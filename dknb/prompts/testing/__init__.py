"""Tests of prompts, written beside them in ``tests.yaml``: what a render must hold, without a model."""
