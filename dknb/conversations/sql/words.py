"""The index of words: FTS5 in SQLite, a tsvector in PostgreSQL. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    TextClause,
    and_,
    column,
    exists,
    select,
    table,
    text,
)

from ..search import CANDIDATES, Query, Said, words_of
from ..stores.rows import NodeRow, to_iso
from .schema import conversations, labels, nodes

__all__ = ["candidates", "index_words", "make_index", "rebuild_index"]

#: PostgreSQL refuses a text whose different words are longer than a megabyte together: what is beyond is not found.
MOST_WORDS, LONGEST_WORD = 20_000, 40

#: How many of the newest messages are looked through for a common word.
RECENT = 5_000

# Triggers keep it up to date, whoever writes. The text itself lies in the nodes alone.
_SQLITE = (
    "CREATE VIRTUAL TABLE node_text USING fts5("
    "content, content='nodes', content_rowid='id', tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER node_text_added AFTER INSERT ON nodes BEGIN"
    " INSERT INTO node_text (rowid, content) VALUES (new.id, new.content); END",
    "CREATE TRIGGER node_text_removed AFTER DELETE ON nodes BEGIN"
    " INSERT INTO node_text (node_text, rowid, content) VALUES ('delete', old.id, old.content); END",
    "CREATE TRIGGER node_text_changed AFTER UPDATE OF content ON nodes WHEN old.content IS NOT new.content BEGIN"
    " INSERT INTO node_text (node_text, rowid, content) VALUES ('delete', old.id, old.content);"
    " INSERT INTO node_text (rowid, content) VALUES (new.id, new.content); END",
)

# The words come from us, not from PostgreSQL's parser: its idea of a word depends on the locale of the database.
_POSTGRESQL = (
    "CREATE TABLE node_words (id BIGINT PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE, words TSVECTOR NOT NULL)",
    "CREATE INDEX node_words_index ON node_words USING gin (words)",
)

_INDEX_WORDS = text(
    "INSERT INTO node_words (id, words) SELECT id, array_to_tsvector(CAST(:words AS text[])) FROM nodes"
    " WHERE conversation_id = :in_conversation AND seq = :at_seq"
    " ON CONFLICT (id) DO UPDATE SET words = excluded.words"
)

_node_text = table("node_text", column("rowid"))
_node_words = table("node_words", column("id"), column("words"))


def make_index(connection: Connection) -> None:
    """Make an empty index, which gets the words of the nodes that are written from now on."""
    for statement in _POSTGRESQL if _is_postgresql(connection) else _SQLITE:
        connection.exec_driver_sql(statement)


def rebuild_index(connection: Connection) -> None:
    """Make the index anew from what the nodes say."""
    if not _is_postgresql(connection):
        connection.exec_driver_sql("INSERT INTO node_text (node_text) VALUES ('rebuild')")
        return
    connection.exec_driver_sql("DELETE FROM node_words")
    said = select(nodes.c.conversation_id, nodes.c.seq, nodes.c.content).execution_options(yield_per=500)
    for part in connection.execute(said).partitions():
        connection.execute(_INDEX_WORDS, [_word_values(*row) for row in part])


def index_words(connection: Connection, conversation_id: str, rows: Sequence[NodeRow]) -> None:
    """Put the words of nodes that have been written into the index, where no trigger does."""
    if rows and _is_postgresql(connection):
        connection.execute(_INDEX_WORDS, [_word_values(conversation_id, row.seq, row.content) for row in rows])


def candidates(connection: Connection, query: Query) -> list[Said]:
    """The newest messages that ``query`` asks for, at most `CANDIDATES`."""
    if not query.words:
        return []
    found = _newest_of_server(connection, query) if _is_postgresql(connection) else _newest_of_file(connection, query)
    return [Said(row[0], row[1], row[2], datetime.fromisoformat(row[3]), row[4]) for row in found]


def _newest_of_file(connection: Connection, query: Query) -> Sequence[Any]:
    # In quotes a word is no syntax. FTS5 folds it in its own way, so it gets it as it was typed.
    wanted = " ".join(f'"{word}"' for word in query.typed)
    has_words = text("node_text MATCH :wanted").bindparams(wanted=wanted)
    number = _node_text.c.rowid
    return connection.execute(
        _selected(query, _node_text, number).where(has_words, *_in_conversation(query, number))
    ).all()


def _newest_of_server(connection: Connection, query: Query) -> Sequence[Any]:
    """The same on a server, whose planner does not know how common a word is before it has analysed the table.

    A common word is soon found among the newest messages; for a rare one the index has few.
    """
    number = _node_words.c.id
    inside = list(_in_conversation(query, number))
    recent = _apart(select(_node_words).where(*inside).order_by(number.desc()).limit(RECENT), "recent")
    found = connection.execute(_of_ids(query, select(recent.c.id).where(_has_words(query, "recent")))).all()
    if len(found) < CANDIDATES:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        found = connection.execute(_of_ids(query, select(number).where(_has_words(query, "node_words"), *inside))).all()
    return found


def _has_words(query: Query, of: str) -> TextClause:
    # The words are letters and digits: there is nothing to escape.
    wanted = " & ".join(f"'{word[:LONGEST_WORD]}'" for word in query.words)
    return text(f"{of}.words @@ CAST(:wanted AS tsquery)").bindparams(wanted=wanted)


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _word_values(conversation_id: str, seq: int, content: str) -> dict[str, Any]:
    return {"in_conversation": conversation_id, "at_seq": seq, "words": _distinct(content)}


def _distinct(content: str) -> list[str]:
    return list(islice(dict.fromkeys(word[:LONGEST_WORD] for word in words_of(content)), MOST_WORDS))


def _of_ids(query: Query, ids: Select[Any]) -> Select[Any]:
    index = _apart(ids, "found")
    return _selected(query, index, index.c.id)


def _apart(statement: Select[Any], name: str) -> CTE:
    """A part of a statement that PostgreSQL plans and does by itself."""
    return statement.cte(name).prefix_with("MATERIALIZED", dialect="postgresql")


def _selected(query: Query, index: FromClause, number: ColumnElement[int]) -> Select[Any]:
    return (
        select(nodes.c.conversation_id, nodes.c.seq, nodes.c.role, nodes.c.created_at, nodes.c.content)
        .select_from(index.join(nodes, nodes.c.id == number))
        .where(*_conditions(query))
        .order_by(number.desc())
        .limit(CANDIDATES)
    )


def _in_conversation(query: Query, number: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    """The ids of a conversation lie between those of its first and last node, which spares the index what is outside."""
    if query.conversation_id is not None:
        yield number.between(_id_at(query.conversation_id, 0), _id_at(query.conversation_id, None))


def _conditions(query: Query) -> Iterator[ColumnElement[bool]]:
    if not query.deleted:
        yield nodes.c.hidden == 0
    if query.conversation_id is not None:
        yield nodes.c.conversation_id == query.conversation_id
    if query.role is not None:
        yield nodes.c.role == query.role
    if query.since is not None:
        yield nodes.c.created_at >= to_iso(query.since)
    if query.before is not None:
        yield nodes.c.created_at < to_iso(query.before)
    for name in query.labels:
        of_node = and_(labels.c.conversation_id == nodes.c.conversation_id, labels.c.seq == nodes.c.seq)
        yield exists().where(of_node, labels.c.name == name)


def _id_at(conversation_id: str, seq: int | None) -> Any:
    """The id of a node of a conversation; by default of the last."""
    last = select(conversations.c.next_seq - 1).where(conversations.c.id == conversation_id).scalar_subquery()
    here = select(nodes.c.id).where(nodes.c.conversation_id == conversation_id)
    return here.where(nodes.c.seq == (last if seq is None else seq)).scalar_subquery()
