"""Looking whether a store is sound, and making it compact. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DatabaseError

from .schema import branches, conversations, labels, nodes

__all__ = ["compact", "flaws"]

_above = nodes.alias("above")


def flaws(connection: Connection) -> Iterator[str]:
    """What is wrong in a store, a sentence each; the connection is in a transaction that may write."""
    if connection.dialect.name == "sqlite":
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        if found != ["ok"]:
            yield from (f"SQLite: {each}" for each in found)
            return
        yield from _beyond_conversations(connection)
    yield from _misnumbered(connection)
    yield from _orphans(connection)
    yield from _lost_heads(connection)
    if not _index_agrees(connection):
        yield "The index of words does not agree with what was said (dknb store vacuum makes it anew)."


def compact(engine: Engine) -> None:
    """Give unused space back, outside of any transaction; other processes wait meanwhile."""
    raw = engine.raw_connection()
    try:
        _compact(raw.driver_connection, engine.dialect.name)
    finally:
        raw.close()


def _compact(driver: Any, dialect: str) -> None:
    if dialect == "sqlite":
        driver.execute("VACUUM")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    driver.autocommit = True
    for table in ("conversations", "nodes", "branches", "labels", "calls", "node_words"):
        driver.execute(f"VACUUM (ANALYZE) {table}")
    driver.autocommit = False


def _beyond_conversations(connection: Connection) -> Iterator[str]:
    for table, *_ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"A row of {table} belongs to a conversation that is not there."


def _misnumbered(connection: Connection) -> Iterator[str]:
    """Conversations whose nodes are not numbered from 0 to the last."""
    counted = (
        select(conversations.c.id, conversations.c.next_seq, func.count(nodes.c.seq), func.max(nodes.c.seq))
        .outerjoin_from(conversations, nodes, nodes.c.conversation_id == conversations.c.id)
        .group_by(conversations.c.id, conversations.c.next_seq)
    )
    for name, expected, count, last in connection.execute(counted):
        if not expected == count == (last if last is None else last + 1):
            yield f"The conversation {name!r} should have {expected} nodes and has {count}."


def _orphans(connection: Connection) -> Iterator[str]:
    """Nodes without a parent, or whose siblings leave a gap."""
    same = _above.c.conversation_id == nodes.c.conversation_id
    joined = select(nodes.c.conversation_id, nodes.c.seq).outerjoin_from(
        nodes, _above, same & (_above.c.seq == nodes.c.parent_seq)
    )
    later = func.coalesce(_above.c.seq, nodes.c.seq) >= nodes.c.seq
    for name, seq in connection.execute(joined.where(nodes.c.seq > 0, later)):
        yield f"Node #{seq} of the conversation {name!r} has no parent."
    grouped = (
        select(nodes.c.conversation_id, nodes.c.parent_seq)
        .group_by(nodes.c.conversation_id, nodes.c.parent_seq)
        .having((func.count() != func.max(nodes.c.ordinal) + 1) | (func.min(nodes.c.ordinal) != 0))
    )
    for name, parent in connection.execute(grouped):
        yield f"The nodes below #{parent} of the conversation {name!r} are not numbered one after the other."


def _lost_heads(connection: Connection) -> Iterator[str]:
    """Positions, branches and labels of nodes that are not there."""
    for name, seq in connection.execute(
        select(conversations.c.id, conversations.c.current_seq).where(
            (conversations.c.current_seq < 0) | (conversations.c.current_seq >= conversations.c.next_seq)
        )
    ):
        yield f"The conversation {name!r} was left at node #{seq}, which is not there."
    for table, what, number in ((branches, "branch", branches.c.head_seq), (labels, "label", labels.c.seq)):
        pointing = select(table.c.conversation_id, table.c.name, number).join(
            conversations, conversations.c.id == table.c.conversation_id
        )
        for name, of, seq in connection.execute(pointing.where((number < 0) | (number >= conversations.c.next_seq))):
            yield f"The {what} {of!r} of the conversation {name!r} is at node #{seq}, which is not there."


def _index_agrees(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        missing = text("SELECT count(*) FROM nodes WHERE id NOT IN (SELECT id FROM node_words)")
        return bool(connection.execute(missing).scalar_one() == 0)
    try:
        connection.exec_driver_sql("INSERT INTO node_text (node_text, rank) VALUES ('integrity-check', 1)")
    except DatabaseError:
        return False
    return True
