"""Whatever a server sends, the caller gets an answer or one of our errors, with what had arrived."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_server import HANG, RESET, events, head, serving, sized
from provider_help import CLAUDE, chunk, provider_at, whole

from dknb.errors import BadRequest, CallTimeout, ConnectionFailed, ProviderError, ServerError
from dknb.llm.dialects.chat_api import ChatTraits, chat_dialect
from dknb.llm.request import ModelRequest
from dknb.llm.wire.arrived import arrived_of_body

PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"
EVENTS = "text/event-stream"
ANSWER = events(chunk("Hel"), chunk("lo"), chunk(finish="stop"), "[DONE]")
BODY = json.dumps(whole("Grüße aus Köln"), ensure_ascii=False).encode()


def call_chunk(arguments, **function):
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"arguments": arguments, **function}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
    return {"id": "chatcmpl-1", "model": "m-1", "choices": [choice]}


async def asked(*scripts, **config):
    async with serving(*scripts) as server, provider_at(server, retry_count=0, **config) as provider:
        return await provider.complete("hi")


async def streamed(*scripts, **config):
    async with serving(*scripts) as server, provider_at(server, retry_count=0, **config) as provider:
        return [piece async for piece in provider.stream_complete("hi")]


async def refused(call, *scripts, **config):
    with pytest.raises(ProviderError) as caught:
        await call(*scripts, **config)
    return caught.value


@pytest.mark.parametrize("call", [asked, streamed])
async def test_a_redirect_to_another_server_is_not_followed(call):
    """Words and key were for the one that was asked; the error names the other, which hears nothing."""
    async with serving([sized(PAGE, "text/html")]) as elsewhere:
        moved = head(status="302 Found", location=f"{elsewhere.root}/login", content_length=0)
        error = await refused(call, [moved])
        assert elsewhere.asked == []
    assert isinstance(error, BadRequest)
    assert f"sends calls on to '{elsewhere.root}/login' (302); nothing was sent there" in str(error)
    assert "set api_base" in error.hint
    assert error.partial is None


@pytest.mark.parametrize("ending", ["short", "reset", "chunks"])
async def test_an_answer_that_breaks_off_keeps_its_beginning(ending):
    """A length that is not kept, a broken connection, a last chunk that never comes: what was said is in partial."""
    part = BODY[: BODY.index("Köln".encode()) + 3]
    scripts = {
        "short": [head(content_length=len(BODY)) + part],
        "reset": [head(content_length=len(BODY)) + part, 0.05, RESET],
        "chunks": [head(transfer_encoding="chunked") + b"%x\r\n" % len(BODY) + part],
    }
    error = await refused(asked, scripts[ending])
    assert isinstance(error, ConnectionFailed)
    assert error.partial.content.startswith("Grüße aus K")
    assert error.partial.metadata["incomplete"] is True
    assert error.partial.finish_reason is None


async def test_broken_characters_in_an_answer_are_an_error_that_keeps_it():
    """Bytes that are no UTF-8 show as such in partial."""
    error = await refused(asked, [sized(json.dumps(whole("caf?")).encode().replace(b"?", b"\xe9"))])
    assert isinstance(error, ServerError)
    assert error.partial.content == "caf\ufffd"


async def test_broken_characters_in_a_stream_are_an_error_that_keeps_the_rest():
    """What came before them is in partial."""
    error = await refused(streamed, [head(EVENTS) + events(chunk("Hel")) + b'data: {"x": "\xff"}\n\n'])
    assert isinstance(error, ServerError)
    assert error.partial.content == "Hel"


@pytest.mark.parametrize("ending", [[], [RESET], [HANG]])
async def test_a_tool_call_cut_in_half_keeps_its_arguments_as_they_came(ending):
    """Nothing is made up: no arguments, and the text of them as far as it came; also when the time is over."""
    said = events(call_chunk("", name="weather"), call_chunk('{"city": "Pa'))
    error = await refused(streamed, [head(EVENTS) + said, 0.05, *ending], timeout=0.5)
    assert isinstance(error, CallTimeout if ending == [HANG] else ConnectionFailed)
    (call,) = error.partial.tool_calls
    assert (call.name, call.id, call.arguments, call.raw_arguments) == ("weather", "call_1", {}, '{"city": "Pa')


async def test_a_tool_call_cut_in_a_whole_answer_keeps_its_arguments_as_they_came():
    """The text of the arguments inside the broken body stays broken."""
    answer = whole(None)
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
    answer["choices"][0]["message"]["tool_calls"] = [call]
    body = json.dumps(answer).encode()
    error = await refused(asked, [head(content_length=len(body)) + body[: body.index(b"ris")]])
    (call,) = error.partial.tool_calls
    assert (call.name, call.arguments, call.raw_arguments) == ("weather", {}, '{"city": "Pa')


async def test_packed_replies_are_read():
    """An answer, and a stream of one byte at a time, both with gzip."""
    packed = gzip.compress(ANSWER)
    assert (await asked([sized(gzip.compress(BODY), content_encoding="gzip")])).content == "Grüße aus Köln"
    bytewise = b"".join(b"1\r\n%c\r\n" % byte for byte in packed) + b"0\r\n\r\n"
    pieces = await streamed([head(EVENTS, content_encoding="gzip", transfer_encoding="chunked") + bytewise])
    assert pieces[-1].response.content == "Hello"


async def test_what_is_packed_wrongly_is_an_error():
    """A server that says gzip and means it not."""
    for call in (asked, streamed):
        assert isinstance(await refused(call, [sized(BODY, content_encoding="gzip")]), ConnectionFailed)


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/octet-stream"])
async def test_a_stream_under_another_name_is_a_stream(kind):
    """What stands before a server may change the content type; the bytes tell."""
    pieces = await streamed([head(kind) + ANSWER[:3], 0.05, ANSWER[3:]])
    assert [piece.delta for piece in pieces if piece.delta] == ["Hel", "lo"]


async def test_what_is_called_a_stream_and_is_none_is_read_whole():
    """An answer, an error, a page."""
    assert (await streamed([sized(BODY, EVENTS)]))[-1].response.content == "Grüße aus Köln"
    assert "slow down" in str(await refused(streamed, [sized(b'{"error": {"message": "slow down"}}', EVENTS)]))
    assert "web page" in str(await refused(streamed, [sized(PAGE, EVENTS)]))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("step", [1, 3, 4096])
async def test_streams_have_many_forms(end, step):
    """A mark at the beginning, comments, ids, data over several lines, any end of line, cut anywhere: all is standard."""
    halves = json.dumps(chunk("Hel")).split(", ", 1)
    said = f": hello{end}{end}id: 7{end}retry: 10{end}data: {halves[0]},{end}data: {halves[1]}{end}{end}".encode()
    said += b"data:" + json.dumps(chunk("lo")).encode() + (end * 2).encode() + f"event{end}data{end}{end}".encode()
    said = b"\xef\xbb\xbf" + said + events(chunk(finish="stop"), "[DONE]", end=end)
    cut = [said[at : at + step] for at in range(0, len(said), step)]
    pieces = await streamed([head(EVENTS), *cut])
    assert [piece.delta for piece in pieces if piece.delta] == ["Hel", "lo"]


async def test_a_huge_event_is_read():
    """Ten megabytes without an end of line."""
    text = "x" * 10_000_000
    pieces = await streamed([head(EVENTS) + events(chunk(text), chunk(finish="stop"))])
    assert pieces[-1].response.content == text


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 banana\r\n\r\n", b"\x15\x03\x01\x00\x02"])
async def test_what_is_no_http_is_a_failed_connection(said):
    """Something else listens there, or hangs up."""
    for call in (asked, streamed):
        error = await refused(call, [said])
        assert isinstance(error, ConnectionFailed)
        assert "127.0.0.1" in str(error)


async def test_a_server_that_drips_runs_out_of_time():
    """A byte now and then is no answer; what had arrived of a stream is kept."""
    drops = [step for byte in b" " * 100 for step in (bytes([byte]), 0.02)]
    assert isinstance(await refused(asked, [head(content_length=200), *drops], timeout=0.3), CallTimeout)
    error = await refused(streamed, [head(EVENTS) + events(chunk("Hel")), HANG], timeout=0.3)
    assert isinstance(error, CallTimeout)
    assert error.partial.content == "Hel"


@pytest.mark.parametrize("choices", [[], None])
async def test_an_answer_without_choices_is_an_error(choices):
    """Also when it streams: chunks without choices never make an answer."""
    assert isinstance(await refused(asked, [sized(json.dumps({**whole(), "choices": choices}).encode())]), ServerError)
    error = await refused(streamed, [head(EVENTS) + events({"id": "x", "model": "m", "choices": choices})])
    assert isinstance(error, ConnectionFailed)


async def test_a_storm_of_refusals_ends_in_an_error():
    """After as many attempts as were allowed, with the wait that the server asked for."""
    storm = sized(b'{"error": {"message": "slow down"}}', status="429 X", retry_after=0, connection="close")
    async with serving([storm]) as server, provider_at(server, retry_count=3) as provider:
        with pytest.raises(ProviderError, match="slow down") as caught:
            await provider.complete("hi")
    assert (caught.value.status, caught.value.retry_after, len(server.asked)) == (429, 0.0, 4)


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 1), provider=st.sampled_from(["openai", "anthropic"]))
def test_a_whole_answer_cut_at_any_byte_is_an_error(share, provider):
    """A cut answer is never taken for an answer, and what is kept of it is a beginning of the text."""
    body = json.dumps(CLAUDE if provider == "anthropic" else whole()).encode()
    error = asyncio.run(refused(asked, [head(content_length=len(body)) + body[: int(share * len(body) * 0.999)]]))
    assert isinstance(error, ConnectionFailed)
    assert error.partial is None or "Hello".startswith(error.partial.content)


@given(cut=st.integers(0, len(BODY)))
def test_what_is_kept_of_a_cut_answer_is_its_beginning(cut):
    """Wherever it is cut, also inside a character."""
    kept = arrived_of_body(BODY[:cut], chat_dialect(ChatTraits()).response, ModelRequest("complete", "openai", "m"))
    if kept is not None:
        assert "Grüße aus Köln".startswith(kept.content.rstrip("\ufffd"))
