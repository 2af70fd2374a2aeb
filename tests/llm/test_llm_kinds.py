"""Every kind of block and item that the vendors' SDKs know, in both directions: none is lost, changed or a crash."""

from __future__ import annotations

import json
from random import Random

import pytest
from anthropic.types.beta.beta_content_block import BetaContentBlock
from anthropic.types.beta.beta_content_block_param import BetaContentBlockParam
from llm_made import made, members, without_none
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseOutputItem
from openai.types.responses.response_input_item_param import ResponseInputItemParam

from dknb.llm import LLMConfig, LLMMessage, LLMResponse
from dknb.llm.dialects.chat_api import ChatTraits, chat_dialect
from dknb.llm.dialects.messages_api import MESSAGES
from dknb.llm.dialects.responses_api import RESPONSES
from dknb.llm.request import completion_request

CHAT = chat_dialect(ChatTraits("max_completion_tokens"))
SEEDS = range(8)


def named(kinds):
    return [pytest.param(kind, id=kind.__name__) for kind in members(kinds)]


def sent(dialect, *messages):
    """The body for messages that were written as JSON and read again."""
    read = [LLMMessage.from_dict(json.loads(json.dumps(message.to_dict()))) for message in messages]
    return dialect.body(completion_request(LLMConfig("openai", "m"), read))


def sent_back(dialect, data):
    """The body that an answer makes, as an earlier turn of the next call."""
    answer = LLMResponse.from_dict(json.loads(json.dumps(dialect.response(data).to_dict())))
    return sent(dialect, answer.to_message())


@pytest.mark.parametrize("kind", named(BetaContentBlockParam))
@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_block_for_anthropic_arrives_as_it_was_written(kind, role):
    """In a message of either role, beside text."""
    for seed in SEEDS:
        block = made(kind, Random(seed))
        if block["type"] == "tool_result":
            block.setdefault("content", "done")
        message = {"role": role, "content": [{"type": "text", "text": "a"}, block]}
        assert sent(MESSAGES, LLMMessage.from_dict(message))["messages"] == [message]


@pytest.mark.parametrize("kind", named(BetaContentBlock))
def test_a_block_from_anthropic_goes_back_as_it_came(kind):
    """As its reference demands of thinking, and of what its own tools found."""
    for seed in SEEDS:
        block = made(kind, Random(seed))
        said = [{"type": "text", "text": "a"}, block]
        body = sent_back(MESSAGES, {"content": said, "model": "m", "stop_reason": "end_turn"})
        assert without_none(body["messages"][0]["content"]) == without_none(said)


@pytest.mark.parametrize("kind", named(BetaContentBlock))
def test_a_streamed_block_is_the_whole_one(kind):
    """Whatever the kind, deltas of its fields add up to it."""
    for seed in SEEDS:
        block = made(kind, Random(seed))
        answer = MESSAGES.accumulator()
        start, deltas = in_deltas(block)
        answer.feed({"type": "message_start", "message": {"model": "m", "content": []}})
        answer.feed({"type": "content_block_start", "index": 0, "content_block": start})
        for delta in deltas:
            answer.feed({"type": "content_block_delta", "index": 0, "delta": delta})
        answer.feed({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
        whole = MESSAGES.response({"model": "m", "content": [block], "stop_reason": "end_turn"})
        assert (answer.response().parts, answer.response().content) == (whole.parts, whole.content)


def in_deltas(block):
    """How a block streams: its beginning without what comes in deltas, and those."""
    match block["type"]:
        case "text":
            cited = [{"type": "citations_delta", "citation": one} for one in block.get("citations") or ()]
            start = {**block, "text": ""} | ({"citations": []} if cited else {})
            return start, [{"type": "text_delta", "text": block["text"]}, *cited]
        case "thinking":
            deltas = [{"type": f"{name}_delta", name: block[name]} for name in ("thinking", "signature")]
            return {**block, "thinking": "", "signature": ""}, deltas
        case "compaction":
            told = {name: block[name] for name in ("content", "encrypted_content") if name in block}
            return {**block, **dict.fromkeys(told)}, [{"type": "compaction_delta", **told}]
    if "input" in block:
        text = json.dumps(block["input"])
        halves = [{"type": "input_json_delta", "partial_json": half} for half in (text[:3], text[3:])]
        return {**block, "input": {}}, halves
    return block, []


@pytest.mark.parametrize("kind", named(ResponseInputItemParam))
def test_an_item_for_openai_arrives_as_it_was_written(kind):
    """Messages, calls and their outputs, reasoning, and items of tools that OpenAI runs."""
    for seed in SEEDS:
        item = without_none(made(kind, Random(seed)))
        if "role" in item or "type" in item:
            if item.get("type") == "function_call_output":
                item.setdefault("call_id", "c1")
            assert sent(RESPONSES, LLMMessage.from_dict(item))["input"] == [item]


@pytest.mark.parametrize("kind", named(ResponseOutputItem))
def test_an_item_from_openai_goes_back_as_it_came(kind):
    """As an earlier turn; reasoning with what is encrypted in it."""
    for seed in SEEDS:
        item = made(kind, Random(seed))
        body = sent_back(RESPONSES, {"model": "m", "status": "completed", "output": [item]})
        assert without_none(body["input"]) == without_none([item])


@pytest.mark.parametrize("kind", named(ChatCompletionMessageParam))
def test_a_chat_message_arrives_as_it_was_written(kind):
    """Of each role, with contents and calls of each kind."""
    for seed in SEEDS:
        message = without_none(made(kind, Random(seed)))
        body = sent(CHAT, LLMMessage.from_dict(message))
        assert without_none(body["messages"]) in ([message], [{"content": "", **message}])
