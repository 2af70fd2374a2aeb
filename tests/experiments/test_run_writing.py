"""The writer of a run goes on whatever becomes of those who wait for it."""

from __future__ import annotations

import asyncio
from typing import Any

from dknb.experiments.running.writing import TrialWriter
from dknb.experiments.store.rows import Entry, TrialRow


class SlowStore:
    """Writes when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.written: list[str] = []

    async def write(self, opened: Any, entries: list[Entry], *, again: bool = False) -> list[TrialRow]:
        await self.let.wait()
        self.written += [entry.row.key for entry in entries]
        return [entry.row for entry in entries]


def entry(key: str) -> Entry:
    return Entry(TrialRow(key, "item", "variant", "prompt", None, "model", 0, output=key))


async def test_what_is_waited_for_no_more_is_written_all_the_same() -> None:
    """Cancelling a task cancels what it waits for: the rest must be written nevertheless."""
    store: Any = SlowStore()
    rows = {number: entry(str(number)).row for number in range(3)}
    writer = TrialWriter(store, None, rows)  # type: ignore[arg-type]  # the experiment is the store's business
    waiting = asyncio.create_task(_wait(writer.add(0, entry("0"))))
    await asyncio.sleep(0)
    writer.add(1, entry("1"))
    waiting.cancel()
    await asyncio.sleep(0)
    writer.add(2, entry("2"))
    store.let.set()
    await writer.drain()
    assert sorted(store.written) == ["0", "1", "2"]


async def _wait(future: asyncio.Future[None]) -> None:
    await future
