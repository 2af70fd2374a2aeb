"""Estimates learn from the usage of real answers, model by model."""

from __future__ import annotations

import pytest

from dknb.llm.counting.calibration import asked_at, forget, learn
from dknb.llm.counting.tokens import TokenCounter
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ImagePart
from dknb.llm.request import ModelRequest

TEXT = "The committee met on a grey Tuesday, and for once nobody was late. " * 200


@pytest.fixture(autouse=True)
def nothing_learned():
    """Each test begins and ends without knowledge."""
    forget()
    yield
    forget()


def answered(model: str, factor: float, text: str = TEXT, provider: str = "huggingface", **usage: int) -> None:
    """An answer came, and its prompt had so many tokens for each that we estimate."""
    messages = [LLMMessage("user", text)]
    prompt = round(factor * TokenCounter.count_messages(messages, "some-other-model"))
    learn(ModelRequest("complete", provider, model, messages), {"prompt_tokens": prompt, **usage})


def test_an_estimate_comes_near_to_what_was_used():
    """After a few long answers it is within a twentieth, for texts as for messages."""
    before = TokenCounter.count(TEXT, "huggingface/org/model-x")
    for _ in range(4):
        answered("org/model-x", 1.5)
    after = TokenCounter.count(TEXT, "huggingface/org/model-x")
    assert after / before == pytest.approx(1.5, rel=0.05)
    assert not after.exact
    prompts = [TokenCounter.count_messages([LLMMessage("user", TEXT)], model) for model in ("model-x", "model-y")]
    assert prompts[0] / prompts[1] == pytest.approx(1.5, rel=0.05)


def test_what_is_learned_of_one_model_is_not_told_of_another():
    """Each has its own tokenizer."""
    before = TokenCounter.count(TEXT, "org/model-y")
    answered("org/model-x", 1.5)
    assert TokenCounter.count(TEXT, "org/model-y") == before


def test_one_short_prompt_teaches_little():
    """What the vendor puts around a prompt is most of a short one."""
    before = TokenCounter.count(TEXT, "model-x")
    answered("model-x", 3, "Hi!")
    assert TokenCounter.count(TEXT, "model-x") / before < 1.1


def test_later_answers_count_more():
    """A server may change the model behind a name."""
    before = TokenCounter.count(TEXT, "model-x")
    for factor in [1.5] * 4 + [1.0] * 20:
        answered("model-x", factor)
        TokenCounter.count("", "model-x")
    assert TokenCounter.count(TEXT, "model-x") / before < 1.1


def test_exact_counts_learn_nothing():
    """A tokenizer knows better than any usage."""
    before = TokenCounter.count(TEXT, "gpt-4o")
    answered("gpt-4o", 1.5, provider="openai")
    assert TokenCounter.count(TEXT, "gpt-4o") == before


def test_cached_tokens_are_part_of_the_prompt():
    """Anthropic counts them apart."""
    before = TokenCounter.count(TEXT, "claude-sonnet-4-5")
    whole = TokenCounter.count_messages([LLMMessage("user", TEXT)], "claude-sonnet-4-5")
    answered("claude-sonnet-4-5", 0, provider="anthropic", cached_tokens=int(whole))
    assert TokenCounter.count(TEXT, "claude-sonnet-4-5") == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize(
    "request_",
    [
        ModelRequest("complete", "ollama", "m", [LLMMessage("user", [ImagePart(url="https://box.example/a.png")])]),
        ModelRequest("complete", "ollama", "m", [LLMMessage("user", TEXT)], options={"thinking": {"type": "enabled"}}),
        ModelRequest("complete", "ollama", "m", [LLMMessage("user", TEXT)], tools=[{"type": "web_search"}]),
        ModelRequest("complete", "echo", "m", [LLMMessage("user", TEXT)]),
        ModelRequest("embed", "ollama", "m", texts=[TEXT]),
    ],
    ids=["picture", "thinking", "server tool", "echo", "embedding"],
)
def test_what_is_more_than_text_teaches_nothing(request_):
    """Its tokens are not those of the text."""
    before = TokenCounter.count(TEXT, "m")
    learn(request_, {"prompt_tokens": 100_000})
    assert TokenCounter.count(TEXT, "m") == before


@pytest.mark.parametrize("count", [float("inf"), float("nan"), -(10**9), 10**400, "5", True, None])
def test_what_is_no_count_teaches_nothing(count):
    """And nothing raises, now or at the next estimate."""
    before = TokenCounter.count(TEXT, "m")
    learn(ModelRequest("complete", "ollama", "m", [LLMMessage("user", TEXT)]), {"prompt_tokens": count})
    assert TokenCounter.count(TEXT, "m") == before


@pytest.mark.parametrize(("prompt", "most"), [(10**12, 4.0), (1, 0.25)])
def test_no_answer_teaches_nonsense(prompt, most):
    """A factor lies between a quarter and four."""
    before = TokenCounter.count(TEXT, "m")
    for _ in range(50):
        learn(ModelRequest("complete", "ollama", "m", [LLMMessage("user", TEXT)]), {"prompt_tokens": prompt})
        TokenCounter.count("", "m")
    factor = TokenCounter.count(TEXT, "m") / before
    assert 0.25 <= factor <= 4
    assert factor == pytest.approx(most, rel=0.2)


def test_a_server_teaches_of_its_own_models_only():
    """Not of those that have the same name with their vendor, or at another address."""
    before = TokenCounter.count(TEXT, "claude-sonnet-4-5")
    messages = [LLMMessage("user", TEXT)]
    request = ModelRequest("complete", "openai-compatible", "claude-sonnet-4-5", messages)
    learn(request, {"prompt_tokens": int(before) * 3}, "https://box.example/v1")
    assert TokenCounter.count(TEXT, "claude-sonnet-4-5") == before
    for place in (("anthropic", None), ("openai-compatible", "https://other.example/v1")):
        with asked_at(*place):
            assert TokenCounter.count(TEXT, "claude-sonnet-4-5") == before
    with asked_at("openai-compatible", "https://box.example/v1"):
        assert TokenCounter.count(TEXT, "claude-sonnet-4-5") > 2 * before
