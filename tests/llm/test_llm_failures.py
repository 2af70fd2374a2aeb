"""What a server refuses or gets wrong is an error of the right class, which says what to do."""

from __future__ import annotations

import pytest
from llm_server import Reply, serving
from provider_help import ask, provider_at, streamed

from dknb.errors import (
    AuthenticationError,
    BadRequest,
    CallTimeout,
    ConnectionFailed,
    ContentRefused,
    ContextTooLong,
    ModelNotFound,
    RateLimited,
    ServerError,
)

OPENAI = {"message": "It went wrong.", "type": "invalid_request_error", "param": None, "code": None}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, OPENAI, BadRequest),
        (401, {**OPENAI, "code": "invalid_api_key"}, AuthenticationError),
        (403, {"message": "not allowed"}, AuthenticationError),
        (404, {**OPENAI, "code": "model_not_found"}, ModelNotFound),
        (404, {"message": "no such path"}, ModelNotFound),
        (400, {**OPENAI, "code": "context_length_exceeded"}, ContextTooLong),
        (400, {"message": "This model's maximum context length is 8192 tokens."}, ContextTooLong),
        (400, {"type": "exceed_context_size_error", "message": "request too big"}, ContextTooLong),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, ContextTooLong),
        (413, {"type": "request_too_large", "message": "too large"}, ContextTooLong),
        (400, {**OPENAI, "code": "content_filter"}, ContentRefused),
        (
            400,
            {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
            ContentRefused,
        ),
        (422, {"message": "unprocessable"}, BadRequest),
        (429, {"message": "slow down"}, RateLimited),
        (429, {**OPENAI, "code": "insufficient_quota", "type": "insufficient_quota"}, RateLimited),
        (500, {"message": "oops"}, ServerError),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, ServerError),
        (408, {"message": "timeout"}, CallTimeout),
    ],
)
async def test_a_refusal_has_its_class(status, error, kind):
    """By the code that the vendor gives, else by the status; with the vendor's words and all facts."""
    reply = Reply({"error": error}, status=status, headers={"x-request-id": "req_7"})
    with pytest.raises(kind, match=error["message"][:10]) as caught:
        await ask(reply, retry_count=0)
    assert type(caught.value) is kind
    assert caught.value.hint or kind is BadRequest
    facts = (caught.value.provider, caught.value.model, caught.value.status, caught.value.request_id)
    assert facts == ("openai", "m", status, "req_7")


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "It went wrong."},
        {"message": "It went wrong."},
        ["It went wrong."],
        "It went wrong.",
        {"error": "It went wrong."},
    ],
)
async def test_a_refusal_in_another_shape_is_understood(body):
    """Servers wrap their errors in many ways."""
    with pytest.raises(BadRequest, match="It went wrong"):
        await ask(Reply(body, status=400))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
async def test_the_wait_that_the_server_asks_for_is_told(headers, seconds):
    """In any of the forms that it may have."""
    with pytest.raises(RateLimited) as caught:
        await ask(Reply({}, status=429, headers=headers), retry_count=0)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("m", {"message": "Unsupported parameter.", "param": "temperature"}),
        ("m", {"message": "'temperature' does not support 0.1 with this model."}),
        ("o3-mini", {"message": "Unsupported value."}),
    ],
)
async def test_a_refusal_says_which_setting_to_drop(model, error):
    """Named by the server, or known from the table of model families."""
    with pytest.raises(BadRequest) as caught:
        await ask(Reply({"error": error}, status=400), model=model, temperature=0.1)
    assert caught.value.hint == "Leave out temperature for this model:  temperature=None"


@pytest.mark.parametrize("status", [200, 404, 502])
async def test_a_web_page_is_no_answer(status):
    """A wrong address often answers with a page; the hint is about the address."""
    page = Reply("<!DOCTYPE html><html>Welcome</html>", status=status, content_type="text/html")
    with pytest.raises(ServerError, match="web page") as caught:
        await ask(page, retry_count=0)
    assert "api_base" in caught.value.hint
    with pytest.raises(ServerError, match="web page"):
        await streamed(page, retry_count=0)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", {"choices": []}, {"choices": [{}]}, b'{"choices": "\xff"}']
)
async def test_what_is_no_answer_is_an_error(body):
    """Broken JSON, other JSON, no choices: never an empty answer."""
    with pytest.raises(ServerError, match="no answer"):
        await ask(Reply(body))


async def test_an_error_with_status_200_is_an_error():
    """Some servers say 200 and mean something else."""
    with pytest.raises(RateLimited, match="slow down"):
        await ask(Reply({"error": {"message": "slow down", "code": 429, "type": "rate_limit_error"}}), retry_count=0)


async def test_no_server_is_a_failed_connection():
    """The error names the address."""
    async with serving(Reply(b"")) as server:
        pass
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{server.port}"):
        async with provider_at(server, retry_count=0) as provider:
            await provider.complete("hi")
