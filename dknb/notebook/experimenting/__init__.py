"""``%%experiment``: prompts on models over data, described in a cell."""
