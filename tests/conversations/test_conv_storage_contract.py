"""What every store does: the same tests for each kind."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta, timezone

import pytest
from conversations_help import chain, texts

from dknb.conversations import (
    CallRecord,
    Change,
    ConversationNode,
    ConversationState,
    ConversationStorage,
    Start,
    Step,
    Tree,
    calculate_node_id,
    get_node_by_id,
)
from dknb.errors import BranchError, ConversationError, ConversationNotFound, StorageError
from dknb.llm.messages import LLMMessage
from dknb.llm.parts import ImagePart, TextPart, ToolCall


def user(text: str, **more) -> ConversationNode:
    return ConversationNode(LLMMessage("user", text), **more)


async def stored(storage: ConversationStorage, name: str = "c", length: int = 2) -> ConversationState:
    tip = chain(length)
    state = ConversationState(name, tip.root, metadata={"topic": "tests"})
    state.move(tip, "main")
    await storage.create_conversation(state)
    return state


async def loaded(storage: ConversationStorage, name: str = "c") -> ConversationState:
    state = await storage.load_conversation(name)
    assert state is not None
    return state


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


async def test_the_ledger_keeps_calls_as_they_were(storage: ConversationStorage) -> None:
    """Rows come back in order with all they say, of one conversation or all, and outlive the conversation."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc)
    full = CallRecord("c", None, "cell", "chat", "p", "m", 10, 20, 5, 0.125, 1.5, "RateLimited", at)
    other = CallRecord(conversation_id=None, kind="embed", at=at)
    await stored(storage)
    await storage.record_call(full)
    await storage.record_call(other)
    await storage.delete_conversation("c")
    assert await storage.list_calls() == [full, other]
    assert await storage.list_calls("c") == [full]


async def test_branches_are_made_moved_renamed_and_hidden(storage: ConversationStorage) -> None:
    """What a change does to the state is what the store has, in the order in which branches were made."""
    from dknb.conversations import Branch

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
    from dknb.conversations import Branch

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


async def test_writing_below_what_was_deleted_shows_it_again(storage: ConversationStorage) -> None:
    """A node is never visible below a hidden one, even if another writer hid it meanwhile."""
    one = await stored(storage)
    two = await loaded(storage)
    await storage.update(one, Change(position=(one.message_tree, None), hide=list(one.stored[1:])))
    await storage.append(two, Step(two.current, [user("still here")], "main"))
    await storage.refresh(one)
    assert [node.data.hidden for node in one.stored] == [node.data.hidden for node in two.stored] == [False] * 4


async def test_messages_come_back_whole(storage: ConversationStorage) -> None:
    """Tool calls, parts, names, reasoning and metadata of messages survive."""
    state = await stored(storage)
    call = ToolCall("search", {"q": "x"}, "id-1", '{"q": "x"}')
    said = [
        LLMMessage("assistant", "calling", tool_calls=[call], reasoning="hm"),
        LLMMessage("tool", "found", tool_call_id="id-1", name="search", metadata={"k": 1}),
        LLMMessage("user", [TextPart("see"), ImagePart(url="https://example.org/a.png")]),
        LLMMessage("assistant", "", function_call={"name": "f", "arguments": "{}"}),
    ]
    await storage.append(state, Step(state.current, [ConversationNode(message) for message in said], "main"))
    twin = await loaded(storage)
    assert [node.data.message for node in twin.stored[3:]] == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\0b",
        "\ud83d half a pair",
        "'; DROP TABLE nodes; --",
        "<script>",
        "\r\n\t ",
        "héllo 🎉 \u2028",
        "x" * 2_000_000,
    ],
    ids=["empty", "nul", "surrogate", "sql", "html", "blank", "unicode", "long"],
)
async def test_any_text_comes_back_as_it_was(storage: ConversationStorage, text: str) -> None:
    """What was said is data: nothing in it is read, replaced or refused."""
    state = await stored(storage)
    named = LLMMessage("user", text, name="somebody")
    await storage.append(state, Step(state.current, [user(text), ConversationNode(named)], "main"))
    twin = await loaded(storage)
    assert [node.data.message for node in twin.stored[3:]] == [LLMMessage("user", text), named]


@pytest.mark.parametrize("name", ["it's; DROP TABLE branches", "../../etc", "<b>", "ü" * 200, "%s {x} $y"])
async def test_names_are_data(storage: ConversationStorage, name: str) -> None:
    """Conversations, branches and metadata keep any name."""
    from dknb.conversations import Branch

    state = ConversationState(name, chain(1).root, metadata={name: name})
    await storage.create_conversation(state)
    await storage.update(state, Change(new=[Branch(name, state.current, state.created_at)]))
    twin = await loaded(storage, name)
    assert list(twin.branches) == ["main", name]
    assert [each["conversation_id"] for each in await storage.list_conversations({name: name})] == [name]


async def test_metadata_that_json_does_not_know_is_kept_as_text(storage: ConversationStorage) -> None:
    """A date becomes its text; what cannot be written at all is an error that changes nothing."""
    state = await stored(storage)
    await storage.append(state, Step(state.current, [user("q", metadata={"at": datetime(2026, 1, 2)})], "main"))
    assert (await loaded(storage)).stored[-1].data.metadata == {"at": "2026-01-02 00:00:00"}
    circular: dict = {}
    circular["self"] = circular
    for bad in ({(1, 2): "tuple key"}, circular):
        with pytest.raises(StorageError, match="metadata of the message"):
            await storage.append(state, Step(state.current, [user("r", metadata=bad)], "main"))
    assert len(state.stored) == 4
    [after] = await storage.append(state, Step(state.current, [user("s")], "main"))
    assert after.data.seq == 4
    assert texts((await loaded(storage)).message_tree) == texts(state.message_tree)


async def test_a_time_without_a_zone_is_utc(storage: ConversationStorage) -> None:
    """Imported documents have such times."""
    state = await stored(storage)
    naive = datetime(2026, 5, 6, 7, 8, 9)
    await storage.append(state, Step(state.current, [user("q", timestamp=naive)], "main"))
    assert (await loaded(storage)).stored[-1].data.timestamp == naive.replace(tzinfo=timezone.utc)


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
    from dknb.conversations import MemoryConversationStorage

    state = await stored(storage, length=6)
    copy = MemoryConversationStorage()
    await copy.save_conversation(await loaded(storage))
    twin = await loaded(copy)
    assert texts(twin.message_tree) == texts(state.message_tree)
    assert twin.current_node_id == state.current_node_id


async def test_listing_finds_by_metadata_and_sorts_by_time(storage: ConversationStorage) -> None:
    """Filters are values that the metadata must have; the last written comes first."""
    for name, topic in (("a", "x"), ("b", "y"), ("c", "x")):
        await storage.create_conversation(ConversationState(name, chain(1).root, metadata={"topic": topic}))
    first = await loaded(storage, "a")
    await storage.append(first, Step(first.current, [user("again")], "main"))
    listed = await storage.list_conversations()
    assert [each["conversation_id"] for each in listed] == ["a", "c", "b"]
    assert listed[0]["metadata"] == {"topic": "x"}
    assert listed[0]["nodes"] == 3
    assert listed[0]["updated_at"] > listed[0]["created_at"]
    assert [each["conversation_id"] for each in await storage.list_conversations({"topic": "x"})] == ["a", "c"]
    assert [each["conversation_id"] for each in await storage.list_conversations({"conversation_id": "b"})] == ["b"]
    assert await storage.list_conversations({"topic": "x", "missing": None}) == []


async def test_listing_reads_no_node(storage: ConversationStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the conversations are, only their own rows are read."""
    await stored(storage, length=50)
    for rows in ("dknb.conversations.memory._MemoryRows", "dknb.conversations._sql_rows.SqlRows"):
        monkeypatch.setattr(f"{rows}.nodes", None)
    assert [each["nodes"] for each in await storage.list_conversations()] == [51]


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


def test_the_tree_type_is_generic() -> None:
    """A tree of anything: the stores use trees of nodes."""
    assert Tree(1).add_child(2).data == 2
