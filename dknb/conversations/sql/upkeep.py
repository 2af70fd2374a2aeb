"""Looking whether a store is sound, and making it compact. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DatabaseError

from .schema import branches, conversations, labels, nodes
from .words import TOKENS

__all__ = ["compact", "flaws"]

_above = nodes.alias("above")


def flaws(connection: Connection) -> Iterator[str]:
    """What is wrong in a store, a sentence each; the connection is in a transaction that reads."""
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
        missing = (
            "SELECT 1 FROM nodes WHERE NOT EXISTS (SELECT 1 FROM node_words WHERE node_words.id = nodes.id) LIMIT 1"
        )
        return connection.exec_driver_sql(missing).first() is None
    try:
        return _same_as_new(connection)
    except DatabaseError:
        return False


def _same_as_new(connection: Connection) -> bool:
    """Compare the index with one that is made anew, beside the store: SQLite's own check would keep all others from writing."""
    do = connection.exec_driver_sql
    try:
        for statement in _FRESH:
            do(statement)
        return all(do(f"SELECT 1 FROM ({one} EXCEPT {other}) LIMIT 1").first() is None for one, other in _COMPARED)
    finally:
        for name in ("fresh_terms", "terms", "fresh_text"):
            do(f"DROP TABLE IF EXISTS temp.{name}")


_FRESH = (
    f"CREATE VIRTUAL TABLE temp.fresh_text USING fts5(content, facts, content='', {TOKENS})",
    "INSERT INTO temp.fresh_text (rowid, content, facts) SELECT id, content, facts FROM main.node_said",
    "CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, node_text, col)",
    "CREATE VIRTUAL TABLE temp.fresh_terms USING fts5vocab(temp, fresh_text, col)",
)

# Which messages have how many words, and which words are in how many messages, how often.
_SIZES = ("SELECT id, sz FROM main.node_text_docsize", "SELECT id, sz FROM temp.fresh_text_docsize")
_TERMS = ("SELECT * FROM temp.terms", "SELECT * FROM temp.fresh_terms")
_COMPARED = (_SIZES, _SIZES[::-1], _TERMS, _TERMS[::-1])
