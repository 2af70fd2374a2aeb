"""Deleting and undeleting: nothing is lost, and what is deleted is neither shown nor sent."""

from __future__ import annotations

import pytest
from conversations_help import ScriptedModel, loaded, stored

from dknb.conversations import ConversationManager, ConversationStorage
from dknb.conversations.deletions import plan_remove
from dknb.errors import BranchError, NodeNotFound


async def talk(manager: ConversationManager, *texts: str) -> None:
    for text in texts:
        await manager.add_message(content=text)
        await manager.complete()


async def test_what_is_deleted_is_hidden_and_still_there(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """A subtree is not listed, sent or named, but it is in the store, and what it cost counts."""
    await talk(manager, "one", "two")
    cost = manager.get_total_cost()
    gone = await manager.delete("0.0.0")
    assert [node.data.message.content for node in gone] == ["two", "re: two"]
    assert manager.current_node_id == "0.0"
    assert [m.content for m in await manager.get_history()] == ["one", "re: one"]
    assert await manager.get_branches("0.0") == []
    assert [row["node_id"] for row in manager.to_rows()] == ["0", "0.0"]
    assert [row["deleted"] for row in manager.to_rows(deleted=True)] == [False, False, True, True]
    assert [node.data.node_id for node in manager.leaves()] == ["0.0"]
    assert manager.get_total_cost() == cost
    with pytest.raises(NodeNotFound, match="deleted"):
        await manager.switch_to_node("0.0.0.0")
    again = await ConversationManager.resume("talk", model, None, storage)
    assert (again.current_node_id, again.current_branch) == ("0.0", "main")
    assert len(again.state.stored) == 5


async def test_who_is_inside_moves_up_with_the_branch(manager: ConversationManager) -> None:
    """The branch that one is on ends at the node above then; another that ended there is deleted with it."""
    await talk(manager, "one", "two")
    await manager.create_branch("other")
    await manager.switch("main")
    await manager.delete(manager.state.current)
    assert (manager.current_node_id, manager.current_branch) == ("0.0.0", "main")
    assert await manager.get_branch_names() == ["main"]
    await talk(manager, "three")
    assert manager.current_node_id == "0.0.0.1.0"
    await manager.undelete("0.0.0.0")
    assert await manager.get_branch_names() == ["main", "other"]
    assert manager.resolve("other").data.node_id == "0.0.0.0"
    assert manager.current_node_id == "0.0.0.1.0"


async def test_undeleting_shows_what_that_deletion_hid(manager: ConversationManager) -> None:
    """Two deletions, one inside the other, are undone one by one; a node inside stands for the whole."""
    await talk(manager, "one", "two")
    await manager.delete("0.0.0")
    await manager.delete("0")
    assert manager.to_rows() == []
    assert [node.data.node_id for node in await manager.undelete("0.0")] == ["0", "0.0"]
    assert [row["node_id"] for row in manager.to_rows()] == ["0", "0.0"]
    await manager.undelete(manager.state.message_tree.children[0].children[0].children[0].children[0])
    assert len(manager.to_rows()) == 4


async def test_a_branch_can_be_deleted_by_its_name(manager: ConversationManager) -> None:
    """With what only it reaches; and undeleted by it."""
    await talk(manager, "one")
    await manager.create_branch("aside", at="0")
    await talk(manager, "why")
    await manager.switch("main")
    assert [node.data.message.content for node in await manager.delete("aside")] == ["why", "re: why"]
    assert await manager.get_branch_names() == ["main"]
    await manager.undelete("aside")
    assert await manager.get_branch_names() == ["main", "aside"]


async def test_what_cannot_be_deleted_is_refused(manager: ConversationManager) -> None:
    """The root, the branch one is on, a node that is deleted or was never there, and what was not deleted."""
    await talk(manager, "one")
    with pytest.raises(BranchError, match="root"):
        await manager.delete("")
    with pytest.raises(BranchError, match="You are on"):
        await manager.delete("main")
    with pytest.raises(NodeNotFound):
        await manager.delete("7")
    with pytest.raises(BranchError, match="not a deleted one"):
        await manager.undelete("0")
    node = manager.state.current
    await manager.delete(node)
    with pytest.raises(NodeNotFound, match="deleted"):
        await manager.delete(node)


async def test_who_resumes_below_what_others_deleted_is_above_it(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """The store's position is inside the deleted subtree: the nearest node that is shown is taken."""
    await talk(manager, "one", "two")
    other = await ConversationManager.resume("talk", model, None, storage)
    await other.switch_to_node("0")
    await manager.switch("main")
    await other.delete("0.0.0")
    again = await ConversationManager.resume("talk", model, None, storage)
    assert again.current_node_id == "0.0"


@pytest.fixture
async def other(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> ConversationManager:
    """A second manager on the conversation of the first, where one turn was made; both are at its end."""
    await talk(manager, "one")
    return await ConversationManager.resume("talk", model, None, storage)


async def test_a_write_does_not_undo_what_others_deleted(
    manager: ConversationManager, other: ConversationManager, storage: ConversationStorage
) -> None:
    """It is refused, nothing is written, and after a refresh one is at the nearest node that is shown."""
    await other.switch_to_node("")
    await other.delete("0")
    with pytest.raises(NodeNotFound, match="deleted meanwhile"):
        await manager.add_message(content="two")
    assert len((await loaded(storage, "talk")).stored) == 3
    assert await manager.refresh()
    assert (manager.current_node_id, await manager.get_history()) == ("", [])
    await talk(manager, "three")
    await other.refresh()
    assert [row["node_id"] for row in other.to_rows()] == ["1", "1.0"]


async def test_who_is_where_others_deleted_moves_up_and_is_told(
    manager: ConversationManager, other: ConversationManager, caplog: pytest.LogCaptureFixture
) -> None:
    """On its branch, if that was taken there; a change of labels or metadata brings the news as a refresh does."""
    await talk(manager, "two")
    await other.switch("main")
    await manager.delete("0.0.0.0")
    await other.update_metadata({"seen": 1})
    assert (other.current_node_id, other.current_branch) == ("0.0.0", "main")
    assert [message.content for message in await other.get_history()] == ["one", "re: one", "two"]
    assert "has been deleted" in caplog.text
    await manager.create_branch("aside")
    await talk(manager, "three")
    await other.switch("aside")
    await manager.switch("main")
    await manager.delete("aside")
    await other.refresh()
    assert (other.current_node_id, other.current_branch) == ("0.0.0", None)


async def test_an_answer_to_what_was_deleted_is_deleted_with_it(
    manager: ConversationManager, other: ConversationManager, storage: ConversationStorage
) -> None:
    """Paid for and stored, hidden, and its reply says so; undeleting shows both."""
    await other.switch_to_node("")
    await other.delete("0.0")
    response = await manager.complete()
    assert response.metadata["deleted"] is True
    answer = manager.node_of(response)
    assert answer is not None
    assert answer.data.hidden
    assert manager.current_node_id == "0"
    assert [row["content"] for row in manager.to_rows()] == ["one"]
    shown = await ConversationManager.resume("talk", manager.llm, None, storage)
    assert [row["content"] for row in shown.to_rows()] == ["one"]
    await shown.undelete("0.0.0")
    assert [row["content"] for row in shown.to_rows()] == ["one", "re: one", "re: re: one"]


async def test_a_stream_whose_question_is_deleted_ends_deleted(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Nothing of it is shown, and its last piece says where it is."""
    await manager.add_message(content="one")
    pieces = manager.stream_complete()
    await anext(pieces)
    await manager.delete("0")
    last = [piece async for piece in pieces][-1]
    assert last.response is not None
    assert last.response.metadata["deleted"] is True
    assert (manager.to_rows(), manager.current_node_id) == ([], "")
    assert [node.data.hidden for node in (await loaded(storage, "talk")).stored] == [False, True, True]


async def test_what_others_say_below_while_it_is_deleted_is_deleted(
    manager: ConversationManager, other: ConversationManager, storage: ConversationStorage
) -> None:
    """A deletion that was planned before it was said hides it, too."""
    await other.add_message(content="late")
    node = manager.resolve("0")
    await manager.storage.update(manager.state, plan_remove(manager.state, node))
    assert [node.data.hidden for node in (await loaded(storage, "talk")).stored] == [False, True, True, True]


async def test_a_deep_conversation_is_deleted_and_undeleted(storage: ConversationStorage) -> None:
    """Twenty thousand messages go and come back in one step each."""
    state = await stored(storage, length=20_000)
    manager = ConversationManager(state, ScriptedModel(), None, storage)
    assert len(await manager.delete("0.0")) == 19_999
    assert manager.state.current.depth == 1
    assert sum(node.data.hidden for node in (await loaded(storage)).stored) == 19_999
    assert len(await manager.undelete("0.0")) == 19_999
