"""What is publicly known of a model, from the snapshot of prices and context windows in ``genai-prices``; offline.

That library finds a model by prefixes and patterns: it takes ``claude-opus-4-1-xyz`` for ``claude-opus-4-1``. A price
must never be another model's, so what it finds counts only where the name *is* that model: a name that the table spells
out, also with a date or ``latest`` behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..providers.gguf import gguf_window

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

__all__ = ["context_window", "known_model", "newest_models", "split_model", "whole_prompt"]

_VERSION = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")
#: Vendors whose count of prompt tokens leaves out what was read from and written to the cache.
#: Anthropic: docs "Prompt caching", section "Tracking cache performance", read 22 November 2026.
_CACHE_APART = frozenset({"anthropic"})
#: Providers whose bare model names are tried where nobody says which provider is meant.
_ASSUMED = ("openai", "anthropic")
#: Family, version and size, and nothing more: so no model for sound, images or a trade.
_GENERAL_PURPOSE = re.compile(r"gpt-\d[\d.]*(?:-[a-z]+)?|claude-[a-z]+-\d[\d-]*")


@lru_cache(maxsize=512)
def known_model(provider: str, model: str) -> tuple[Provider, ModelInfo] | None:
    """The table's provider and model of these names; None when it has no entry for exactly this model.

    The first call loads the table, which takes half a second; so make it in a thread where a loop runs.
    """
    provider, model = _in_table(provider, model.lower())
    if (found := _tables().get(provider)) is None:
        return None
    info = found.find_model(model)
    return (found, info) if info is not None and _is_named(info, model) else None


def split_model(model: str, provider: str | None = None) -> tuple[str, str]:
    """Provider and bare name of a model, for ``"openai/gpt-5.4"`` as for ``"gpt-5.4"``; the provider may stay empty."""
    head, slash, rest = model.partition("/")
    if provider:
        return provider, rest if slash and head == provider else model
    if slash or model == "echo":
        return head, rest
    return next((name for name in _ASSUMED if known_model(name, model)), ""), model


def context_window(model: str, provider: str | None = None) -> int | None:
    """The most tokens that a model reads at once; None when that is not known."""
    provider, name = split_model(model, provider)
    if provider == "local":
        return gguf_window(name)
    found = known_model(provider, name)
    return found[1].context_window if found else None


def whole_prompt(provider: str, usage: Mapping[str, int]) -> int:
    """The tokens of a whole prompt, cached ones included."""
    prompt = usage.get("prompt_tokens") or 0
    if provider in _CACHE_APART:
        prompt += (usage.get("cached_tokens") or 0) + (usage.get("cache_write_tokens") or 0)
    return prompt


def newest_models(provider: str, most: int = 6) -> list[str]:
    """The general chat models of OpenAI or Anthropic, the highest version first; none of another provider."""
    models = _tables()[provider].models if provider in _ASSUMED else []
    names = [info.id for info in models if _GENERAL_PURPOSE.fullmatch(info.id) and info.context_window]
    return sorted(names, key=lambda name: ([-int(part) for part in re.findall(r"\d+", name)] + [1], name))[:most]


@lru_cache(maxsize=1)
def _tables() -> dict[str, Provider]:
    from genai_prices.data_snapshot import get_snapshot

    return {provider.id: provider for provider in get_snapshot().providers}


def _in_table(provider: str, model: str) -> tuple[str, str]:
    """The names under which the table has a model; the router of Hugging Face has a price for each server behind it."""
    if provider == "huggingface":
        model, _, server = model.partition(":")
        return f"huggingface_{server}", model
    return provider, model


def _is_named(info: ModelInfo, model: str) -> bool:
    if model.startswith("ft:"):  # ft:BASE:ORGANISATION:NAME:ID
        model = ":".join(model.split(":")[:2])
    names = {info.id.lower(), *_spelled_out(info.match)}
    names |= {name.rstrip("-@.") for name in names} | {_VERSION.sub("", name) for name in names}
    return model in names or _VERSION.sub("", model) in names


def _spelled_out(clause: Any) -> Iterator[str]:
    """The names in a clause of the table; the beginnings of names too, which count as names here."""
    for inner in getattr(clause, "or_", ()):
        yield from _spelled_out(inner)
    for kind in ("equals", "starts_with"):
        if name := getattr(clause, kind, None):
            yield name.lower()
