"""Prompts of other systems, read into ours: dotprompt, prompty, tables."""
