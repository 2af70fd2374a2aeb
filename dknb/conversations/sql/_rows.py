"""`Rows` of a database, through SQLAlchemy Core. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import BindParameter, Connection, Float, Integer, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..ledger import CallRecord
from ..node import OPEN
from ..search import Query, Said
from ..stores.rows import AMENDED, BranchRow, Claim, HeadRow, NodeRow, storable, to_iso
from .schema import branches, calls, conversations, labels, nodes
from .words import candidates, folded, index_words, refresh_facts

__all__ = ["SqlRows"]

_ID: BindParameter[str] = bindparam("in_conversation")
_SEQ: BindParameter[int] = bindparam("at_seq")
_NAME: BindParameter[str] = bindparam("of_name")
_THIS = conversations.c.id == _ID
_NODE_COLUMNS = [nodes.c[name] for name in NodeRow._fields]
_HEAD_COLUMNS = [conversations.c[name] for name in ("id", *HeadRow._fields[1:])]
_BRANCH_COLUMNS = [branches.c[name] for name in BranchRow._fields]
#: A number of the ledger is below this, as PostgreSQL's columns are.
MOST_TOLD = 2**31

_CALL_FIELDS = [field.name for field in fields(CallRecord)]

# Statements are built once, so that SQLAlchemy finds their compiled form instead of building it again.
_HEAD = select(*_HEAD_COLUMNS).where(_THIS)
_ADD_HEAD = {
    "sqlite": sqlite.insert(conversations).on_conflict_do_nothing().returning(conversations.c.id),
    "postgresql": postgresql.insert(conversations).on_conflict_do_nothing().returning(conversations.c.id),
}
_HEADS = select(*_HEAD_COLUMNS).order_by(conversations.c.updated_at.desc())
_LAST = (nodes.c.conversation_id == _ID, nodes.c.seq == bindparam("last_seq"))
_CLAIMED = (
    conversations.c.next_seq,
    conversations.c.revision,
    conversations.c.created_at,
    select(nodes.c.role).where(*_LAST).scalar_subquery(),
    select(case((nodes.c.state != OPEN, nodes.c.created_at))).where(*_LAST).scalar_subquery(),
)
_CLAIM = (
    update(conversations)
    .where(_THIS)
    .values(
        next_seq=conversations.c.next_seq + bindparam("more_nodes"),
        revision=conversations.c.revision + bindparam("more_revisions"),
        updated_at=bindparam("now"),
    )
    .returning(*_CLAIMED)
)
_ADVANCE = (
    update(conversations)
    .where(_THIS)
    .values(
        next_seq=conversations.c.next_seq + bindparam("more_nodes"),
        current_seq=conversations.c.next_seq + bindparam("more_nodes") - 1,
        current_branch=_NAME,
        updated_at=bindparam("now"),
    )
    .returning(*_CLAIMED)
)
_MOVE = update(conversations).where(_THIS).values(current_seq=_SEQ, current_branch=_NAME)
_METADATA = update(conversations).where(_THIS).values(metadata=bindparam("new_metadata"))
_siblings = nodes.alias("siblings")
_NEXT_ORDINAL = (
    select(func.coalesce(func.max(_siblings.c.ordinal) + 1, 0))
    .where(_siblings.c.conversation_id == _ID, _siblings.c.parent_seq == bindparam("below_seq"))
    .scalar_subquery()
)
_ADD_NODE = insert(nodes).values(ordinal=_NEXT_ORDINAL).returning(nodes.c.ordinal)
_ADD_WHOLE = insert(nodes)
_AT = (nodes.c.conversation_id == _ID, nodes.c.seq == _SEQ)
_REPLACE_NODE = (
    update(nodes)
    .where(*_AT, nodes.c.state != OPEN)
    .values({name: bindparam(f"new_{name}") for name in (*NodeRow._fields, "folded") if name != "seq"})
)
_AMEND = (
    update(nodes)
    .where(*_AT, nodes.c.state == OPEN, nodes.c.session == bindparam("by_session"))
    .values({name: bindparam(f"new_{name}") for name in (*AMENDED, "folded")})
)
_NODES = select(*_NODE_COLUMNS).where(nodes.c.conversation_id == _ID, nodes.c.seq >= _SEQ).order_by(nodes.c.seq)
_NODE_AT = select(*_NODE_COLUMNS).where(*_AT)
_above = select(*_NODE_COLUMNS).where(*_AT).cte("above", recursive=True)
_PATH = select(
    _above.union_all(select(*_NODE_COLUMNS).where(nodes.c.conversation_id == _ID, nodes.c.seq == _above.c.parent_seq))
)
_NODES_TO = _NODES.where(nodes.c.seq < bindparam("end_seq"))
_HIDDEN = select(nodes.c.seq, nodes.c.hidden).where(nodes.c.conversation_id == _ID, nodes.c.hidden != 0)
_HIDE = update(nodes).where(*_AT).values(hidden=bindparam("new_hidden"))
_LABELS = select(labels.c.seq, labels.c.name).where(labels.c.conversation_id == _ID)
_LABEL = insert(labels)
_UNLABEL = delete(labels).where(labels.c.conversation_id == _ID, labels.c.seq == _SEQ, labels.c.name == _NAME)
_OF_BRANCH = (branches.c.conversation_id == _ID, branches.c.name == _NAME)
_BRANCHES = select(*_BRANCH_COLUMNS).where(branches.c.conversation_id == _ID).order_by(branches.c.number)
_NEXT_NUMBER = (
    select(func.coalesce(func.max(branches.c.number) + 1, 0)).where(branches.c.conversation_id == _ID).scalar_subquery()
)
_ADD_BRANCH = insert(branches).values(number=_NEXT_NUMBER)
_SET_BRANCH = (
    update(branches)
    .where(*_OF_BRANCH)
    .values(head_seq=_SEQ, hidden=bindparam("new_hidden"), updated_at=bindparam("now"))
)
_MOVE_BRANCH = _SET_BRANCH.where(branches.c.head_seq == bindparam("was"), branches.c.hidden == 0)
_HAS_BRANCH = select(branches.c.name).where(*_OF_BRANCH)
_RENAME_BRANCH = update(branches).where(*_OF_BRANCH).values(name=bindparam("new_name"))
_REMOVE = [delete(table).where(table.c.conversation_id == _ID) for table in (labels, branches, nodes)]
_REMOVE_HEAD = delete(conversations).where(_THIS)
_ADD_CALL = insert(calls)
_CALLS = select(*[calls.c[name] for name in _CALL_FIELDS]).order_by(calls.c.id)
_CALLS_OF = _CALLS.where(calls.c.conversation_id == _ID)


class SqlRows:
    """`Rows` within one transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._do = connection.execute

    @property
    def connection(self) -> Connection:
        """The connection, for others who write in the same transaction."""
        return self._connection

    def head(self, conversation_id: str) -> HeadRow | None:
        row = self._do(_HEAD, {"in_conversation": conversation_id}).first()
        return None if row is None else HeadRow._make(row)

    def heads(self) -> list[HeadRow]:
        return [HeadRow._make(row) for row in self._do(_HEADS)]

    def add_head(self, row: HeadRow) -> bool:
        values = row._asdict()
        values["id"] = values.pop("conversation_id")
        return self._do(_ADD_HEAD[self._connection.dialect.name], values).first() is not None

    def claim(self, conversation_id: str, nodes: int, revisions: int, at: str, last: int) -> Claim | None:
        values = {"in_conversation": conversation_id, "more_nodes": nodes, "more_revisions": revisions, "now": at}
        values["last_seq"] = last
        row = self._do(_CLAIM, values).first()
        return None if row is None else Claim._make(row)

    def advance(self, conversation_id: str, nodes: int, branch: str | None, at: str, last: int) -> Claim | None:
        values = {"in_conversation": conversation_id, "more_nodes": nodes, "of_name": branch, "now": at}
        values["last_seq"] = last
        row = self._do(_ADVANCE, values).first()
        return None if row is None else Claim._make(row)

    def set_metadata(self, conversation_id: str, metadata: str) -> None:
        self._do(_METADATA, {"in_conversation": conversation_id, "new_metadata": metadata})

    def move(self, conversation_id: str, seq: int, branch: str | None) -> None:
        self._do(_MOVE, {"in_conversation": conversation_id, "at_seq": seq, "of_name": branch})

    def add_nodes(self, conversation_id: str, rows: Sequence[NodeRow]) -> list[int]:
        ordinals: list[int] = []
        for row in rows:
            values = self._values(row)
            del values["ordinal"]
            values |= {"conversation_id": conversation_id}
            values |= {"in_conversation": conversation_id, "below_seq": row.parent_seq}
            ordinals.append(self._do(_ADD_NODE, values).scalar_one())
        index_words(self._connection, conversation_id, rows)
        return ordinals

    def fill(self, conversation_id: str, rows: Iterable[NodeRow]) -> None:
        for part in _parts(rows):
            self._do(_ADD_WHOLE, [{"conversation_id": conversation_id, **self._values(row)} for row in part])
            index_words(self._connection, conversation_id, part)

    def replace_nodes(self, conversation_id: str, rows: Iterable[NodeRow]) -> None:
        this = {"in_conversation": conversation_id}
        for part in _parts(rows):
            new = [{f"new_{name}": value for name, value in self._values(row).items()} for row in part]
            self._do(_REPLACE_NODE, [{**this, "at_seq": values.pop("new_seq"), **values} for values in new])
            index_words(self._connection, conversation_id, part)

    def amend(self, conversation_id: str, row: NodeRow) -> bool:
        values = self._values(row)
        new = {f"new_{name}": values[name] for name in (*AMENDED, "folded")}
        this = {"in_conversation": conversation_id, "at_seq": row.seq, "by_session": row.session}
        done = self._do(_AMEND, {**this, **new}).rowcount > 0
        index_words(self._connection, conversation_id, [row] if done else [])
        return done

    def node_at(self, conversation_id: str, seq: int) -> NodeRow | None:
        row = self._do(_NODE_AT, {"in_conversation": conversation_id, "at_seq": seq}).first()
        return None if row is None else NodeRow._make(row)

    def path(self, conversation_id: str, seq: int) -> list[NodeRow]:
        found = self._do(_PATH, {"in_conversation": conversation_id, "at_seq": seq})
        return sorted((NodeRow._make(row) for row in found), key=lambda row: row.seq)

    def _values(self, row: NodeRow) -> dict[str, Any]:
        return {**row._asdict(), "folded": folded(row.content) if self._connection.dialect.name == "sqlite" else None}

    def candidates(self, query: Query) -> list[Said]:
        return candidates(self._connection, query)

    def nodes(self, conversation_id: str, first: int, end: int | None) -> Iterable[NodeRow]:
        values: dict[str, Any] = {"in_conversation": conversation_id, "at_seq": first}
        in_parts = {"yield_per": 1000}
        if end is None:
            return map(NodeRow._make, self._do(_NODES, values, execution_options=in_parts))
        return map(NodeRow._make, self._do(_NODES_TO, {**values, "end_seq": end}, execution_options=in_parts))

    def hidden(self, conversation_id: str) -> list[tuple[int, int]]:
        return [(seq, deletion) for seq, deletion in self._do(_HIDDEN, {"in_conversation": conversation_id})]

    def hide(self, conversation_id: str, seqs: Sequence[int], deletion: int) -> None:
        if seqs:
            this = {"in_conversation": conversation_id, "new_hidden": deletion}
            self._do(_HIDE, [{**this, "at_seq": seq} for seq in seqs])
            refresh_facts(self._connection, conversation_id, seqs)

    def labels(self, conversation_id: str) -> list[tuple[int, str]]:
        return [(seq, name) for seq, name in self._do(_LABELS, {"in_conversation": conversation_id})]

    def label(self, conversation_id: str, pairs: Sequence[tuple[int, str]]) -> None:
        self.unlabel(conversation_id, pairs)
        if pairs:
            values = [{"conversation_id": conversation_id, "seq": seq, "name": name} for seq, name in set(pairs)]
            self._do(_LABEL, values)
            refresh_facts(self._connection, conversation_id, [seq for seq, _ in pairs])

    def unlabel(self, conversation_id: str, pairs: Sequence[tuple[int, str]]) -> None:
        if pairs:
            this = {"in_conversation": conversation_id}
            self._do(_UNLABEL, [{**this, "at_seq": seq, "of_name": name} for seq, name in pairs])
            refresh_facts(self._connection, conversation_id, [seq for seq, _ in pairs])

    def branches(self, conversation_id: str) -> list[BranchRow]:
        return [BranchRow._make(row) for row in self._do(_BRANCHES, {"in_conversation": conversation_id})]

    def add_branch(self, conversation_id: str, row: BranchRow) -> bool:
        if self._has_branch(conversation_id, row.name):
            return False
        values = {"conversation_id": conversation_id, "in_conversation": conversation_id, **row._asdict()}
        self._do(_ADD_BRANCH, values)
        return True

    def _has_branch(self, conversation_id: str, name: str) -> bool:
        return self._do(_HAS_BRANCH, {"in_conversation": conversation_id, "of_name": name}).first() is not None

    def set_branch(self, conversation_id: str, row: BranchRow, was: int | None = None) -> bool:
        this = {"in_conversation": conversation_id, "of_name": row.name}
        new = {"at_seq": row.head_seq, "new_hidden": row.hidden, "now": row.updated_at}
        if was is not None:
            return self._do(_MOVE_BRANCH, {**this, **new, "was": was}).rowcount > 0
        return self._do(_SET_BRANCH, {**this, **new}).rowcount > 0

    def rename_branch(self, conversation_id: str, old: str, new: str) -> bool:
        if self._has_branch(conversation_id, new):
            return False
        self._do(_RENAME_BRANCH, {"in_conversation": conversation_id, "of_name": old, "new_name": new})
        return True

    def remove(self, conversation_id: str) -> bool:
        this = {"in_conversation": conversation_id}
        for statement in _REMOVE:
            self._do(statement, this)
        return self._do(_REMOVE_HEAD, this).rowcount > 0

    def add_call(self, call: CallRecord) -> None:
        self._do(
            _ADD_CALL, {**{name: _cell(name, getattr(call, name)) for name in _CALL_FIELDS}, "at": to_iso(call.at)}
        )

    def calls(self, conversation_id: str | None) -> list[CallRecord]:
        whole = conversation_id is None
        found = self._do(_CALLS) if whole else self._do(_CALLS_OF, {"in_conversation": conversation_id})
        return [CallRecord(**{**row._mapping, "at": datetime.fromisoformat(row.at)}) for row in found]


def _cell(name: str, value: Any) -> Any:
    """A value of the ledger as a column takes it: what a provider told wrongly must not cost the answer it came with."""
    if value is None:
        return None
    if isinstance(calls.c[name].type, Integer | Float):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if number and abs(value) < MOST_TOLD else None
    return storable(value if isinstance(value, str) else str(value))


def _parts(rows: Iterable[NodeRow]) -> Iterator[list[NodeRow]]:
    """``rows`` in parts that are soon done: other threads have their turn in between."""
    rows = iter(rows)
    while part := list(islice(rows, 500)):
        yield part
