"""A store on rows: what a step, a change or a whole conversation means for them, whatever engine holds them."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

from ...errors import ConfigError, ConversationError, ConversationNotFound, StorageError, StoreUnreachable
from ..ledger import CallRecord
from ..node import OPEN, ConversationNode
from ..search import Hit, Query, rank
from ..state import ConversationState
from ..steps import Amendment, Change, Start, Step
from ..storage import (
    ASIDE,
    ConversationStorage,
    already_there,
    apply_change,
    apply_landing,
    closed,
    hang,
    nearest_names,
    owe,
)
from ..tree import Tree
from ._asked import checked_filters, is_name, listed, matches, says
from ._writing import (
    branch_row,
    change_branches,
    change_marks,
    check_same,
    claimed,
    find_written,
    gone,
    hang_stored,
    in_order,
    number,
    replace_labels,
    unwritten,
    write_step,
)
from .catch_up import add_foreign_nodes, apply_marks, leave_lost_branch, load_state, read_news, seq_of
from .rows import HeadRow, NodeRow, Rows, pack, pack_whatever, storable, takes_long, to_iso, to_json, unpack

__all__ = ["RowStorage"]

#: A conversation has fewer nodes.
MOST_NODES = 2**31

NodeTree = Tree[ConversationNode]
P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")


class RowStorage(ConversationStorage):
    """Appends rows: a step costs the same however long the conversation is.

    An engine supplies transactions on its rows, and a place to do what may wait. Each piece of work first writes to the
    store and, after the commit, brings the state up to it, one piece after the other: so a caller that is cancelled
    while it waits loses nothing, and the state never runs ahead of the store.
    """

    def __init__(self) -> None:
        self.session: str = str(uuid.uuid4())
        self._unsure = False

    @abstractmethod
    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` where it may wait, after all that was given before, even if the caller is cancelled."""

    async def _run_long(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`_run` for work that may take long although nothing waits."""
        return await self._run(work, *args, **kwargs)

    async def _run_aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`_run_long` for work that only looks at what was written, beside the turns that go on."""
        return await self._run_long(work, *args, **kwargs)

    def _again(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work``, and once more if a connection broke off meanwhile; nothing of it has been written then."""
        return work(*args, **kwargs)

    @abstractmethod
    def _transaction(self, *, write: bool) -> AbstractContextManager[Rows]:
        """Rows to read, or to change; committed at the end, rolled back if anything is raised."""

    @abstractmethod
    def _exists(self) -> bool:
        """Whether there is a store: reading must not make one."""

    async def work(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work``, which may take long, where the store is worked on: there it may use `rows`."""
        return await self._run_aside(work, *args, **kwargs)

    @contextmanager
    def rows(self, *, write: bool) -> Iterator[Rows | None]:
        """A transaction on the rows, inside `work`; None instead if it only reads and there is no store."""
        if not (write or self._exists()):
            yield None
            return
        with self._transaction(write=write) as rows:
            yield rows

    async def save_conversation(self, state: ConversationState) -> None:
        await self._run_long(self._again, self._save, state)

    async def create_conversation(self, state: ConversationState) -> None:
        await self._run_long(self._again, self._create, [(state, ())])

    async def create_conversations(self, talks: Sequence[tuple[ConversationState, Sequence[CallRecord]]]) -> None:
        await self._run_long(self._again, self._create, talks)

    async def load_conversation(self, conversation_id: str) -> ConversationState | None:
        return await self._run_long(self._again, self._load, conversation_id)

    async def list_conversations(self, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return await self._run_aside(self._again, self._list, checked_filters(filters))

    async def delete_conversation(self, conversation_id: str) -> bool:
        return await self._run_long(self._again, self._delete, conversation_id)

    async def append(self, state: ConversationState, step: Step) -> list[NodeTree]:
        run = self._run_long if any(map(takes_long, step.nodes)) else self._run
        return await run(self._append, state, step)

    async def amend(self, state: ConversationState, amendment: Amendment) -> None:
        run = self._run_long if takes_long(amendment.node) else self._run
        await run(self._amend, state, amendment)

    async def update(self, state: ConversationState, change: Change) -> None:
        await self._run(self._again, self._update, state, change)

    async def refresh(self, state: ConversationState) -> bool:
        return await self._run(self._again, self._refresh, state)

    async def record_call(self, call: CallRecord) -> None:
        await self._run(self._again, self._record, call)

    async def list_calls(self, conversation_id: str | None = None) -> list[CallRecord]:
        return await self._run_aside(self._again, self._calls, conversation_id)

    async def similar(self, conversation_id: str) -> tuple[list[str], int]:
        return await self._run_aside(self._again, self._similar, conversation_id)

    async def search(self, query: Query) -> list[Hit]:
        return await self._run_aside(self._again, self._search, query)

    async def load_path(self, conversation_id: str, seq: int) -> list[ConversationNode]:
        return await self._run_aside(self._again, self._path, conversation_id, seq)

    # Whole conversations

    def _create(self, talks: Sequence[tuple[ConversationState, Sequence[CallRecord]]]) -> None:
        with self._transaction(write=True) as rows:
            for state, calls in talks:
                if not self._insert(rows, state):
                    raise already_there(state.conversation_id)
                for call in calls:
                    rows.add_call(call)
        for state, _ in talks:
            number(state)

    def _save(self, state: ConversationState) -> None:
        with self._transaction(write=True) as rows:
            new = self._insert(rows, state)
        if new:
            number(state)
            return
        if not state.stored:
            raise already_there(state.conversation_id)
        for node in list(state.unsaved()):
            self._write_there(state, node)
        with self._transaction(write=True) as rows:
            revision = self._rewrite(rows, state)
        if revision == state.revision + 1:
            state.revision = revision  # else there is more to catch up with

    def _insert(self, rows: Rows, state: ConversationState) -> bool:
        """Write a conversation with all its nodes; False if the store has one of that id."""
        if storable(state.conversation_id) != state.conversation_id:
            raise ConversationError(
                f"A conversation cannot be called {state.conversation_id!r}.",
                hint="Leave out NUL characters and halves of surrogate pairs.",
            )
        nodes = in_order(state)
        seqs = {id(node): seq for seq, node in enumerate(nodes)}
        head = HeadRow(
            conversation_id=state.conversation_id,
            metadata=to_json(state.metadata, "metadata of the conversation"),
            next_seq=len(nodes),
            revision=state.revision,
            current_seq=seqs[id(state.current)],
            current_branch=state.current_branch,
            created_at=to_iso(state.created_at),
            updated_at=to_iso(state.updated_at),
        )
        if not rows.add_head(head):
            return False
        rows.fill(state.conversation_id, (self._row(node, seqs) for node in nodes))
        rows.label(state.conversation_id, [(seqs[id(node)], name) for node in nodes for name in node.data.labels])
        for branch in state.branches.values():
            rows.add_branch(state.conversation_id, branch_row(branch, seqs[id(branch.head)]))
        return True

    def _rewrite(self, rows: Rows, state: ConversationState) -> int:
        """Write anew what is there already; the store's revision then."""
        identity = state.conversation_id
        seqs = {id(node): seq for seq, node in enumerate(state.stored)}
        metadata = to_json(state.metadata, "metadata of the conversation")
        head = claimed(rows, state, 0, 1)
        rows.replace_nodes(identity, (self._row(node, seqs) for node in state.stored))
        replace_labels(rows, state, head)
        rows.set_metadata(identity, metadata)
        rows.move(identity, seqs[id(state.current)], state.current_branch)
        # A branch that others took further than is known here stays there.
        ahead = {row.name for row in rows.branches(identity) if row.head_seq >= len(state.stored)}
        for branch in state.branches.values():
            row = branch_row(branch, seqs[id(branch.head)])
            if branch.name not in ahead and not rows.set_branch(identity, row):
                rows.add_branch(identity, row)
        return head.revision

    def _row(self, node: NodeTree, seqs: Mapping[int, int]) -> NodeRow:
        parent = None if node.parent is None else seqs[id(node.parent)]
        return self._pack(node.data)._replace(seq=seqs[id(node)], parent_seq=parent, ordinal=node.ordinal)

    def _pack(self, node: ConversationNode) -> NodeRow:
        return pack(node, session=self.session)

    def _pack_whatever(self, node: ConversationNode) -> NodeRow:
        return pack_whatever(node, session=self.session)

    def _load(self, conversation_id: str) -> ConversationState | None:
        if not (is_name(conversation_id) and self._exists()):
            return None
        with self._transaction(write=False) as rows:
            return load_state(rows, conversation_id)

    def _list(self, filters: dict[str, Any]) -> list[dict[str, Any]]:
        if not self._exists():
            return []
        with self._transaction(write=False) as rows:
            found = [listed(head) for head in rows.heads() if not head.conversation_id.startswith(ASIDE)]
        return [one for one in found if all(matches(one, key, value) for key, value in filters.items())]

    def _similar(self, conversation_id: str) -> tuple[list[str], int]:
        return nearest_names(conversation_id, [str(each["conversation_id"]) for each in self._list({})])

    def _search(self, query: Query) -> list[Hit]:
        known = query.conversation_id is None or is_name(query.conversation_id)
        if not (query.words and known and self._exists()):
            return []
        with self._transaction(write=False) as rows:
            said = rows.candidates(query)
        return rank(said, query)

    def _path(self, conversation_id: str, seq: int) -> list[ConversationNode]:
        if not isinstance(seq, int):
            raise ConfigError(
                f"{seq!r:.60} is no number of a node.", hint="Take one of a hit of a search, or node.seq."
            )
        if not (is_name(conversation_id) and 0 <= seq < MOST_NODES and self._exists()):
            return []
        with self._transaction(write=False) as rows:
            return [unpack(row) for row in rows.path(conversation_id, seq)]

    def _delete(self, conversation_id: str) -> bool:
        if not (is_name(conversation_id) and self._exists()):
            return False
        with self._transaction(write=True) as rows:
            return rows.remove(conversation_id)

    # Steps and changes

    def _append(self, state: ConversationState, step: Step) -> list[NodeTree]:
        try:
            return self._once(self._write_step, state, step)
        except ConversationError:
            if step.paid:
                owe(state, step, hang(state, step))
            raise

    def _once(self, work: Callable[[ConversationState, U], T], state: ConversationState, what: U) -> T:
        """Do ``work``, which can tell whether it has been done before, until it is known to be done or not."""
        try:
            return self._again(work, state, what)
        except StoreUnreachable as error:
            if not error.unsure:
                raise
            self._unsure = True
            return self._again(work, state, what)

    def _write_step(self, state: ConversationState, step: Step) -> list[NodeTree]:
        waiting = unwritten(step.parent)
        anchor = step.parent if not waiting else waiting[0].parent
        if anchor is None:
            raise gone(state.conversation_id)
        pack_new = self._pack_whatever if step.paid else self._pack
        # What hangs in the tree already is said: it is written, whatever it holds.
        unnumbered = [*(self._pack_whatever(node.data) for node in waiting), *map(pack_new, step.nodes)]
        landing = step.landing(state)
        with self._transaction(write=True) as rows:
            done = find_written(rows, state, step, anchor, unnumbered) if self._unsure else None
            done = done or write_step(rows, state, step, anchor, unnumbered)
            lost = landing.head is not None and not done.moved_head
            news = read_news(rows, state, done.head, done.first, branches=lost)
        add_foreign_nodes(state, news)
        new = [Tree(node) for node in step.nodes]
        hang_stored(state, anchor, [*waiting, *new], done.packed)
        apply_marks(state, news)
        head = landing.head if done.moved_head else None
        apply_landing(state, done.moves, head, step.branch, state.stored[done.end])
        leave_lost_branch(state)
        return new

    def _amend(self, state: ConversationState, amendment: Amendment) -> None:
        try:
            self._once(self._write_amendment, state, amendment)
        except (StorageError, ConversationNotFound):
            if amendment.paid:
                amendment.tree.data.take(amendment.node)
                state.owed.append(amendment)
            raise

    def _write_amendment(self, state: ConversationState, amendment: Amendment) -> None:
        tree, identity = amendment.tree, state.conversation_id
        if tree.data.seq is None:
            # Its first append is owed: it is written whole, and what is owed then finds it.
            tree.data.take(amendment.node)
            self._write_step(state, Step(tree, (), None, call=amendment.call, still=True))
            return
        row = self._pack_whatever(amendment.node)._replace(seq=tree.data.seq, session=self.session)
        with self._transaction(write=True) as rows:
            claimed(rows, state, 0, 0)
            if rows.amend(identity, row):
                if amendment.call is not None:
                    rows.add_call(replace(amendment.call, node_seq=row.seq))
            elif not says(rows.node_at(identity, row.seq), row):
                raise closed(tree.data)
        tree.data.take(amendment.node)

    def _write_there(self, state: ConversationState, node: NodeTree) -> None:
        """Write a node that hangs in the tree already, and move nothing."""
        if node.data.seq is None:
            self._append(state, Step(node, (), None, Start(node, None, None)))

    def _update(self, state: ConversationState, change: Change) -> None:
        for node in change.nodes():
            self._write_there(state, node)
        identity = state.conversation_id
        bumps = 0 if change.only_moves else 1
        with self._transaction(write=True) as rows:
            head = claimed(rows, state, 0, bumps)
            moved = change_branches(rows, state, change, head.revision)
            change_marks(rows, state, change, head.revision)
            if change.position is not None:
                rows.move(identity, seq_of(change.position[0]), change.position[1])
            others = moved or head.revision - bumps != state.revision
            news = read_news(rows, state, head, head.next_seq) if others else None
        apply_change(state, change, head.revision)
        add_foreign_nodes(state, news)
        apply_marks(state, news)

    def _refresh(self, state: ConversationState) -> bool:
        identity = state.conversation_id
        if not self._exists():
            raise gone(identity)
        with self._transaction(write=False) as rows:
            head = rows.head(identity)
            if head is None:
                raise gone(identity)
            node = rows.node_at(identity, len(state.stored) - 1) if state.stored else None
            said = node and (node.role, None if node.state == OPEN else node.created_at)
            check_same(state, head.created_at, head.next_seq, said)
            news = read_news(rows, state, head, head.next_seq, branches=True)
        before = (len(state.stored), state.revision, state.branches)
        amended = any(state.stored[row.seq].data.timestamp != unpack(row).timestamp for row in news.amended)
        add_foreign_nodes(state, news)
        apply_marks(state, news)
        leave_lost_branch(state)
        return amended or before != (len(state.stored), state.revision, state.branches)

    # The ledger

    def _record(self, call: CallRecord) -> None:
        with self._transaction(write=True) as rows:
            rows.add_call(call)

    def _calls(self, conversation_id: str | None) -> list[CallRecord]:
        if not ((conversation_id is None or is_name(conversation_id)) and self._exists()):
            return []
        with self._transaction(write=False) as rows:
            return rows.calls(conversation_id)
