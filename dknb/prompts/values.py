"""Values that a caller did not give, asked of the adapters."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ..errors import DknbError, PromptError

__all__ = ["ValueSource", "values_of"]


class ValueSource(Protocol):
    """What a builder asks for values that its caller did not give; ``get_value`` may be a coroutine function."""

    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """The value of a name, or ``default``; ``context`` holds the values that the caller gave."""


async def values_of(
    sources: Mapping[str, Any], names: Iterable[str], context: Mapping[str, Any]
) -> dict[str, tuple[str, Any]]:
    """The adapter and the value of each name that an adapter has a value for; the first adapter that has one gives it.

    Raises:
        PromptError: An adapter failed.
    """
    wanted = list(names)
    found = await asyncio.gather(*(_first(sources, name, context) for name in wanted))
    return {name: each for name, each in zip(wanted, found, strict=True) if each is not None}


async def _first(sources: Mapping[str, Any], name: str, context: Mapping[str, Any]) -> tuple[str, Any] | None:
    for label, source in sources.items():
        if hasattr(source, "get_value") and (value := await _value(label, source, name, context)) is not None:
            return label, value
    return None


async def _value(label: str, source: ValueSource, name: str, context: Mapping[str, Any]) -> Any:
    try:
        if inspect.iscoroutinefunction(source.get_value):
            return await source.get_value(name, None, context)
        value = await asyncio.to_thread(source.get_value, name, None, context)
        return await value if inspect.isawaitable(value) else value
    except DknbError:
        raise
    except Exception as error:
        raise PromptError(
            f"Adapter {label!r} failed when it was asked for {name!r}: {type(error).__name__}: {error}",
            hint=f"Give {name!r} yourself, or correct the adapter.",
        ) from error
