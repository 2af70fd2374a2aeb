"""Prices: right to the vendors' pages, of exactly the model that answered, and None where nobody knows.

Expected prices are of models whose prices no longer change: gpt-4o 2.50 in, 1.25 cached, 10 out; claude-sonnet-4 3 in,
0.30 from the cache, 3.75 into it (6 for an hour), 15 out; text-embedding-3-small 0.02; US dollars a million tokens.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from dknb.llm.costs import CostCalculator, cost_of
from dknb.llm.messages import LLMResponse
from dknb.llm.model_facts import newest_models
from dknb.llm.tokens import TokenCounter

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


def test_an_estimate_before_the_call_prices_the_text_and_the_expected_answer():
    """The text is sent as one message; the length of the answer is the caller's guess."""
    text = "How much is this? " * 1_000
    sent = TokenCounter.estimate_tokens(text) + 7
    dollars = CostCalculator.estimate_cost(text, "openai/gpt-4o", expected_output_tokens=2_000)
    assert dollars == pytest.approx((2.5 * sent + 10 * 2_000) / 1e6)


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
    code = "import sys, dknb.llm.costs, dknb.llm.tokens, dknb.llm.availability, dknb.llm.recording; print(sorted(" + (
        "{'genai_prices', 'httpx', 'httpx2', 'openai', 'anthropic', 'pydantic', 'tiktoken'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
