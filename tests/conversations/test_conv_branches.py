"""Branches: names that move, are renamed, deleted and brought back."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    BranchRecord,
    ConversationManager,
    ConversationStorage,
    MemoryConversationStorage,
    SQLConversationStorage,
)
from dknb.errors import BranchError, NodeNotFound


async def turn(manager: ConversationManager, text: str) -> None:
    await manager.add_message(content=text)
    await manager.complete()


@pytest.fixture
async def forked(manager: ConversationManager) -> ConversationManager:
    """``main`` at 0.0.0.0 (one, two); ``bold`` at 0.0.1.0 (one, three), where one is."""
    await turn(manager, "one")
    await turn(manager, "two")
    await manager.create_branch("bold", at="0.0")
    await turn(manager, "three")
    return manager


def heads(manager: ConversationManager) -> dict[str, str]:
    return {record.name: record.node_id for record in manager.branches()}


def hidden(manager: ConversationManager) -> list[str]:
    return sorted(node.data.node_id for node in manager.state.stored if node.data.hidden)


async def test_a_new_conversation_is_on_main(manager: ConversationManager) -> None:
    """Its head follows each message."""
    assert (manager.current_branch, heads(manager)) == ("main", {"main": ""})
    await turn(manager, "one")
    assert heads(manager) == {"main": "0.0"}


async def test_a_branch_moves_and_the_others_stay(forked: ConversationManager) -> None:
    """While one is on a branch, new nodes move its head and no other."""
    assert heads(forked) == {"main": "0.0.0.0", "bold": "0.0.1.0"}
    assert (forked.current_branch, forked.current_node_id) == ("bold", "0.0.1.0")


async def test_the_list_says_what_one_wants_to_know(forked: ConversationManager) -> None:
    """Name, head, depth, number of messages, time of the last move, and where one is; oldest branch first."""
    main, bold = forked.branches()
    assert isinstance(main, BranchRecord)
    assert (main.name, main.node_id, main.depth, main.messages, main.current) == ("main", "0.0.0.0", 4, 4, False)
    assert (bold.name, bold.current) == ("bold", True)
    assert bold.updated_at > main.updated_at
    assert await forked.get_branch_names() == ["main", "bold"]


async def test_a_system_prompt_counts_as_a_message(model: ScriptedModel) -> None:
    """An empty root does not."""
    manager = await ConversationManager.create(model, None, MemoryConversationStorage(), system_prompt="Be kind.")
    await turn(manager, "one")
    assert [record.messages for record in manager.branches()] == [3]


async def test_switching_goes_to_a_branch_or_a_node(forked: ConversationManager) -> None:
    """At a node that is no head one is on no branch, and what is said there moves none."""
    await forked.switch("main")
    assert (forked.current_branch, forked.current_node_id) == ("main", "0.0.0.0")
    await forked.switch("0.0.1.0")
    assert forked.current_branch == "bold"
    await forked.switch_to_node("0.0")
    assert forked.current_branch is None
    await turn(forked, "aside")
    assert heads(forked) == {"main": "0.0.0.0", "bold": "0.0.1.0"}
    assert (forked.current_node_id, forked.current_branch) == ("0.0.2.0", None)
    await forked.switch_branch("bold")
    assert forked.current_branch == "bold"


async def test_two_branches_at_one_node(manager: ConversationManager) -> None:
    """Switching to the node stays on the branch one is on, else takes the older one."""
    await turn(manager, "one")
    await manager.create_branch("twin")
    await manager.switch("0.0")
    assert manager.current_branch == "twin"
    await manager.switch("")
    await manager.switch("0.0")
    assert manager.current_branch == "main"


async def test_where_one_is_survives(
    forked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Position and branch are in the store after every move."""
    for ref in ("main", "0.0", "bold"):
        await forked.switch(ref)
        twin = await ConversationManager.resume("talk", model, None, storage)
        assert (twin.current_node_id, twin.current_branch) == (forked.current_node_id, forked.current_branch)
        assert heads(twin) == heads(forked)


@pytest.mark.parametrize("name", ["a b", "üñ 🎉", "x" * 200, "0.1a", "v1.0", "--", "'; DROP TABLE branches; --", "<b>"])
async def test_names_are_data(manager: ConversationManager, name: str) -> None:
    """Any text that can be read is a name."""
    await turn(manager, "one")
    await manager.create_branch(name)
    await manager.switch("main")
    assert manager.resolve(name).data.node_id == "0.0"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "blank"),
        ("  ", "blank"),
        ("x" * 201, "201 characters"),
        ("a\x1b[31m", "control character"),
        ("a\nb", "control character"),
        ("\ud800", "control character"),
        ("0.1", "reads as a node id"),
        ("7", "reads as a node id"),
    ],
)
async def test_what_cannot_be_a_name(forked: ConversationManager, name: str, says: str) -> None:
    """Making and renaming refuse it with a reason and a way out, and nothing changes."""
    for attempt in (forked.create_branch(name), forked.rename_branch("bold", name)):
        with pytest.raises(BranchError, match=says) as caught:
            await attempt
        assert caught.value.hint
    assert list(heads(forked)) == ["main", "bold"]


async def test_a_name_is_taken_once(forked: ConversationManager) -> None:
    """A branch of that name, also a deleted one, stands in the way."""
    with pytest.raises(BranchError, match="already a branch 'main'"):
        await forked.create_branch("main")
    await forked.switch("main")
    await forked.delete_branch("bold")
    for attempt in (forked.create_branch("bold"), forked.rename_branch("main", "bold")):
        with pytest.raises(BranchError, match="deleted branch has the name 'bold'") as caught:
            await attempt
        assert "undelete bold" in caught.value.hint
    with pytest.raises(BranchError, match="deleted branch"):
        await forked.complete(branch_name="bold")


async def test_unknown_names_and_ids_name_the_nearest(forked: ConversationManager) -> None:
    """The error says what there is."""
    with pytest.raises(BranchError, match="Did you mean 'bold'") as branch:
        await forked.switch("blod")
    assert "main, bold" in branch.value.hint
    with pytest.raises(NodeNotFound, match=r"no node '0\.0\.7'") as node:
        await forked.switch("0.0.7")
    assert node.value.hint == "The nearest is node '0.0'; below it: '0.0.0' to '0.0.1'"
    with pytest.raises(NodeNotFound) as leaf:
        await forked.switch_to_node("0.0.0.0.0")
    assert "nothing below it" in leaf.value.hint
    with pytest.raises(NodeNotFound) as nonsense:
        await forked.switch_to_node("main")
    assert "numbers and dots" in nonsense.value.hint
    assert forked.current_branch == "bold"


async def test_renaming_keeps_place_and_order(
    forked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """The branch stays where it is in the tree and in the list, and one stays on it."""
    await forked.switch("main")
    await forked.rename_branch("main", "trunk")
    assert forked.current_branch == "trunk"
    twin = await ConversationManager.resume("talk", model, None, storage)
    for each in (forked, twin):
        assert heads(each) == {"trunk": "0.0.0.0", "bold": "0.0.1.0"}
        assert each.current_branch == "trunk"
    with pytest.raises(BranchError, match="no branch 'main'"):
        await forked.rename_branch("main", "other")


async def test_deleting_hides_what_only_that_branch_reaches(
    forked: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Also the samples beside it; ids stay, rows stay, what others reach stays."""
    await forked.complete(at="0.0.1")
    await forked.switch("main")
    would = forked.would_delete("bold")
    gone = await forked.delete_branch("bold")
    assert [node.data.node_id for node in gone] == ["0.0.1", "0.0.1.0", "0.0.1.1"]
    assert would == gone
    assert heads(forked) == {"main": "0.0.0.0"}
    assert [each["node_id"] for each in await forked.get_branches("0.0")] == ["0.0.0"]
    await forked.switch("0.0")
    sibling = await forked.add_message(content="four")
    assert sibling.node_id == "0.0.2"
    twin = await ConversationManager.resume("talk", model, None, storage)
    assert hidden(twin) == hidden(forked) == ["0.0.1", "0.0.1.0", "0.0.1.1"]
    for ref, error in (("bold", BranchError), ("0.0.1.0", NodeNotFound)):
        with pytest.raises(error, match="was deleted") as caught:
            await twin.switch(ref)
        assert "undelete" in caught.value.hint


async def test_a_deleted_branch_comes_back(forked: ConversationManager, storage: ConversationStorage) -> None:
    """With all that went with it, and nothing else."""
    await forked.switch("0.0.1.0")
    await forked.create_branch("bolder")
    await turn(forked, "deeper")
    await forked.switch("main")
    await forked.delete_branch("bolder")
    await forked.delete_branch("bold")
    assert hidden(forked) == ["0.0.1", "0.0.1.0", "0.0.1.0.0", "0.0.1.0.0.0"]
    back = await forked.undelete_branch("bold")
    assert [node.data.node_id for node in back] == ["0.0.1", "0.0.1.0"]
    assert hidden(forked) == ["0.0.1.0.0", "0.0.1.0.0.0"]
    assert heads(forked) == {"main": "0.0.0.0", "bold": "0.0.1.0"}
    assert (await storage.load_conversation("talk")).branches["bolder"].deletion  # type: ignore[union-attr]


async def test_what_lies_above_comes_back_too(forked: ConversationManager) -> None:
    """A branch that is brought back can be reached, even if the one below which it grew stays deleted."""
    await forked.create_branch("bolder")
    await turn(forked, "deeper")
    await forked.switch("main")
    await forked.delete_branch("bolder")
    await forked.delete_branch("bold")
    await forked.undelete_branch("bolder")
    assert hidden(forked) == []
    assert heads(forked) == {"main": "0.0.0.0", "bolder": "0.0.1.0.0.0"}


async def test_deleting_a_branch_that_has_nothing_of_its_own(forked: ConversationManager) -> None:
    """The name goes, and no message with it."""
    await forked.create_branch("label", at="0.0")
    await forked.switch("main")
    assert await forked.delete_branch("label") == []
    assert hidden(forked) == []
    assert await forked.undelete_branch("label") == []
    assert "label" in heads(forked)


async def test_a_node_can_be_deleted_with_what_is_below_it(forked: ConversationManager) -> None:
    """And comes back by its id."""
    await forked.complete(at="0.0.1")
    assert heads(forked)["bold"] == "0.0.1.1"
    gone = await forked.delete_branch("0.0.1.0")
    assert [node.data.node_id for node in gone] == hidden(forked) == ["0.0.1.0"]
    await forked.undelete_branch("0.0.1.0")
    assert hidden(forked) == []


async def test_what_cannot_be_deleted(forked: ConversationManager) -> None:
    """Not where one is, not the root, not what another branch ends in, not what is not there."""
    for ref, says in (
        ("bold", "You are on the branch 'bold'"),
        ("", "root"),
        ("0.0.1", "branch 'bold' ends at or below"),
        ("0", "branch 'main' ends at or below"),
        ("bald", "Did you mean 'bold'"),
    ):
        with pytest.raises(BranchError, match=says) as caught:
            await forked.delete_branch(ref)
        assert caught.value.hint
    await forked.switch("0.0.1")
    with pytest.raises(BranchError, match=r"You are at node '0\.0\.1'"):
        await forked.delete_branch("bold")
    assert hidden(forked) == []


async def test_what_cannot_be_undeleted(forked: ConversationManager) -> None:
    """Only what was deleted."""
    await forked.create_branch("other")
    await forked.switch("main")
    await forked.delete_branch("other")
    with pytest.raises(BranchError, match="no deleted branch 'bold'") as caught:
        await forked.undelete_branch("bold")
    assert caught.value.hint == "Deleted branches: other."
    with pytest.raises(BranchError, match="Did you mean 'other'"):
        await forked.undelete_branch("otter")
    for ref in ("0.0", "9"):
        with pytest.raises(BranchError, match="not a deleted one"):
            await forked.undelete_branch(ref)


async def test_deleting_main_keeps_what_others_reach(forked: ConversationManager) -> None:
    """It is a branch like any other; the root stays."""
    gone = await forked.delete_branch("main")
    assert [node.data.node_id for node in gone] == ["0.0.0", "0.0.0.0"]
    assert heads(forked) == {"bold": "0.0.1.0"}


async def test_branches_made_by_another_kernel_are_seen(tmp_path: Path, model: ScriptedModel) -> None:
    """Two stores on one file: switching, listing after a refresh, and names that clash."""
    async with SQLConversationStorage(tmp_path / "s.db") as one, SQLConversationStorage(tmp_path / "s.db") as two:
        first = await ConversationManager.create(model, None, one, conversation_id="talk")
        await turn(first, "one")
        second = await ConversationManager.resume("talk", model, None, two)
        await first.create_branch("bold", at="0")
        await turn(first, "two")
        await second.switch("bold")
        assert second.current_node_id == first.current_node_id == "0.1.0"
        with pytest.raises(BranchError, match="already a branch 'bold'"):
            await second.create_branch("bold")
        await first.switch("main")
        await first.delete_branch("bold")
        await second.refresh()
        assert second.current_branch is None
        assert heads(second) == {"main": "0.0"}
