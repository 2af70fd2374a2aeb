"""Retrieval for prompts: what is asked, what comes back, and which characters of the prompt it became."""
