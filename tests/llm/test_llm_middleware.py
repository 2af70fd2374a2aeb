"""What sees messages before a call and answers after it."""

from __future__ import annotations

import pytest
from llm_scripted import Scripted, streamed

from dknb.errors import ConfigError, MiddlewareError
from dknb.llm import LLMMessage, LLMMiddleware, LLMProviderFactory, LLMResponse, create_llm_provider
from dknb.llm.recordings.recording import Recording, use


class Marks:
    """Puts its mark on what passes, in place."""

    def __init__(self, mark):
        self.mark = mark

    async def process_request(self, messages, config):
        messages[-1].content += f" {self.mark}"
        return messages

    async def process_response(self, response, config):
        response.content += f" {self.mark}"
        return response


class Plain:
    """Is not async, and notes what it sees."""

    def __init__(self):
        self.seen = []

    def process_request(self, messages, config):
        self.seen.append([message.content for message in messages] + [config.temperature])
        return messages

    def process_response(self, response, config):
        self.seen.append(response.content)
        return response


class Breaks:
    """Raises where it is told to."""

    def __init__(self, where):
        self.where = where

    def process_request(self, messages, config):
        return self._go("request", messages)

    def process_response(self, response, config):
        return self._go("response", response)

    def _go(self, here, value):
        if self.where == here:
            raise ValueError("my own trouble")
        return None if self.where == f"no {here}" else value


async def test_requests_in_order_responses_in_reverse():
    """And the caller's messages stay what they were."""
    messages = [LLMMessage("user", "hi")]
    provider = Scripted("a").use(Marks("1"), Marks("2"))
    response = await provider.complete(messages)
    assert provider.requests[0].messages[-1].content == "hi 1 2"
    assert response.content == "a 2 1"
    assert messages == [LLMMessage("user", "hi")]


async def test_a_stream_is_seen_whole_at_its_end():
    """The pieces come as they are; the last has the answer that the middleware makes."""
    seen = Plain()
    pieces = await streamed(Scripted("a", "b").use(seen, Marks("x")), temperature=0.5)
    assert [piece.delta for piece in pieces] == ["a", "b", ""]
    assert pieces[-1].response.content == "ab x"
    assert seen.seen == [["hi", 0.5], "ab x"]
    assert (await Scripted("a", "b").use(Marks("x")).complete("hi", stream=True)).content == "ab x"


async def test_the_system_prompt_is_among_the_messages():
    """What is taken away or changed there is what is sent."""

    class NoSystem(Plain):
        def process_request(self, messages, config):
            super().process_request(messages, config)
            return [message for message in messages if message.role != "system"]

    seen = NoSystem()
    provider = Scripted("a", system_prompt="Be kind.").use(seen)
    await provider.complete("hi")
    assert seen.seen[0][:2] == ["Be kind.", "hi"]
    assert [message.role for message in provider.requests[0].full_messages()] == ["user"]


async def test_it_may_be_given_with_the_config():
    """To the function, to the factory, and on the sync face."""
    assert (await create_llm_provider("echo", middleware=[Marks("x")]).complete("hi")).content == "Echo: hi x x"
    made = LLMProviderFactory(is_async=False).create("echo", middleware=[Marks("x")])
    assert made.complete("hi").content == "Echo: hi x x"
    assert made.use(Marks("y")).complete("hi").content == "Echo: hi x y y x"
    assert isinstance(Plain(), LLMMiddleware)


@pytest.mark.parametrize("what", [object(), Plain, "log"])
def test_what_is_none_is_refused(what):
    """An object without the methods, and a class in place of its instance."""
    with pytest.raises(ConfigError, match="is no middleware"):
        Scripted("a").use(what)


async def test_one_of_the_methods_is_enough():
    """What the other would see goes on as it is: of a subclass, and of any object that has only one."""

    class Shouts(LLMMiddleware):
        async def process_response(self, response, config):
            response.content += "!"
            return response

    class Asks:
        def process_request(self, messages, config):
            messages[-1].content += "?"
            return messages

    provider = Scripted("a").use(Shouts(), Asks())
    assert (await provider.complete("hi")).content == "a!"
    assert provider.requests[0].messages[-1].content == "hi?"
    assert (await streamed(Scripted("a", "b").use(Asks(), Shouts())))[-1].response.content == "ab!"


async def test_an_error_before_the_call_is_named_and_nothing_is_sent():
    """It says whose it is; its own is the cause."""
    provider = Scripted("a").use(Breaks("request"))
    with pytest.raises(MiddlewareError, match=r"Breaks\.process_request raised ValueError: my own trouble") as caught:
        await provider.complete("hi")
    assert (provider.requests, caught.value.response) == ([], None)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("where", ["response", "no response"])
async def test_a_paid_answer_is_never_lost(where):
    """When the middleware fails after it: the error has it, for streams too."""
    for call in (lambda one: one.complete("hi"), streamed):
        with pytest.raises(MiddlewareError, match="Breaks") as caught:
            await call(Scripted("a").use(Breaks(where), Marks("x")))
        assert caught.value.response.content == caught.value.partial.content == "a"
        assert caught.value.middleware == "Breaks"


async def test_messages_that_are_none_are_refused():
    """A middleware that forgets to return them is told so."""
    with pytest.raises(MiddlewareError, match="returned None, not a list of messages"):
        await Scripted("a").use(Breaks("no request")).complete("hi")


async def test_the_recording_has_what_was_sent_and_what_came(tmp_path):
    """So that a replay goes through the middleware again, and one that failed may be mended."""
    before = use(Recording(tmp_path / "r.jsonl", "auto"))
    try:
        with pytest.raises(MiddlewareError):
            await Scripted("a", recorded=True).use(Marks("1"), Breaks("response")).complete("hi")
        use(Recording(tmp_path / "r.jsonl", "replay")).close()
        replayed = await Scripted(recorded=True).use(Marks("1")).complete("hi")
        assert (replayed.content, replayed.metadata["replayed"]) == ("a 1", True)
    finally:
        if (last := use(before)) is not None:
            last.close()


async def test_what_a_middleware_keeps_is_its_own():
    """It gets copies: changing them later changes nothing."""

    class Keeps(Plain):
        def process_response(self, response, config):
            self.kept = response
            return LLMResponse(response.content)

    keeps = Keeps()
    response = await Scripted("a").use(keeps).complete("hi")
    keeps.kept.content = "changed"
    assert response.content == "a"
