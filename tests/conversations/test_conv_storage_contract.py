"""What every store does: the same tests for each kind."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import timedelta

import pytest
from conversations_help import chain, loaded, stored, texts, user

from dknb.conversations import (
    Branch,
    CallRecord,
    Change,
    ConversationState,
    ConversationStorage,
    MemoryConversationStorage,
    Start,
    Step,
    calculate_node_id,
    get_node_by_id,
)
from dknb.errors import BranchError, ConversationError, ConversationNotFound, NodeNotFound


@pytest.fixture
def storage(each_storage: ConversationStorage) -> ConversationStorage:
    return each_storage


async def test_what_was_saved_is_loaded(storage: ConversationStorage) -> None:
    """Tree, position, branches, times and metadata come back; what is loaded is another object."""
    state = await stored(storage)
    state.message_tree.add_child(user("aside", cell="cell-1", prompt_name="p", branch_name="b", metadata={"a": [1]}))
    await storage.save_conversation(state)
    twin = await loaded(storage)
    assert twin.message_tree is not state.message_tree
    assert texts(twin.message_tree) == {"user: m0": {"assistant: m1": {}}, "user: aside": {}}
    assert (twin.current_node_id, twin.current_branch) == ("0.0", "main")
    assert twin.branches["main"].head is twin.current
    assert twin.metadata == {"topic": "tests"}
    assert twin.created_at == state.created_at
    aside = twin.message_tree.children[1].data
    assert (aside.cell, aside.prompt_name, aside.branch_name, aside.metadata) == ("cell-1", "p", "b", {"a": [1]})
    assert aside.timestamp == state.message_tree.children[1].data.timestamp
    assert aside.timestamp.utcoffset() == timedelta(0)


async def test_a_conversation_that_is_not_there(storage: ConversationStorage) -> None:
    """Loading and deleting it say so, and writing to it is an error."""
    assert await storage.load_conversation("c") is None
    assert await storage.delete_conversation("c") is False
    state = await stored(storage)
    assert await storage.delete_conversation("c") is True
    assert await storage.load_conversation("c") is None
    with pytest.raises(ConversationNotFound, match="'c'"):
        await storage.append(state, Step(state.current, [user("lost?")]))
    with pytest.raises(ConversationNotFound, match="'c'"):
        await storage.refresh(state)


async def test_an_id_is_taken_once(storage: ConversationStorage) -> None:
    """A second conversation of one id is refused, however it is written, and harms nothing."""
    await stored(storage)
    with pytest.raises(ConversationError, match="already a conversation 'c'"):
        await stored(storage, length=5)
    with pytest.raises(ConversationError, match="already a conversation 'c'"):
        await storage.save_conversation(ConversationState("c", chain(5).root))
    assert texts((await loaded(storage)).message_tree) == {"user: m0": {"assistant: m1": {}}}


async def test_an_append_adds_below_its_parent_and_moves_there(storage: ConversationStorage) -> None:
    """Nodes come as a chain; position and branch head go to its end, in the state and in the store."""
    state = await stored(storage)
    hung = await storage.append(state, Step(state.current, [user("q"), user("r")], "main"))
    assert [calculate_node_id(tree) for tree in hung] == ["0.0.0", "0.0.0.0"]
    assert state.current is hung[-1] is state.branches["main"].head
    twin = await loaded(storage)
    assert twin.current_node_id == "0.0.0.0"
    assert calculate_node_id(twin.branches["main"].head) == "0.0.0.0"
    assert twin.updated_at > twin.created_at


async def test_siblings_get_their_ordinals_in_order(storage: ConversationStorage) -> None:
    """Many appends at one place at once give siblings, none lost, none twice, numbered in the order of writing."""
    state = await stored(storage)
    parent = state.current
    steps = [Step(parent, [user(f"s{number}")], "main", Start.of(state)) for number in range(20)]
    hung = await asyncio.gather(*(storage.append(state, step) for step in steps))
    assert [tree.ordinal for [tree] in hung] == list(range(20))
    assert [child.data.message.content for child in parent.children] == [f"s{number}" for number in range(20)]
    assert texts((await loaded(storage)).message_tree) == texts(state.message_tree)


async def test_the_first_of_two_turns_moves_the_position(storage: ConversationStorage) -> None:
    """Who began at a place that has been left since adds a sibling and moves nothing."""
    state = await stored(storage)
    start, parent = Start.of(state), state.current
    [first] = await storage.append(state, Step(parent, [user("first")], "main", start))
    [second] = await storage.append(state, Step(parent, [user("second")], "main", start))
    assert state.current is state.branches["main"].head is first
    assert second.parent is parent
    assert (await loaded(storage)).current_node_id == "0.0.0"


async def test_two_states_of_one_conversation_see_each_other(storage: ConversationStorage) -> None:
    """An append brings what the other wrote before it; a refresh brings the rest; ids agree on both sides."""
    one = await stored(storage)
    two = await loaded(storage)
    await storage.append(one, Step(one.current, [user("of one")], "main"))
    [mine] = await storage.append(two, Step(two.current, [user("of two")], "main"))
    assert calculate_node_id(mine) == "0.0.1"
    assert texts(two.message_tree) == {"user: m0": {"assistant: m1": {"user: of one": {}, "user: of two": {}}}}
    assert texts(one.message_tree) != texts(two.message_tree)
    assert await storage.refresh(one) is True
    assert texts(one.message_tree) == texts(two.message_tree)
    assert calculate_node_id(one.branches["main"].head) == "0.0.1"
    assert await storage.refresh(one) is False


async def test_what_is_not_written_yet_gives_way_to_what_others_wrote(storage: ConversationStorage) -> None:
    """A node that hangs in one state only is written with what comes below it, after the siblings in the store."""
    one = await stored(storage)
    two = await loaded(storage)
    waiting = one.current.add_child(user("waiting"))
    await storage.append(two, Step(two.current, [user("faster")], "main"))
    assert waiting.ordinal == 0
    [below] = await storage.append(one, Step(waiting, [user("below")], "main"))
    assert calculate_node_id(waiting) == "0.0.1"
    assert below.parent is waiting
    twin = await loaded(storage)
    assert texts(twin.message_tree) == texts(one.message_tree)
    found = get_node_by_id(twin.message_tree, "0.0.1.0")
    assert found is not None
    assert found.data.message.content == "below"


async def test_random_writing_by_two_states_leaves_both_alike(storage: ConversationStorage) -> None:
    """Whatever two states append, hide and refresh in whatever order, the store and both agree in the end."""
    dice = random.Random(7)
    states = [await stored(storage)]
    states.append(await loaded(storage))
    for number in range(60):
        state = dice.choice(states)
        parent = dice.choice(state.stored)
        if dice.random() < 0.2 and parent is not state.message_tree:
            await storage.update(state, Change(hide=[parent]))
        elif dice.random() < 0.3:
            await storage.refresh(state)
        else:
            with suppress(NodeNotFound):  # somebody has deleted it
                await storage.append(state, Step(parent, [user(f"n{number}")], "main"))
    for state in states:
        await storage.refresh(state)
    states.append(await loaded(storage))
    assert texts(states[0].message_tree) == texts(states[1].message_tree) == texts(states[2].message_tree)
    hidden = [[node.data.deletion for node in state.stored] for state in states]
    assert hidden[0] == hidden[1] == hidden[2]
    assert any(hidden[0])
    assert [node.data.seq for node in states[0].stored] == list(range(len(states[0].stored)))


async def test_adopting_writes_no_node_and_the_ledger(storage: ConversationStorage) -> None:
    """A step without nodes goes to its parent and still leaves its row in the ledger."""
    state = await stored(storage)
    known = state.message_tree.children[0]
    hung = await storage.append(state, Step(known, [], "main", None, CallRecord("c", model="m")))
    assert hung == []
    assert state.current is known
    assert (await loaded(storage)).current_node_id == "0"
    assert [(call.node_seq, call.model) for call in await storage.list_calls("c")] == [(1, "m")]


async def test_branches_are_made_moved_renamed_and_hidden(storage: ConversationStorage) -> None:
    """What a change does to the state is what the store has, in the order in which branches were made."""
    state = await stored(storage)
    first = state.message_tree.children[0]
    side = Branch("side", first, state.created_at)
    await storage.update(state, Change(position=(first, "side"), new=[side]))
    await storage.append(state, Step(first, [user("aside")], "side"))
    await storage.update(state, Change(renamed={"main": "trunk"}))
    await storage.update(state, Change(hide=[state.current], hide_branches=["side"], position=(first, None)))
    twin = await loaded(storage)
    for each in (state, twin):
        assert list(each.branches) == ["trunk", "side"]
        assert each.branches["trunk"].deletion == 0
        deletion = each.branches["side"].deletion
        assert deletion == each.stored[3].data.deletion == each.revision > 0
        assert (each.current_node_id, each.current_branch) == ("0", None)
    await storage.update(twin, Change(unhide=[twin.stored[3]], unhide_branches=["side"]))
    await storage.refresh(state)
    assert not state.stored[3].data.hidden
    assert state.branches["side"].deletion == 0


async def test_two_branches_of_one_name_by_two_writers(storage: ConversationStorage) -> None:
    """The second is refused, and its state is as before."""
    one = await stored(storage)
    two = await loaded(storage)
    await storage.update(one, Change(new=[Branch("side", one.current, one.created_at)]))
    with pytest.raises(BranchError, match="'side'"):
        await storage.update(two, Change(new=[Branch("side", two.message_tree, one.created_at)]))
    assert list(two.branches) == ["main"]
    with pytest.raises(BranchError, match="'side'"):
        await storage.update(two, Change(renamed={"main": "side"}))
    await storage.refresh(two)
    assert calculate_node_id(two.branches["side"].head) == "0.0"


async def test_a_branch_that_another_renamed_is_not_made_again(storage: ConversationStorage) -> None:
    """Who was on it is on none, and the node is there."""
    one = await stored(storage)
    two = await loaded(storage)
    await storage.update(one, Change(renamed={"main": "trunk"}))
    await storage.append(two, Step(two.current, [user("q")], "main", Start.of(two)))
    assert list(two.branches) == list((await loaded(storage)).branches) == ["trunk"]
    assert two.current_branch is None
    assert two.current_node_id == "0.0.0"


async def test_a_node_is_never_shown_below_a_hidden_one(storage: ConversationStorage) -> None:
    """Even if another writer hid it meanwhile: a message is refused, what was paid for is hidden with it."""
    one = await stored(storage)
    two = await loaded(storage)
    await storage.update(one, Change(position=(one.message_tree, None), hide=list(one.stored[1:])))
    with pytest.raises(NodeNotFound):
        await storage.append(two, Step(two.current, [user("still here")], "main"))
    assert [node.data.hidden for node in (await loaded(storage)).stored] == [False, True, True]
    await storage.append(two, Step(two.current, [user("paid")], "main", paid=True))
    await storage.refresh(one)
    assert [node.data.deletion for node in one.stored] == [node.data.deletion for node in two.stored] == [0, 1, 1, 1]
    assert two.current is two.message_tree
    await storage.append(two, Step(two.current, [user("here")], None))
    assert [node.data.seq for node in two.stored] == [0, 1, 2, 3, 4]


async def test_saving_again_writes_what_was_changed_in_memory(storage: ConversationStorage) -> None:
    """Metadata, messages, position and nodes hung by hand are in the store; nodes of others stay."""
    state = await stored(storage)
    other = await loaded(storage)
    await storage.append(other, Step(other.current, [user("of another")], "main"))
    state.metadata["topic"] = "changed"
    state.stored[1].data.metadata["star"] = True
    state.current = state.message_tree.add_child(user("by hand"))
    await storage.save_conversation(state)
    twin = await loaded(storage)
    assert twin.metadata == {"topic": "changed"}
    assert twin.stored[1].data.metadata == {"star": True}
    assert twin.current.data.message.content == "by hand"
    assert texts(twin.message_tree) == {"user: m0": {"assistant: m1": {"user: of another": {}}}, "user: by hand": {}}


async def test_a_state_can_be_saved_into_another_store(storage: ConversationStorage) -> None:
    """What was loaded from one store is whole in the other."""
    state = await stored(storage, length=6)
    copy = MemoryConversationStorage()
    await copy.save_conversation(await loaded(storage))
    twin = await loaded(copy)
    assert texts(twin.message_tree) == texts(state.message_tree)
    assert twin.current_node_id == state.current_node_id


def test_one_store_serves_several_event_loops(storage: ConversationStorage) -> None:
    """A store belongs to no loop: made in one, used in others, one after the other and at once."""
    state = asyncio.run(stored(storage))
    asyncio.run(storage.append(state, Step(state.current, [user("of a second loop")], "main")))

    def in_a_thread(number: int) -> None:
        asyncio.run(storage.append(state, Step(state.message_tree, [user(f"t{number}")])))

    async def at_once() -> None:
        await asyncio.gather(*(asyncio.to_thread(in_a_thread, number) for number in range(8)))

    asyncio.run(at_once())
    twin = asyncio.run(loaded(storage))
    assert len(twin.stored) == 12
    assert texts(twin.message_tree) == texts(state.message_tree)
    asyncio.run(storage.close())


async def test_a_cancelled_caller_loses_no_write(storage: ConversationStorage) -> None:
    """A step that was submitted is written and in the tree, whatever becomes of who waits for it."""
    state = await stored(storage)
    for number in range(30):
        task = asyncio.create_task(storage.append(state, Step(state.message_tree, [user(f"n{number}")])))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await storage.refresh(state)
    twin = await loaded(storage)
    assert len(twin.stored) == 33
    assert texts(twin.message_tree) == texts(state.message_tree)
