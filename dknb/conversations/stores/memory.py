"""A store in memory: rows in lists, gone with the process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import ParamSpec, TypeVar

from ..ledger import CallRecord
from ..node import NO_LABELS, OPEN
from ..search import Query, Said, matching
from ._halts import without_halts
from ._row_storage import RowStorage
from .rows import AMENDED, BranchRow, Claim, HeadRow, NodeRow, Rows
from .worker import Worker

__all__ = ["MemoryConversationStorage"]

P = ParamSpec("P")
T = TypeVar("T")


class MemoryConversationStorage(RowStorage):
    """Keeps conversations as long as it lives; for tests, scripts, and trying things out.

    What is loaded is a copy, as from any store. Safe to use from several threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows = _MemoryRows()
        self._lock = threading.Lock()
        self._worker = Worker("dknb-memory")

    async def close(self) -> None:
        """End the thread that does what takes long; what is kept stays."""
        await self._worker.stop()

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._lock.acquire(blocking=False):
            # Something that takes long is going on: the event loop must not wait for it.
            return await self._run_long(work, *args, **kwargs)
        try:
            return work(*args, **kwargs)
        finally:
            self._lock.release()

    async def _run_long(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def locked() -> T:
            with self._lock, without_halts():
                return work(*args, **kwargs)

        return await self._worker.run(locked)

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Rows]:
        # What fails does so before any row is changed, but for the numbers that it has claimed.
        with self._rows.claims_kept_back():
            yield self._rows

    def _exists(self) -> bool:
        return True


@dataclass(slots=True)
class _Kept:
    head: HeadRow
    nodes: list[NodeRow] = field(default_factory=list)
    below: list[int] = field(default_factory=list)  # how many children each node has
    branches: dict[str, BranchRow] = field(default_factory=dict)
    labels: dict[int, frozenset[str]] = field(default_factory=dict)

    def said(self, conversation_id: str) -> Iterator[Said]:
        for row in self.nodes:
            at = datetime.fromisoformat(row.created_at)
            labels = self.labels.get(row.seq, NO_LABELS)
            yield Said(conversation_id, row.seq, row.role, at, row.content, labels, bool(row.hidden))


class _MemoryRows:
    """`Rows` in lists and dicts."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._calls: list[CallRecord] = []
        self._before: dict[str, HeadRow] = {}

    def head(self, conversation_id: str) -> HeadRow | None:
        kept = self._kept.get(conversation_id)
        return None if kept is None else kept.head

    def heads(self) -> list[HeadRow]:
        heads = [kept.head for kept in self._kept.values()]
        return sorted(heads, key=lambda head: head.updated_at, reverse=True)

    def add_head(self, row: HeadRow) -> bool:
        if row.conversation_id in self._kept:
            return False
        self._kept[row.conversation_id] = _Kept(row)
        return True

    @contextmanager
    def claims_kept_back(self) -> Iterator[None]:
        """Give claimed numbers back if anything is raised."""
        self._before.clear()
        try:
            yield
        except BaseException:
            for conversation_id, head in self._before.items():
                if (kept := self._kept.get(conversation_id)) is not None:
                    kept.head = head
            raise

    def claim(self, conversation_id: str, nodes: int, revisions: int, at: str, last: int) -> Claim | None:
        kept = self._kept.get(conversation_id)
        if kept is None:
            return None
        head = kept.head
        self._before.setdefault(conversation_id, head)
        kept.head = head._replace(next_seq=head.next_seq + nodes, revision=head.revision + revisions, updated_at=at)
        node = kept.nodes[last] if 0 <= last < len(kept.nodes) else None
        said = (None, None) if node is None else (node.role, None if node.state == OPEN else node.created_at)
        return Claim(kept.head.next_seq, kept.head.revision, head.created_at, *said)

    def advance(self, conversation_id: str, nodes: int, branch: str | None, at: str, last: int) -> Claim | None:
        claim = self.claim(conversation_id, nodes, 0, at, last)
        if claim is not None:
            self.move(conversation_id, claim.next_seq - 1, branch)
        return claim

    def set_metadata(self, conversation_id: str, metadata: str) -> None:
        kept = self._kept[conversation_id]
        kept.head = kept.head._replace(metadata=metadata)

    def move(self, conversation_id: str, seq: int, branch: str | None) -> None:
        kept = self._kept[conversation_id]
        kept.head = kept.head._replace(current_seq=seq, current_branch=branch)

    def add_nodes(self, conversation_id: str, rows: Sequence[NodeRow]) -> list[int]:
        kept = self._kept[conversation_id]
        ordinals = []
        for row in rows:
            ordinal = 0
            if row.parent_seq is not None:
                ordinal = kept.below[row.parent_seq]
                kept.below[row.parent_seq] += 1
            kept.nodes.append(row._replace(ordinal=ordinal))
            kept.below.append(0)
            ordinals.append(ordinal)
        return ordinals

    def fill(self, conversation_id: str, rows: Iterable[NodeRow]) -> None:
        kept = self._kept.pop(conversation_id)
        kept.nodes = list(rows)
        below = Counter(row.parent_seq for row in kept.nodes)
        kept.below = [below[row.seq] for row in kept.nodes]
        self._kept[conversation_id] = kept

    def replace_nodes(self, conversation_id: str, rows: Iterable[NodeRow]) -> None:
        kept = self._kept[conversation_id]
        for row in list(rows):
            if kept.nodes[row.seq].state != OPEN:
                kept.nodes[row.seq] = row

    def nodes(self, conversation_id: str, first: int, end: int | None) -> Iterable[NodeRow]:
        return self._kept[conversation_id].nodes[first:end]

    def amend(self, conversation_id: str, row: NodeRow) -> bool:
        nodes = self._kept[conversation_id].nodes
        before = nodes[row.seq]
        if before.state != OPEN or before.session != row.session:
            return False
        nodes[row.seq] = before._replace(**{name: getattr(row, name) for name in AMENDED})
        return True

    def node_at(self, conversation_id: str, seq: int) -> NodeRow | None:
        kept = self._kept.get(conversation_id)
        return kept.nodes[seq] if kept is not None and 0 <= seq < len(kept.nodes) else None

    def path(self, conversation_id: str, seq: int) -> list[NodeRow]:
        found = []
        row = self.node_at(conversation_id, seq)
        while row is not None:
            found.append(row)
            row = None if row.parent_seq is None else self.node_at(conversation_id, row.parent_seq)
        return found[::-1]

    def candidates(self, query: Query) -> list[Said]:
        return matching((said for name, kept in self._kept.items() for said in kept.said(name)), query)

    def hidden(self, conversation_id: str) -> list[tuple[int, int]]:
        return [(row.seq, row.hidden) for row in self._kept[conversation_id].nodes if row.hidden]

    def hide(self, conversation_id: str, seqs: Sequence[int], deletion: int) -> None:
        nodes = self._kept[conversation_id].nodes
        for seq in seqs:
            nodes[seq] = nodes[seq]._replace(hidden=deletion)

    def labels(self, conversation_id: str) -> list[tuple[int, str]]:
        return [(seq, name) for seq, names in self._kept[conversation_id].labels.items() for name in names]

    def label(self, conversation_id: str, pairs: Sequence[tuple[int, str]]) -> None:
        labels = self._kept[conversation_id].labels
        for seq, name in pairs:
            labels[seq] = labels.get(seq, NO_LABELS) | {name}

    def unlabel(self, conversation_id: str, pairs: Sequence[tuple[int, str]]) -> None:
        labels = self._kept[conversation_id].labels
        for seq, name in pairs:
            labels[seq] = labels.get(seq, NO_LABELS) - {name}

    def branches(self, conversation_id: str) -> list[BranchRow]:
        return list(self._kept[conversation_id].branches.values())

    def add_branch(self, conversation_id: str, row: BranchRow) -> bool:
        branches = self._kept[conversation_id].branches
        if row.name in branches:
            return False
        branches[row.name] = row
        return True

    def set_branch(self, conversation_id: str, row: BranchRow, was: int | None = None) -> bool:
        branches = self._kept[conversation_id].branches
        before = branches.get(row.name)
        if before is None or (was is not None and (before.head_seq != was or before.hidden)):
            return False
        branches[row.name] = row
        return True

    def rename_branch(self, conversation_id: str, old: str, new: str) -> bool:
        kept = self._kept[conversation_id]
        if new in kept.branches:
            return False
        renamed = {old: new}
        rows = [row._replace(name=renamed.get(name, name)) for name, row in kept.branches.items()]
        kept.branches = {row.name: row for row in rows}
        return True

    def remove(self, conversation_id: str) -> bool:
        return self._kept.pop(conversation_id, None) is not None

    def add_call(self, call: CallRecord) -> None:
        self._calls.append(call)

    def calls(self, conversation_id: str | None) -> list[CallRecord]:
        return [call for call in self._calls if conversation_id in (None, call.conversation_id)]
