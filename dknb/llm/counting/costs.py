"""What a call costs, in US dollars; None where nobody knows, never 0 and never another model's price."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ..families.table import longest_answer
from ..messages import LLMMessage, LLMResponse
from .model_facts import context_window, known_model, split_model, whole_prompt
from .tokens import TokenCount, TokenCounter

if TYPE_CHECKING:
    from genai_prices import Usage

__all__ = ["CostCalculator", "CostEstimate", "cost_of"]

#: Providers that run on one's own machine, or nowhere.
_FREE = frozenset({"echo", "ollama", "local"})
#: Our names of special tokens and the table's.
_SPECIAL = {
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
    "prompt_audio_tokens": "input_audio_tokens",
    "completion_audio_tokens": "output_audio_tokens",
    "web_searches": "web_searches",
}
#: Tokens that have no price unless the table has one for their kind.
_PRICED = {
    "prompt_tokens": "input_mtok",
    "completion_tokens": "output_mtok",
    "prompt_audio_tokens": "input_audio_mtok",
    "completion_audio_tokens": "output_audio_mtok",
}
#: Service tiers that have the usual price ("on_demand" is Groq's), and those that are bought beforehand, so that their
#: tokens have no other price.
_USUAL_TIERS = frozenset({None, "", "auto", "default", "standard", "standard_only", "on_demand", "scale"})
_BOUGHT_TIERS = frozenset({("anthropic", "priority")})
#: How far an estimate of a prompt's tokens may be off, as a share of it (`tests/llm/test_llm_token_usage.py`).
_PROMPT_ERROR = 0.25


@dataclass(frozen=True)
class _OwnPrice:
    """What somebody's own server charges, in US dollars for a million tokens."""

    prompt: float
    completion: float
    cached: float


_own_prices: dict[str, _OwnPrice] = {}


def cost_of(
    provider: str,
    model: str,
    usage: Mapping[str, int] | None,
    *,
    tier: str | None = None,
    at: datetime | None = None,
) -> float | None:
    """The price of one call in US dollars; None where the model or what it used is not known.

    The first call of a process loads the price table, which takes half a second; so make it in a thread where a loop
    runs.

    Args:
        provider: Name of the provider.
        model: The vendor's name of the model, with or without ``provider/`` before it or a date behind it.
        usage: The usage of *one* answer: prices may depend on how long a single prompt was.
        tier: How the vendor served it: ``"flex"``, ``"priority"``, ``"batch"``, ...; of one that is not in the table
            for this model, nobody knows the price.
        at: When; None is now. Prices change.
    """
    name = split_model(model, provider)[1] if provider else model
    if (own := _own_prices.get(f"{provider}/{name}")) is not None:
        return _own_cost(own, provider, usage) if usage else None
    if provider in _FREE:
        return None if _in_the_cloud(provider, model) else 0.0
    if not usage or (found := known_model(provider, name)) is None:
        return None
    table, info = found
    context = _context(provider, tier)
    if context is not None and not any(
        context.items() >= variant.when.items() for variant in info.price_variants or ()
    ):
        return None
    try:
        price = info.calc_price(_units(provider, usage), table, genai_request_timestamp=at, price_context=context)
    except ValueError:  # more cached tokens than tokens, say
        return None
    prices = vars(price.model_price)
    if any(usage.get(ours) and prices.get(theirs) is None for ours, theirs in _PRICED.items()):
        return None
    return float(price.total_price)


def _in_the_cloud(provider: str, model: str) -> bool:
    """Whether an Ollama server hands the model on to ollama.com, as it does with names that end so."""
    return provider == "ollama" and model.endswith(("-cloud", ":cloud"))


def _context(provider: str, tier: str | None) -> dict[str, str] | None:
    if tier in _USUAL_TIERS or (provider, tier) in _BOUGHT_TIERS:
        return None
    return {"processing": "batch"} if tier == "batch" else {"service_tier": str(tier)}


def _units(provider: str, usage: Mapping[str, int]) -> Usage:
    from genai_prices import Usage

    special = {theirs: count for ours, theirs in _SPECIAL.items() if (count := usage.get(ours))}
    prompt = whole_prompt(provider, usage)
    return Usage(input_tokens=prompt, output_tokens=usage.get("completion_tokens") or 0, **special)


def _own_cost(price: _OwnPrice, provider: str, usage: Mapping[str, int]) -> float:
    cached = usage.get("cached_tokens") or 0
    fresh = whole_prompt(provider, usage) - cached
    answer = usage.get("completion_tokens") or 0
    return (fresh * price.prompt + cached * price.cached + answer * price.completion) / 1e6


class CostEstimate(float):
    """What a call will probably cost in US dollars, and between which bounds; a float like any other.

    Attributes:
        low: The price if the model says nothing.
        high: The price if it answers as long as ``max_tokens`` or the model allows; infinite where neither is known.
        prompt_tokens: The tokens of the prompt, which say whether they were counted or estimated.
    """

    low: float
    high: float
    prompt_tokens: TokenCount

    def __new__(cls, expected: float, low: float, high: float, prompt_tokens: TokenCount) -> CostEstimate:  # noqa: D102
        self = super().__new__(cls, expected)
        self.low, self.high, self.prompt_tokens = low, high, prompt_tokens
        return self

    def __getnewargs__(self) -> tuple[float, float, float, TokenCount]:  # type: ignore[override]  # ours takes more
        return float(self), self.low, self.high, self.prompt_tokens

    def __repr__(self) -> str:
        return f"CostEstimate({float(self)!r}, low={self.low!r}, high={self.high!r})"

    __str__ = float.__repr__


class CostCalculator:
    """Prices of answers, before and after."""

    @staticmethod
    def calculate_cost(response: LLMResponse, model: str | None = None) -> float | None:
        """The price of an answer in US dollars, from its usage; None where it is not known.

        It is the price of the day of the answer, for the tier in which the vendor served it.

        Args:
            response: The answer; its ``metadata["provider"]`` says whose model it was.
            model: The model that is charged, as a spec or a bare name, where it is not ``response.model``.
        """
        told = response.metadata
        name = model or told.get("priced_as") or response.model
        provider, name = split_model(name, None if model else told.get("provider"))
        if provider == "ollama" and not model and told.get("server"):
            return None  # it was handed on to a server that takes money
        if provider == "huggingface" and ":" not in name and (server := told.get("server")):
            name = f"{name}:{server}"
        return cost_of(provider, name, response.usage, tier=told.get("service_tier"), at=response.created_at)

    @staticmethod
    def estimate_cost(
        text: str | Iterable[LLMMessage],
        model: str,
        expected_output_tokens: int = 100,
        *,
        max_tokens: int | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> CostEstimate | None:
        """About what a call costs in US dollars, with its bounds; None where the model's price is not known.

        Args:
            text: What is sent: a text, or the messages of the call.
            model: The model, as a spec or a bare name.
            expected_output_tokens: How long the answer will probably be; at most ``max_tokens`` counts.
            max_tokens: The most tokens of the answer, as the call says it.
            tools: The tools that are sent along.
        """
        provider, name = split_model(model)
        messages = [LLMMessage("user", text)] if isinstance(text, str) else text
        prompt = TokenCounter.count_messages(messages, name, tools)
        error = 0.0 if prompt.exact else _PROMPT_ERROR
        most = max_tokens or longest_answer(provider, name) or context_window(name, provider)

        def price(prompt_tokens: float, answer: int) -> float | None:
            return cost_of(provider, name, {"prompt_tokens": round(prompt_tokens), "completion_tokens": answer})

        low, high = price(prompt * (1 - error), 0), price(prompt * (1 + error), most or 0)
        expected = price(prompt, min(expected_output_tokens, max_tokens or expected_output_tokens))
        if expected is None or low is None or high is None:
            return None
        free = expected == high == 0
        return CostEstimate(expected, low, max(expected, high) if most or free else math.inf, prompt)

    @staticmethod
    def set_price(
        model: str, *, prompt: float | None = None, completion: float | None = None, cached: float | None = None
    ) -> None:
        """Tell the price of a model that no table knows, or that one pays another price for.

        Args:
            model: The model, as a spec.
            prompt: US dollars for a million tokens of a prompt; without any price the model's own is forgotten.
            completion: For a million tokens of an answer; as ``prompt`` where it is not given.
            cached: For a million tokens of a prompt that were read from a cache; as ``prompt`` where it is not given.

        Raises:
            ConfigError: ``model`` does not name its provider, or a price is below 0, no number, or without that of the
                prompt.
        """
        if "/" not in model:
            raise ConfigError(
                f"{model!r} names no provider.", hint='Write it as a spec, for example "openai-compatible/x"'
            )
        for price in (prompt, completion, cached):
            if price is not None and not 0 <= price < math.inf:
                raise ConfigError(f"A price of {model!r} is {price!r}.", hint="Give US dollars for a million tokens")
        if prompt is None and (completion is not None or cached is not None):
            raise ConfigError(f"The price of {model!r} lacks that of the prompt.", hint="Give prompt=... too")
        if prompt is None:
            _own_prices.pop(model, None)
            return
        completion, cached = (prompt if price is None else price for price in (completion, cached))
        _own_prices[model] = _OwnPrice(prompt, completion, cached)
