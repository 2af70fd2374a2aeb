"""A run: a bounded number of calls side by side, each stored as it is answered, then scored."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ...conversations.ledger import CallRecord
from ...errors import BudgetExceeded, DknbError, ReplayMiss
from ..design.design import Design
from ..scoring.base import Scorer
from ..scoring.calls import CallQueue, noted
from ..store.rows import Entry, TrialRow
from ..store.store import ExperimentStore, Opened
from .asking import HOPELESS, Answered, ask, cancelled_call
from .early import Early
from .parsing import AnswerReader
from .progress import Progress
from .scoring import Scoring, request_text, trial_of, unbooked, without_scores
from .writing import TrialWriter

__all__ = ["Ended", "Run"]

#: Calls of a model at a time where nobody says how many: what a provider begins with, too.
AT_ONCE = 100


@dataclass
class Ended:
    """How a run ended before all trials were done.

    Attributes:
        reason: ``"budget"``, ``"decided"``, ``"interrupted"``; None where it went to its end.
        why: What a budget said.
        given_up: Models that were not asked on, by label, with the error.
        missed: How many trials a recording does not have, where only it may answer.
        submitted: How many trials are in batches that are not collected.
    """

    reason: str | None = None
    why: DknbError | None = None
    given_up: dict[str, DknbError] = field(default_factory=dict)
    missed: int = 0
    submitted: int = 0

    @property
    def cause(self) -> DknbError | None:
        """What kept it from asking: that of a model that was given up, or a budget's."""
        return next(iter(self.given_up.values()), self.why)


class Run:
    """What is done of a design, and what does it.

    Args:
        design: The design.
        reader: Reads answers.
        scoring: Scores trials.
        store: The store.
        opened: The experiment in it.
        progress: Shows how far it is.
        concurrency: Most calls of a model at a time; None leaves it to the provider.

    Attributes:
        rows: The trials that are done, by their numbers.
        parsed: What was read in their answers.
        fresh: Which of them were asked in this run.
        ended: How it ended.
    """

    def __init__(
        self,
        design: Design,
        reader: AnswerReader,
        scoring: Scoring,
        store: ExperimentStore,
        opened: Opened,
        progress: Progress,
        concurrency: int | None = None,
    ) -> None:
        self._design, self._reader, self._scoring, self._progress = design, reader, scoring, progress
        self._store, self._opened, self._concurrency = store, opened, concurrency
        self.rows: dict[int, TrialRow] = {}
        self.parsed: dict[int, Any] = {}
        self.fresh: set[int] = set()
        self.ended = Ended()
        self.early: Early | None = None
        self._queues: list[deque[int]] = [deque() for _ in design.models]
        self._ask: set[int] = set()
        self._asking: set[int] = set()
        self._gate, self._settled, self._reserving = asyncio.Lock(), asyncio.Event(), 0
        self._writer = TrialWriter(store, opened, self.rows)
        self._scoring_calls, self._lost = CallQueue(), list[CallRecord]()

    async def calls(self, ask: Sequence[int], score: Sequence[int], order: Sequence[int] | None = None) -> None:
        """Make the calls of the trials ``ask``, and score these and those of ``score``.

        Args:
            ask: Numbers of trials.
            score: Numbers of trials that are done, and not scored.
            order: The items in the order in which they are to be run; their own order if it is not given.

        Raises:
            StorageError: What came could not be written; it is in ``rows``.
            asyncio.CancelledError: It was cancelled; what had come is written.
        """
        self._ask = set(ask)
        self._queue([*ask, *score], order)
        workers = [
            asyncio.create_task(self._work(model))
            for model, queue in enumerate(self._queues)
            for _ in self._places(model, queue)
        ]
        try:
            await _all_of(workers)
        except BaseException:
            await self._break_off(workers)
            raise
        await self._writer.drain()

    def settle(self, numbers: Iterable[int]) -> None:
        """Let what looks for an early end know of trials that are done."""
        if self.early is not None and any([self.early.done(number) for number in numbers]):
            self.ended.reason = self.ended.reason or "decided"

    def _queue(self, numbers: Sequence[int], order: Sequence[int] | None) -> None:
        for number in self.ordered(numbers, order):
            self._queues[self._design.variants[self._design.place(number).variant].model_number].append(number)

    def ordered(self, numbers: Sequence[int], order: Sequence[int] | None) -> list[int]:
        """Trials in the order in which they are run: by ``order`` of their items, or by their numbers."""
        if order is None:
            return sorted(numbers)
        turn = {item: at for at, item in enumerate(order)}
        return sorted(numbers, key=lambda number: (turn[self._design.place(number).item], number))

    def _places(self, model: int, queue: deque[int]) -> range:
        """Workers for a model: never more than calls, and never a task for each call."""
        most = self._concurrency or self._design.models[model].config.max_concurrency or AT_ONCE
        return range(min(most, len(queue)))

    async def _work(self, model: int) -> None:
        queue = self._queues[model]
        written: asyncio.Future[None] | None = None
        while queue and self.ended.reason is None:
            last, written = written, await self._trial(queue.popleft())
            if last is not None:
                # So that at most as many answers as there are workers wait to be written.
                await last
        if written is not None:
            await written

    async def _trial(self, number: int) -> asyncio.Future[None] | None:
        """Ask, store, score, store; None where nothing came of it."""
        written = None
        if number in self._ask:
            answered = await self._answered(number)
            if answered is None:
                return None
            self.rows[number], self.parsed[number] = answered.entry.row, answered.parsed
            self.fresh.add(number)
            written = self._writer.add(number, answered.entry)
        scored = await self._scored(number)
        if number in self._ask:
            self._count(self.rows[number])
        self.settle([number])
        return scored or written

    def _count(self, row: TrialRow) -> None:
        self._progress.ended(0.0 if row.replayed else row.cost_usd, failed=row.error is not None)

    def take(self, number: int, row: TrialRow, parsed: Any, *, asked: bool, is_whole: bool) -> None:
        """Take in a trial that was asked, scored and stored elsewhere.

        Args:
            number: Its number.
            row: The trial as it is stored.
            parsed: What was read in its answer.
            asked: Whether it was asked in this run.
            is_whole: Whether it has all its scores, as far as there will be some.
        """
        self.rows[number], self.parsed[number] = row, parsed
        if asked:
            self.fresh.add(number)
            self._count(row)
        if is_whole:
            self.settle([number])

    async def _scored(self, number: int) -> asyncio.Future[None] | None:
        row = self.rows[number]
        if not (scorers := self.unscored(number)):
            return None
        try:
            with self._running(), self.scoring() as ended:
                entry = await self._scoring.scored(row, self.trial(number), scorers)
            entry.calls += unbooked(ended, entry.calls)
        except BudgetExceeded as error:
            self.halt(error)
            await self._book_lost()
            return None
        except ReplayMiss:
            self.ended.missed += 1
            await self._book_lost()
            return None
        there = self.rows[number]
        entry.row = replace(entry.row, question=there.question, node_seq=there.node_seq, node_id=there.node_id)
        self.rows[number] = entry.row
        return self._writer.add(number, entry)

    @property
    def scorers(self) -> list[Scorer]:
        """All scorers."""
        return [*self._scoring.scorers, *self._scoring.of_frame]

    def unscored(self, number: int) -> list[Scorer]:
        """The scorers that have had no say about a trial as it is now."""
        item = self._design.items[self._design.place(number).item]
        return self._scoring.missing(self.rows[number], item.row, self.parsed.get(number))

    async def forget_scores(self, numbers: Iterable[int]) -> None:
        """Drop the numbers that scorers gave to something else than what is there now.

        Raises:
            StorageError: It could not be written.
        """
        rows = {number: without_scores(self.rows[number], self.unscored(number)) for number in numbers}
        await self.write({number: Entry(row) for number, row in rows.items() if row is not self.rows[number]})

    @contextmanager
    def scoring(self) -> Iterator[list[CallRecord]]:
        """Around what scorers do, the calls that have ended: of what breaks off they are booked all the same."""
        with noted(self._scoring_calls) as ended:
            try:
                yield ended
            except BaseException:
                self._lost += ended
                raise

    async def put_away(self) -> None:
        """Write all that there is to write.

        Raises:
            StorageError: It could not be written.
        """
        await self._writer.drain()
        await self._book_lost()

    async def _book_lost(self) -> None:
        """Book the calls of scorers that no score came of."""
        lost, self._lost = self._lost, []
        await self._store.book(self._opened, lost)

    def trial(self, number: int) -> Any:
        """A trial as a scorer sees it."""
        row, item = self.rows[number], self._design.items[self._design.place(number).item]
        messages = self._design.request(number).messages
        return trial_of(row, item.row, self.parsed.get(number), request_text(messages), cached=self.is_cached(number))

    def is_cached(self, number: int) -> bool:
        """Whether a trial was not paid for in this run."""
        is_ours = number in self.fresh or self._design.fault(number) is not None
        return not is_ours or self.rows[number].replayed

    async def _answered(self, number: int) -> Answered | None:
        """The answer of a trial; None where it is not to be had now."""
        variant = self._design.variants[self._design.place(number).variant]
        self._asking.add(number)
        try:
            try:
                return await self._call(number)
            except BudgetExceeded:
                return await self._when_there_is_room(number)
        except ReplayMiss:
            self.ended.missed += 1
        except HOPELESS as error:
            self.ended.given_up.setdefault(variant.model.label, error)
            self._queues[variant.model_number].clear()
        finally:
            self._asking.discard(number)
        return None

    async def _call(self, number: int) -> Answered:
        with self._running():
            return await ask(self._design, number, self._reader)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Around what may reserve a part of a budget."""
        self._reserving += 1
        try:
            yield
        finally:
            self._reserving -= 1
            self._settled.set()

    async def _when_there_is_room(self, number: int) -> Answered | None:
        """Ask when calls that run have ended: they reserve more than they cost. Without any, the budget is exhausted."""
        async with self._gate:  # one at a time, or each answer would wake all
            while self.ended.reason is None:
                try:
                    return await self._call(number)
                except BudgetExceeded as error:
                    if error.estimate is None or error.estimate > error.limit - error.spent or not self._reserving:
                        self.halt(error)
                        return None
                self._settled.clear()
                await self._settled.wait()
        return None

    def halt(self, error: BudgetExceeded) -> None:
        """End it, as a budget is exhausted; calls that run go on to their end."""
        if self.ended.reason is None:
            self.ended.reason, self.ended.why = "budget", error
            self._settled.set()

    def interrupt(self) -> None:
        """Note that it was broken off, unless it had come to an end before."""
        self.ended.reason = self.ended.reason or "interrupted"

    async def _break_off(self, workers: Sequence[asyncio.Task[None]]) -> None:
        """End the calls that run, and write what has come."""
        cut = [self._design.variants[self._design.place(number).variant] for number in self._asking]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self.interrupt()
        await self._writer.drain()
        await self._store.book(self._opened, [cancelled_call(variant) for variant in cut])
        await self._book_lost()

    async def write(self, entries: dict[int, Entry]) -> None:
        """Write trials anew.

        Raises:
            StorageError: They could not be written.
        """
        for number, entry in entries.items():
            self.rows[number] = entry.row
            self._writer.add(number, entry)
        await self._writer.drain()


async def _all_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for all, or for the first that fails, which is raised."""
    if not tasks:
        return
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()
