"""Token counts without a network: how near the estimates are, and what a message costs beside its text."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dknb.errors import ConfigError
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import DocumentPart, ImagePart, TextPart, ToolCall, ToolResult
from dknb.llm.tokens import TokenCount, TokenCounter, context_window

#: Text and its tokens in o200k_base, counted with rs-bpe 0.1.0. None of them was used to fit the weights.
COUNTED = {
    "prose": (
        "The committee met on a grey Tuesday, and for once nobody was late. They read the three letters aloud, argued "
        "about the second one for an hour, and agreed at last that a kind answer costs nothing and a clear one saves a "
        "week.",
        49,
    ),
    "instructions": (
        "You are a careful reviewer. Read the text below, list its three weakest arguments in order of importance, and "
        "for each of them propose one concrete change. Do not praise, do not repeat the text, and answer in at most "
        "120 words.",
        50,
    ),
    "python": (
        'def mean(values):\n    """The arithmetic mean."""\n    total = 0.0\n    for value in values:\n        total += '
        "value\n    return total / len(values) if values else None\n\n\nclass Counter:\n    def __init__(self, start=0):"
        "\n        self.count = start\n",
        61,
    ),
    "json": (
        '{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius", "days": [1, 2, 3]}, "id": "call_17", '
        '"strict": true}',
        48,
    ),
    "numbers": ("2021-03-04,17.25,9831,0.004\n2021-03-05,18.75,10233,0.0051\n2021-03-06,16.00,8745,0.0039\n", 56),
    "markdown": (
        "## Results\n\n| variant | n | mean |\n|---|---|---|\n| kind | 120 | 4.2 |\n| strict | 118 | 3.9 |\n\n- **kind** "
        "is better by *0.3* points\n- see `report.md` for the rest\n",
        63,
    ),
    "german": (
        "Das Wetter war schlecht, aber die Stimmung blieb gut, weil alle wussten, dass am Abend ein warmes Essen auf "
        "sie wartete.",
        28,
    ),
    "chinese": (
        "春天来了,公园里的花都开了。孩子们在草地上跑来跑去,老人坐在长椅上聊天,大家都觉得这是一年中最好的时候。",
        43,
    ),
    "russian": (
        "Весной в парке распускаются цветы, дети бегают по траве, а старики сидят на скамейках и разговаривают о "  # noqa: RUF001 - Russian
        "погоде.",
        36,
    ),
    "emoji": ("Happy birthday! 🎂🎉 See you at 8 😀👍", 14),
}


@pytest.mark.parametrize(("text", "tokens"), COUNTED.values(), ids=COUNTED)
def test_an_estimate_is_within_a_fifth_of_the_real_count(text, tokens):
    """On each kind of text that people put into prompts."""
    assert abs(TokenCounter.estimate_tokens(text, "gpt-5.4") / tokens - 1) <= 0.2


def test_estimates_are_much_better_than_a_quarter_of_the_bytes():
    """The rule of thumb is what one would have without weights."""
    ours = [abs(TokenCounter.estimate_tokens(text) / tokens - 1) for text, tokens in COUNTED.values()]
    thumb = [abs(len(text.encode()) / 4 / tokens - 1) for text, tokens in COUNTED.values()]
    assert mean(ours) < mean(thumb) / 2


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
@example("half \ud83d of a pair")
def test_every_text_has_a_count(text):
    """No text raises, and only the empty one has no tokens; half a surrogate pair is text too."""
    assert (TokenCounter.estimate_tokens(text) == 0) == (not text)


def test_a_count_says_that_it_is_an_estimate():
    """Nobody shall take it for a tokenizer's."""
    assert TokenCounter.count("Hello there, how are you?", "gpt-5.4") == TokenCount(6, exact=False)


def test_claude_has_more_tokens_for_the_same_text():
    """Anthropic's tokenizer cuts smaller than OpenAI's."""
    text = COUNTED["prose"][0] * 10
    assert TokenCounter.estimate_tokens(text, "anthropic/claude-sonnet-4-5") == round(
        1.08 * TokenCounter.estimate_tokens(text, "openai/gpt-5.4")
    )


def test_messages_cost_more_than_their_text():
    """Four tokens around each message, and three that begin the answer."""
    messages = [LLMMessage("system", "Be kind."), LLMMessage("user", "Hello there")]
    texts = sum(TokenCounter.estimate_tokens(message.content) for message in messages)
    assert TokenCounter.estimate_messages_tokens(messages) == texts + 2 * 4 + 3


@pytest.mark.parametrize(
    "message",
    [
        LLMMessage("assistant", tool_calls=[ToolCall("lookup", {"question": "word " * 100})]),
        LLMMessage("tool", "word " * 100, tool_call_id="1"),
        LLMMessage("user", parts=[ToolResult("1", "word " * 100)]),
        LLMMessage("user", parts=[ToolResult("1", [{"type": "text", "text": "word " * 100}])]),
        LLMMessage("user", parts=[DocumentPart(data="word " * 100, media_type="text/plain")]),
    ],
    ids=["call", "tool message", "result", "result of blocks", "document"],
)
def test_what_is_no_plain_text_counts_too(message):
    """Calls, results and text documents are sent like text."""
    assert 95 < TokenCounter.estimate_messages_tokens([message]) < 130


def test_a_picture_counts_as_a_thousand_tokens():
    """Its real number depends on its size and on the vendor."""
    plain = TokenCounter.estimate_messages_tokens([LLMMessage("user", "What is this?")])
    shown = LLMMessage("user", [TextPart("What is this?"), ImagePart(url="https://box.example/a.png")])
    assert TokenCounter.estimate_messages_tokens([shown]) == plain + 1_000


def test_a_text_fits_or_it_does_not():
    """Against a number, or against the model's own window."""
    text = COUNTED["prose"][0]
    assert TokenCounter.fits_in_context(text, "gpt-4o", 100)
    assert not TokenCounter.fits_in_context(text, "gpt-4o", 20)
    assert TokenCounter.fits_in_context(text, "openai/gpt-4o")
    assert not TokenCounter.fits_in_context(text * 3_000, "gpt-4o")


def test_whether_a_text_fits_into_an_unknown_model_is_not_guessed():
    """An unknown window is neither endless nor nothing."""
    with pytest.raises(ConfigError, match=r"context window of the model .ollama/llama3\.2. is not known"):
        TokenCounter.fits_in_context("Hello", "ollama/llama3.2")


@pytest.mark.parametrize(
    ("model", "provider", "tokens"),
    [
        ("gpt-4o", None, 128_000),
        ("openai/gpt-4o-2024-08-06", None, 128_000),
        ("claude-3-opus-latest", "anthropic", 200_000),
        ("gpt-4o", "anthropic", None),
        ("llama3.2", "ollama", None),
        ("a-model-nobody-knows", None, None),
    ],
)
def test_the_context_window_is_that_of_the_model_or_unknown(model, provider, tokens):
    """By spec, by bare name, or by provider and name."""
    assert context_window(model, provider) == tokens


def usage_of(exchange: dict[str, Any]) -> int:
    """Prompt tokens that the vendor counted."""
    body = exchange["response"]
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")] or [json.loads(body)]
    usage: dict[str, Any] = {}
    for event in events:
        usage.update(event.get("usage") or {})
    cached = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
    return int(usage.get("prompt_tokens") or usage.get("input_tokens", 0) + cached)


def test_estimates_are_near_the_usage_that_vendors_report():
    """Recorded prompts of text alone: at most a third off, a sixth on average."""
    path = Path(__file__).parents[3] / "shared" / "wire" / "exchanges.jsonl"
    if not path.exists():
        pytest.skip(f"there are no recorded exchanges at {path}")
    errors = []
    for exchange in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        request = exchange["request"] or {}
        if exchange["provider"] == "huggingface" or exchange["status"] != 200 or "messages" not in request:
            continue
        # Tools, schemas and thinking put instructions into the prompt that nobody sees.
        if any(
            request.get(name) for name in ("tools", "response_format", "output_config", "output_format", "thinking")
        ):
            continue
        messages = [LLMMessage.from_dict(message) for message in request["messages"]]
        if system := request.get("system"):
            messages.insert(0, LLMMessage("system", system))
        if not any(isinstance(part, ImagePart) for message in messages for part in message.parts):
            errors.append(TokenCounter.estimate_messages_tokens(messages, request["model"]) / usage_of(exchange) - 1)
    assert len(errors) >= 5
    assert max(map(abs, errors)) < 0.34
    assert mean(map(abs, errors)) < 0.17
