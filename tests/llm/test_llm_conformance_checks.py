"""The checks of the conformance list find what is wrong: each with a provider that does just that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dknb.errors import ServerError
from dknb.llm import AsyncLLMProvider, LLMConfig, LLMResponse, LLMStreamResponse, ModelCapability, ToolCall, conformance
from dknb.llm.conformance import Subject


class Right(AsyncLLMProvider):
    """Says the same each time; what is wrong with it is up to its options."""

    def get_capabilities(self):
        return [ModelCapability.CHAT, ModelCapability.STREAMING, *self.config.options.get("claims", ())]

    async def _complete(self, request, config):
        wrong = config.options.get("wrong")
        if wrong == "renames":
            request.messages[0].name = "somebody"
        if wrong == "fails plainly":
            raise ServerError("down")
        response = LLMResponse("one two", finish_reason="stop")
        response.usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 7 if wrong == "counts" else 3}
        if wrong == "unnamed end":
            response.finish_reason = None
        if wrong == "calls anyway":
            response.tool_calls = [ToolCall("add", {})]
        return response

    async def _stream(self, request, config):
        response = await self._complete(request, config)
        yield LLMStreamResponse("one" if config.options.get("wrong") == "drops" else response.content)
        yield LLMStreamResponse(is_final=True, response=response)

    async def _embed(self, request, config):
        ordered = sorted(request.texts) if config.options.get("wrong") == "sorts" else request.texts
        return LLMResponse("", metadata={"vectors": [[float(len(text)), 1.0] for text in ordered]})


def subject(wrong=None, **more):
    def make(**settings):
        options = {"wrong": wrong, "claims": more.get("claims", ())}
        return Right(LLMConfig("right", "m", retry_count=0, **{"options": options, **settings}))

    return Subject(make, slow=make, broken=lambda: make(options={"wrong": "fails plainly"}))


@pytest.mark.parametrize(
    ("wrong", "check", "message"),
    [
        ("unnamed end", "it_answers", "no finish reason"),
        ("drops", "its_stream_is_its_answer", "the text of the stream is 'one', not 'one two'"),
        ("renames", "it_leaves_messages_alone", "the list of messages is"),
        ("counts", "it_counts_and_prices", "the sum of tokens is 7, not 3"),
        ("calls anyway", "it_can_be_kept_from_tools", "the called tools"),
        (None, "its_errors_say_whose", "whose error it is"),
        (None, "it_can_be_cancelled", "does not end when it is cancelled"),
        (None, "its_time_is_limited", "was not refused with CallTimeout"),
    ],
)
async def test_what_is_wrong_is_found(wrong, check, message):
    """With a message that says what was found."""
    with pytest.raises(AssertionError, match=message):
        await getattr(conformance, check)(subject(wrong))


async def test_vectors_in_another_order_are_found():
    """Where the provider says that it makes vectors."""
    with pytest.raises(AssertionError, match="differs by"):
        await conformance.it_makes_vectors(subject("sorts", claims=[ModelCapability.EMBEDDINGS]))


async def test_a_setting_without_the_effect_that_was_promised_is_found():
    """And one with an effect that nobody spoke of."""
    promised = replace(subject(), honours=frozenset({"max_tokens"}))
    with pytest.raises(AssertionError, match="max_tokens ends with 'stop'"):
        await conformance.it_follows_settings(promised)
    with pytest.raises(AssertionError, match="not refused"):
        await conformance.it_follows_settings(replace(subject(), refuses=frozenset({"seed"})))
