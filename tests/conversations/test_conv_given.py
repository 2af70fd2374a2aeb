"""What callers give is looked at before anything is done: metadata are what they will be read back as."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from datetime import datetime, timezone
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from conversations_help import ScriptedModel
from hypothesis import given
from hypothesis import strategies as st

from dknb.conversations import ConversationManager, ConversationStorage
from dknb.conversations.given import given_metadata, plain_data
from dknb.errors import ConfigError
from dknb.llm.messages import LLMMessage, LLMResponse


class Mood(StrEnum):
    GOOD = "good"


ODD = {
    "tuple": (1, (2,)),
    "date": datetime(2026, 1, 2, tzinfo=timezone.utc),
    "path": PurePosixPath("a/b"),
    "mood": Mood.GOOD,
    "count": np.int64(3),
    "share": np.float64(0.5),
    "yes": np.bool_(True),
}
PLAIN = {
    "tuple": [1, [2]],
    "date": "2026-01-02 00:00:00+00:00",
    "path": "a/b",
    "mood": "good",
    "count": 3,
    "share": 0.5,
    "yes": True,
}


async def test_memory_has_what_the_store_has(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Of messages, answers, questions asked at several places, and the conversation; what is given is not kept hold of."""
    kept = [1]
    given = {**ODD, "list": kept}
    await manager.add_message(content="one", metadata=given)
    await manager.complete(metadata=given)
    await manager.ask_all(["main"], "two", metadata=given)
    await manager.update_metadata(given)
    kept.append(2)
    again = await ConversationManager.resume("talk", model, None, storage)
    expected = {**PLAIN, "list": [1]}
    for one in (manager, again):
        assert one.metadata == expected
        for node in one.state.stored[1:4]:
            assert {name: node.data.metadata[name] for name in expected} == expected


BAD = {
    "at[0]": {"at": [math.nan]},
    "at": {"at": math.inf},
    "['x']": {"at": {"x": object()}},
    "1": {1: "one"},
    "2": {"at": {2: "two"}},
    "{1}": {"at": {1}},
    "b'x'": {"at": b"x"},
}


@pytest.mark.parametrize("where", BAD)
async def test_what_is_no_json_is_refused_where_it_is_given(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage, where: str
) -> None:
    """The error names the key; nothing is asked and nothing is written."""
    await manager.add_message(content="one")
    bad: Any = BAD[where]
    for give in (
        lambda: manager.add_message(content="two", metadata=bad),
        lambda: manager.complete(metadata=bad),
        lambda: manager.ask_all(["main"], "two", metadata=bad),
        lambda: manager.update_metadata(bad),
        lambda: ConversationManager.create(model, None, storage, metadata=bad),
    ):
        with pytest.raises(ConfigError) as caught:
            await give()
        assert where.removesuffix("[0]") in str(caught.value)
    assert (model.sent, len(manager.state.stored), manager.metadata) == ([], 2, {})
    assert len(await storage.list_conversations()) == 1


def test_metadata_that_contain_themselves_are_refused() -> None:
    """However deep one looks."""
    bad: dict[str, Any] = {}
    bad["self"] = bad
    with pytest.raises(ConfigError, match="contains itself"):
        given_metadata(bad)


class Odd(ScriptedModel):
    async def complete(self, messages: Any, **overrides: Any) -> LLMResponse:
        response = await super().complete(messages, **overrides)
        response.metadata |= {"at": {1}, "nan": math.nan, "raw": (1, 2), "summarises": {"until_seq": 1}}
        return response


async def test_what_comes_with_an_answer_is_made_plain(storage: ConversationStorage) -> None:
    """It is paid for: nothing is refused, what is no JSON is text, and it makes no summary of it."""
    manager = await ConversationManager.create(Odd(), None, storage, conversation_id="talk")
    await manager.add_message(content="one")
    await manager.complete()
    again = await ConversationManager.resume("talk", Odd(), None, storage)
    assert again.state.current.data.metadata == manager.state.current.data.metadata
    metadata = manager.state.current.data.metadata
    assert (metadata["at"], metadata["nan"], metadata["raw"]) == ("{1}", "nan", [1, 2])
    assert "summarises" not in metadata


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_json_data_are_taken_as_they_are(data: dict[str, Any]) -> None:
    """By both doors."""
    assert given_metadata(data) == plain_data(data) == data


Give = Callable[[ConversationManager], Coroutine[Any, Any, Any]]
GIVEN: list[tuple[Give, str]] = [
    (lambda m: m.add_message(None, "x"), "Unknown role None"),  # type: ignore[arg-type]
    (lambda m: m.add_message(content=b"abc"), "not b'abc'"),  # type: ignore[arg-type]
    (lambda m: m.add_message(content="x", metadata=[1]), r"not \[1\]"),  # type: ignore[arg-type]
    (lambda m: m.add_message("assistant", "x", metadata={"summarises": {"messages": 3}}), "those of summaries"),
    (lambda m: m.complete(metadata={"summarises": 1}), "those of summaries"),
    (lambda m: m.complete(branch_name=5), "not 5"),  # type: ignore[arg-type]
    (lambda m: m.complete_many(1.5), "above 0, not 1.5"),  # type: ignore[arg-type]
    (lambda m: m.edit("0", None), "not None"),  # type: ignore[arg-type]
    (lambda m: m.ask_all(["0"], None), "not None"),  # type: ignore[arg-type]
    (lambda m: m.ask_all(5, "x"), "Several places"),  # type: ignore[arg-type]
    (lambda m: m.label("0", 5), "not 5"),  # type: ignore[arg-type]
    (lambda m: m.create_branch(5), "not 5"),  # type: ignore[arg-type]
    (lambda m: m.search("one", limit=-1), "above 0, not -1"),
    (lambda m: m.search("one", labels="abc"), "list of names"),
    (lambda m: m.search("one", labels=5), "list of names"),  # type: ignore[arg-type]
    (lambda m: m.search(None), "not None"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("give", "told"), GIVEN)
async def test_what_cannot_be_meant_is_refused(manager: ConversationManager, give: Give, told: str) -> None:
    """Before anything is written or asked."""
    await manager.add_message(content="one")
    with pytest.raises(ConfigError, match=told):
        await give(manager)
    assert len(manager.state.stored) == 2


async def test_messages_in_parts_are_taken(manager: ConversationManager) -> None:
    """A list is content."""
    node = await manager.add_message("user", ["one"])
    assert node.message == LLMMessage("user", ["one"])  # type: ignore[arg-type]
