"""A part of a run is worked at by one; who is taken for dead and is not, does no harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from run_help import experiment

from dknb.conversations.ledger import CallRecord
from dknb.conversations.sql import SQLConversationStorage
from dknb.errors import LeaseLost
from dknb.experiments.store.rows import Entry, TrialRow
from dknb.experiments.store.shards import ShardStore
from dknb.experiments.store.store import Lease, Opened


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ShardStore]:
    shards = ShardStore(SQLConversationStorage(tmp_path / "s.db"))
    yield shards
    await shards.close()


async def begun(store: ShardStore) -> Opened:
    design = experiment("echo")._setup.told()
    return await store.begin("few", design)


def answer(key: str, output: str, dollars: float = 0.0) -> Entry:
    row = TrialRow(key, "item", "variant", "prompt", None, "model", 0, output=output)
    return Entry(row, calls=[CallRecord(kind="trial", cost_usd=dollars)])


async def test_who_takes_a_part_over_learns_what_is_there_and_what_it_cost(store: ShardStore) -> None:
    """So that nothing is asked twice, and the budget is that of the part and not of who works at it."""
    opened = await begun(store)
    await store.lease(opened, "part")
    first = await store.join("few", Lease("part", "first"), ["a", "b"], [])
    assert (first.trials, first.spent) == ({}, 0.0)
    await store.write(first, [answer("a", "A", 0.25)])
    second = await store.join("few", Lease("part", "second"), ["a", "b"], [])
    assert second.trials["a"].output == "A"
    assert second.spent == 0.25
    assert await store.end(opened, "part") == 0.25
    assert await store.end(opened, "part") == 0.0


async def test_who_was_taken_for_dead_stops_at_the_next_write(store: ShardStore) -> None:
    """What was paid for is kept, unless the other was quicker; each call is booked."""
    opened = await begun(store)
    await store.lease(opened, "part")
    first = await store.join("few", Lease("part", "first"), ["a", "b"], [])
    second = await store.join("few", Lease("part", "second"), ["a", "b"], [])
    await store.write(second, [answer("a", "quicker", 0.5)])
    with pytest.raises(LeaseLost):
        await store.write(first, [answer("a", "later", 0.5), answer("b", "B", 0.5)])
    there = await store.fetch(opened, ["a", "b"])
    assert {key: row.output for key, row in there.items()} == {"a": "quicker", "b": "B"}
    found = await store.look("few")
    assert found is not None
    assert found.spent == 1.5


async def test_a_run_that_is_begun_anew_ends_the_parts_of_the_last(store: ShardStore) -> None:
    """Whoever still works for a kernel that is gone learns so, and who was about to begin does not."""
    opened = await begun(store)
    await store.lease(opened, "part")
    first = await store.join("few", Lease("part", "first"), ["a"], [])
    await begun(store)
    with pytest.raises(LeaseLost):
        await store.write(first, [answer("a", "A")])
    with pytest.raises(LeaseLost):
        await store.join("few", Lease("part", "late"), ["a"], [])
