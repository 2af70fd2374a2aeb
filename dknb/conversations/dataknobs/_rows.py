"""Documents as rows: each is read when it is asked for, and written whole when the transaction ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ConversationError, DknbError, StorageError
from ...llm.messages import LLMMessage
from ..exchange.checks import typed, typed_or, utc_time
from ..exchange.documents import read_document, with_true_text, write_document
from ..exchange.documents.ours import DOCUMENT_KEYS, gather, split
from ..ledger import CallRecord
from ..node import OPEN, ConversationNode
from ..search import Query, Said
from ..state import ConversationState
from ..stores.catch_up import load_state
from ..stores.memory import _MemoryRows
from ..stores.rows import BranchRow, Claim, HeadRow, NodeRow, pack, to_iso, to_json
from ..tree import Tree

__all__ = ["LEDGER", "DocumentRows", "Documents"]

log = logging.getLogger("dknb.conversations")

#: The document of the calls that belong to no conversation, or to one that was deleted. The peer sees an empty conversation.
LEDGER = "dknb-ledger"

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Documents:
    """What is done with documents: read one, read all, write, delete."""

    read: Callable[[str], Document | None]
    read_all: Callable[[], list[tuple[str, Document]]]
    write: Callable[[str, Document], None]
    delete: Callable[[str], bool]


class DocumentRows(_MemoryRows):
    """`Rows` over documents, for one transaction. Nothing is written before `flush`.

    Attributes:
        expected: A conversation whose stored nodes its document must have, or it was written over: `StorageError`.
    """

    expected: ConversationState | None = None

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents
        self._fetched: dict[str, list[CallRecord]] = {}
        self._changed: set[str] = set()
        self._removed: set[str] = set()

    def flush(self) -> None:
        """Write what was changed."""
        for name in sorted(self._removed):
            self._documents.delete(name)
        for name in sorted(self._changed):
            self._documents.write(name, self._document(name))

    # Out of the documents

    def head(self, conversation_id: str) -> HeadRow | None:
        self._fetch(conversation_id)
        return super().head(conversation_id)

    def heads(self) -> list[HeadRow]:
        heads = [head for each in self._documents.read_all() if (head := _head(*each)) is not None]
        return sorted(heads, key=lambda head: head.updated_at, reverse=True)

    def node_at(self, conversation_id: str, seq: int) -> NodeRow | None:
        self._fetch(conversation_id)
        return super().node_at(conversation_id, seq)

    def candidates(self, query: Query) -> list[Said]:
        self._fetch_all(query.conversation_id)
        return super().candidates(query)

    def calls(self, conversation_id: str | None) -> list[CallRecord]:
        self._fetch(LEDGER)
        self._fetch_all(conversation_id)
        found = [call for calls in self._fetched.values() for call in calls]
        found.sort(key=lambda call: call.at)
        return [call for call in found if conversation_id in (None, call.conversation_id)]

    def _fetch_all(self, conversation_id: str | None) -> None:
        if conversation_id is not None:
            self._fetch(conversation_id)
            return
        for name, document in self._documents.read_all():
            if name in self._fetched or _head(name, document) is None:
                continue
            try:
                self._take(name, document)
            except DknbError as error:
                # One that cannot be read must not hide the others; who asks for it by its name is told.
                log.warning("a conversation is left out of what was asked of all: %s", error)

    def _fetch(self, name: str) -> None:
        if name in self._fetched:
            return
        if (document := self._documents.read(name)) is None:
            self._fetched[name] = []
        else:
            self._take(name, document)

    def _take(self, name: str, document: Document) -> None:
        state, order, calls, _ = read_document(document, f"The document {name!r}", writing=True)
        self._fetched[name] = calls
        if name != LEDGER:
            self._keep(name, state, order)
            if self.expected is not None and self.expected.conversation_id == name:
                _check_has(self.nodes(name, 0, None), self.expected)

    def _keep(self, name: str, state: ConversationState, order: list[Tree[ConversationNode]]) -> None:
        seqs = {id(node): seq for seq, node in enumerate(order)}
        super().add_head(
            HeadRow(
                conversation_id=name,
                metadata=to_json(state.metadata, "metadata of the conversation"),
                next_seq=len(order),
                revision=state.revision,
                current_seq=seqs[id(state.current)],
                current_branch=state.current_branch,
                created_at=to_iso(state.created_at),
                updated_at=to_iso(state.updated_at),
            )
        )
        self.fill(name, (_row(node, seqs) for node in order))
        labels = [(seq, label) for seq, node in enumerate(order) for label in node.data.labels]
        self.label(name, labels)
        for each in state.branches.values():
            self.add_branch(name, BranchRow(each.name, seqs[id(each.head)], each.deletion, to_iso(each.updated_at)))

    # Into the documents

    def add_head(self, row: HeadRow) -> bool:
        if row.conversation_id == LEDGER:
            raise ConversationError(
                f"No conversation can be called {LEDGER!r} here: that is the record of the ledger.",
                hint="Choose another id.",
            )
        self._fetch(row.conversation_id)
        added = super().add_head(row)
        if added:
            self._changed.add(row.conversation_id)
        return added

    def claim(self, conversation_id: str, nodes: int, revisions: int, at: str, last: int) -> Claim | None:
        self._fetch(conversation_id)
        claim = super().claim(conversation_id, nodes, revisions, at, last)
        if claim is not None:
            self._changed.add(conversation_id)
        return claim

    def remove(self, conversation_id: str) -> bool:
        self._fetch(conversation_id)
        if not super().remove(conversation_id):
            return False
        if calls := self._fetched.pop(conversation_id):
            self._fetch(LEDGER)
            self._fetched[LEDGER] = sorted([*calls, *self._fetched[LEDGER]], key=lambda call: call.at)
            self._changed.add(LEDGER)
        self._removed.add(conversation_id)
        return True

    def add_call(self, call: CallRecord) -> None:
        name = call.conversation_id or LEDGER
        if name == LEDGER or self.head(name) is None:
            name = LEDGER
            self._fetch(name)
        self._fetched[name].append(call)
        self._changed.add(name)

    def _document(self, name: str) -> Document:
        calls = self._fetched[name]
        head = super().head(name)
        if head is None:
            return _ledger(calls)
        state = load_state(self, name)
        assert state is not None
        state.current, state.current_branch = state.stored[head.current_seq], head.current_branch
        for seq in state.open:
            state.stored[seq].data.state = OPEN
        return write_document(state, calls)


def _row(node: Tree[ConversationNode], seqs: Mapping[int, int]) -> NodeRow:
    parent = None if node.parent is None else seqs[id(node.parent)]
    row = pack(node.data, session="")
    return row._replace(
        seq=seqs[id(node)], parent_seq=parent, ordinal=node.ordinal, session=node.data.session, state=node.data.state
    )


def _check_has(rows: Iterable[NodeRow], state: ConversationState) -> None:
    there = list(rows)
    for node in state.stored:
        seq = node.data.seq
        assert seq is not None
        row = there[seq] if seq < len(there) else None
        if (row is not None and OPEN in (row.state, node.data.state)) or seq in state.open:
            continue
        if row is None or (row.role, row.created_at) != (node.data.role, to_iso(node.data.timestamp)):
            raise StorageError(
                f"The conversation {state.conversation_id!r} was written over: node {seq} is not there as it was stored.",
                hint="Another program had read it before. What is lost there is still here: export it, then resume.",
            )


def _head(name: str, document: Document) -> HeadRow | None:
    """The row of a document whose nodes nobody looked at, called as its record is; None for one that is no conversation."""
    try:
        document = with_true_text(document)
        metadata, ours = split(typed_or(document, "metadata", dict) or {})
        typed(document, "conversation_id", str)
        branch = typed_or(ours, "current_branch", str)
        created_at, updated_at = utc_time(document, "created_at"), utc_time(document, "updated_at")
        metadata = gather(document, metadata, DOCUMENT_KEYS)
        nodes = len(typed(document, "nodes", list))
        kept = to_json(metadata, "metadata of the conversation")
    except (ValueError, TypeError, DknbError):
        return None
    if name == LEDGER:
        return None
    return HeadRow(name, kept, nodes, 0, 0, branch, to_iso(created_at), to_iso(updated_at))


def _ledger(calls: list[CallRecord]) -> Document:
    state = ConversationState(LEDGER, Tree(ConversationNode(LLMMessage("system", ""))))
    return write_document(state, calls)
