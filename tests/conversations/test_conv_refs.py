"""What names a node: its id, a branch, or the node itself, and nothing that only looks like one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import ConversationManager, ConversationStorage
from dknb.errors import ConfigError, NodeNotFound

Ask = Callable[[ConversationManager, Any], Coroutine[Any, Any, Any]]

OPERATIONS: dict[str, Ask] = {
    "switch": lambda m, ref: m.switch(ref),
    "branch_from": lambda m, ref: m.branch_from(ref),
    "create_branch": lambda m, ref: m.create_branch("new", ref),
    "delete": lambda m, ref: m.delete(ref),
    "undelete": lambda m, ref: m.undelete(ref),
    "delete_branch": lambda m, ref: m.delete_branch(ref),
    "label": lambda m, ref: m.label(ref, "good"),
    "unlabel": lambda m, ref: m.unlabel(ref, "good"),
    "star": lambda m, ref: m.star(ref),
    "edit": lambda m, ref: m.edit(ref, "other"),
    "cherry_pick": lambda m, ref: m.cherry_pick(ref, "main"),
    "cherry_pick onto": lambda m, ref: m.cherry_pick("0", ref),
    "add_message": lambda m, ref: m.add_message(content="more", at=ref),
    "complete": lambda m, ref: m.complete(at=ref),
    "complete_many": lambda m, ref: m.complete_many(2, at=ref),
    "ask_all": lambda m, ref: m.ask_all([ref], "why"),
    "fit": lambda m, ref: m.fit(ref, budget=1_000),
    "count_tokens": lambda m, ref: m.count_tokens(ref),
}


async def two_turns(manager: ConversationManager) -> None:
    for text in ("one", "two"):
        await manager.add_message(content=text)
        await manager.complete()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_node_of_another_tree_is_refused(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage, name: str
) -> None:
    """Of another conversation, or of another manager on this one: its number is not looked at, nothing is written."""
    await two_turns(manager)
    stranger = await ConversationManager.create(model, None, storage)
    await two_turns(stranger)
    twin = await ConversationManager.resume("talk", model, None, storage)
    before = manager.to_rows(deleted=True)
    for foreign in (stranger.state.stored[2], twin.state.stored[2]):
        with pytest.raises(NodeNotFound, match="not of this"):
            await OPERATIONS[name](manager, foreign)
    again = await ConversationManager.resume("talk", model, None, storage)
    assert again.to_rows(deleted=True) == manager.to_rows(deleted=True) == before


async def test_reading_refuses_foreign_nodes_too(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """A diff, a history, an export, a cost."""
    await two_turns(manager)
    twin = await ConversationManager.resume("talk", model, None, storage)
    foreign = twin.state.current
    for read in (
        lambda: manager.diff(foreign, "0"),
        lambda: manager.diff("0", foreign),
        lambda: manager.history_to(foreign),
        lambda: manager.to_markdown(foreign),
        lambda: manager.get_cost_by_branch(foreign),
    ):
        with pytest.raises(NodeNotFound, match="not of this"):
            read()


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ("undelete",)])
async def test_a_deleted_node_is_refused_as_its_id_is(manager: ConversationManager, name: str) -> None:
    """The node itself opens no way that its id does not."""
    await two_turns(manager)
    node = manager.state.stored[3]
    below = manager.state.stored[4]
    await manager.delete(node)
    for ref in (node, below, "0.0.0"):
        with pytest.raises(NodeNotFound, match="deleted"):
            await OPERATIONS[name](manager, ref)
    assert len(manager.state.stored) == 5


async def test_a_node_that_is_not_stored_yet_is_this_ones(manager: ConversationManager) -> None:
    """An answer that waits to be written can be gone on from."""
    await manager.add_message(content="one")
    await manager.complete(save=False)
    await manager.add_message(content="two", at=manager.state.current)
    assert [node.data.message.content for node in manager.state.stored] == ["", "one", "re: one", "two"]


@pytest.mark.parametrize("ref", [5, b"0", 1.5, object(), ["0"]], ids=["int", "bytes", "float", "object", "list"])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "cherry_pick"])
async def test_what_names_no_node_is_told(manager: ConversationManager, name: str, ref: object) -> None:
    """In an error that says what would."""
    await two_turns(manager)
    with pytest.raises(ConfigError, match="named by its id"):
        await OPERATIONS[name](manager, ref)


async def test_none_names_no_node_where_one_is_wanted(manager: ConversationManager) -> None:
    """Where there is no default."""
    await two_turns(manager)
    with pytest.raises(ConfigError, match="named by its id"):
        manager.diff(None, "0")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="named by its id"):
        await manager.switch_to_node(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="named by its id"):
        await manager.switch_branch(5)  # type: ignore[arg-type]
