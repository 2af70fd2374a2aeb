"""Answers that were given before, and answers that are judged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    CacheMiddleware,
    CallRecord,
    ConversationManager,
    ConversationMiddleware,
    ConversationStorage,
    MemoryAnswers,
    MemoryConversationStorage,
    SQLConversationStorage,
    StoredAnswers,
    ValidationMiddleware,
)
from dknb.conversations.middleware import cache as cache_module
from dknb.conversations.middleware.validation import is_valid
from dknb.errors import ConfigError, ConversationError, ValidationFailed
from dknb.llm.messages import LLMMessage
from dknb.prompts import AsyncPromptBuilder, ConfigPromptLibrary


async def talk(
    llm: Any, *middleware: ConversationMiddleware, name: str = "talk", storage: ConversationStorage | None = None
) -> ConversationManager:
    manager = await ConversationManager.create(
        llm, None, storage or MemoryConversationStorage(), middleware=middleware, conversation_id=name
    )
    await manager.add_message(content="?")
    return manager


async def streamed(manager: ConversationManager, **settings: Any) -> tuple[str, Any]:
    pieces = [piece async for piece in manager.stream_complete(at="0", **settings)]
    return "".join(piece.delta for piece in pieces), pieces[-1].response


async def show(manager: ConversationManager, shown: list[str]) -> None:
    async for piece in manager.stream_complete():
        shown += [piece.delta]


async def test_the_same_request_is_asked_once() -> None:
    """In any conversation, streamed or not; the answer says that it is cached, and what it cost then and now."""
    cache = CacheMiddleware()
    manager = await talk(model := ScriptedModel("x"), cache)
    first = await manager.complete(at="0")
    other = await talk(model, cache, name="other")
    text, second = await streamed(other)
    assert (len(model.sent), first.content, text, second.content) == (1, "x", "x", "x")
    assert (first.cost_usd, second.cost_usd, second.usage["total_tokens"]) == (0.25, 0.0, 0)
    assert "cached" not in first.metadata
    told = second.metadata
    assert (told["cached"], told["cached_cost_usd"], told["cached_usage"]["total_tokens"]) == (True, 0.25, 4)
    assert other.get_total_cost() == 0
    [call] = await other.storage.list_calls()
    assert (call.outcome, call.cost_usd) == ("cached", 0.0)
    assert other.state.current.data.metadata["cached"] is True


async def test_another_request_is_another_answer() -> None:
    """Other settings, other messages, another model."""
    cache = CacheMiddleware()
    manager = await talk(model := ScriptedModel(), cache)
    await manager.complete(at="0")
    await manager.complete(at="0", temperature=0.5)
    await manager.add_message(content="??", at="")
    await manager.complete()
    manager.llm = other = ScriptedModel()
    other.model = "s-2"
    await manager.complete()
    assert (len(model.sent), len(other.sent)) == (3, 1)


async def test_an_old_answer_is_given_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it is asked for again, and the new one is kept."""
    manager = await talk(model := ScriptedModel("old", "new"), CacheMiddleware(max_age=60))
    assert (await manager.complete(at="0")).content == "old"
    now = cache_module.time.time()
    monkeypatch.setattr(cache_module.time, "time", lambda: now + 61)
    assert (await manager.complete(at="0")).content == "new"
    assert (await manager.complete(at="0")).content == "new"
    assert len(model.sent) == 2


async def test_the_least_used_go_first() -> None:
    """A memory holds so many."""
    answers = MemoryAnswers(2)
    for key in ("a", "b"):
        await answers.put(key, {"content": key})
    await answers.get("a")
    await answers.put("c", {"content": "c"})
    assert [key for key in "abc" if await answers.get(key)] == ["a", "c"]


async def test_answers_in_the_store_are_for_all(tmp_path: Path) -> None:
    """Other kernels and conversations find them; they can be forgotten."""
    path = tmp_path / "store.db"
    async with SQLConversationStorage(path) as storage:
        manager = await talk(ScriptedModel("kept"), CacheMiddleware(StoredAnswers(storage)), storage=storage)
        await manager.complete()
    async with SQLConversationStorage(path) as storage, SQLConversationStorage(path) as another:
        answers, theirs = StoredAnswers(storage), StoredAnswers(another)
        model = ScriptedModel("fresh")
        manager = await talk(model, CacheMiddleware(answers), name="b", storage=storage)
        assert (await manager.complete(at="0")).content == "kept"
        assert await theirs.get("new") is None
        await answers.put("new", {"content": "x"})
        found = await theirs.get("new")
        assert found is not None
        assert found.response == {"content": "x"}
        await answers.clear()
        assert (await manager.complete(at="0")).content == "fresh"


async def test_kept_answers_stand_in_no_list() -> None:
    """And a conversation of the user's may have their name: it stays as it was."""
    storage = MemoryConversationStorage()
    own = await ConversationManager.create(ScriptedModel(), None, storage, conversation_id="dknb-answers")
    await own.add_message(content="mine")
    manager = await talk(ScriptedModel("kept"), CacheMiddleware(StoredAnswers(storage)), storage=storage)
    await manager.complete()
    names = {listed["conversation_id"] for listed in await storage.list_conversations()}
    assert names == {"dknb-answers", manager.conversation_id}
    await own.refresh()
    assert [row["content"] for row in own.to_rows()] == ["mine"]
    with pytest.raises(ConversationError, match="control character"):
        await ConversationManager.create(
            ScriptedModel(), None, storage, conversation_id=StoredAnswers(storage).conversation_id
        )


async def test_a_failed_call_is_not_kept() -> None:
    """The next one is made."""
    manager = await talk(model := ScriptedModel(RuntimeError("down"), "up"), CacheMiddleware())
    with pytest.raises(RuntimeError, match="down"):
        await manager.complete(at="0")
    assert (await manager.complete(at="0")).content == "up"
    assert len(model.sent) == 2


@pytest.mark.parametrize(
    ("verdict", "valid"),
    [
        ("VALID", True),
        ("valid.", True),
        ("**VALID**", True),
        ("INVALID", False),
        ("Invalid: too long", False),
        ("This is not valid", False),
        ("It isn't valid.", False),
        ("NOT A VALID ANSWER", False),
        ("Is it valid? No: INVALID.", False),
        ("VALID. I found no invalid claim.", True),
        ("The answer is valid.", True),
        ("Yes", False),
        ("validated", False),
        ('{"valid": false}', False),
        ('{"valid": true}', True),
        ("VALID: no", False),
        ("", False),
    ],
)
def test_invalid_is_not_valid(verdict: str, valid: bool) -> None:
    """A judge must say so."""
    assert is_valid(verdict) is valid


JUDGE = AsyncPromptBuilder(ConfigPromptLibrary({"user": {"judge": {"template": "Judge: {{response}}"}}}))


def validation(judge: ScriptedModel, **more: Any) -> ValidationMiddleware:
    return ValidationMiddleware(judge, JUDGE, "judge", **more)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_does_not_pass_is_refused(stream: bool) -> None:
    """The error has it, and it is stored; a stream shows nothing of it."""
    judge = ScriptedModel("INVALID: rude")
    manager = await talk(ScriptedModel("go away"), validation(judge))
    shown: list[str] = []
    says = "did not pass ValidationMiddleware. The judge said: INVALID: rude"
    with pytest.raises(ValidationFailed, match=re.escape(says)) as caught:
        await (show(manager, shown) if stream else manager.complete())
    assert isinstance(caught.value, ValueError)
    assert (caught.value.verdict, caught.value.attempts, shown) == ("INVALID: rude", 1, [])
    assert manager.state.current.data.message.content.strip() == "go away"
    assert judge.sent == [[LLMMessage("user", f"Judge: {caught.value.response.content}")]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("stream", [False, True])
async def test_told_to_it_asks_again(stream: bool) -> None:
    """Until one passes; those that did not are siblings, and all are paid for."""
    manager = await talk(
        model := ScriptedModel("one", "two", "three"),
        validation(ScriptedModel("INVALID", "no", "VALID"), auto_retry=True),
    )
    if stream:
        text, response = await streamed(manager)
    else:
        response = await manager.complete()
        text = response.content
    assert (text.strip(), response.content.strip(), len(model.sent)) == ("three", "three", 3)
    assert (response.metadata["validation_attempts"], response.metadata["validation_cost_usd"]) == (3, 0.75)
    assert "validation_failed" not in response.metadata
    siblings = [tree.data for tree in manager.resolve("0").children]
    assert [node.message.content.strip() for node in siblings] == ["one", "two", "three"]
    assert [node.metadata.get("rejected", False) for node in siblings] == [True, True, False]
    assert manager.state.current.data is siblings[-1]
    assert manager.get_total_cost() == 0.75
    calls = await manager.storage.list_calls()
    assert [call.outcome for call in calls if call.kind == "chat"] == ["rejected", "rejected", "complete"]
    judged = [call for call in calls if call.kind == "validation"]
    assert [(call.outcome, call.cost_usd, call.conversation_id) for call in judged] == [("complete", 0.25, "talk")] * 3


async def test_a_judge_that_fails_is_booked_too() -> None:
    """With what became of it; the answer is kept, and so is the row of its own call."""
    manager = await talk(ScriptedModel("x"), validation(ScriptedModel("VALID", RuntimeError("down"))))
    await manager.complete(at="0", cell="c1")
    with pytest.raises(RuntimeError, match="down"):
        await manager.complete(at="0")
    rows = [(call.kind, call.outcome, call.cell) for call in await manager.storage.list_calls()]
    assert sorted(rows, key=str) == [
        ("chat", "complete", "c1"),
        ("chat", "complete", None),
        ("validation", "RuntimeError", None),
        ("validation", "complete", "c1"),
    ]


async def test_a_middleware_of_ones_own_books_what_it_asks() -> None:
    """`Outgoing.book` takes the row; the conversation is filled in."""

    class Asking(ConversationMiddleware):
        async def process_request(self, messages: Any, state: Any) -> Any:
            return messages

        async def process_response(self, response: Any, state: Any) -> Any:
            return response

        async def converse(self, request: Any, ask: Any) -> Any:
            request.book(CallRecord(kind="translation", cost_usd=0.5))
            async for piece in super().converse(request, ask):
                yield piece

    manager = await talk(ScriptedModel("x"), Asking())
    await streamed(manager)
    booked = {call.kind: (call.cost_usd, call.conversation_id) for call in await manager.storage.list_calls()}
    assert booked["translation"] == (0.5, "talk")


async def test_it_does_not_ask_for_ever() -> None:
    """After so many times it refuses; every answer is stored."""
    manager = await talk(
        model := ScriptedModel(), validation(ScriptedModel(*["INVALID"] * 9), auto_retry=True, retry_limit=2)
    )
    with pytest.raises(ValidationFailed, match="nor did 2 before it") as caught:
        await manager.complete()
    assert (caught.value.attempts, len(model.sent), len(manager.resolve("0").children)) == (3, 3, 3)


async def test_a_cached_answer_that_does_not_pass_is_replaced() -> None:
    """Asking again asks the model, and the better answer is the one that is kept."""
    model, judge = ScriptedModel("bad", "good"), ScriptedModel("INVALID", "VALID", "VALID")
    manager = await talk(model, validation(judge, auto_retry=True), CacheMiddleware())
    assert (await manager.complete(at="0")).content == "good"
    second = await manager.complete(at="0")
    assert (second.content, second.metadata["cached"], len(model.sent)) == ("good", True, 2)


async def test_by_itself_it_marks_what_is_to_be_asked_again() -> None:
    """Who calls the method alone finds the mark in the metadata."""
    manager = await talk(ScriptedModel())
    answer = await manager.complete()
    judged = await validation(ScriptedModel("INVALID"), auto_retry=True).process_response(answer, manager.state)
    assert judged.metadata["retry_requested"] is True
    assert judged.metadata["validation_response"] == "INVALID"


def test_what_cannot_be_is_refused() -> None:
    """When it is made."""
    with pytest.raises(ConfigError):
        CacheMiddleware(max_age=0)
    with pytest.raises(ConfigError):
        validation(ScriptedModel(), retry_limit=-1)
