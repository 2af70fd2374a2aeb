"""The index of words: FTS5 in SQLite, a tsvector in PostgreSQL. Importing this imports SQLAlchemy: do it at use.

Beside its words the index has facts of each message: role, whether it is shown, when it was said, its labels. So a search
with conditions goes through the messages that fulfil them, however common the words are and however few these are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    func,
    select,
    table,
    text,
)

from ..search import MOST_LOOKED_AT, MOST_TEXT, Query, Said, folded_parts, words_of
from ..stores.rows import NodeRow, to_iso
from .facts import SERVER_FACTS, sqlite_facts, wanted_facts
from .schema import conversations, labels, nodes

__all__ = [
    "SQLITE_INDEX",
    "TOKENS",
    "candidates",
    "folded",
    "index_words",
    "make_index",
    "rebuild_index",
    "refresh_facts",
]

#: PostgreSQL refuses a text whose different words are longer than a megabyte together: what is beyond is not found.
MOST_WORDS, LONGEST_WORD = 20_000, 40

#: How many of the newest messages are looked through for a common word.
RECENT = 5_000

#: How FTS5 parts words.
TOKENS = "tokenize='unicode61 remove_diacritics 2'"

_OLD = "INSERT INTO node_text (node_text, rowid, content, facts) VALUES ('delete', old.id, {content}, {facts})"
_NEW = "INSERT INTO node_text (rowid, content, facts) VALUES (new.id, {content}, {facts})"


_DELETE = "'delete',"


def _written(statement: str, row: str) -> str:
    return statement.format(content=f"coalesce({row}.folded, {row}.content)", facts=sqlite_facts(row))


def _relabelled(event: str, row: str) -> Iterator[str]:
    """Triggers of the table of labels: the node that one is of is taken out of the index before, and put in again after."""
    values = "SELECT {} node_said.id, content, facts FROM node_said"
    values += f" WHERE conversation_id = {row}.conversation_id AND seq = {row}.seq"
    out = f"INSERT INTO node_text (node_text, rowid, content, facts) {values.format(_DELETE)}"
    back = f"INSERT INTO node_text (rowid, content, facts) {values.format('')}"
    yield f"CREATE TRIGGER label_before_{event} BEFORE {event} ON labels BEGIN {out}; END"
    yield f"CREATE TRIGGER label_after_{event} AFTER {event} ON labels BEGIN {back}; END"


# Triggers keep it up to date, whoever writes. The text itself lies in the nodes alone.
SQLITE_INDEX = (
    "CREATE VIEW node_said AS SELECT id, conversation_id, seq, coalesce(folded, content) AS content,"
    f" {sqlite_facts('nodes')} AS facts FROM nodes",
    f"CREATE VIRTUAL TABLE node_text USING fts5(content, facts, content='node_said', content_rowid='id', {TOKENS})",
    f"CREATE TRIGGER node_text_added AFTER INSERT ON nodes BEGIN {_written(_NEW, 'new')}; END",
    f"CREATE TRIGGER node_text_removed AFTER DELETE ON nodes BEGIN {_written(_OLD, 'old')}; END",
    "CREATE TRIGGER node_text_changed AFTER UPDATE OF content, folded, role, hidden, created_at ON nodes"
    " WHEN old.content IS NOT new.content OR old.folded IS NOT new.folded OR old.role <> new.role"
    " OR old.created_at <> new.created_at OR (old.hidden = 0) <> (new.hidden = 0)"
    f" BEGIN {_written(_OLD, 'old')}; {_written(_NEW, 'new')}; END",
    *_relabelled("insert", "new"),
    *_relabelled("delete", "old"),
)

# The words come from us, not from PostgreSQL's parser: its idea of a word depends on the locale of the database.
_POSTGRESQL = (
    "CREATE TABLE node_words (id BIGINT PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE, words TSVECTOR NOT NULL)",
    "CREATE INDEX node_words_index ON node_words USING gin (words)",
)

_INDEX_WORDS = text(
    "INSERT INTO node_words (id, words)"
    f" SELECT id, array_to_tsvector(CAST(:words AS text[]) || {SERVER_FACTS}) FROM nodes"
    " WHERE conversation_id = :in_conversation AND seq = :at_seq"
    " ON CONFLICT (id) DO UPDATE SET words = excluded.words"
)

# A lexeme of a fact begins with "=", which no word does.
_REFRESH_FACTS = text(
    "UPDATE node_words SET words = array_to_tsvector("
    "ARRAY(SELECT word FROM unnest(tsvector_to_array(words)) AS word WHERE left(word, 1) <> '=')"
    f" || {SERVER_FACTS}) FROM nodes"
    " WHERE nodes.id = node_words.id AND conversation_id = :in_conversation AND seq = :at_seq"
)

_node_text = table("node_text", column("rowid"))
_node_words = table("node_words", column("id"), column("words"))


def make_index(connection: Connection) -> None:
    """Make an empty index, which gets the words of the nodes that are written from now on."""
    for statement in _POSTGRESQL if _is_postgresql(connection) else SQLITE_INDEX:
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


def folded(content: str) -> str | None:
    """What SQLite's index has instead of ``content``; None where it folds that itself, as we do."""
    return None if content.isascii() else "".join(folded_parts(content))


def index_words(connection: Connection, conversation_id: str, rows: Sequence[NodeRow]) -> None:
    """Put the words of nodes that have been written into the index, where no trigger does."""
    if rows and _is_postgresql(connection):
        connection.execute(_INDEX_WORDS, [_word_values(conversation_id, row.seq, row.content) for row in rows])


def refresh_facts(connection: Connection, conversation_id: str, seqs: Iterable[int]) -> None:
    """Put what has changed of nodes beside their words into the index, where no trigger does."""
    values = [{"in_conversation": conversation_id, "at_seq": seq} for seq in sorted(set(seqs))]
    if values and _is_postgresql(connection):
        connection.execute(_REFRESH_FACTS, values)


def candidates(connection: Connection, query: Query) -> list[Said]:
    """The newest messages that ``query`` asks for, at most `Query.most`, and not much more text than is ranked."""
    if not query.words:
        return []
    found = _newest_of_server(connection, query) if _is_postgresql(connection) else _newest_of_file(connection, query)
    return [Said(row[0], row[1], row[2], datetime.fromisoformat(row[3]), row[4]) for row in found]


def _newest_of_file(connection: Connection, query: Query) -> list[Any]:
    # In quotes a word is no syntax.
    wanted = "content : (" + " AND ".join(f'"{word}"' for word in query.words) + ")"
    for alternatives in wanted_facts(query):
        wanted += " AND facts : (" + " OR ".join(f'"{fact}"' for fact in alternatives) + ")"
    has_words = text("node_text MATCH :wanted").bindparams(wanted=wanted)
    number = _node_text.c.rowid
    inside = _in_conversation(query, number)
    return _some(connection, _selected(query, _node_text, number).where(has_words, *inside))


def _newest_of_server(connection: Connection, query: Query) -> list[Any]:
    """The same on a server, whose planner does not know how common a word is before it has analysed the table.

    A common word is soon found among the newest messages; for a rare one the index has few.
    """
    number = _node_words.c.id
    inside = list(_in_conversation(query, number))
    recent = _apart(select(_node_words).where(*inside).order_by(number.desc()).limit(RECENT), "recent")
    found = _some(connection, _of_ids(query, select(recent.c.id).where(_has_words(query, "recent"))))
    if len(found) < query.most:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        found = _some(connection, _of_ids(query, select(number).where(_has_words(query, "node_words"), *inside)))
    return found


def _has_words(query: Query, of: str) -> TextClause:
    # Words and facts are letters, digits and "=": there is nothing to escape.
    wanted = [f"'{word[:LONGEST_WORD]}'" for word in query.words]
    wanted += ["(" + " | ".join(f"'={fact}'" for fact in alternatives) + ")" for alternatives in wanted_facts(query)]
    return text(f"{of}.words @@ CAST(:wanted AS tsquery)").bindparams(wanted=" & ".join(wanted))


def _some(connection: Connection, statement: Select[Any]) -> list[Any]:
    found, room = [], MOST_TEXT
    with connection.execute(statement) as rows:
        for row in rows:
            found.append(row)
            room -= len(row[4])
            if room <= 0:
                break
    return found


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
    said = func.substr(nodes.c.content, 1, MOST_LOOKED_AT)
    return (
        select(nodes.c.conversation_id, nodes.c.seq, nodes.c.role, nodes.c.created_at, said)
        .select_from(index.join(nodes, nodes.c.id == number))
        .where(*_conditions(query))
        .order_by(number.desc())
        .limit(query.most)
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
