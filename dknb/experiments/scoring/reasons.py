"""Why there is no score, in words."""

from __future__ import annotations

from .base import NoScore

__all__ = ["reason_of"]

_LONGEST = 500


def reason_of(error: BaseException) -> str:
    """Why there is no score, on one line."""
    text = " ".join(str(error).split())
    if not isinstance(error, NoScore):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text[:_LONGEST]
