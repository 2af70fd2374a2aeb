"""Experiments in the store of conversations: tables of their own, and each trial a node of a conversation."""
