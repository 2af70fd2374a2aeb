"""The log database of simonw/llm, which is only read: the message store of llm 0.32 and later, and the older tables."""

from .reading import read_log

__all__ = ["read_log"]
