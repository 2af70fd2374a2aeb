"""Token counts without a network: exact for OpenAI, how near the estimates are, what a message costs beside its text."""

from __future__ import annotations

import pickle
from statistics import mean

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dknb.errors import ConfigError
from dknb.llm import create_llm_provider
from dknb.llm.counting import tokenizers
from dknb.llm.counting.tokens import TokenCount, TokenCounter, context_window
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import DocumentPart, ImagePart, TextPart, ToolCall, ToolResult

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


@pytest.fixture
def no_tables(monkeypatch):
    """No table of any encoding on this machine."""
    monkeypatch.setattr(tokenizers, "_copies", lambda name, url: iter(()))
    tokenizers._load.cache_clear()
    yield
    tokenizers._load.cache_clear()


@pytest.mark.parametrize(("text", "tokens"), COUNTED.values(), ids=COUNTED)
def test_a_count_for_openai_is_exact(text, tokens):
    """And says so."""
    count = TokenCounter.count(text, "openai/gpt-5.4")
    assert (count, count.exact, count.method) == (tokens, True, "exact")


@pytest.mark.usefixtures("no_tables")
@pytest.mark.parametrize(("text", "tokens"), COUNTED.values(), ids=COUNTED)
def test_an_estimate_is_within_a_fifth_of_the_real_count(text, tokens):
    """On each kind of text that people put into prompts."""
    assert abs(TokenCounter.estimate_tokens(text, "gpt-5.4") / tokens - 1) <= 0.2


@pytest.mark.usefixtures("no_tables")
def test_estimates_are_much_better_than_a_quarter_of_the_bytes():
    """The rule of thumb is what one would have without weights."""
    ours = [abs(TokenCounter.estimate_tokens(text) / tokens - 1) for text, tokens in COUNTED.values()]
    thumb = [abs(len(text.encode()) / 4 / tokens - 1) for text, tokens in COUNTED.values()]
    assert mean(ours) < mean(thumb) / 2


@settings(deadline=None)  # the first example loads the table
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
@example("half \ud83d of a pair")
def test_every_text_has_a_count(text):
    """No text raises, and only the empty one has no tokens; half a surrogate pair is text too."""
    assert (TokenCounter.estimate_tokens(text) == 0) == (not text)


def test_a_count_says_that_it_is_an_estimate():
    """Nobody shall take it for a tokenizer's."""
    for model in ("claude-sonnet-4-5", "llama3.2", "gpt-6-sol", "default"):
        assert not TokenCounter.count("Hello there, how are you?", model).exact


@pytest.mark.usefixtures("no_tables")
def test_without_a_table_openais_count_is_an_estimate_too():
    """A count is exact only when a tokenizer made it."""
    count = TokenCounter.count("Hello there, how are you?", "gpt-5.4")
    assert (count, count.method) == (6, "estimate")


def test_a_count_is_a_number_that_survives_a_pickle():
    """It can be added, shown and sent to another process."""
    count = TokenCount(6, exact=True)
    assert (count + 1, f"{count} {count:,}", str(count)) == (7, "6 6", "6")
    again = pickle.loads(pickle.dumps(count))
    assert (again, again.exact, repr(again)) == (6, True, "TokenCount(6, exact=True)")


def test_claude_has_more_tokens_for_the_same_text():
    """Anthropic's tokenizer cuts smaller than OpenAI's, and since Opus 4.7 still smaller."""
    text = COUNTED["prose"][0] * 10
    openais = TokenCounter.estimate_tokens(text, "openai/gpt-5.4")
    assert TokenCounter.estimate_tokens(text, "anthropic/claude-sonnet-4-5") == round(1.08 * openais)
    for model in ("claude-opus-4-7", "claude-sonnet-5", "claude-haiku-5-5"):
        assert TokenCounter.estimate_tokens(text, model) == round(1.45 * openais)


def test_messages_cost_more_than_their_text():
    """Four tokens around each message, and three that begin the answer."""
    messages = [LLMMessage("system", "Be kind."), LLMMessage("user", "Hello there")]
    texts = sum(TokenCounter.estimate_tokens(message.content) for message in messages)
    assert TokenCounter.estimate_messages_tokens(messages) == texts + 2 * 4 + 3


def test_a_prompt_of_text_is_exact_where_the_vendor_says_what_stands_around_it():
    """The example of OpenAI's Cookbook: 124 tokens for gpt-4o, 129 for gpt-4."""
    example = [
        LLMMessage(
            "system",
            "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
        ),
        LLMMessage("system", "New synergies will help drive top-line growth.", name="example_user"),
        LLMMessage("system", "Things working well together will increase revenue.", name="example_assistant"),
        LLMMessage(
            "system",
            "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
            name="example_user",
        ),
        LLMMessage("system", "Let's talk later when we're less busy about how to do better.", name="example_assistant"),
        LLMMessage(
            "user",
            "This late pivot means we don't have time to boil the ocean for the client deliverable.",
        ),
    ]
    counts = [TokenCounter.count_messages(example, model) for model in ("gpt-4o", "gpt-4")]
    assert [(count, count.exact) for count in counts] == [(124, True), (129, True)]


def test_a_prompt_with_tools_is_an_estimate():
    """What a vendor writes of tools into a prompt is not published."""
    tools = [
        {
            "name": "add",
            "description": "Adds.",
            "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
        }
    ]
    plain = TokenCounter.count_messages([LLMMessage("user", "Hello")], "gpt-4o")
    armed = TokenCounter.count_messages([LLMMessage("user", "Hello")], "gpt-4o", tools)
    assert (plain.exact, armed.exact) == (True, False)
    assert 20 < armed - plain < 60


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


async def test_a_schema_is_counted_and_makes_the_count_an_estimate():
    """What the vendor writes of a schema into the prompt is not known: its text counts, and no number is exact then."""
    plain = create_llm_provider("openai/gpt-4o")
    shaped = create_llm_provider("openai/gpt-4o", response_format={"type": "object", "properties": {"a": {}}})
    without, with_schema = await plain.count_tokens("hello"), await shaped.count_tokens("hello")
    assert without.exact
    assert not with_schema.exact
    assert with_schema > without + 5
