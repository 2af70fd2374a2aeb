"""Errors of middleware, named after the one that raised them."""

from __future__ import annotations

from typing import Any

from ...errors import DknbError, MiddlewareError
from ...llm.messages import LLMResponse

__all__ = ["named"]


def named(error: Exception, middleware: object, place: str, answer: LLMResponse | None) -> Exception:
    """The error that says which middleware raised ``error``; ``except`` for the class of ``error`` catches it too.

    Args:
        error: What was raised.
        middleware: Who raised it.
        place: Where it stands, ``"2 of 3"``.
        answer: What the model had answered by then.
    """
    name, kind = type(middleware).__name__, type(error)
    if isinstance(error, DknbError) and name in str(error):  # it says so itself
        return error
    way, kept = ("on the way to the model", "") if answer is None else ("on the way back", " The answer is stored.")
    said = str(error).rstrip(".")
    text = f"{name} (middleware {place}) raised {kind.__name__} {way}: {said}.{kept}"
    hint = error.hint if isinstance(error, DknbError) else None
    facts = {**vars(error), "hint": hint, "middleware": name, "response": answer, "partial": answer}
    try:
        made: Exception = _both(kind).__new__(_both(kind), text)
    except TypeError:  # a class that cannot be combined with ours
        return MiddlewareError(text, middleware=name, response=answer, hint=hint)
    # Not by calling it: nobody knows what the class wants to be told.
    made.args = (text,)
    vars(made).update(facts)
    return made


def _both(kind: type[Exception]) -> Any:
    """A class that is a `MiddlewareError` and a ``kind``."""
    if issubclass(MiddlewareError, kind):
        return MiddlewareError

    def text(self: Exception) -> str:
        return str(self.args[0])

    def reduced(self: MiddlewareError) -> tuple[object, ...]:
        # Made for one error, it cannot be found by name: a copy is a plain MiddlewareError.
        plain = MiddlewareError(text(self), middleware=self.middleware, response=self.response, hint=self.hint)
        return plain.__reduce__()

    return type("MiddlewareError", (MiddlewareError, kind), {"__str__": text, "__reduce__": reduced})
