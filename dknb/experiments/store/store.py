"""The store of experiments: the store of conversations, with more in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ...conversations.ledger import CallRecord
from ...conversations.stores._row_storage import RowStorage
from ...conversations.stores.rows import Rows, to_iso
from ...errors import ConfigError, ExperimentNotFound, LeaseLost, did_you_mean
from ...llm.messages import utc_now
from .claims import RUN, RunClaim, take
from .memory import MemoryTrials
from .nodes import TrialNodes
from .rows import Entry, ExperimentRow, TrialRow

if TYPE_CHECKING:
    from ...conversations.storage import ConversationStorage
    from .sql import SqlTrials

__all__ = ["ExperimentStore", "Lease", "Opened", "StoredExperiment"]

_in_memory: WeakKeyDictionary[Any, MemoryTrials] = WeakKeyDictionary()


@dataclass(frozen=True)
class StoredExperiment:
    """An experiment in a list.

    Attributes:
        name: Its name.
        design: Its design, as JSON data.
        trials: How many trials of the design are stored.
        errors: How many of them are errors.
        updated_at: When a run of it last began (ISO 8601, UTC).
    """

    name: str
    design: dict[str, Any]
    trials: int
    errors: int
    updated_at: str

    @property
    def missing(self) -> int:
        """How many trials of the design are not there."""
        return len(self.design["items"]) * len(self.design["variants"]) * int(self.design["repeats"]) - self.trials


@dataclass(frozen=True)
class Lease:
    """A part of a run, and who works at it; somebody else may be given it, when this one seems to be dead.

    Attributes:
        shard: The part.
        holder: Who.
    """

    shard: str
    holder: str


@dataclass
class Opened:
    """An experiment of the store that is being run.

    Attributes:
        row: Its own row.
        before: Its design when it was last run; None if it is new.
        trials: All its trials by their keys, those of earlier designs included.
        spent: US dollars that its calls have cost so far.
        reserved: The most that its batches may cost, as far as it is known.
        nodes: Its conversation.
        lease: The part of a run that is worked at, where somebody else began the run.
    """

    row: ExperimentRow
    before: dict[str, Any] | None
    trials: dict[str, TrialRow]
    spent: float
    nodes: TrialNodes
    lease: Lease | None = None
    reserved: float = 0.0


class ExperimentStore:
    """Experiments in a store of conversations, SQLite, PostgreSQL or memory.

    Args:
        storage: The store of conversations.

    Raises:
        ConfigError: It is a store of whole documents, which has no rows.
    """

    def __init__(self, storage: ConversationStorage) -> None:
        if not isinstance(storage, RowStorage):
            raise ConfigError(
                f"Experiments cannot be kept in {type(storage).__name__}: it keeps whole documents.",
                hint="Give the path of an SQLite file, postgresql://..., an SQLConversationStorage, or 'memory'",
            )
        self._storage = storage
        self._has_place = False

    @property
    def storage(self) -> RowStorage:
        """The store of conversations."""
        return self._storage

    async def look(self, name: str) -> Opened | None:
        """An experiment with its trials; None if there is none of that name. Writes nothing.

        Raises:
            StorageError: The store cannot be read.
        """
        return await self._storage.work(self._look, name)

    async def begin(self, name: str, design: Mapping[str, Any], claim: RunClaim | None = None) -> Opened:
        """An experiment, made if there is none of that name, with ``design`` from now on.

        Args:
            name: Its name.
            design: Its design, as JSON data.
            claim: Who runs it from now on.

        Raises:
            ExperimentRunning: Somebody else runs it.
            StorageError: The store cannot be written.
        """
        return await self._storage.work(self._begin, name, dict(design), claim)

    async def settle(self, opened: Opened, changed: Sequence[TrialRow], left: Sequence[str]) -> None:
        """Note which trials are called otherwise now, and which are no part of the design any more.

        Raises:
            StorageError: The store cannot be written.
        """
        if changed or left:
            await self._storage.work(self._settle, opened, changed, left)

    async def write(self, opened: Opened, entries: Sequence[Entry], *, again: bool = False) -> list[TrialRow]:
        """Write trials, their nodes and their rows in the ledger in one transaction; the trials as they are stored.

        Args:
            opened: The experiment.
            entries: The trials.
            again: Whether a try before may have been kept, as its connection broke off in that moment.

        Raises:
            LeaseLost: Somebody else works at that part of a run now. They are written, as far as nobody was quicker.
            ExperimentNotFound: Somebody has removed the experiment.
            StorageError: They could not be written; none was.
        """
        return await self._storage.work(self._write, opened, entries, again)

    async def book(self, opened: Opened, calls: Sequence[CallRecord]) -> None:
        """Write rows of the ledger that belong to no trial.

        Raises:
            StorageError: They could not be written.
        """
        if calls:
            await self._storage.work(self._book, opened, calls)

    async def load(self, name: str) -> tuple[ExperimentRow, list[TrialRow]]:
        """An experiment and the trials of its design.

        Raises:
            ExperimentNotFound: There is none of that name.
            StorageError: The store cannot be read.
        """
        found = await self._storage.work(self._load, name)
        if found is None:
            known = [each.name for each in await self.listed()]
            hint = f"Experiments: {', '.join(known[:20])}" if known else "The store has no experiments."
            raise ExperimentNotFound(f"There is no experiment {name!r}.{did_you_mean(name, known)}", hint=hint)
        return found

    async def listed(self) -> list[StoredExperiment]:
        """All experiments, the newest first.

        Raises:
            StorageError: The store cannot be read.
        """
        return await self._storage.work(self._listed)

    async def remove(self, name: str) -> bool:
        """Remove an experiment with its trials; its conversation and the ledger stay. Whether there was one.

        Raises:
            StorageError: The store cannot be written.
        """
        return await self._storage.work(self._remove, name)

    async def close(self) -> None:
        """Close the store."""
        await self._storage.close()

    # All below runs where the store is worked on

    @contextmanager
    def _rows(self, *, write: bool, make: bool = False) -> Iterator[tuple[Rows, SqlTrials | MemoryTrials] | None]:
        """A transaction; None instead if there are no experiments, unless it is to ``make`` their place."""
        with self._storage.rows(write=write) as rows:
            if rows is None:
                yield None
                return
            trials = self._trials(rows)
            if make:
                trials.make()
            self._has_place = make or self._has_place or trials.are_there()
            yield (rows, trials) if self._has_place else None

    def _trials(self, rows: Rows) -> SqlTrials | MemoryTrials:
        connection = getattr(rows, "connection", None)
        if connection is None:
            return _in_memory.setdefault(self._storage, MemoryTrials(lambda identity: _spent(rows, identity)))
        from .sql import SqlTrials

        return SqlTrials(connection)

    def _look(self, name: str) -> Opened | None:
        with self._rows(write=False) as found:
            if found is None:
                return None
            trials = found[1]
            row = trials.find(name)
            return None if row is None else self._opened(trials, row)

    def _opened(self, trials: SqlTrials | MemoryTrials, row: ExperimentRow) -> Opened:
        known = {trial.key: trial for trial in trials.trials(row.number, all_designs=True)}
        questions = {trial.question.digest: trial.question for trial in known.values() if trial.question is not None}
        nodes = TrialNodes(row.conversation_id, self._storage.session, list(questions.values()))
        return Opened(row, row.design, known, trials.spent(row.conversation_id), nodes)

    def _begin(self, name: str, design: dict[str, Any], claim: RunClaim | None) -> Opened:
        lease = None if claim is None else Lease(RUN, claim.holder)
        now = to_iso(utc_now())
        with self._rows(write=True, make=True) as found:
            assert found is not None
            rows, trials = found
            row = trials.find(name)
            if row is not None:
                take(trials, row, claim)
                opened = self._opened(trials, row)
                trials.redesign(row.number, design, now)
                return replace(opened, row=row._replace(design=design, updated_at=now), lease=lease)
            identity, number = name, 1
            nodes = TrialNodes(identity, self._storage.session)
            while not nodes.begin(rows, name):  # somebody else talks under that name
                number += 1
                identity = f"{name} (experiment{'' if number == 2 else f' {number - 1}'})"
                nodes = TrialNodes(identity, self._storage.session)
            row = trials.add(name, identity, design, now)
            take(trials, row, claim)
            return Opened(row, None, {}, 0.0, nodes, lease)

    def _settle(self, opened: Opened, changed: Sequence[TrialRow], left: Sequence[str]) -> None:
        with self._rows(write=True) as found:
            assert found is not None
            trials = found[1]
            trials.write(opened.row.number, changed, to_iso(utc_now()))
            trials.leave(opened.row.number, left)

    def _write(self, opened: Opened, entries: Sequence[Entry], again: bool) -> list[TrialRow]:
        with self._rows(write=True) as found:
            assert found is not None
            rows, trials = found
            if again and (kept := self._kept(opened, trials, entries)) is not None:
                return kept
            booked = [call for entry in entries for call in entry.calls]
            lost = opened.lease is not None and not _spend(opened, trials, booked)
            if lost and not trials.is_there(opened.row.number, opened.row.name):
                raise ExperimentNotFound(
                    f"The experiment {opened.row.name!r} was removed from the store while it ran.",
                    hint="What was answered before is in the result of the run; run() begins anew",
                )
            if lost:
                entries = _without_double(opened, rows, trials, entries)
            writing = opened.nodes.hang(rows, entries, opened.row.name)
            stored: list[TrialRow] = []
            for place, entry in enumerate(entries):
                row, hung = entry.row, writing.hung(place)
                if hung is not None:
                    row = replace(row, question=hung.question, node_seq=hung.seq, node_id=hung.node_id)
                stored.append(row)
                for call in entry.calls:
                    seq = row.node_seq if call.kind == "trial" else call.node_seq
                    rows.add_call(replace(call, conversation_id=opened.row.conversation_id, node_seq=seq))
            trials.write(opened.row.number, stored, to_iso(utc_now()))
        opened.nodes.written(writing)
        if lost:
            raise LeaseLost("Somebody else works at this part of the run now, or nobody is to any more.")
        return stored

    def _kept(
        self, opened: Opened, trials: SqlTrials | MemoryTrials, entries: Sequence[Entry]
    ) -> list[TrialRow] | None:
        """The trials as they are stored, if all were written before."""
        there = {row.key: row for row in trials.trials(opened.row.number, all_designs=True)}
        rows = [there.get(entry.row.key) for entry in entries]
        for entry, row in zip(entries, rows, strict=True):
            if row is None or (row.output, row.error, row.scored) != (
                entry.row.output,
                entry.row.error,
                entry.row.scored,
            ):
                return None
        return [row for row in rows if row is not None]

    def _book(self, opened: Opened, calls: Sequence[CallRecord]) -> None:
        with self._rows(write=True) as found:
            assert found is not None
            for call in calls:
                found[0].add_call(replace(call, conversation_id=opened.row.conversation_id))
            if opened.lease is not None:
                _spend(opened, found[1], calls)

    def _load(self, name: str) -> tuple[ExperimentRow, list[TrialRow]] | None:
        with self._rows(write=False) as found:
            row = None if found is None else found[1].find(name)
            if found is None or row is None:
                return None
            return row, list(found[1].trials(row.number, all_designs=False))

    def _listed(self) -> list[StoredExperiment]:
        with self._rows(write=False) as found:
            if found is None:
                return []
            return [
                StoredExperiment(row.name, row.design, count, errors, row.updated_at)
                for row, count, errors in found[1].listed()
            ]

    def _remove(self, name: str) -> bool:
        with self._rows(write=True) as found:
            row = None if found is None else found[1].find(name)
            if found is not None and row is not None:
                found[1].remove(row.number)
            return row is not None


def _spent(rows: Rows, conversation_id: str) -> float:
    return sum(call.cost_usd or 0.0 for call in rows.calls(conversation_id))


def _spend(opened: Opened, trials: SqlTrials | MemoryTrials, calls: Sequence[CallRecord]) -> bool:
    """Note what these have cost; whether it is still ours to work at that part of the run."""
    assert opened.lease is not None
    dollars = sum(call.cost_usd or 0.0 for call in calls)
    return trials.spend(opened.row.number, opened.lease.shard, opened.lease.holder, dollars)


def _without_double(
    opened: Opened, rows: Rows, trials: SqlTrials | MemoryTrials, entries: Sequence[Entry]
) -> list[Entry]:
    """Those that nobody else has written meanwhile; the calls of the others are booked."""
    keys = [entry.row.key for entry in entries]
    there = {row.key for row in trials.found(opened.row.number, keys) if row.error is None}
    for entry in entries:
        for call in entry.calls if entry.row.key in there else ():
            rows.add_call(replace(call, conversation_id=opened.row.conversation_id))
    return [entry for entry in entries if entry.row.key not in there]
