"""`Rows` of a database, through SQLAlchemy Core. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update

from .ledger import CallRecord
from .rows import BranchRow, Claim, HeadRow, NodeRow, to_iso
from .schema import branches, calls, conversations, nodes

__all__ = ["SqlRows"]

_ID: BindParameter[str] = bindparam("in_conversation")
_SEQ: BindParameter[int] = bindparam("at_seq")
_NAME: BindParameter[str] = bindparam("of_name")
_THIS = conversations.c.id == _ID
_NODE_COLUMNS = [nodes.c[name] for name in NodeRow._fields]
_HEAD_COLUMNS = [conversations.c[name] for name in ("id", *HeadRow._fields[1:])]
_BRANCH_COLUMNS = [branches.c[name] for name in BranchRow._fields]
_CALL_FIELDS = [field.name for field in fields(CallRecord)]

# Statements are built once, so that SQLAlchemy finds their compiled form instead of building it again.
_HEAD = select(*_HEAD_COLUMNS).where(_THIS)
_HEADS = select(*_HEAD_COLUMNS).order_by(conversations.c.updated_at.desc())
_CLAIM = (
    update(conversations)
    .where(_THIS)
    .values(
        next_seq=conversations.c.next_seq + bindparam("more_nodes"),
        revision=conversations.c.revision + bindparam("more_revisions"),
        updated_at=bindparam("now"),
    )
    .returning(conversations.c.next_seq, conversations.c.revision)
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
    .returning(conversations.c.next_seq, conversations.c.revision)
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
_REPLACE_NODE = (
    update(nodes)
    .where(nodes.c.conversation_id == _ID, nodes.c.seq == _SEQ)
    .values({name: bindparam(f"new_{name}") for name in NodeRow._fields if name != "seq"})
)
_NODES = select(*_NODE_COLUMNS).where(nodes.c.conversation_id == _ID, nodes.c.seq >= _SEQ).order_by(nodes.c.seq)
_NODES_TO = _NODES.where(nodes.c.seq < bindparam("end_seq"))
_HIDDEN = select(nodes.c.seq, nodes.c.hidden).where(nodes.c.conversation_id == _ID, nodes.c.hidden != 0)
_HIDE = update(nodes).where(nodes.c.conversation_id == _ID, nodes.c.seq == _SEQ).values(hidden=bindparam("new_hidden"))
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
_HAS_BRANCH = select(branches.c.name).where(*_OF_BRANCH)
_RENAME_BRANCH = update(branches).where(*_OF_BRANCH).values(name=bindparam("new_name"))
_REMOVE = [delete(table).where(table.c.conversation_id == _ID) for table in (nodes, branches)]
_REMOVE_HEAD = delete(conversations).where(_THIS)
_ADD_CALL = insert(calls)
_CALLS = select(*[calls.c[name] for name in _CALL_FIELDS]).order_by(calls.c.id)
_CALLS_OF = _CALLS.where(calls.c.conversation_id == _ID)


class SqlRows:
    """`Rows` within one transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._do = connection.execute

    def head(self, conversation_id: str) -> HeadRow | None:
        row = self._do(_HEAD, {"in_conversation": conversation_id}).first()
        return None if row is None else HeadRow._make(row)

    def heads(self) -> list[HeadRow]:
        return [HeadRow._make(row) for row in self._do(_HEADS)]

    def add_head(self, row: HeadRow) -> bool:
        if self.head(row.conversation_id) is not None:
            return False
        values = row._asdict()
        values["id"] = values.pop("conversation_id")
        self._do(insert(conversations), values)
        return True

    def claim(self, conversation_id: str, nodes: int, revisions: int, at: str) -> Claim | None:
        values = {"in_conversation": conversation_id, "more_nodes": nodes, "more_revisions": revisions, "now": at}
        row = self._do(_CLAIM, values).first()
        return None if row is None else Claim._make(row)

    def advance(self, conversation_id: str, nodes: int, branch: str | None, at: str) -> Claim | None:
        values = {"in_conversation": conversation_id, "more_nodes": nodes, "of_name": branch, "now": at}
        row = self._do(_ADVANCE, values).first()
        return None if row is None else Claim._make(row)

    def set_metadata(self, conversation_id: str, metadata: str) -> None:
        self._do(_METADATA, {"in_conversation": conversation_id, "new_metadata": metadata})

    def move(self, conversation_id: str, seq: int, branch: str | None) -> None:
        self._do(_MOVE, {"in_conversation": conversation_id, "at_seq": seq, "of_name": branch})

    def add_nodes(self, conversation_id: str, rows: Sequence[NodeRow]) -> list[int]:
        ordinals: list[int] = []
        for row in rows:
            values = row._asdict()
            del values["ordinal"]
            values |= {"conversation_id": conversation_id}
            values |= {"in_conversation": conversation_id, "below_seq": row.parent_seq}
            ordinals.append(self._do(_ADD_NODE, values).scalar_one())
        return ordinals

    def fill(self, conversation_id: str, rows: Sequence[NodeRow]) -> None:
        self._do(_ADD_WHOLE, [{"conversation_id": conversation_id, **row._asdict()} for row in rows])

    def replace_nodes(self, conversation_id: str, rows: Sequence[NodeRow]) -> None:
        this = {"in_conversation": conversation_id}
        new = [{f"new_{name}": value for name, value in row._asdict().items() if name != "seq"} for row in rows]
        self._do(_REPLACE_NODE, [{**this, "at_seq": row.seq, **values} for row, values in zip(rows, new, strict=True)])

    def nodes(self, conversation_id: str, first: int, end: int | None) -> Iterable[NodeRow]:
        values: dict[str, Any] = {"in_conversation": conversation_id, "at_seq": first}
        found = self._do(_NODES, values) if end is None else self._do(_NODES_TO, {**values, "end_seq": end})
        return map(NodeRow._make, found)

    def hidden(self, conversation_id: str) -> list[tuple[int, int]]:
        return [(seq, deletion) for seq, deletion in self._do(_HIDDEN, {"in_conversation": conversation_id})]

    def hide(self, conversation_id: str, seqs: Sequence[int], deletion: int) -> None:
        if seqs:
            this = {"in_conversation": conversation_id, "new_hidden": deletion}
            self._do(_HIDE, [{**this, "at_seq": seq} for seq in seqs])

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

    def set_branch(self, conversation_id: str, row: BranchRow) -> bool:
        this = {"in_conversation": conversation_id, "of_name": row.name}
        new = {"at_seq": row.head_seq, "new_hidden": row.hidden, "now": row.updated_at}
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
        values = {name: getattr(call, name) for name in _CALL_FIELDS}
        self._do(_ADD_CALL, {**values, "at": to_iso(call.at)})

    def calls(self, conversation_id: str | None) -> list[CallRecord]:
        whole = conversation_id is None
        found = self._do(_CALLS) if whole else self._do(_CALLS_OF, {"in_conversation": conversation_id})
        return [CallRecord(**{**row._mapping, "at": datetime.fromisoformat(row.at)}) for row in found]
