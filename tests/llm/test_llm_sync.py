"""The face of a provider for callers that cannot await."""

from __future__ import annotations

import pytest

from dknb.errors import BadRequest
from dknb.llm import EchoProvider, LLMProvider, SyncLLMProvider, create_llm_provider
from dknb.llm.base import AsyncLLMProvider


def test_calls_return_their_results():
    """Answers, vectors and calls, from a plain function."""
    with create_llm_provider("echo", is_async=False) as provider:
        assert isinstance(provider, LLMProvider)
        assert not isinstance(provider, AsyncLLMProvider)
        assert provider.complete("hi").content == "Echo: hi"
        assert len(provider.embed("hi")) == 768
        assert provider.function_call("hi", [{"name": "f", "parameters": {}}]).tool_calls[0].name == "f"
        assert provider.initialize() is None
        assert provider.validate_model() is True
        assert provider.get_capabilities() == EchoProvider().get_capabilities()


def test_a_stream_is_an_ordinary_iterator():
    """Its pieces come one by one; leaving the loop early closes it."""
    provider = SyncLLMProvider("echo")
    assert "".join(piece.delta for piece in provider.stream_complete("one two")) == "Echo: one two"
    for piece in provider.stream_complete("one two"):
        assert piece.delta == "Echo: "
        break


async def test_it_works_inside_a_running_loop():
    """As in a notebook cell, where a loop always runs."""
    assert SyncLLMProvider("echo").complete("hi").content == "Echo: hi"


def test_errors_arrive_unchanged():
    """The error that the provider raised is the one that the caller sees."""
    error = BadRequest("no", status=400)
    provider = SyncLLMProvider(EchoProvider().set_responses([error, error]))
    with pytest.raises(BadRequest) as caught:
        provider.complete("hi")
    assert caught.value is error
    with pytest.raises(BadRequest):
        list(provider.stream_complete("hi"))


def test_what_only_one_provider_has_is_there_too():
    """Methods that return the provider return this face of it, so that calls can be chained."""
    provider = create_llm_provider("echo", is_async=False)
    assert provider.set_responses(["scripted"]).complete("hi").content == "scripted"
    with pytest.raises(AttributeError):
        provider.no_such_thing  # noqa: B018 - the access is the test


def test_an_override_is_the_one_that_runs():
    """The face calls methods by name, so a subclass's own is used; async methods of its own wait too."""

    class Loud(EchoProvider):
        async def complete(self, messages, **settings):
            response = await super().complete(messages, **settings)
            response.content = response.content.upper()
            return response

        async def ping(self):
            return "pong"

        async def count(self):
            yield 1
            yield 2

    provider = SyncLLMProvider(Loud())
    assert provider.complete("hi").content == "ECHO: HI"
    assert provider.ping() == "pong"
    assert list(provider.count()) == [1, 2]
