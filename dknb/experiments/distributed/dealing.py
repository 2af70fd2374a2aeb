"""The run's side of a cluster: it leases parts of itself out, and takes in what comes of them."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ...errors import BudgetExceeded, DknbError
from ...llm.calls.leasing import BudgetLease, lease, refuse
from ..running.run import Run
from ..setup import Setup
from ..store.rows import TrialRow
from ..store.shards import ShardStore
from ..store.store import ExperimentStore, Opened
from .cluster import Cluster
from .cutting import cut
from .packing import Numbering, Packed, Packer, Portion
from .parcels import Returned, ShareLimits
from .sealing import Sealed, open_with
from .shares import Taken

__all__ = ["Dealer"]

#: Seconds that workers have to put away what they were answered when the run is stopped; who waits for it waits for 3.
_GRACE_S = 1.5


@dataclass
class _Dealt:
    """A part of the run that is worked at: its trials, and what it has of the limits and the budgets."""

    shard: str
    numbers: Sequence[int]
    numbering: Numbering
    taken: Taken
    dollars: BudgetLease


class Dealer:
    """Leases the parts of a run out to a cluster.

    Args:
        setup: The experiment.
        run: The run.
        store: The store.
        opened: The experiment in it.
        cluster: The cluster.
    """

    def __init__(self, setup: Setup, run: Run, store: ExperimentStore, opened: Opened, cluster: Cluster) -> None:
        self._run, self._opened, self._cluster = run, opened, cluster
        self._design, self._scoring, self._reader = setup.design, setup.scoring, setup.reader
        self._store = ShardStore(store.storage)
        self._name = uuid.uuid4().hex[:12]
        self._packer = Packer(setup, self._name)
        self._waiting: deque[list[int]] = deque()
        self._dealt: dict[asyncio.Task[Returned], _Dealt] = {}
        self._ask: set[int] = set()
        self._count = 0
        self._refused: BudgetExceeded | None = None
        self._is_stopped = False

    async def calls(self, ask: Sequence[int], score: Sequence[int], order: Sequence[int] | None = None) -> None:
        """`Run.calls`, on the cluster.

        Raises:
            ConfigError: Something of the experiment cannot be sent, or the store not be reached from there.
            ClusterError: The cluster gave up a part.
            StorageError: The store cannot be read or written.
            asyncio.CancelledError: It was cancelled; what had come is stored, and taken in.
        """
        if not ask and not score:
            return
        self._packer.refuse(self._store.storage)
        self._ask = set(ask)
        packed = await asyncio.to_thread(self._packer.packed, self._store.storage, ask)
        await self._lead(ask)
        numbers = self._run.ordered([*ask, *score], order)
        self._waiting.extend(cut(self._design, numbers, await self._cluster.places()))
        try:
            while self._goes_on or self._dealt:
                await self._hand_out(packed)
                await self._take_in(packed)
        except BaseException:
            self._run.interrupt()
            await self._break_off(packed)
            raise

    @property
    def _goes_on(self) -> bool:
        return bool(self._waiting) and self._run.ended.reason is None

    async def _lead(self, ask: Sequence[int]) -> None:
        """Write what goes before the questions, below which all workers hang theirs."""
        places = sorted({number // self._design.repeats for number in ask})
        long = [self._design.requests[place].messages for place in places]
        long = [messages for messages in long if len(messages) > 1]
        if long:
            await self._store.lead(self._opened, long)

    # Handing out

    async def _hand_out(self, packed: Packed) -> None:
        """Lease parts out, as many as there are places and limits for."""
        places = await self._cluster.places() if self._goes_on else 0
        while self._goes_on and len(self._dealt) < places:
            share = 1 / (places - len(self._dealt))
            dollars = lease(share, 0.0 if self._refused is None else self._refused.estimate or 0.0)
            if dollars is None:
                if not self._dealt:
                    self._exhausted()
                return
            try:
                taken = packed.shares.take(share)
                if taken is not None:
                    await self._deal(packed, self._waiting.popleft(), taken, dollars)
                    continue
            except BaseException:
                dollars.settle(0.0)
                raise
            dollars.settle(0.0)
            return

    def _exhausted(self) -> None:
        """Nothing is left of a budget that a call could be made for."""
        estimate = None if self._refused is None else self._refused.estimate
        error = refuse(self._packer.request(self._waiting[0][0]), estimate or 0.01) or self._refused
        assert error is not None
        self._run.halt(error)

    async def _deal(
        self, packed: Packed, numbers: Sequence[int], share: tuple[Taken, Sequence[ShareLimits]], dollars: BudgetLease
    ) -> None:
        self._count += 1
        shard = f"{self._name}-{self._count}"
        parcel = await asyncio.to_thread(
            self._packer.parcel,
            Portion(shard, numbers, share[1], dollars.dollars, dollars.allows_unknown),
            self._ask,
            self._run.rows,
            self._opened.nodes,
        )
        await self._store.lease(self._opened, shard)
        task = asyncio.create_task(self._worked(shard, packed, parcel))
        self._dealt[task] = _Dealt(shard, numbers, self._packer.numbering(numbers), share[0], dollars)

    async def _worked(self, shard: str, packed: Packed, parcel: Sealed) -> Returned:
        sealed = await self._cluster.work(f"dknb-{shard}", packed.job, packed.providers, parcel)
        returned: Returned = await asyncio.to_thread(open_with, sealed, [])
        return returned

    # Taking in

    async def _take_in(self, packed: Packed) -> None:
        """Wait for a part that has ended, or for the minute in which there may be more."""
        pause = packed.shares.pause if self._goes_on else None
        if not self._dealt:
            await asyncio.sleep((pause or 0.01) if self._goes_on else 0)
            return
        done, _ = await asyncio.wait(self._dealt, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await self._returned(packed, task)
        if self._run.ended.reason == "decided" and not self._is_stopped:
            self._is_stopped = True
            await self._cluster.stop(self._name)

    async def _returned(self, packed: Packed, task: asyncio.Task[Returned]) -> None:
        """Take in a part.

        Raises:
            DknbError: What kept it from being worked at.
        """
        dealt = self._dealt[task]
        spent = await self._store.end(self._opened, dealt.shard)
        del self._dealt[task]
        error = task.exception()
        returned = Returned() if error is not None else task.result()
        packed.shares.give_back(dealt.taken, returned.recent)
        dealt.dollars.settle(spent, returned.unpriced)
        await self._keep(dealt, {dealt.numbering.whole(own): row for own, row in returned.rows.items()}, returned)
        if error is not None or returned.fault is not None:
            raise error or returned.fault  # type: ignore[misc]  # one of them is there

    async def _keep(self, dealt: _Dealt, rows: Mapping[int, TrialRow], returned: Returned) -> None:
        by_budget = returned.reason == "budget"
        left = [number for number in dealt.numbers if number not in rows]
        for number, row in sorted(rows.items()):
            parsed = await self._reader.read_again(row.output, row.parsed)
            item = self._design.items[self._design.place(number).item]
            is_whole = not (by_budget and self._scoring.missing(row, item.row, parsed))
            if not is_whole:
                left.append(number)
            self._run.take(number, row, parsed, asked=number in self._ask, is_whole=is_whole)
            self._ask.discard(number)
        self._give_up(returned)
        if by_budget and isinstance(returned.why, BudgetExceeded):
            self._wants_more(returned.why, left)

    def _give_up(self, returned: Returned) -> None:
        """Ask those models no more that nobody can ask."""
        ended = self._run.ended
        ended.missed += returned.missed
        ended.given_up = {**returned.given_up, **ended.given_up}
        if returned.given_up:
            variants = self._design.variants
            gone = {place for place, variant in enumerate(variants) if variant.model.label in ended.given_up}
            kept = [[n for n in part if self._design.place(n).variant not in gone] for part in self._waiting]
            self._waiting = deque(part for part in kept if part)

    def _wants_more(self, error: BudgetExceeded, left: list[int]) -> None:
        """A part has used up what it had of the budget: the rest waits for what others leave."""
        if error.estimate is None:
            self._run.halt(error)
            return
        if self._refused is None or error.estimate > (self._refused.estimate or 0.0):
            self._refused = error
        if left:
            self._waiting.appendleft(sorted(left, key=list(left).index))

    # Breaking off

    async def _break_off(self, packed: Packed) -> None:
        """End all parts, and take in what they have stored."""
        await self._cluster.stop(self._name)
        if self._dealt:
            await asyncio.wait(self._dealt, timeout=_GRACE_S)
        for task, dealt in list(self._dealt.items()):
            is_there = task.done() and task.exception() is None and task.result().fault is None
            with suppress(DknbError):
                if is_there:
                    await self._returned(packed, task)
                    continue
                dealt.dollars.settle(await self._store.end(self._opened, dealt.shard))
                await self._fetch(dealt)
            task.cancel()
        await asyncio.gather(*self._dealt, return_exceptions=True)
        self._dealt.clear()

    async def _fetch(self, dealt: _Dealt) -> None:
        """Take in what the store has of a part that nobody told of."""
        keys = {self._design.key(number): number for number in dealt.numbers}
        there = await self._store.fetch(self._opened, list(keys))
        rows = {keys[key]: row for key, row in there.items()}
        await self._keep(dealt, {n: row for n, row in rows.items() if row != self._run.rows.get(n)}, Returned())
