"""How likely a model found the tokens that it wrote, in one shape for all vendors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

__all__ = ["TokenLogprob", "text_logprobs", "token_logprobs"]


class TokenLogprob(NamedTuple):
    """One token of an answer.

    Attributes:
        token: Its text.
        logprob: The natural logarithm of its probability, at most 0.
        top: The likeliest tokens in its place with theirs, likeliest first; empty where they were not asked for.
    """

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, token: str, logprob: float, top: Iterable[Any] = ()) -> TokenLogprob:
        """A token from plain data."""
        return cls(token, logprob, tuple((other, value) for other, value in top))


def token_logprobs(rows: Any) -> list[TokenLogprob]:
    """The tokens as OpenAI's chat completions and responses tell them, and many servers after them.

    What is told in another way is left out: an answer must not be lost for it.
    """
    tokens = []
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        for row in rows or ():
            top = [(other["token"], other["logprob"]) for other in row.get("top_logprobs") or ()]
            tokens.append(TokenLogprob.of(row["token"], row["logprob"], top))
    return tokens


def text_logprobs(told: Any) -> list[TokenLogprob]:
    """The tokens of a choice, in the form of text completions or of chat completions.

    Of a prompt's first token nobody knows how likely it was, so it is left out.
    """
    if not isinstance(told, Mapping) or not told.get("tokens"):
        return token_logprobs((told.get("content") or told.get("refusal")) if isinstance(told, Mapping) else None)
    others = told.get("top_logprobs") or [None] * len(told["tokens"])
    return [
        TokenLogprob.of(token, logprob, sorted((top or {}).items(), key=lambda pair: -pair[1]))
        for token, logprob, top in zip(told["tokens"], told.get("token_logprobs") or (), others, strict=False)
        if logprob is not None
    ]
