"""What a vendor says of a message beyond its content: it goes back to the vendor, and to no other."""

from __future__ import annotations

import pytest

from dknb.llm import LLMConfig, LLMMessage, LLMResponse, MessageBuilder, ToolCall, ToolResult
from dknb.llm.dialects.chat_api import ChatTraits, chat_dialect
from dknb.llm.dialects.messages_api import MESSAGES
from dknb.llm.dialects.responses_api import RESPONSES
from dknb.llm.providers.openai import OpenAIProvider
from dknb.llm.request import completion_request

OPENAI = chat_dialect(OpenAIProvider.traits)
OTHERS = chat_dialect(ChatTraits())
MARKING = chat_dialect(ChatTraits(keeps_marks=True))
FORMS = {"chat": OPENAI, "compatible": OTHERS, "responses": RESPONSES, "messages": MESSAGES}


def sent(dialect, *messages, model="m", tools=None, tool_choice=None, **options):
    config = LLMConfig("openai", model, options=options)
    return dialect.body(completion_request(config, list(messages) or "hi", tools, tool_choice))


def said(**message):
    return {"model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}


def streamed(dialect, *deltas):
    answer = dialect.accumulator()
    pieces = [answer.feed({"model": "m", "choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    return answer.response(), [piece for piece in pieces if piece]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_goes_back_under_the_name_it_came_with(field):
    """DeepSeek and others demand it beside tool calls; OpenAI refuses a field that it does not know."""
    call = {"id": "a", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    whole = OTHERS.response(said(content="", **{field: "hm"}, tool_calls=[call]))
    parts = [{field: "h"}, {field: "m"}, {"tool_calls": [{"index": 0, **call}]}]
    for response in (whole, streamed(OTHERS, *parts)[0]):
        message = LLMMessage.from_dict(LLMResponse.from_dict(response.to_dict()).to_message().to_dict())
        assert sent(OTHERS, message)["messages"][0][field] == "hm"
        assert set(sent(OPENAI, message)["messages"][0]) == {"role", "content", "tool_calls"}
        assert sent(RESPONSES, message)["input"][0]["type"] == "function_call"
        assert sent(MESSAGES, message)["messages"][0]["content"][0]["type"] == "tool_use"


def test_details_of_reasoning_are_put_together():
    """As OpenRouter streams them: texts go on, other kinds are further entries."""
    fragments = [
        {"reasoning": "h", "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "h"}]},
        {"reasoning": "m", "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "m"}]},
        {"reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": "s"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "index": 1, "data": "x", "id": "r1"}]},
        {"content": "ok"},
    ]
    response, pieces = streamed(OTHERS, *fragments)
    whole = [
        {"type": "reasoning.text", "index": 0, "text": "hm", "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "x", "id": "r1"},
    ]
    assert sent(OTHERS, response.to_message())["messages"][0]["reasoning_details"] == whole
    assert [piece.kind for piece in pieces] == ["reasoning", "reasoning", "text"]
    assert OTHERS.response(said(content="ok", reasoning="hm", reasoning_details=whole)).extra == response.extra


def test_spoken_answers_have_their_words_as_text():
    """The sound is in the metadata; the next turn names it by its id."""
    audio = {"id": "audio_1", "data": "UklG", "expires_at": 1, "transcript": "Hello"}
    whole = OPENAI.response(said(content=None, audio=audio))
    parts = [{"audio": {"id": "audio_1", "transcript": "Hel"}}, {"audio": {"transcript": "lo", "data": "UklG"}}]
    response, pieces = streamed(OPENAI, *parts, {"audio": {"expires_at": 1}})
    for one in (whole, response):
        assert (one.content, one.metadata["audio"]) == ("Hello", audio)
        assert sent(OPENAI, one.to_message())["messages"][0]["audio"] == {"id": "audio_1"}
    assert "".join(piece.delta for piece in pieces) == "Hello"


def test_further_answers_are_kept():
    """Where n of them were asked for, the first is the answer and metadata has the others."""
    others = [{"index": n, "finish_reason": "stop", "message": {"content": f"answer {n}"}} for n in range(3)]
    whole = OPENAI.response({"model": "m", "choices": others})
    answer = OPENAI.accumulator()
    for index in (1, 0, 2):
        for text in ("answer ", str(index)):
            answer.feed({"model": "m", "choices": [{"index": index, "delta": {"content": text}}]})
    for response in (whole, answer.response()):
        assert response.content == "answer 0"
        assert [one["content"] for one in response.metadata["choices"]] == ["answer 1", "answer 2"]


def test_calls_that_take_free_text_are_calls():
    """On both of OpenAI's APIs, whole and streamed, and their results go back in the right form."""
    item = {"type": "custom_tool_call", "id": "ctc", "call_id": "c1", "name": "sql", "input": "SELECT 1"}
    answer = {"model": "m", "status": "completed", "output": [item]}
    (call,) = RESPONSES.response(answer).tool_calls
    assert (call.name, call.raw_arguments, call.error) == ("sql", "SELECT 1", None)
    turn = [RESPONSES.response(answer).to_message(), LLMMessage("tool", "1", tool_call_id="c1")]
    done = {"type": "custom_tool_call_output", "call_id": "c1", "output": "1"}
    assert sent(RESPONSES, *turn)["input"] == [item, done]
    wanted = {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    assert sent(OPENAI, *turn)["messages"][0]["tool_calls"] == [wanted]
    fragments = [{"tool_calls": [{"index": 0, **wanted, "custom": {"name": "sql", "input": "SELECT"}}]}]
    fragments += [{"tool_calls": [{"index": 0, "custom": {"input": " 1"}}]}]
    response, pieces = streamed(OPENAI, *fragments)
    assert sent(OPENAI, response.to_message())["messages"][0]["tool_calls"] == [wanted]
    assert [piece.tool_call.arguments for piece in pieces] == ["SELECT", " 1"]


def test_an_items_name_and_state_go_back_to_responses_only():
    """The phase of a message, say, which its models want back."""
    item = {"type": "message", "role": "assistant", "content": "Hi", "id": "msg_1", "phase": "commentary"}
    message = LLMMessage.from_dict(item)
    assert sent(RESPONSES, message)["input"] == [item]
    assert sent(OTHERS, message)["messages"] == [{"role": "assistant", "content": "Hi"}]
    assert sent(MESSAGES, message)["messages"] == [{"role": "assistant", "content": "Hi"}]


@pytest.mark.parametrize(
    ("model", "options", "include"),
    [
        ("gpt-5.4", {"store": False}, ["reasoning.encrypted_content"]),
        ("gpt-5.4", {"store": False, "include": ["reasoning.encrypted_content"]}, ["reasoning.encrypted_content"]),
        ("gpt-5.4", {}, None),
        ("gpt-4o", {"store": False}, None),
    ],
)
def test_reasoning_that_nobody_stores_is_asked_for(model, options, include):
    """Encrypted, so that the next turn can bring it back; other models have none."""
    assert sent(RESPONSES, model=model, **options).get("include") == include


@pytest.mark.parametrize(("cache", "mark"), [(True, {"type": "ephemeral"}), ("1h", {"type": "ephemeral", "ttl": "1h"})])
def test_a_prompt_is_marked_for_the_cache(cache, mark):
    """On the last block of the message, for those who know marks."""
    built = MessageBuilder().system("A.", cache=cache).user(["B", "C"], cache=cache).user("D").build()
    body = sent(MESSAGES, *built)
    assert body["system"] == [{"type": "text", "text": "A.", "cache_control": mark}]
    first, second = body["messages"][0]["content"]
    assert ("cache_control" in first, second["cache_control"]) == (False, mark)
    assert body["messages"][1] == {"role": "user", "content": "D"}
    assert "cache_control" not in str(sent(OPENAI, *built)) + str(sent(RESPONSES, *built))
    assert "cache_control" in str(sent(MARKING, *built))
    result = LLMMessage("tool", "1", tool_call_id="c", extra={"cache_control": mark})
    assert sent(MESSAGES, result)["messages"][0]["content"][0]["cache_control"] == mark


def test_system_messages_amid_a_talk_stay_where_the_model_takes_them():
    """After the user's turn; else, and for older models, they go to the top."""
    talk = [LLMMessage("user", "hi"), LLMMessage("system", "Be brief."), LLMMessage("assistant", "Yes?")]
    new = sent(MESSAGES, LLMMessage("system", "A."), *talk, model="claude-opus-4-8")
    assert [message["role"] for message in new["messages"]] == ["user", "system", "assistant"]
    assert new["system"] == "A."
    old = sent(MESSAGES, LLMMessage("system", "A."), *talk, model="claude-sonnet-4-5")
    assert [message["role"] for message in old["messages"]] == ["user", "assistant"]
    assert old["system"] == "A.\n\nBe brief."
    odd = sent(MESSAGES, *talk[::-1], model="claude-opus-5")
    assert (odd["system"], len(odd["messages"])) == ("Be brief.", 2)


TOOLS = [{"name": "now", "parameters": {}}]


@pytest.mark.parametrize(
    ("choice", "sent_choice"),
    [
        (None, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        ("now", {"type": "tool", "name": "now", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
    ],
)
def test_one_call_at_a_time_can_be_asked_of_all(choice, sent_choice):
    """With OpenAI's word for it, which is a field there and a part of the choice at Anthropic's."""
    body = sent(MESSAGES, tools=TOOLS, tool_choice=choice, parallel_tool_calls=False)
    assert (body["tool_choice"], "parallel_tool_calls" in body) == (sent_choice, False)
    for dialect in (OPENAI, RESPONSES):
        assert sent(dialect, tools=TOOLS, parallel_tool_calls=False)["parallel_tool_calls"] is False


@pytest.mark.parametrize("form", FORMS)
def test_a_choice_may_be_the_seeds(form):
    """{"name": ...}, on every API."""
    body = sent(FORMS[form], tools=TOOLS, tool_choice={"name": "now"})
    assert body["tool_choice"] == sent(FORMS[form], tools=TOOLS, tool_choice="now")["tool_choice"]


def test_what_anthropic_counts_apart_is_in_the_usage():
    """Long-lived cache writes and searches have prices of their own."""
    usage = {
        "input_tokens": 10,
        "output_tokens": 2,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 5},
        "server_tool_use": {"web_search_requests": 3},
    }
    told = MESSAGES.response({"content": [], "model": "m", "usage": usage}).usage
    assert (told["cache_write_tokens"], told["cache_write_1h_tokens"], told["web_searches"]) == (7, 5, 3)


def test_broken_arguments_of_a_whole_stream_are_kept():
    """As when an answer reaches its most tokens amid a call."""
    answer = MESSAGES.accumulator()
    answer.feed({"type": "message_start", "message": {"model": "m", "content": []}})
    block = {"type": "tool_use", "id": "t", "name": "add", "input": {}}
    answer.feed({"type": "content_block_start", "index": 0, "content_block": block})
    delta = {"type": "input_json_delta", "partial_json": '{"x": '}
    answer.feed({"type": "content_block_delta", "index": 0, "delta": delta})
    answer.feed({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {}})
    (call,) = answer.response().tool_calls
    assert (call.arguments, call.raw_arguments) == ({}, '{"x": ')
    assert "no JSON" in call.error
    assert call == ToolCall("add", {}, "t", '{"x": ')


@pytest.mark.parametrize("form", ["responses", "messages"])
def test_a_tool_may_answer_with_an_image(form):
    """As a message of parts, or as a result whose blocks are another vendor's."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    message = LLMMessage("tool", ["see", picture], tool_call_id="c1")
    result = LLMMessage("user", [ToolResult("c1", [{"type": "text", "text": "see"}, picture])])
    wanted = {
        "responses": {"type": "input_image", "image_url": "data:image/png;base64,aGk="},
        "messages": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
    }[form]
    for one in (message, result):
        body = sent(FORMS[form], one)
        blocks = body["input"][0]["output"] if form == "responses" else body["messages"][0]["content"][0]["content"]
        assert blocks[1] == wanted


def test_what_is_told_after_the_answer_is_kept():
    """The vendor's judgement of it, say, which streams behind the usage."""
    answer = OPENAI.accumulator()
    verdict = {"output": {"results": [{"flagged": False}]}}
    answer.feed({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "Paris"}}]})
    answer.feed({"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
    answer.feed({"id": "c", "choices": [], "moderation": verdict, "usage": None})
    whole = OPENAI.response({**said(content="Paris"), "id": "c", "moderation": verdict})
    assert answer.response().metadata == whole.metadata == {"id": "c", "moderation": verdict}
    assert answer.response().usage["total_tokens"] == 2
