"""What a call costs, in US dollars; None where nobody knows, never 0 and never another model's price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .messages import LLMMessage, LLMResponse
from .model_facts import known_model, split_model
from .tokens import TokenCounter

if TYPE_CHECKING:
    from genai_prices import Usage

__all__ = ["CostCalculator", "cost_of"]

#: Providers that run on one's own machine, or nowhere.
_FREE = frozenset({"echo", "ollama", "local"})
#: Vendors whose count of prompt tokens leaves out what was read from and written to the cache.
#: Anthropic: docs "Prompt caching", section "Tracking cache performance", read 22 November 2026.
_CACHE_APART = frozenset({"anthropic"})
#: Our names of special tokens and the table's.
_SPECIAL = {
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "web_searches": "web_searches",
}


def cost_of(provider: str, model: str, usage: Mapping[str, int] | None) -> float | None:
    """The price of one call in US dollars; None where the model or what it used is not known.

    The first call of a process loads the price table, which takes half a second; so make it in a thread where a loop
    runs.

    Args:
        provider: Name of the provider.
        model: The vendor's name of the model, with or without ``provider/`` before it or a date behind it.
        usage: The usage of *one* answer: prices may depend on how long a single prompt was.
    """
    if provider in _FREE:
        return None if _in_the_cloud(provider, model) else 0.0
    if not usage or (found := known_model(*split_model(model, provider))) is None:
        return None
    table, info = found
    try:
        price = info.calc_price(_units(provider, usage), table)
    except ValueError:  # more cached tokens than tokens, say
        return None
    charged = {"prompt_tokens": price.model_price.input_mtok, "completion_tokens": price.model_price.output_mtok}
    if any(usage.get(name) and each is None for name, each in charged.items()):
        return None
    return float(price.total_price)


def _in_the_cloud(provider: str, model: str) -> bool:
    """Whether an Ollama server hands the model on to ollama.com, as it does with names that end so."""
    return provider == "ollama" and model.endswith(("-cloud", ":cloud"))


def _units(provider: str, usage: Mapping[str, int]) -> Usage:
    from genai_prices import Usage

    special = {theirs: count for ours, theirs in _SPECIAL.items() if (count := usage.get(ours))}
    prompt = usage.get("prompt_tokens") or 0
    if provider in _CACHE_APART:
        prompt += (usage.get("cached_tokens") or 0) + (usage.get("cache_write_tokens") or 0)
    return Usage(input_tokens=prompt, output_tokens=usage.get("completion_tokens") or 0, **special)


class CostCalculator:
    """Prices of answers, before and after."""

    @staticmethod
    def calculate_cost(response: LLMResponse, model: str | None = None) -> float | None:
        """The price of an answer in US dollars, from its usage; None where it is not known.

        Args:
            response: The answer; its ``metadata["provider"]`` says whose model it was.
            model: The model that is charged, as a spec or a bare name, where it is not ``response.model``.
        """
        told = None if model else response.metadata.get("provider")
        provider, name = split_model(model or response.model, told)
        return cost_of(provider, name, response.usage)

    @staticmethod
    def estimate_cost(text: str, model: str, expected_output_tokens: int = 100) -> float | None:
        """About what it costs, in US dollars, to send ``text`` and get that many tokens back; None if not known."""
        provider, name = split_model(model)
        prompt = TokenCounter.estimate_messages_tokens([LLMMessage("user", text)], name)
        return cost_of(provider, name, {"prompt_tokens": prompt, "completion_tokens": expected_output_tokens})
