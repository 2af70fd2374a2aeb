"""Taking a file in: all of it or nothing, again and again, and never without a word on what is otherwise there."""

from __future__ import annotations

import json
import math
import os
import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from exchange_help import conversation, document, node, said, write
from hypothesis import given
from hypothesis import strategies as st

from dknb.conversations import (
    Branch,
    CallRecord,
    Change,
    ConversationState,
    ConversationStorage,
    MemoryConversationStorage,
    export_conversations,
    import_conversations,
)
from dknb.conversations.branches import LONGEST_NAME, check_name
from dknb.conversations.portable.names import numbered, usable_name
from dknb.errors import StorageError

ROW = {"messages": [{"role": "user", "content": "q"}]}
FORMATS = ("dataknobs", "dknb")


async def load(storage: ConversationStorage, name: str) -> ConversationState:
    state = await storage.load_conversation(name)
    assert state is not None
    return state


async def names(storage: ConversationStorage) -> list[str]:
    return sorted(str(each["conversation_id"]) for each in await storage.list_conversations())


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("kind", ["line", "document"])
async def test_a_number_that_is_none_is_found_before_anything_is_written(
    storage: ConversationStorage, tmp_path: Path, number: str, kind: str
) -> None:
    """Python reads it and no store takes it: nothing of the file is imported, whatever came before."""
    path = tmp_path / "talks.jsonl"
    first, second = (ROW, {**ROW, "x": 0.5}) if kind == "line" else (document(), document(conversation_id="two", x=0.5))
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second).replace('0.5', number)}\n", encoding="utf-8")
    with pytest.raises(StorageError, match="item 2"):
        await import_conversations(storage, path)
    assert await names(storage) == []


@pytest.mark.parametrize(
    "marked",
    [{"labels": ["a\0"]}, {"session": "\ud800"}, {"deletion": 2**40}],
    ids=["label", "session", "deletion"],
)
async def test_what_no_store_keeps_is_found_before_anything_is_written(
    storage: ConversationStorage, tmp_path: Path, marked: dict[str, Any]
) -> None:
    """Whichever store it is: what is going to be written is gone through first."""
    bad = document(conversation_id="two", nodes=[node("", metadata={"dknb": {"version": 1, "seq": 0, **marked}})])
    bad |= {"edges": [], "current_node_id": ""}
    with pytest.raises(StorageError, match="item 2"):
        await import_conversations(storage, write(tmp_path / "talks.jsonl", document(), bad))
    assert await names(storage) == []


def labelled(state: ConversationState) -> Change:
    return Change(label=[(state.stored[1], "star")])


def branched(state: ConversationState) -> Change:
    return Change(new=[Branch("side", state.stored[1], datetime.now(timezone.utc))])


def moved(state: ConversationState) -> Change:
    return Change(position=(state.stored[1], None))


def hidden(state: ConversationState) -> Change:
    return Change(hide=[state.stored[2]])


def described(state: ConversationState) -> Change:
    return Change(metadata={"topic": "other"})


CHANGES = {
    "labels": labelled,
    "branches": branched,
    "position": moved,
    "deletions": hidden,
    "metadata": described,
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("what", CHANGES)
async def test_what_differs_beside_the_words_is_told_and_can_be_taken(tmp_path: Path, format: str, what: str) -> None:
    """The one there is left alone, and not called the same; rename takes the other beside, once."""
    ours, theirs = MemoryConversationStorage(), MemoryConversationStorage()
    await ours.create_conversation(conversation())
    await export_conversations(ours, tmp_path / "before", format, names=["talk"])
    await import_conversations(theirs, tmp_path / "before")
    state = await load(ours, "talk")
    await ours.update(state, CHANGES[what](state))
    path = tmp_path / "after"
    await export_conversations(ours, path, format, names=["talk"])
    assert await import_conversations(theirs, path) == ([], [], 0, (("talk", what),))
    assert said(await load(theirs, "talk")) == said(conversation())
    assert (await import_conversations(theirs, path, rename=True)).added == ["talk (2)"]
    assert await import_conversations(theirs, path, rename=True) == ([], ["talk (2)"], 0, ())
    assert await names(theirs) == ["talk", "talk (2)"]


async def test_the_details_of_messages_are_looked_at(tmp_path: Path) -> None:
    """When they were said, from which prompt, and their metadata."""
    storage = MemoryConversationStorage()
    await import_conversations(storage, write(tmp_path / "one.json", document()))
    nodes = document()["nodes"]
    nodes[1]["metadata"] = {"usage": {"total_tokens": 5}}
    done = await import_conversations(storage, write(tmp_path / "two.json", document(nodes=nodes)))
    assert done.differing == (("talk", "details of messages"),)


async def test_other_metadata_of_a_row_are_told(tmp_path: Path) -> None:
    """What the file does not tell of (a star, where one is) is no difference."""
    storage = MemoryConversationStorage()
    item = {"id": "i", "conversations": [{"from": "human", "value": "q"}], "source": "web"}
    await import_conversations(storage, write(tmp_path / "one.json", item))
    state = await load(storage, "i")
    await storage.update(state, labelled(state))
    assert (await import_conversations(storage, write(tmp_path / "one.json", item))).present == ["i"]
    done = await import_conversations(storage, write(tmp_path / "two.json", {**item, "source": "book"}))
    assert (done.present, done.differing) == ([], (("i", "metadata"),))


@pytest.mark.parametrize("format", FORMATS)
async def test_renaming_can_be_repeated(tmp_path: Path, format: str) -> None:
    """What got a new name is found under it, with its rows of the ledger."""
    ours, theirs = MemoryConversationStorage(), MemoryConversationStorage()
    await ours.create_conversation(conversation())
    await ours.record_call(CallRecord("talk", 2, model="m", cost_usd=0.5))
    await export_conversations(ours, tmp_path / "talks", format)
    await import_conversations(theirs, write(tmp_path / "other.json", document()))
    assert await import_conversations(theirs, tmp_path / "talks", rename=True) == (["talk (2)"], [], 1, ())
    assert await import_conversations(theirs, tmp_path / "talks", rename=True) == ([], ["talk (2)"], 0, ())
    assert [(call.conversation_id, call.cost_usd) for call in await theirs.list_calls()] == [("talk (2)", 0.5)]


async def test_an_import_that_lost_its_ledger_is_made_whole(tmp_path: Path) -> None:
    """Rows that the store does not have are added to a conversation that it has, at its nodes."""
    ours, theirs = MemoryConversationStorage(), MemoryConversationStorage()
    await ours.create_conversation(conversation())
    await theirs.create_conversation(conversation())
    call = CallRecord("talk", 5, model="m")
    await ours.record_call(call)
    await export_conversations(ours, tmp_path / "talks.json")
    assert (await import_conversations(theirs, tmp_path / "talks.json")).calls == 1
    assert (await import_conversations(theirs, tmp_path / "talks.json")).calls == 0
    [there] = await theirs.list_calls("talk")
    assert replace(there, at=call.at) == call


async def test_many_conversations_are_one_transaction(
    storage: ConversationStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand lines are written together; if one of them fails, those of the same lot are not there."""
    lots: list[int] = []
    create = type(storage).create_conversations

    async def counted(self: Any, talks: Any) -> None:
        lots.append(len(talks))
        await create(self, talks)

    monkeypatch.setattr(type(storage), "create_conversations", counted)
    done = await import_conversations(storage, write(tmp_path / "many.jsonl", *[ROW] * 1_200))
    assert (len(done.added), done.added[-1]) == (1_200, "many-1200")
    assert lots == [500, 500, 200]
    assert len(await storage.list_conversations()) == 1_200


async def test_names_that_cannot_be_are_made_usable(tmp_path: Path) -> None:
    """A blank or endless id refuses nothing: the conversation gets a name that is always the same, and keeps the id."""
    storage = MemoryConversationStorage()
    turns = [{"from": "human", "value": "q"}]
    ids = ["a\x1b[31m", "x" * 500, "x" * 499 + "y"]
    path = write(tmp_path / "share.json", *({"id": each, "conversations": turns} for each in ids))
    done = await import_conversations(storage, path)
    assert [(await load(storage, name)).metadata["source_id"] for name in done.added] == ids
    assert done.added[0].startswith("a_[31m-")
    assert all(check_name(name, "conversation") for name in done.added)
    assert (await import_conversations(storage, path)).present == done.added
    long = await import_conversations(storage, write(tmp_path / f"{'s' * 240}.jsonl", ROW, ROW))
    assert [name[-2:] for name in long.added] == ["-1", "-2"]
    odd = await import_conversations(storage, write(tmp_path / "a\nb.jsonl", ROW))
    assert odd.added[0].startswith("a_b-")


async def test_a_document_with_an_unusable_id_needs_a_new_name(tmp_path: Path) -> None:
    """Others know it by its id: only rename may give it another; both ways to say that are told."""
    storage = MemoryConversationStorage()
    path = write(tmp_path / "talk.json", document(conversation_id="a\nb"))
    with pytest.raises(StorageError, match="control character"):
        await import_conversations(storage, path)
    assert (await import_conversations(storage, path, rename=True)).added[0].startswith("a_b-")
    await storage.create_conversation(conversation())
    with pytest.raises(StorageError, match="another conversation") as error:
        await import_conversations(storage, write(tmp_path / "talk.json", document()))
    assert "rename=True; on the command line --rename" in str(error.value.hint)


@given(st.text(max_size=300), st.integers(20, LONGEST_NAME))
def test_any_text_becomes_a_name(text: str, most: int) -> None:
    """One that a conversation may have, the same each time; a good one stays as it is."""
    name = usable_name(text, most=most)
    assert len(name) <= most
    assert check_name(name, "conversation") == usable_name(text, most=most) == usable_name(name, most=most)
    assert check_name(next(numbered(name)), "conversation").endswith(" (2)")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
async def test_a_pipe_can_be_read_once_and_is_enough(tmp_path: Path) -> None:
    """All of it is checked first as well, so a copy is made; it is gone afterwards."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    storage = MemoryConversationStorage()
    writer = threading.Thread(target=pipe.write_text, args=(json.dumps(ROW) + "\n" + json.dumps(ROW),))
    writer.start()
    done = await import_conversations(storage, pipe)
    writer.join()
    assert done.added == ["stdin-1", "stdin-2"]


@pytest.mark.parametrize("given_id", [7, 0, "7"])
async def test_an_id_may_be_a_number(tmp_path: Path, given_id: Any) -> None:
    """The conversation is called so."""
    storage = MemoryConversationStorage()
    item = {"id": given_id, "conversations": [{"from": "human", "value": "q"}]}
    assert (await import_conversations(storage, write(tmp_path / "data.json", item))).added == [str(given_id)]


@pytest.mark.parametrize("given_id", [True, [1], {"a": 1}, math.pi, "  "])
async def test_an_id_that_is_no_name_is_kept(tmp_path: Path, given_id: Any) -> None:
    """In the metadata; the name is made of the file's."""
    storage = MemoryConversationStorage()
    item = {"id": given_id, "conversations": [{"from": "human", "value": "q"}]}
    assert (await import_conversations(storage, write(tmp_path / "data.json", item))).added == ["data-1"]
    assert (await load(storage, "data-1")).metadata == {"source_id": given_id}


async def test_two_system_prompts_of_an_item(tmp_path: Path) -> None:
    """The turn is the prompt, as those who train take it; the other is kept, and written again."""
    storage = MemoryConversationStorage()
    turns = [{"from": "system", "value": "turn"}, {"from": "human", "value": "q"}]
    item = {"id": "i", "conversations": turns, "system": "item"}
    await import_conversations(storage, write(tmp_path / "data.json", item))
    state = await load(storage, "i")
    assert (state.message_tree.data.message.content, state.metadata) == ("turn", {"system": "item"})
    await export_conversations(storage, tmp_path / "again.json", "sharegpt")
    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8")) == [item]
    plain = conversation("plain")
    plain.message_tree.data.message.content = ""
    plain.metadata = {"system": "a note of mine"}
    await export_conversations(plain, tmp_path / "plain.json", "sharegpt")
    assert "system" not in json.loads((tmp_path / "plain.json").read_text(encoding="utf-8"))[0]


async def test_nobody_is_called_banana(tmp_path: Path) -> None:
    """A role that OpenAI does not have is refused with its place."""
    path = write(tmp_path / "train.jsonl", ROW, {"messages": [{"role": "banana", "content": "x"}]})
    with pytest.raises(StorageError, match="item 2: nobody knows who 'banana' is"):
        await import_conversations(MemoryConversationStorage(), path)
