"""What is filtered and what is kept back: words, keys, addresses; in whole answers and in streams, however they are cut."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from conversations_help import ScriptedModel
from hypothesis import given
from hypothesis import strategies as st

from dknb.conversations import (
    ContentFilterMiddleware,
    ConversationManager,
    ConversationMiddleware,
    LoggingMiddleware,
    MemoryConversationStorage,
    RedactionMiddleware,
)
from dknb.conversations.flow import CompositeCondition, ConversationFlow, FlowState, LLMClassifierCondition
from dknb.conversations.middleware import beside
from dknb.conversations.middleware.words import WordReplacer, replace_words
from dknb.errors import ConfigError
from dknb.llm import EchoProvider
from dknb.llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from dknb.llm.parts import TextPart, ToolCall

KEY = "sk-ant-" + "a1b2c3d4e5f6g7h8"


async def talk(llm: Any, *middleware: ConversationMiddleware) -> ConversationManager:
    storage = MemoryConversationStorage()
    return await ConversationManager.create(llm, None, storage, middleware=middleware, conversation_id="talk")


class Letters(ScriptedModel):
    """Streams letter by letter."""

    async def stream_complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> Any:
        response = await self.complete(messages, **overrides)
        for letter in response.content:
            yield LLMStreamResponse(delta=letter)
        yield LLMStreamResponse(is_final=True, response=response)


@given(st.text("abAB ", max_size=30), st.lists(st.text("abAB", max_size=4), max_size=4), st.data(), st.booleans())
def test_pieces_are_replaced_as_the_whole_is(text: str, words: list[str], data: Any, case_sensitive: bool) -> None:
    """Wherever a text is cut, what comes out joined is what comes of the whole."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    replacer = WordReplacer(words, lambda word: f"<{word}>", case_sensitive=case_sensitive)
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    out = "".join([*map(replacer.feed, pieces), replacer.finish()])
    assert out == replace_words(text, words, lambda word: f"<{word}>", case_sensitive=case_sensitive)


def test_only_what_may_be_a_word_is_held_back() -> None:
    """All else is shown as it comes."""
    replacer = WordReplacer(["secret"], lambda _: "*")
    assert [replacer.feed(piece) for piece in ("a se", "cond ", "sec", "ret!")] == ["a ", "second ", "", "*!"]


def test_capitals_of_any_length() -> None:
    """A letter whose small form is longer does not shift what is replaced."""
    assert replace_words("İİ BAD ẞ bad", ["bad"], lambda word: f"<{word}>", case_sensitive=False) == "İİ <BAD> ẞ <bad>"


@pytest.mark.parametrize(
    ("options", "answer", "expected"),
    [
        ({}, "a bad Bad word", "a [FILTERED] Bad word"),
        ({"case_sensitive": False}, "a bad Bad word", "a [FILTERED] [FILTERED] word"),
        ({"replacement": "***"}, "badly", "***ly"),
        ({}, "bad badger", "[FILTERED] [FILTERED]"),
    ],
)
async def test_words_are_filtered(options: dict[str, Any], answer: str, expected: str) -> None:
    """In what is returned, stored, and streamed letter by letter; the longest word counts."""
    manager = await talk(Letters(answer, answer), ContentFilterMiddleware(["bad", "badger"], **options))
    await manager.add_message(content="?")
    response = await manager.complete(at="0")
    pieces = [piece async for piece in manager.stream_complete(at="0")]
    assert response.content == expected
    assert response.metadata["content_filtered"] is True
    assert "".join(piece.delta for piece in pieces) == expected
    assert [child.data.message.content for child in manager.resolve("0").children] == [expected, expected]


async def test_what_is_not_filtered_is_not_marked() -> None:
    """And words may be anything but patterns."""
    manager = await talk(Letters("abc (a.c)"), ContentFilterMiddleware(["a.c", "", "("]))
    await manager.add_message(content="a.c")
    response = await manager.complete()
    assert response.content == "abc [FILTERED][FILTERED])"
    clean = await ContentFilterMiddleware(["x"]).process_response(LLMResponse("abc"), manager.state)
    assert clean.metadata == {}


async def test_every_part_of_an_answer_is_filtered() -> None:
    """Parts, thoughts and arguments of tools too."""
    answer = LLMResponse(
        "bad",
        reasoning="so bad",
        parts=[TextPart("bad")],
        tool_calls=[ToolCall("f", {"x": "bad"}, raw_arguments='{"x": "bad"}')],
    )
    manager = await talk(EchoProvider())
    out = await ContentFilterMiddleware(["bad"], "x").process_response(answer, manager.state)
    assert (out.content, out.reasoning, out.parts) == ("x", "so x", [TextPart("x")])
    assert (out.tool_calls[0].arguments, out.tool_calls[0].raw_arguments) == ({"x": "x"}, '{"x": "x"}')


@pytest.mark.parametrize(
    ("secret", "placeholder"),
    [
        ("ann@example.org", "[EMAIL_1]"),
        ("a.b+c@mail.example.co.uk", "[EMAIL_1]"),
        (KEY, "[KEY_1]"),
        ("AKIA" + "ABCDEFGHIJKLMNOP", "[KEY_1]"),
        ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----", "[KEY_1]"),
        ("case-4711", "[TICKET_1]"),
    ],
)
async def test_secrets_stay_here(secret: str, placeholder: str) -> None:
    """The model gets a placeholder; what is returned, shown and stored has the secret again."""
    manager = await talk(model := Letters(), RedactionMiddleware({"ticket": r"case-\d+"}))
    await manager.add_message(content=f"Mine is {secret}, and again {secret}.")
    response = await manager.complete(at="0")
    pieces = [piece async for piece in manager.stream_complete(at="0")]
    for sent in model.sent:
        assert sent[-1].content == f"Mine is {placeholder}, and again {placeholder}."
    expected = f"re: Mine is {secret}, and again {secret}."
    assert response.content == expected
    assert "".join(piece.delta for piece in pieces) == expected
    assert {child.data.message.content for child in manager.resolve("0").children} == {expected}
    assert manager.resolve("0").data.message.content == f"Mine is {secret}, and again {secret}."


async def test_a_value_has_one_placeholder_in_the_whole_conversation() -> None:
    """Also in what the model said before; others get numbers of their own."""
    manager = await talk(model := ScriptedModel("[EMAIL_1]!"), RedactionMiddleware())
    await manager.add_message(content="I am a@x.org")
    await manager.complete()
    await manager.add_message(content="and b@x.org, not a@x.org")
    response = await manager.complete()
    assert [message.content for message in model.sent[1]] == [
        "I am [EMAIL_1]",
        "[EMAIL_1]!",
        "and [EMAIL_2], not [EMAIL_1]",
    ]
    assert response.content == "re: and b@x.org, not a@x.org"
    assert response.metadata["redacted"] == {"EMAIL": 2}


async def test_who_writes_a_placeholder_gets_it_back() -> None:
    """It is not taken for another's secret."""
    manager = await talk(model := ScriptedModel(), RedactionMiddleware())
    await manager.add_message(content="Is [EMAIL_1] or [KEY_9] my ann@x.org?")
    response = await manager.complete()
    assert model.sent[0][0].content == "Is [TEXT_1] or [TEXT_2] my [EMAIL_1]?"
    assert response.content == "re: Is [EMAIL_1] or [KEY_9] my ann@x.org?"


async def test_what_the_model_makes_up_stays() -> None:
    """A placeholder that nothing stands for is text."""
    manager = await talk(ScriptedModel("see [EMAIL_7]"), RedactionMiddleware())
    await manager.add_message(content="?")
    assert (await manager.complete()).content == "see [EMAIL_7]"


async def test_tools_get_the_real_values() -> None:
    """Their arguments are restored as JSON, whatever the value holds, and redacted when they go back."""
    call = LLMResponse("", tool_calls=[ToolCall("f", {"q": "[NOTE_1]"}, "c1", raw_arguments='{"q": "[NOTE_1]"}')])
    echo = EchoProvider().set_responses([call, "done"])
    sent: list[list[LLMMessage]] = []

    class Last(ConversationMiddleware):
        async def process_request(self, messages: list[LLMMessage], state: Any) -> list[LLMMessage]:
            sent.append(list(messages))
            return messages

        async def process_response(self, response: LLMResponse, state: Any) -> LLMResponse:
            return response

    manager = await talk(echo, RedactionMiddleware({"note": 'a "b"\n\\w+'}), Last())
    await manager.add_message(content='Look: a "b"\nc')
    response = await manager.complete()
    assert response.tool_calls[0].arguments == {"q": 'a "b"\nc'}
    await manager.add_message("tool", 'found a "b"\nc', tool_call_id="c1")
    await manager.complete()
    assert [message.content for message in sent[1]] == ["Look: [NOTE_1]", "", "found [NOTE_1]"]
    assert sent[1][1].tool_calls[0].arguments == {"q": "[NOTE_1]"}


async def test_a_key_of_the_environment_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its shape."""
    monkeypatch.setenv("SOME_API_KEY", "correct horse battery")
    manager = await talk(model := ScriptedModel(), RedactionMiddleware())
    await manager.add_message(content="It is: correct horse battery")
    await manager.complete()
    assert model.sent[0][0].content == "It is: [KEY_1]"


async def test_secrets_are_in_no_log_repr_or_metadata(caplog: pytest.LogCaptureFixture) -> None:
    """Only how many there are."""
    redaction = RedactionMiddleware()
    manager = await talk(ScriptedModel(), LoggingMiddleware(), redaction)
    await manager.add_message(content=f"{KEY} of ann@example.org")
    with caplog.at_level(logging.DEBUG):
        response = await manager.complete()
    told = f"{caplog.text} {redaction!r} {manager!r} {response.metadata} {manager.state.current.data.metadata}"
    assert KEY not in told
    assert "ann@" not in told


async def test_calls_beside_the_turns_are_watched_too() -> None:
    """A summary, and the judge of a flow's condition, get placeholders."""
    manager = await talk(model := ScriptedModel("fine", "yes", "a summary of a@x.org"), RedactionMiddleware())
    asks = LLMClassifierCondition("Good? {{response}} {{user_input}}", "yes")
    elsewhere = LLMClassifierCondition("{{user_input}}", "Echo: I am a@x.org", llm_config="echo")
    both = CompositeCondition([asks, elsewhere])
    state = FlowState(waits=True, transitions={"good": "end"}, transition_conditions={"good": both})
    flow = ConversationFlow("f", states={"a": state}, initial_state="a")
    result = await flow.execute(manager, inputs="I am a@x.org")
    assert result.steps[0].transition == "good"
    assert [call.kind for call in await manager.storage.list_calls()] == ["chat", "condition", "condition"]
    assert model.sent[1][0].content == "Good? fine  I am [EMAIL_1]"
    model.script = []
    summary = await beside(manager.llm, manager.middleware, manager.state).complete([LLMMessage("user", "of a@x.org")])
    assert (model.sent[2][0].content, summary.content) == ("of [EMAIL_1]", "re: of a@x.org")
    assert beside(model, [LoggingMiddleware()], manager.state) is model


async def test_a_stream_that_breaks_in_a_placeholder_is_kept() -> None:
    """What had arrived is stored with its secrets restored, the half of a placeholder too."""
    model = ScriptedModel("mail [EMAIL_1] or [EMA")
    model.cut_after = 4
    manager = await talk(model, RedactionMiddleware())
    await manager.add_message(content="a@x.org")
    model.script = ["mail [EMAIL_1] or [EMA IL_1]"]
    with pytest.raises(Exception, match="the connection broke"):
        async for _ in manager.stream_complete():
            pass
    assert manager.state.current.data.message.content == "mail a@x.org or [EMA "


@pytest.mark.parametrize(
    "make",
    [
        lambda: RedactionMiddleware({"bad": "("}),
        lambda: RedactionMiddleware({"a b": "x"}),
        lambda: RedactionMiddleware({"email": "x"}),
        lambda: ContentFilterMiddleware("word"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_is_refused(make: Any) -> None:
    """When it is made."""
    with pytest.raises(ConfigError):
        make()


async def test_a_long_word_is_searched_once() -> None:
    """Much text without an address is no trap, whatever it looks like."""
    redaction = RedactionMiddleware()
    manager = await talk(EchoProvider())
    for text in ("a" * 300_000, "a@" * 150_000, "a." * 150_000, "x@" + "a." * 150_000):
        [message] = await redaction.process_request([LLMMessage("user", text)], manager.state)
        assert message.content == text
