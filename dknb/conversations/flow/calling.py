"""Functions of the user's, called with as much as they take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["called", "places"]


def places(function: Callable[..., Any], most: int) -> int:
    """How many arguments ``function`` takes by position, at most ``most``; so many too if it does not say."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some built-in functions do not say
        return most
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return most
    return min(most, sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters))


async def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function`` gives, or what it gives to wait for."""
    said = function(*arguments)
    return await said if inspect.isawaitable(said) else said
