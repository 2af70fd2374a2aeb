"""Streams that are cut at any byte, in every dialect: an error with what arrived, or the whole answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dknb.errors import ConnectionFailed
from dknb.llm.dialects.chat_api import ChatTraits, chat_dialect
from dknb.llm.dialects.messages_api import MESSAGES
from dknb.llm.dialects.responses_api import RESPONSES
from dknb.llm.dialects.text_api import TEXT
from dknb.llm.request import ModelRequest
from dknb.llm.wire.faults import Faults
from dknb.llm.wire.stream_reader import StreamReader

TEXT_SAID = "Grüße 🙂 to all"
PIECES = ["Grü", "ße 🙂", " to ", "all"]


def _chat() -> list[dict]:
    choices = [{"index": 0, "delta": {"content": piece}, "finish_reason": None} for piece in PIECES]
    call = {"index": 0, "id": "c", "function": {"name": "add", "arguments": '{"a": 1}'}}
    choices.append({"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None})
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    return [{"id": "1", "model": "m", "choices": [choice]} for choice in choices]


def _text() -> list[dict]:
    return [{"choices": [{"text": piece}]} for piece in PIECES] + [{"choices": [{"text": "", "finish_reason": "stop"}]}]


def _messages() -> list[dict]:
    events = [{"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}}]
    events.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    deltas = [{"type": "text_delta", "text": piece} for piece in PIECES]
    events += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    events.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}})
    return [*events, {"type": "message_stop"}]


def _responses() -> list[dict]:
    item = {"type": "message", "role": "assistant", "content": []}
    kind = "response.output_text.delta"
    deltas = [{"type": kind, "output_index": 0, "content_index": 0, "delta": piece} for piece in PIECES]
    whole = {"model": "m", "status": "completed", "output": [{**item, "content": [_block()]}]}
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    return [added, *deltas, {"type": "response.completed", "response": whole}]


def _block() -> dict:
    return {"type": "output_text", "text": TEXT_SAID}


STREAMS = {
    "chat": (chat_dialect(ChatTraits()), _chat()),
    "text": (TEXT, _text()),
    "messages": (MESSAGES, _messages()),
    "responses": (RESPONSES, _responses()),
}


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.data())
def test_a_cut_at_any_byte_loses_nothing_that_arrived(name, data):
    """The text of the pieces is the beginning of the answer and is in the answer so far; no other error escapes."""
    dialect, events = STREAMS[name]
    payload = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events).encode()
    cut = data.draw(st.integers(0, len(payload)))
    step = data.draw(st.integers(1, 64))
    answer = dialect.accumulator()
    reader = StreamReader(answer, dialect.decoder(), Faults("X", ModelRequest("complete", "x", "m")), {})
    said = ""
    try:
        for start in range(0, cut, step):
            said += "".join(piece.delta for piece in reader.feed(payload[start : min(start + step, cut)]))
        said += "".join(piece.delta for piece in reader.finish())
    except ConnectionFailed:
        assert not answer.complete
    else:
        assert said == TEXT_SAID
    assert TEXT_SAID.startswith(said)
    if said:
        # The end of the stream may complete one event more, which is kept though it was not given out.
        kept = answer.response().content
        assert kept.startswith(said)
        assert TEXT_SAID.startswith(kept)
