"""What an experiment asks of whom: items, prompts, models, and the requests that they make together."""
