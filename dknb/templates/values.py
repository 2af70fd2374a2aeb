"""What counts as a value in an optional section."""

from __future__ import annotations

_ALWAYS = frozenset({bool, complex, float, int})


def has_value(value: object) -> bool:
    """Whether a section is kept for this value.

    Not for None, False (also NumPy's), a blank string or an empty container; 0 and 0.0 are values.
    """
    if value is None or value is False:
        return False
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    if value.__class__ in _ALWAYS:
        return True
    if hasattr(type(value), "__len__"):
        return _length(value) != 0
    return not (type(value).__name__ in ("bool", "bool_") and not value)


def _length(value: object) -> int:
    """The length, or 1 for what has none after all (a NumPy array of no dimension)."""
    try:
        return len(value)  # type: ignore[arg-type]  # the caller saw __len__
    except TypeError:
        return 1
