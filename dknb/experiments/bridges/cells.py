"""Cells of a table as text that no spreadsheet takes for a formula."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["escaped", "plain"]

#: What spreadsheets calculate: OWASP's list of how a formula begins.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


def escaped(cell: Any) -> Any:
    """A text with ``'`` before it where a spreadsheet would calculate it; all else as it is."""
    if not isinstance(cell, str) or not _FORMULA.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def plain(cell: Any) -> Any:
    """The text that `escaped` got."""
    return cell[1:] if isinstance(cell, str) and _ESCAPED.match(cell) else cell
