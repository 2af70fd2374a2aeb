"""Branching beside a node, editing, copying; labels, stars, metadata and search of a conversation."""

from __future__ import annotations

import pytest
from conversations_help import ScriptedModel, texts

from dknb.conversations import ConversationManager, ConversationStorage
from dknb.errors import BranchError, ConversationError, NodeNotFound
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ImagePart, TextPart


async def talk(manager: ConversationManager, *said: str) -> None:
    for text in said:
        await manager.add_message(content=text)
        await manager.complete()


async def test_branching_from_a_node_makes_siblings_of_it(manager: ConversationManager) -> None:
    """One is at the node above: what is said or answered next is another version of the node."""
    await talk(manager, "one", "two")
    above = await manager.branch_from("0.0.0")
    assert (above.data.node_id, manager.current_branch) == ("0.0", None)
    node = await manager.add_message(content="another two")
    assert node.node_id == "0.0.1"
    await manager.branch_from("0.0.0.0", name="second try")
    assert (manager.current_node_id, manager.current_branch) == ("0.0.0", "second try")
    await manager.complete()
    assert manager.resolve("second try").data.node_id == "0.0.0.1"
    assert manager.resolve("main").data.node_id == "0.0.0.0"
    with pytest.raises(BranchError, match="root"):
        await manager.branch_from("")


async def test_an_edit_is_a_sibling(manager: ConversationManager, storage: ConversationStorage) -> None:
    """The node and what follows stay; one is at the new one, on no branch; it says what it is a version of."""
    await talk(manager, "one", "two")
    new = await manager.edit("0", "uno")
    assert (new.data.node_id, new.data.message) == ("1", LLMMessage("user", "uno"))
    assert new.data.metadata == {"edited": {"node_id": "0", "node_seq": 1}}
    assert (manager.state.current, manager.current_branch) == (new, None)
    assert manager.resolve("main").data.node_id == "0.0.0.0"
    assert texts(manager.state.message_tree)["user: one"]["assistant: re: one"]["user: two"]
    with pytest.raises(BranchError, match="root"):
        await manager.edit("", "You are somebody else.")
    with pytest.raises(NodeNotFound):
        await manager.edit("5", "?")


async def test_an_edit_keeps_what_is_no_text(manager: ConversationManager) -> None:
    """The image stays, the words change."""
    image = ImagePart(url="https://example.org/cat.png")
    await manager.add_message(content=["What is this?", image])
    new = await manager.edit("0", "What is that?")
    assert new.data.message.parts == [TextPart("What is that?"), image]
    assert new.data.message.content == "What is that?"


async def test_a_copy_says_where_it_is_from(manager: ConversationManager) -> None:
    """What was said goes below another node; its cost is not counted twice, and the branch there goes along."""
    await talk(manager, "one")
    await manager.create_branch("aside", at="")
    await talk(manager, "two")
    await manager.switch("main")
    cost = manager.get_total_cost()
    end = await manager.cherry_pick(["1", "1.0"], onto="main")
    assert [m.content for m in await manager.get_history()] == ["one", "re: one", "two", "re: two"]
    assert manager.state.current is manager.resolve("main") is end
    assert end.data.metadata["cherry_picked"] == {
        "node_id": "1.0",
        "node_seq": 4,
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        "cost_usd": 0.25,
        "duration_s": 1.5,
    }
    assert (end.data.metadata["cost_usd"], end.data.metadata["model"]) == (0.0, "s-1")
    assert manager.get_total_cost() == cost
    assert manager.resolve("1.0").data.metadata["cost_usd"] == 0.25


async def test_who_is_elsewhere_stays_there_when_something_is_copied(manager: ConversationManager) -> None:
    """Only who is at the target goes along."""
    await talk(manager, "one")
    copy = await manager.cherry_pick("0", onto="")
    assert copy.data.node_id == "1"
    assert manager.current_node_id == "0.0"
    with pytest.raises(ConversationError, match="says nothing"):
        await manager.cherry_pick("", onto="0")
    with pytest.raises(ConversationError, match="nothing to copy"):
        await manager.cherry_pick([], onto="0")


async def test_labels_and_stars_are_kept(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """A node has any number of labels, several nodes may have the same; they are data, and gone nodes have none."""
    await talk(manager, "one", "two")
    odd = "'; DROP TABLE nodes; -- <b>"
    await manager.label("0.0", odd)
    await manager.label("0", "good")
    await manager.label("0.0", "good")
    await manager.star()
    again = await ConversationManager.resume("talk", model, None, storage)
    assert [node.data.node_id for node in again.with_label("good")] == ["0", "0.0"]
    assert again.resolve("0.0").data.labels == {"good", odd}
    assert [node.data.node_id for node in again.starred()] == ["0.0.0.0"]
    await again.unlabel("0", "good")
    await again.unlabel("0", "never there")
    await again.unstar("main")
    await manager.refresh()
    assert [node.data.node_id for node in manager.with_label("good")] == ["0.0"]
    assert manager.starred() == []
    with pytest.raises(ConversationError, match="blank"):
        await manager.label("0", " ")


async def test_metadata_of_a_conversation_is_written_at_once(
    manager: ConversationManager, model: ScriptedModel, storage: ConversationStorage
) -> None:
    """Entries are set, read and removed; what another wrote beside them stays; the caller's copy changes nothing."""
    other = await ConversationManager.resume("talk", model, None, storage)
    await manager.add_metadata("user", "ada")
    await other.update_metadata({"topic": "cats", "user_tier": 2})
    await manager.remove_metadata("not there")
    await manager.refresh()
    assert manager.metadata == {"user": "ada", "topic": "cats", "user_tier": 2}
    manager.metadata["user"] = "eve"
    assert manager.get_metadata("user") == "ada"
    assert manager.get_metadata("none", "default") == "default"
    await manager.remove_metadata("topic")
    [listed] = await storage.list_conversations({"user": "ada"})
    assert listed["metadata"] == {"user": "ada", "user_tier": 2}


async def test_what_was_said_is_found(manager: ConversationManager) -> None:
    """All words, in any order, of one role; what is deleted is found only when asked for."""
    await talk(manager, "The quick brown fox", "A slow fox")
    [hit] = await manager.search("fox QUICK", role="user")
    assert manager.state.stored[hit.seq].data.node_id == "0"
    await manager.delete("0.0.0")
    assert await manager.search("slow") == []
    assert len(await manager.search("slow", deleted=True)) == 2
    assert await manager.search('"unbalanced OR (') == []
