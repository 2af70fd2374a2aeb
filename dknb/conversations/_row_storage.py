"""A store on rows: what a step, a change or a whole conversation means for them, whatever engine holds them."""

from __future__ import annotations

import json
import uuid
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from ..errors import ConversationError
from ._writing import (
    branch_row,
    chain,
    change_branches,
    claim_for,
    claimed,
    gone,
    hang_stored,
    in_order,
    number,
    point,
    revive,
    unwritten,
)
from .catch_up import add_foreign_nodes, apply_marks, leave_lost_branch, load_state, read_news, seq_of
from .ledger import CallRecord
from .node import ConversationNode
from .rows import HeadRow, NodeRow, Rows, pack, to_iso, to_json
from .state import ConversationState
from .steps import Change, Start, Step
from .storage import ConversationStorage, already_there, apply_change, apply_landing, hang, owe
from .tree import Tree

__all__ = ["RowStorage"]

NodeTree = Tree[ConversationNode]
P = ParamSpec("P")
T = TypeVar("T")


class RowStorage(ConversationStorage):
    """Appends rows: a step costs the same however long the conversation is.

    An engine supplies transactions on its rows, and a place to do what may wait. Each piece of work first writes to the
    store and, after the commit, brings the state up to it, one piece after the other: so a caller that is cancelled
    while it waits loses nothing, and the state never runs ahead of the store.
    """

    def __init__(self) -> None:
        self.session: str = str(uuid.uuid4())

    @abstractmethod
    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` where it may wait, after all that was given before, even if the caller is cancelled."""

    @abstractmethod
    def _transaction(self, *, write: bool) -> AbstractContextManager[Rows]:
        """Rows to read, or to change; committed at the end, rolled back if anything is raised."""

    @abstractmethod
    def _exists(self) -> bool:
        """Whether there is a store: reading must not make one."""

    async def save_conversation(self, state: ConversationState) -> None:
        await self._run(self._save, state)

    async def create_conversation(self, state: ConversationState) -> None:
        await self._run(self._create, state)

    async def load_conversation(self, conversation_id: str) -> ConversationState | None:
        return await self._run(self._load, conversation_id)

    async def list_conversations(self, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return await self._run(self._list, dict(filters or {}))

    async def delete_conversation(self, conversation_id: str) -> bool:
        return await self._run(self._delete, conversation_id)

    async def append(self, state: ConversationState, step: Step) -> list[NodeTree]:
        return await self._run(self._append, state, step)

    async def update(self, state: ConversationState, change: Change) -> None:
        await self._run(self._update, state, change)

    async def refresh(self, state: ConversationState) -> bool:
        return await self._run(self._refresh, state)

    async def record_call(self, call: CallRecord) -> None:
        await self._run(self._record, call)

    async def list_calls(self, conversation_id: str | None = None) -> list[CallRecord]:
        return await self._run(self._calls, conversation_id)

    # Whole conversations

    def _create(self, state: ConversationState) -> None:
        with self._transaction(write=True) as rows:
            if not self._insert(rows, state):
                raise already_there(state.conversation_id)
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
            self._rewrite(rows, state)

    def _insert(self, rows: Rows, state: ConversationState) -> bool:
        """Write a conversation with all its nodes; False if the store has one of that id."""
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
        packed = [self._row(node, seqs) for node in nodes]
        if not rows.add_head(head):
            return False
        rows.fill(state.conversation_id, packed)
        for branch in state.branches.values():
            rows.add_branch(state.conversation_id, branch_row(branch, seqs[id(branch.head)]))
        return True

    def _rewrite(self, rows: Rows, state: ConversationState) -> None:
        identity = state.conversation_id
        seqs = {id(node): seq for seq, node in enumerate(state.stored)}
        packed = [self._row(node, seqs) for node in state.stored]
        metadata = to_json(state.metadata, "metadata of the conversation")
        claimed(rows, identity, 0, 0)
        rows.set_metadata(identity, metadata)
        rows.replace_nodes(identity, packed)
        rows.move(identity, seqs[id(state.current)], state.current_branch)
        for branch in state.branches.values():
            row = branch_row(branch, seqs[id(branch.head)])
            if not rows.set_branch(identity, row):
                rows.add_branch(identity, row)

    def _row(self, node: NodeTree, seqs: Mapping[int, int]) -> NodeRow:
        parent = None if node.parent is None else seqs[id(node.parent)]
        return self._pack(node.data)._replace(seq=seqs[id(node)], parent_seq=parent, ordinal=node.ordinal)

    def _pack(self, node: ConversationNode) -> NodeRow:
        return pack(node, session=self.session)

    def _load(self, conversation_id: str) -> ConversationState | None:
        if not self._exists():
            return None
        with self._transaction(write=False) as rows:
            return load_state(rows, conversation_id)

    def _list(self, filters: dict[str, Any]) -> list[dict[str, Any]]:
        if not self._exists():
            return []
        with self._transaction(write=False) as rows:
            found = [_listed(head) for head in rows.heads()]
        return [one for one in found if all(_matches(one, key, value) for key, value in filters.items())]

    def _delete(self, conversation_id: str) -> bool:
        if not self._exists():
            return False
        with self._transaction(write=True) as rows:
            return rows.remove(conversation_id)

    # Steps and changes

    def _append(self, state: ConversationState, step: Step) -> list[NodeTree]:
        try:
            return self._write_step(state, step)
        except ConversationError:
            if step.paid:
                owe(state, step, hang(state, step))
            raise

    def _write_step(self, state: ConversationState, step: Step) -> list[NodeTree]:
        waiting = unwritten(step.parent)
        anchor = step.parent if not waiting else waiting[0].parent
        if anchor is None:
            raise gone(state.conversation_id)
        unnumbered = [self._pack(node) for node in (*(node.data for node in waiting), *step.nodes)]
        landing = step.landing(state)
        identity = state.conversation_id
        with self._transaction(write=True) as rows:
            head = claim_for(rows, identity, len(unnumbered), landing, step.branch)
            first = head.next_seq - len(unnumbered)
            packed = chain(unnumbered, first, seq_of(anchor))
            ordinals = rows.add_nodes(identity, packed)
            end = packed[-1].seq if packed else seq_of(anchor)
            moved_head = landing.head is not None and point(rows, state, landing.head, end)
            if landing.moves and not packed:
                rows.move(identity, end, step.branch)
            if step.call is not None:
                rows.add_call(replace(step.call, node_seq=end))
            head = revive(rows, state, head, anchor)
            news = read_news(rows, state, head, first)
        add_foreign_nodes(state, news)
        new = [Tree(node) for node in step.nodes]
        hang_stored(state, anchor, [*waiting, *new], packed, ordinals)
        apply_marks(state, news)
        tip = state.stored[end]
        apply_landing(state, landing.moves, landing.head if moved_head else None, step.branch, tip)
        leave_lost_branch(state)
        return new

    def _write_there(self, state: ConversationState, node: NodeTree) -> None:
        """Write a node that hangs in the tree already, and move nothing."""
        if node.data.seq is None:
            self._append(state, Step(node, (), None, Start(node, None, None)))

    def _update(self, state: ConversationState, change: Change) -> None:
        for node in [branch.head for branch in change.new] + ([change.position[0]] if change.position else []):
            self._write_there(state, node)
        identity = state.conversation_id
        bumps = 0 if change.only_moves else 1
        with self._transaction(write=True) as rows:
            head = claimed(rows, identity, 0, bumps)
            change_branches(rows, state, change, head.revision)
            rows.hide(identity, [seq_of(node) for node in change.hide], head.revision)
            rows.hide(identity, [seq_of(node) for node in change.unhide], 0)
            if change.position is not None:
                rows.move(identity, seq_of(change.position[0]), change.position[1])
            others = head.revision - bumps != state.revision
            news = read_news(rows, state, head, head.next_seq) if others else None
        apply_change(state, change, head.revision)
        add_foreign_nodes(state, news)
        apply_marks(state, news)

    def _refresh(self, state: ConversationState) -> bool:
        identity = state.conversation_id
        with self._transaction(write=False) as rows:
            head = rows.head(identity)
            if head is None:
                raise gone(identity)
            news = read_news(rows, state, head, head.next_seq, branches=True)
        before = (len(state.stored), state.revision, state.branches)
        add_foreign_nodes(state, news)
        apply_marks(state, news)
        leave_lost_branch(state)
        return before != (len(state.stored), state.revision, state.branches)

    # The ledger

    def _record(self, call: CallRecord) -> None:
        with self._transaction(write=True) as rows:
            rows.add_call(call)

    def _calls(self, conversation_id: str | None) -> list[CallRecord]:
        if not self._exists():
            return []
        with self._transaction(write=False) as rows:
            return rows.calls(conversation_id)


def _listed(head: HeadRow) -> dict[str, Any]:
    return {
        "conversation_id": head.conversation_id,
        "created_at": datetime.fromisoformat(head.created_at),
        "updated_at": datetime.fromisoformat(head.updated_at),
        "metadata": json.loads(head.metadata),
        "nodes": head.next_seq,
        "current_branch": head.current_branch,
    }


def _matches(listed: dict[str, Any], key: str, value: Any) -> bool:
    if key == "conversation_id":
        return bool(listed[key] == value)
    return key in listed["metadata"] and bool(listed["metadata"][key] == value)
