"""Values: those that a caller gives, and those that he does not, asked of the adapters."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from .. import _sync
from ..errors import ConfigError, DknbError, PromptError
from ..errors.secrets import told

__all__ = ["TIMEOUT", "Index", "ValueSource", "checked_params", "told_apart", "values_of"]

#: The index of a variant; or the parameters, for who leaves it out: ``render_user_prompt("name", {"text": "..."})``.
Index: TypeAlias = int | Mapping[str, Any]

#: Seconds that an adapter may take for one value.
TIMEOUT = 10.0


def checked_params(params: object) -> Mapping[str, Any]:
    """The parameters of a call.

    Raises:
        ConfigError: They are no mapping.
    """
    if params is None:
        return {}
    if not isinstance(params, dict | Mapping):  # a dict is told fast
        raise ConfigError(f"The parameters are {params!r}, which is no mapping.", hint='Write params={"name": "value"}')
    return params


def told_apart(index: Index, params: Mapping[str, Any] | None) -> tuple[int, Mapping[str, Any] | None]:
    """Index and parameters.

    Raises:
        ConfigError: There are parameters twice.
    """
    if not isinstance(index, Mapping):
        return index, params
    if params is not None:
        raise ConfigError(
            f"There are parameters twice: {index!r} and {params!r}.",
            hint='Write ("name", params={...}), and index=... before',
        )
    return 0, index


class ValueSource(Protocol):
    """What a builder asks for values that its caller did not give; ``get_value`` may be a coroutine function."""

    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """The value of a name, or ``default``; ``context`` holds the values that the caller gave."""


async def values_of(
    sources: Mapping[str, Any], names: Iterable[str], context: Mapping[str, Any], seconds: float | None = None
) -> dict[str, tuple[str, Any]]:
    """The adapter and the value of each name that an adapter has a value for; the first adapter that has one gives it.

    Raises:
        PromptError: An adapter failed, or gave no answer within so many seconds, 10 if they are not given.
    """
    wanted = list(names)
    most = TIMEOUT if seconds is None else seconds
    found = await asyncio.gather(*(_first(sources, name, context, most) for name in wanted))
    return {name: each for name, each in zip(wanted, found, strict=True) if each is not None}


async def _first(
    sources: Mapping[str, Any], name: str, context: Mapping[str, Any], seconds: float
) -> tuple[str, Any] | None:
    for label, source in sources.items():
        if not hasattr(source, "get_value"):
            continue
        if (value := await _value_in_time(label, source, name, context, seconds)) is not None:
            return label, value
    return None


async def _value_in_time(label: str, source: ValueSource, name: str, context: Mapping[str, Any], seconds: float) -> Any:
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await _value(source, name, context)
    except DknbError:
        raise
    except Exception as error:
        late = isinstance(error, TimeoutError) and deadline.expired()
        problem = (
            f"gave no answer within {seconds:g} seconds when it was asked for {name!r}."
            if late
            else f"failed when it was asked for {name!r}: {told(error)}"
        )
        raise PromptError(
            f"Adapter {label!r} {problem}", hint=f"Give {name!r} yourself, or correct the adapter."
        ) from error


async def _value(source: ValueSource, name: str, context: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(source.get_value):
        return await source.get_value(name, None, context)
    # A thread of its own, as for searches: one that hangs must hold up nothing else.
    value = await _sync.in_thread(source.get_value, name, None, context)
    return await value if inspect.isawaitable(value) else value
