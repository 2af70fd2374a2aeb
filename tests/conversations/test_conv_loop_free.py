"""What would hold an event loop is known beforehand, or done elsewhere."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from conversations_help import chain, stored, user

from dknb.conversations import (
    Change,
    ConversationManager,
    ConversationState,
    ConversationStorage,
    MemoryConversationStorage,
    Step,
    Tree,
)
from dknb.conversations.stores import rows
from dknb.errors import StorageError
from dknb.llm import EchoProvider


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The nodes from which somebody has gone through all below them."""
    begun: list[Any] = []
    walk = Tree.walk

    def counted(self: Tree[Any]) -> Any:
        begun.append(self)
        return walk(self)

    monkeypatch.setattr(Tree, "walk", counted)
    return begun


async def test_a_turn_goes_through_no_whole_tree(storage: ConversationStorage, walks: list[Any]) -> None:
    """Neither the first after a conversation was opened, nor one after a change to what is stored."""
    made = await stored(storage)
    manager = await ConversationManager.resume(made.conversation_id, EchoProvider("echo"), None, storage)
    walks.clear()
    for _ in range(2):
        await manager.add_message(content="?")
        await manager.complete()
        await manager.switch("0")
        await manager.label(manager.state.current, "x")
    assert walks == []


async def test_what_is_hidden_is_known_all_the_same(storage: ConversationStorage) -> None:
    """After a deletion, its undoing, a change that failed, and a look at what others did."""
    one = await stored(storage)
    other = await storage.load_conversation(one.conversation_id)
    assert other is not None
    last = one.stored[-1]
    assert not one.hides_anything()
    await storage.update(one, Change(position=(one.message_tree, None), hide=[last]))
    assert one.hides_anything()
    assert not other.hides_anything()
    await storage.refresh(other)
    assert other.hides_anything()
    again = await storage.load_conversation(one.conversation_id)
    assert again is not None
    assert again.hides_anything()
    await storage.update(one, Change(unhide=[last]))
    await storage.update(one, Change(label=[(last, "x")]))
    assert not one.hides_anything()
    await storage.refresh(other)
    assert not other.hides_anything()


async def test_a_message_that_takes_long_to_pack_is_packed_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long text, many values of metadata; what is short is not worth another thread."""
    storage = MemoryConversationStorage()
    state = ConversationState("c", chain(1).root)
    await storage.create_conversation(state)
    where: list[bool] = []
    pack = storage._pack
    monkeypatch.setattr(
        storage, "_pack", lambda node: where.append(threading.current_thread() is threading.main_thread()) or pack(node)
    )
    for node in (user("short"), user("x" * 300_000), user("x", metadata={"numbers": list(range(30_000))})):
        await storage.append(state, Step(state.current, [node], None))
    assert where == [True, False, False]
    await storage.close()


@pytest.mark.parametrize("place", [0, rows.PIECE - 1, rows.PIECE, 3 * rows.PIECE])
def test_half_a_pair_is_found_wherever_it_is(place: int) -> None:
    """Long texts are looked through in pieces."""
    text = "ö" * (3 * rows.PIECE)
    assert rows.storable(text) == text
    assert rows.storable(text[:place] + "\ud800" + text[place:]) == text[:place] + "?" + text[place:]


async def test_a_failed_deletion_hides_nothing(storage: ConversationStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the next change believe that it did."""
    state = await stored(storage)

    def fails(*args: object) -> None:
        raise StorageError("full")

    with monkeypatch.context() as broken:
        broken.setattr("dknb.conversations.stores._row_storage.change_marks", fails)
        with pytest.raises(StorageError, match="full"):
            await storage.update(state, Change(hide=[state.stored[-1]]))
    assert not state.hides_anything()
    await storage.update(state, Change(label=[(state.stored[-1], "x")]))
    assert not state.hides_anything()
