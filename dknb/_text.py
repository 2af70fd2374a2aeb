"""Text for people, whoever wrote it."""

from __future__ import annotations

import re

__all__ = ["printable"]

# What a terminal or a browser could take for an instruction, or that would turn text around.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """``text`` with its control characters (terminal escapes, bidirectional overrides) made visible."""
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
