"""The store of experiments for a run that several processes work at, each at parts of it."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import LeaseLost
from ...llm.messages import LLMMessage
from .nodes import TrialNodes
from .rows import Asked, TrialRow
from .sql import SqlTrials
from .store import ExperimentStore, Lease, Opened

__all__ = ["ShardStore"]


class ShardStore(ExperimentStore):
    """Experiments in a database that several processes reach.

    Who begins a run leases its parts out; who works at one joins the run. A part is leased to one at a time: who joins
    later takes it over, and who had it learns so when it writes next.
    """

    async def lead(self, opened: Opened, asked: Sequence[Sequence[LLMMessage]]) -> None:
        """Write what stands before the last message of each, so that all who work at the run hang theirs below it.

        Raises:
            StorageError: The store cannot be written.
        """
        await self._storage.work(self._lead, opened, asked)

    async def lease(self, opened: Opened, shard: str) -> None:
        """Let somebody work at a part of the run.

        Raises:
            StorageError: The store cannot be written.
        """
        await self._storage.work(self._lease, opened, shard)

    async def join(self, name: str, lease: Lease, keys: Sequence[str], leading: Sequence[Asked]) -> Opened:
        """The run, with those of the trials of these keys that are there, and what its part has cost so far.

        Raises:
            LeaseLost: Nobody is to work at that part any more.
            StorageError: The store cannot be read or written.
        """
        return await self._storage.work(self._join, name, lease, keys, leading)

    async def end(self, opened: Opened, shard: str) -> float:
        """Let nobody work at a part any more; what it has cost in US dollars.

        Raises:
            StorageError: The store cannot be written.
        """
        return await self._storage.work(self._end, opened, shard)

    async def fetch(self, opened: Opened, keys: Sequence[str]) -> dict[str, TrialRow]:
        """The trials of these keys that are there.

        Raises:
            StorageError: The store cannot be read.
        """
        return await self._storage.work(self._fetch, opened, keys)

    # All below runs where the store is worked on

    def _lead(self, opened: Opened, asked: Sequence[Sequence[LLMMessage]]) -> None:
        with self._rows(write=True) as found:
            assert found is not None
            writing = opened.nodes.lead(found[0], asked, opened.row.name)
        opened.nodes.written(writing)

    def _lease(self, opened: Opened, shard: str) -> None:
        with self._rows(write=True) as found:
            self._sql(found).lease(opened.row.number, shard)

    def _join(self, name: str, lease: Lease, keys: Sequence[str], leading: Sequence[Asked]) -> Opened:
        with self._rows(write=True) as found:
            trials = None if found is None else self._sql(found)
            row = None if trials is None else trials.find(name)
            spent = None if trials is None or row is None else trials.hold(row.number, lease.shard, lease.holder)
            if trials is None or row is None or spent is None:
                raise LeaseLost("Nobody is to work at this part of the run any more.")
            known = {trial.key: trial for trial in trials.found(row.number, keys)}
        questions = {trial.question.digest: trial.question for trial in known.values() if trial.question is not None}
        nodes = TrialNodes(row.conversation_id, self._storage.session, [*leading, *questions.values()])
        return Opened(row=row, before=row.design, trials=known, spent=spent, nodes=nodes, lease=lease)

    def _end(self, opened: Opened, shard: str) -> float:
        with self._rows(write=True) as found:
            return self._sql(found).end_lease(opened.row.number, shard)

    def _fetch(self, opened: Opened, keys: Sequence[str]) -> dict[str, TrialRow]:
        with self._rows(write=False) as found:
            return {row.key: row for row in self._sql(found).found(opened.row.number, keys)}

    def _sql(self, found: object) -> SqlTrials:
        assert isinstance(found, tuple)
        trials = found[1]
        assert isinstance(trials, SqlTrials)
        return trials
