"""What every provider must do, as a list of checks that any test can run: dknb's own, and another package's.

With pytest, for a provider of your own::

    @pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
    async def test_it_behaves(behaviour):
        await behaviour(Subject(make, slow=make_slow, broken=make_broken))

A check raises `AssertionError` and says what it found. What a provider cannot do is said by its ``get_capabilities`` and
by the subject, and is checked too: it must be refused or without effect, not crash.
"""

from __future__ import annotations

import asyncio
import copy
import json
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import CallTimeout, ConfigError, ProviderError
from .base import AsyncLLMProvider
from .config import ModelCapability
from .conformance_subject import ADD, CITY, Subject, check, joined, refused, same, streamed
from .messages import LLMMessage, LLMResponse, LLMStreamResponse
from .parts import Json
from .recordings.recording import Recording
from .sync import SyncLLMProvider

__all__ = ["BEHAVIOURS", "Subject"]

_KINDS = {"text", "reasoning", "tool_call", "usage", "end"}
_CUT_SHORT = ("length", "max_tokens", "incomplete", "max_output_tokens")


async def it_answers(subject: Subject) -> None:
    """An answer has a text, a reason for its end, a model, and says whose it is and how long it took."""
    async with subject.make() as provider:
        response = await provider.complete(subject.prompt)
        check(response.content, "the answer is empty")
        check(response.finish_reason, "the answer has no finish reason")
        check(response.model, "the answer names no model")
        same(response.metadata["provider"], provider.provider, "the answer's provider")
        check(response.metadata["duration_s"] >= 0, "the answer has no duration")


async def its_stream_is_its_answer(subject: Subject) -> None:
    """The pieces add up to what ``complete`` gives; the last one alone is final and has it whole."""
    async with subject.make() as provider:
        whole, pieces = await provider.complete(subject.prompt), await streamed(provider, subject.prompt)
        same(joined(pieces), whole.content, "the text of the stream")
        same([piece.is_final for piece in pieces], [False] * (len(pieces) - 1) + [True], "what is final")
        final = pieces[-1].response
        check(final is not None and final.content == whole.content, "the last piece has not the whole answer")
        same(final and final.finish_reason, whole.finish_reason, "the finish reason of the stream")


async def its_events_are_typed(subject: Subject) -> None:
    """Each piece brings one thing, that its kind names; the end comes once, and last."""
    async with subject.make() as provider:
        kinds = [piece.kind for piece in await streamed(provider, subject.prompt)]
        check(set(kinds) <= _KINDS, f"there are unknown kinds among {kinds}")
        same(kinds.index("end"), len(kinds) - 1, "the place of the end")
        check("text" in kinds, f"there is no text among {kinds}")


async def its_sync_face_is_equal(subject: Subject) -> None:
    """A caller that cannot await gets the same, whole and streamed."""
    async with subject.make() as provider:
        face = SyncLLMProvider(provider)
        whole = await provider.complete(subject.prompt)
        same((await asyncio.to_thread(face.complete, subject.prompt)).content, whole.content, "the sync answer")
        pieces = await asyncio.to_thread(lambda: list(face.stream_complete(subject.prompt)))
        same(joined(pieces), whole.content, "the sync stream")
        same(face.get_capabilities(), provider.get_capabilities(), "what the sync face can")


async def it_leaves_messages_alone(subject: Subject) -> None:
    """The caller's list and its messages are the same after a call; a system prompt is taken."""
    async with subject.make(system_prompt="Be kind.") as provider:
        # llama.cpp reads what an assistant said on the responses API only with this; OpenAI takes it both ways, so we
        # send a message with the type that it came with, or none.
        answer = LLMMessage("assistant", "Yes?", extra={"type": "message"})
        messages = [LLMMessage("user", subject.prompt), answer, LLMMessage("user", "Hello")]
        before = copy.deepcopy(messages)
        await provider.complete(messages)
        await streamed(provider, messages)
        same(messages, before, "the list of messages")


async def it_calls_tools(subject: Subject) -> None:
    """A tool that is offered is called with its arguments, whole and streamed, and its result goes back."""
    if subject.calls is None or not subject.can(ModelCapability.FUNCTION_CALLING):
        await _works_without(subject, tools=[ADD])
        return
    async with subject.make() as provider:
        asked: Json = {"tools": [ADD], "tool_choice": subject.tool_choice}
        response = await provider.complete(subject.calls, **asked)
        same([call.name for call in response.tool_calls], ["add"], "the called tools")
        same(set(response.tool_calls[0].arguments), {"a", "b"}, "the arguments")
        pieces = await streamed(provider, subject.calls, **asked)
        same([call.name for call in pieces[-1].tool_calls], ["add"], "the tools called in the stream")
        same(pieces[-1].tool_calls[0].arguments, response.tool_calls[0].arguments, "the arguments in the stream")
        fragments = "".join([piece.tool_call.arguments for piece in pieces if piece.tool_call is not None])
        same(json.loads(fragments), response.tool_calls[0].arguments, "the pieces of the arguments")
        old = await provider.function_call(subject.calls, [ADD], tool_choice=subject.tool_choice)
        same((old.function_call or {}).get("name"), "add", "what function_call calls")
        call = response.tool_calls[0]
        history = [LLMMessage("user", subject.calls), response.to_message()]
        history.append(LLMMessage("tool", "5", tool_call_id=call.id, name=call.name))
        check((await provider.complete(history, tools=[ADD])).content, "the result of the tool was not answered")


async def it_can_be_kept_from_tools(subject: Subject) -> None:
    """With ``tool_choice="none"`` no tool is called."""
    async with subject.make() as provider:
        response = await provider.complete(subject.prompt, tools=[ADD], tool_choice="none")
        same(response.tool_calls, [], "the called tools")


async def it_keeps_structure(subject: Subject) -> None:
    """An answer that must fit a JSON Schema does, whole and streamed, and is there as data too."""
    if subject.gives_json is None:
        await _works_without(subject, response_format=CITY)
        return
    async with subject.make() as provider:
        response = await provider.complete(subject.gives_json, response_format=CITY)
        final = (await streamed(provider, subject.gives_json, response_format=CITY))[-1].response
        for answer in (response, final):
            found = json.loads(answer.content if answer is not None else "")
            same({name: type(value) for name, value in found.items()}, {"city": str, "population": int}, "the answer")
            same(answer and answer.parsed, found, "the answer as data")


async def it_continues_a_text(subject: Subject) -> None:
    """In mode ``text`` the prompt is not a question but a beginning; who cannot do that names the mode."""
    async with subject.make(mode="text", max_tokens=5) as provider:
        try:
            response = await provider.complete(subject.prompt)
        except ConfigError as error:
            check("text" in str(error).lower(), f"the refusal does not name the mode: {error}")
            return
        check(response.finish_reason, "the answer has no finish reason")
        check(joined(await streamed(provider, subject.prompt)) == response.content, "the stream is another answer")


async def _works_without(subject: Subject, **asked: Any) -> None:
    """What a provider cannot do is refused as one of our errors, or has no effect."""
    async with subject.make() as provider:
        try:
            response = await provider.complete(subject.prompt, **asked)
        except (ConfigError, ProviderError):
            return
        same(response.tool_calls, [], "the called tools")


async def it_makes_vectors(subject: Subject) -> None:
    """In the order of the texts, all of one length, the same each time; refused by who makes none."""
    async with (subject.embeds or subject.make)() as provider:
        if not subject.can(ModelCapability.EMBEDDINGS):
            await refused(provider.embed("one"), ConfigError, "embed")
            return
        texts = ["one", "two words", "three"]
        vectors = await provider.embed(texts)
        same(len(vectors), 3, "the number of vectors")
        same({len(vector) for vector in vectors}, {len(vectors[0])}, "their lengths")
        check(vectors[0] != vectors[1], "two texts have one vector")
        _near(await provider.embed("two words"), vectors[1])
        _near((await provider.embed(texts[::-1]))[0], vectors[2])
        same(await provider.embed([]), [], "the vectors of nothing")


def _near(found: list[float], expected: list[float]) -> None:
    """Equal up to what batching does to a sum."""
    worst = max(abs(one - other) for one, other in zip(found, expected, strict=True))
    check(worst < 1e-3, f"the vector of the same text differs by {worst}")


async def it_follows_settings(subject: Subject) -> None:
    """What the subject says it follows has its effect, what it refuses is named, the rest does nothing."""
    async with subject.make() as provider:
        whole = (await provider.complete(subject.prompt)).content
        middle = len(whole) // 2
        stop = whole[middle : middle + 3]
        settings: Json = {"max_tokens": 2, "stop_sequences": [stop], "seed": 7}
        for name, value in settings.items():
            if name in subject.refuses:
                await refused(provider.complete(subject.prompt, **{name: value}), ConfigError, name)
                continue
            response = await provider.complete(subject.prompt, **{name: value})
            if name == "seed" or name not in subject.honours:
                same(response.content, whole, f"the answer with {name}")
            elif name == "max_tokens":
                said = response.finish_reason
                check(said in _CUT_SHORT or not subject.tells_cut, f"max_tokens ends with {said!r}")
                check(len(response.content) < len(whole), "max_tokens cuts nothing off")
            else:
                check(stop not in response.content, "the answer goes on behind its stop sequence")
                check(whole.startswith(response.content.rstrip()), "a stop sequence changes the answer")


async def it_repeats_itself_by_seed(subject: Subject) -> None:
    """Where it follows ``seed``: the same number, the same answer, however random."""
    if "seed" not in subject.honours:
        return
    async with subject.make(temperature=1.0, seed=11, max_tokens=20) as provider:
        first, second = [(await provider.complete("anything at all")).content for _ in range(2)]
        same(second, first, "the answer to the same seed")


async def it_counts_and_prices(subject: Subject) -> None:
    """Tokens are counted, and add up; the price is known, or None."""
    async with subject.make() as provider:
        for response in (await provider.complete(subject.prompt), await _last(provider, subject.prompt)):
            usage = response.usage or {}
            check(usage.get("prompt_tokens", 0) > 0, f"no prompt is counted in {usage}")
            total = usage["prompt_tokens"] + usage["completion_tokens"]
            same(usage["total_tokens"], total, "the sum of tokens")
            same(response.cost_usd, subject.cost, "the price")


async def _last(provider: AsyncLLMProvider, prompt: str) -> LLMResponse:
    final = (await streamed(provider, prompt))[-1].response
    assert final is not None
    return final


async def its_errors_say_whose(subject: Subject) -> None:
    """A failure is one of our errors, of the right kind, with provider and model, whole and streamed."""
    async with subject.broken() as provider:
        for call in (provider.complete, partial(streamed, provider)):
            error = await refused(call("Hello"), subject.fault)
            assert isinstance(error, ProviderError)
            same((error.provider, error.model), (provider.provider, provider.model), "whose error it is")


async def it_can_be_cancelled(subject: Subject) -> None:
    """A cancelled call ends at once, and the next one works."""
    async with subject.slow() as provider:
        task = asyncio.ensure_future(provider.complete(subject.prompt))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        check(task.cancelled(), "the call does not end when it is cancelled")
    await it_answers(subject)


async def its_stream_can_be_left(subject: Subject) -> None:
    """Leaving a stream after its first piece ends it, and the next call works."""
    async with subject.make() as provider:
        async with aclosing(provider.stream_complete(subject.prompt)) as pieces:
            async for _ in pieces:
                break
        check((await provider.complete(subject.prompt)).content, "the next answer is empty")


async def its_time_is_limited(subject: Subject) -> None:
    """A call that takes longer than ``timeout`` fails with it."""
    async with subject.slow() as provider:
        error = await refused(provider.complete(subject.prompt, timeout=0.001, retry_count=0), CallTimeout)
        assert isinstance(error, CallTimeout)
        same(error.provider, provider.provider, "whose error it is")


async def it_closes_and_opens(subject: Subject) -> None:
    """After ``close`` the next call opens again what it needs; closing twice does no harm."""
    provider = subject.make()
    first = (await provider.complete(subject.prompt)).content
    await provider.close()
    await provider.close()
    same((await provider.complete(subject.prompt)).content, first, "the answer after closing")
    await provider.close()


async def it_serves_two_loops(subject: Subject) -> None:
    """One object answers on two event loops at once."""
    async with subject.make() as provider:
        elsewhere = asyncio.to_thread(SyncLLMProvider(provider).complete, subject.prompt)
        here, there = await asyncio.gather(provider.complete(subject.prompt), elsewhere)
        same(there.content, here.content, "the answer on the other loop")


async def it_answers_many_at_once(subject: Subject) -> None:
    """Ten calls at once get ten answers."""
    async with subject.make() as provider:
        answers = await asyncio.gather(*[provider.complete(subject.prompt) for _ in range(10)])
        same({answer.content for answer in answers}, {answers[0].content}, "the answers")


async def its_answer_is_data(subject: Subject) -> None:
    """An answer and its pieces survive JSON."""
    async with subject.make() as provider:
        response = await provider.complete(subject.prompt)
        same(LLMResponse.from_dict(json.loads(json.dumps(response.to_dict()))), response, "what comes back")
        for piece in await streamed(provider, subject.prompt):
            again = LLMStreamResponse.from_dict(json.loads(json.dumps(piece.to_dict())))
            same(again.to_dict(), piece.to_dict(), "the piece that comes back")


async def it_is_recorded(subject: Subject) -> None:
    """A recorded answer comes again without a call, whole and streamed; what costs nothing may be asked anew."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answers.jsonl")
        async with subject.make() as provider:
            with Recording(path, "auto"):
                whole, pieces = await provider.complete(subject.prompt), await streamed(provider, subject.prompt)
            with Recording(path, "replay"):
                again = await provider.complete(subject.prompt)
                pieces_again = await streamed(provider, subject.prompt)
            same(again.content, whole.content, "the replayed answer")
            same(again.usage, whole.usage, "the replayed usage")
            same(bool(again.metadata.get("replayed")), provider.recorded, "whether it was replayed")
            same(joined(pieces_again), joined(pieces), "the replayed stream")


async def it_refuses_what_nobody_knows(subject: Subject) -> None:
    """An unknown setting is named with its nearest; a provider for vectors does not complete."""
    async with subject.make() as provider:
        await refused(provider.complete(subject.prompt, temprature=1), ConfigError, "temperature")
        await refused(provider.complete(subject.prompt, mode="embedding"), ConfigError, "embedding")


async def its_model_is_there(subject: Subject) -> None:
    """The model is found, and says what it can."""
    async with subject.make() as provider:
        same(await provider.validate_model(), True, "whether the model is there")
        check(isinstance(provider.get_capabilities(), list), "the capabilities are no list")


#: All of them, in the order of a reader's interest.
BEHAVIOURS: tuple[Callable[[Subject], Awaitable[None]], ...] = (
    it_answers,
    its_stream_is_its_answer,
    its_events_are_typed,
    its_sync_face_is_equal,
    it_leaves_messages_alone,
    it_calls_tools,
    it_can_be_kept_from_tools,
    it_keeps_structure,
    it_continues_a_text,
    it_makes_vectors,
    it_follows_settings,
    it_repeats_itself_by_seed,
    it_counts_and_prices,
    its_errors_say_whose,
    it_can_be_cancelled,
    its_stream_can_be_left,
    its_time_is_limited,
    it_closes_and_opens,
    it_serves_two_loops,
    it_answers_many_at_once,
    its_answer_is_data,
    it_is_recorded,
    it_refuses_what_nobody_knows,
    its_model_is_there,
)
