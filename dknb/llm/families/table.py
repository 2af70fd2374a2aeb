"""What differs between families of models: data, with its source and date."""

from __future__ import annotations

from functools import lru_cache

from ..config import ModelCapability
from .anthropic import ANTHROPIC
from .family import Family
from .open_weights import OPEN
from .openai import OPENAI

__all__ = [
    "answer_tokens",
    "apis_of",
    "capabilities_of",
    "family_of",
    "is_reasoning",
    "longest_answer",
    "refused_settings",
    "refused_together",
    "system_role",
]

_OF_PROVIDER = {"openai": OPENAI, "anthropic": ANTHROPIC}
_UNKNOWN = Family("", "nothing is known")


@lru_cache(maxsize=512)
def family_of(provider: str, model: str) -> Family:
    """The row of a model; one that says nothing where none fits."""
    name = model.lower().rpartition("/")[2].removeprefix("ft:")
    return next((row for row in _OF_PROVIDER.get(provider, OPEN) if row.has(name)), _UNKNOWN)


def refused_settings(provider: str, model: str) -> tuple[str, ...]:
    """The settings that a model is known to refuse; they are sent all the same, and this explains the refusal."""
    return family_of(provider, model).refuses


def refused_together(provider: str, model: str) -> tuple[str, ...]:
    """Settings of which a model is known to take only one at a time."""
    return family_of(provider, model).apart


def system_role(provider: str, model: str) -> str:
    """The role that a system message must have; ``"user"`` for a model that refuses such messages."""
    return family_of(provider, model).system_role


def is_reasoning(provider: str, model: str) -> bool:
    """Whether a model is known to think before it answers, or to be able to."""
    return ModelCapability.REASONING in (family_of(provider, model).capabilities or ())


def capabilities_of(provider: str, model: str) -> tuple[ModelCapability, ...] | None:
    """What a model is known to be able to do; None when nothing is known of it."""
    return family_of(provider, model).capabilities


def answer_tokens(provider: str, model: str) -> int | None:
    """The ``max_tokens`` to send where the vendor demands one and the caller gave none."""
    return family_of(provider, model).answer_tokens


def longest_answer(provider: str, model: str) -> int | None:
    """The most tokens that a model's answer may have; None when that is not known."""
    return family_of(provider, model).longest_answer


def apis_of(provider: str, model: str) -> tuple[str, ...]:
    """The vendor's APIs that a model speaks, the recommended one first."""
    return family_of(provider, model).apis
