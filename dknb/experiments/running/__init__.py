"""A run: calls side by side, stored as they are answered, scored, and ended well however they end."""
