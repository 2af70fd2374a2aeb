"""Prices: right to the vendors' pages, of exactly the model that answered, and None where nobody knows.

Expected prices are of models whose prices no longer change: gpt-4o 2.50 in, 1.25 cached, 10 out; claude-sonnet-4 3 in,
0.30 from the cache, 3.75 into it (6 for an hour), 15 out; text-embedding-3-small 0.02; US dollars a million tokens.
"""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from datetime import datetime, timezone

import pytest

from dknb.errors import ConfigError
from dknb.llm.counting.costs import CostCalculator, cost_of
from dknb.llm.counting.model_facts import newest_models
from dknb.llm.counting.tokens import TokenCounter
from dknb.llm.messages import LLMMessage, LLMResponse

USED = {"prompt_tokens": 1_000_000, "completion_tokens": 100_000}


@pytest.mark.parametrize(
    ("provider", "model", "usage", "dollars"),
    [
        ("openai", "gpt-4o", USED, 3.50),
        ("openai", "openai/gpt-4o", USED, 3.50),
        ("openai", "GPT-4o-2024-08-06", USED, 3.50),
        ("openai", "gpt-4o", {**USED, "cached_tokens": 400_000}, 3.00),
        ("openai", "gpt-4o", {**USED, "reasoning_tokens": 50_000}, 3.50),
        ("openai", "text-embedding-3-small", {"prompt_tokens": 1_000_000, "total_tokens": 1_000_000}, 0.02),
        ("anthropic", "claude-sonnet-4-20250514", USED, 4.50),
        ("anthropic", "claude-sonnet-4-0", {**USED, "cached_tokens": 1_000_000}, 4.80),
        ("anthropic", "claude-sonnet-4-0", {**USED, "cache_write_tokens": 1_000_000}, 8.25),
        (
            "anthropic",
            "claude-sonnet-4-0",
            {**USED, "cache_write_tokens": 1_000_000, "cache_write_1h_tokens": 1_000_000},
            10.50,
        ),
        ("anthropic", "claude-sonnet-4-0", {**USED, "web_searches": 10}, 4.60),
        ("echo", "echo", USED, 0.0),
        ("ollama", "llama3.2", USED, 0.0),
    ],
)
def test_a_call_costs_what_the_vendor_charges(provider, model, usage, dollars):
    """Cached tokens are part of OpenAI's prompt tokens and stand beside Anthropic's."""
    assert cost_of(provider, model, usage) == pytest.approx(dollars, rel=1e-9)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-5.4-minimax-9000"),
        ("openai", "gpt-5-nano-super"),
        ("openai", "my-moderation-model"),
        ("openai", "gpt-4o-2031-01-01"),
        ("anthropic", "claude-nonexistent"),
        ("anthropic", "claude-opus-4-1-xyz"),
        ("anthropic", "claude-sonnet-4-50"),
        ("anthropic", "claude-2-turbo"),
        ("anthropic", "gpt-4o"),
        ("openai-compatible", "gpt-4o"),
        ("my-openai-proxy", "gpt-4o"),
        ("huggingface", "openai/gpt-oss-20b"),
        ("ollama", "gpt-oss:120b-cloud"),
        ("openai", "whisper-1"),
        ("openai", ""),
    ],
)
def test_an_unknown_model_has_no_price(provider, model):
    """Not 0, and not that of a model whose name begins alike."""
    assert cost_of(provider, model, USED) is None


def test_a_server_behind_the_hugging_face_router_has_its_own_price():
    """The name behind the colon says which server is to answer, and so what it costs."""
    cost = cost_of("huggingface", "openai/gpt-oss-20b:groq", USED)
    assert cost is not None
    assert 0 < cost < 1


def test_a_fine_tuned_model_costs_what_its_kind_costs():
    """Its name goes on behind the base model: organisation, name, id."""
    assert cost_of("openai", "ft:gpt-4o-2024-08-06:acme:reviewer:id17", USED) == pytest.approx(5.25)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 10, "cached_tokens": 20}])
def test_a_usage_that_is_missing_or_wrong_has_no_price(usage):
    """Nothing is made up."""
    assert cost_of("openai", "gpt-4o", usage) is None


def test_an_answer_that_took_no_tokens_costs_nothing():
    """A known price times nothing is nothing, which is not the same as unknown."""
    assert cost_of("openai", "gpt-4o", {"prompt_tokens": 0, "completion_tokens": 0}) == 0.0


@pytest.mark.parametrize(
    ("response", "model", "dollars"),
    [
        (LLMResponse("Hi", model="gpt-4o-2024-08-06", usage=USED, metadata={"provider": "openai"}), None, 3.50),
        (LLMResponse("Hi", model="gpt-4o", usage=USED), None, 3.50),
        (LLMResponse("Hi", model="gpt-4o", usage=USED), "anthropic/claude-sonnet-4-0", 4.50),
        (LLMResponse("Hi", model="gpt-4o", usage=USED, metadata={"provider": "openai-compatible"}), None, None),
        (LLMResponse("Hi", model="llama3.2", usage=USED), None, None),
        (LLMResponse("Hi", model="llama3.2", usage=USED), "ollama/llama3.2", 0.0),
        (LLMResponse("Hi", usage=USED), "echo", 0.0),
        (LLMResponse("Hi", model="gpt-4o"), None, None),
    ],
)
def test_the_cost_of_an_answer_is_that_of_its_usage(response, model, dollars):
    """By the provider that answered, by a spec, or by a bare name that one vendor has."""
    assert CostCalculator.calculate_cost(response, model) == (dollars if dollars is None else pytest.approx(dollars))


@pytest.mark.parametrize(
    ("provider", "model", "usage", "tier", "dollars"),
    [
        ("anthropic", "claude-sonnet-4-5", {"prompt_tokens": 1_000, "completion_tokens": 1_000}, "standard", 0.018),
        ("anthropic", "claude-sonnet-4-5", {"prompt_tokens": 1_000, "completion_tokens": 1_000}, None, 0.018),
        ("anthropic", "claude-sonnet-4-5", {"prompt_tokens": 1_000, "completion_tokens": 1_000}, "batch", 0.009),
        ("openai", "gpt-5.4", {"prompt_tokens": 1_000, "completion_tokens": 1_000}, "default", 0.0175),
        ("openai", "gpt-5.4", {"prompt_tokens": 1_000, "completion_tokens": 1_000}, "flex", 0.00875),
        ("openai", "gpt-5.4", {"prompt_tokens": 1_000, "completion_tokens": 1_000}, "priority", 0.035),
        ("openai", "gpt-4o-audio-preview", {"prompt_tokens": 1_000, "completion_tokens": 0}, None, 0.0025),
    ],
)
def test_a_tier_has_its_price(provider, model, usage, tier, dollars):
    """Batch and flex are half, priority is double."""
    at = datetime(2026, 11, 20, tzinfo=timezone.utc)
    assert cost_of(provider, model, usage, tier=tier, at=at) == pytest.approx(dollars, rel=1e-9)


def test_sound_has_its_own_price():
    """Where the usage block says how many of the tokens are sound, they cost more."""
    text = {"prompt_tokens": 1_000, "completion_tokens": 1_000}
    sound = text | {"prompt_audio_tokens": 1_000, "completion_audio_tokens": 1_000}
    assert cost_of("openai", "gpt-audio", text) == pytest.approx(0.0125)
    assert cost_of("openai", "gpt-audio", sound) == pytest.approx(0.096)
    assert cost_of("openai", "gpt-4o", sound) is None


def test_an_answer_has_the_price_of_its_day():
    """The o3 of May 2025 cost five times what it cost in July."""
    months = {5: 0.05, 7: 0.01}
    for month, dollars in months.items():
        response = LLMResponse(
            "Hi", "o3", usage={"prompt_tokens": 1_000, "completion_tokens": 1_000}, metadata={"provider": "openai"}
        )
        response.created_at = datetime(2025, month, 1, tzinfo=timezone.utc)
        assert CostCalculator.calculate_cost(response) == pytest.approx(dollars)


def test_the_server_behind_hugging_face_may_be_told_by_the_answer():
    """Then its name need not be part of the model's."""
    response = LLMResponse(
        "Hi", "openai/gpt-oss-20b", usage=USED, metadata={"provider": "huggingface", "server": "groq"}
    )
    assert CostCalculator.calculate_cost(response) == cost_of("huggingface", "openai/gpt-oss-20b:groq", USED)
    assert CostCalculator.calculate_cost(response) is not None


def test_an_estimate_before_the_call_prices_the_text_and_the_expected_answer():
    """The text is sent as one message; the length of the answer is the caller's guess."""
    text = "How much is this? " * 1_000
    sent = TokenCounter.count(text, "gpt-4o") + 7
    dollars = CostCalculator.estimate_cost(text, "openai/gpt-4o", expected_output_tokens=2_000)
    assert dollars == pytest.approx((2.5 * sent + 10 * 2_000) / 1e6)


def test_an_estimate_is_a_range():
    """From an answer of nothing to the longest that the call, or else the model, allows."""
    bound = CostCalculator.estimate_cost("Hello", "gpt-4o", 100, max_tokens=500)
    free = CostCalculator.estimate_cost("Hello", "gpt-4o")
    assert bound is not None
    assert free is not None
    assert (bound.low, bound, bound.high) == pytest.approx((2e-5, 1.02e-3, 5.02e-3))
    assert free.high == pytest.approx(2e-5 + 16_384 * 1e-5)
    assert bound.prompt_tokens.exact


def test_an_expected_answer_is_no_longer_than_it_may_be():
    """What the call forbids cannot be expected."""
    estimate = CostCalculator.estimate_cost("Hello", "gpt-4o", 1_000, max_tokens=50)
    assert estimate is not None
    assert estimate == estimate.high


def test_the_range_is_wider_where_tokens_are_only_estimated():
    """The prompt may be longer or shorter too."""
    estimate = CostCalculator.estimate_cost("Hello there! " * 1_000, "claude-sonnet-4-0", 0, max_tokens=1)
    assert estimate is not None
    assert not estimate.prompt_tokens.exact
    assert estimate.low < 0.8 * estimate
    assert estimate.high > 1.2 * estimate


def test_an_estimate_knows_messages_and_tools():
    """They are part of the prompt."""
    tools = [{"name": "add", "description": "Adds two numbers."}]
    plain, armed = (
        CostCalculator.estimate_cost([LLMMessage("user", "Hello")], "gpt-4o", tools=given) for given in ((), tools)
    )
    assert plain == CostCalculator.estimate_cost("Hello", "gpt-4o")
    assert plain is not None
    assert armed is not None
    assert armed > plain


def test_what_nothing_bounds_may_cost_anything():
    """A model with a price, but with neither a longest answer nor a context window in any table."""
    CostCalculator.set_price("openai-compatible/tiny", prompt=1)
    estimate = CostCalculator.estimate_cost("Hello", "openai-compatible/tiny")
    CostCalculator.set_price("openai-compatible/tiny")
    assert estimate is not None
    assert estimate.high == math.inf


def test_an_estimate_is_a_number_that_survives_a_pickle():
    """It can be sent to another process, bounds and all."""
    estimate = CostCalculator.estimate_cost("Hello", "gpt-4o", max_tokens=500)
    again = pickle.loads(pickle.dumps(estimate))
    assert (again, again.low, again.high) == (estimate, estimate.low, estimate.high)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        ({"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000}, 2.5),
        ({"prompt_tokens": 1_000_000, "cached_tokens": 500_000, "completion_tokens": 0}, 0.3),
        (None, None),
    ],
)
def test_ones_own_server_has_the_price_that_one_says(usage, dollars):
    """Until it is taken back."""
    CostCalculator.set_price("openai-compatible/mine", prompt=0.5, completion=2, cached=0.1)
    assert cost_of("openai-compatible", "mine", usage) == dollars
    CostCalculator.set_price("openai-compatible/mine")
    assert cost_of("openai-compatible", "mine", usage) is None


@pytest.mark.parametrize(
    ("model", "prices"),
    [
        ("mine", {"prompt": 1}),
        ("openai-compatible/mine", {"prompt": -1}),
        ("openai-compatible/mine", {"prompt": float("nan")}),
        ("openai-compatible/mine", {"prompt": 1, "cached": float("inf")}),
        ("openai-compatible/mine", {"completion": 2}),
    ],
)
def test_a_price_that_cannot_be_is_refused(model, prices):
    """One of no provider, below nothing, no number, or of answers alone; nothing is forgotten for it."""
    CostCalculator.set_price("openai-compatible/mine", prompt=3)
    with pytest.raises(ConfigError):
        CostCalculator.set_price(model, **prices)
    assert cost_of("openai-compatible", "mine", {"prompt_tokens": 1_000_000}) == 3
    CostCalculator.set_price("openai-compatible/mine")


def test_an_estimate_for_an_unknown_model_is_none():
    """Before the call as after it."""
    assert CostCalculator.estimate_cost("Hello", "a-model-nobody-knows") is None


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_the_newest_models_are_known_and_in_order(provider):
    """They are offered to people, so they must have a price."""
    names = newest_models(provider, 4)
    assert len(set(names)) == 4
    assert all(cost_of(provider, name, USED) for name in names)


def test_the_newest_models_begin_with_the_highest_version():
    """Whatever has come since, it is no model of 2024."""
    assert not any(name.startswith(("gpt-3", "gpt-4", "claude-2", "claude-3")) for name in newest_models("openai"))
    assert newest_models("ollama") == []


def test_importing_costs_and_tokens_loads_no_tables():
    """The table takes half a second; who does not ask for a price does not wait for it."""
    code = (
        "import sys, dknb.llm.counting.costs, dknb.llm.counting.tokens, dknb.llm.providers.availability, dknb.llm.recordings.recording; print(sorted("
        + ("{'genai_prices', 'httpx', 'httpx2', 'openai', 'anthropic', 'pydantic', 'tiktoken'} & set(sys.modules)))")
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("spec", "tier", "is_known"),
    [
        ("openai/gpt-5.4", "weird", False),
        ("openai/gpt-4o", "flex", False),
        ("anthropic/claude-sonnet-4-5", "flex", False),
        ("anthropic/claude-sonnet-4-5", "priority", True),
        ("openai/gpt-5.4", "flex", True),
        ("openai/gpt-5.4", "default", True),
    ],
)
def test_a_tier_that_the_table_does_not_have_has_no_price(spec, tier, is_known):
    """That of another one would be a wrong figure."""
    provider, model = spec.split("/")
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100}
    assert (cost_of(provider, model, usage, tier=tier) is not None) is is_known
