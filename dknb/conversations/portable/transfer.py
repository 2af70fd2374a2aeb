"""Out of a store into a file, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TextIO

from ...errors import ConversationNotFound, StorageError
from ..ledger import CallRecord
from ..node import OPEN
from ..storage import ASIDE
from ..stores._row_storage import RowStorage
from ..stores.rows import HeadRow, NodeRow, Rows
from .lines import Line, PortedTalk, call_line, end_line, header_line, read_lines, talk_lines
from .names import TalkPlace, numbered, taken

__all__ = ["Imported", "export_store", "import_store"]

#: Messages that are written in one transaction, at least; others wait meanwhile.
MOST_AT_ONCE = 1_000


class Imported(NamedTuple):
    """What an import did.

    Attributes:
        added: The names of the conversations that were added, as they are in the store.
        present: The names of those that were there already, just the same.
        calls: How many rows of the ledger were added.
        differing: Of those that say the same in the store, but were left alone with other labels or the like: the name, and
            what differs.
    """

    added: list[str]
    present: list[str]
    calls: int
    differing: Sequence[tuple[str, str]] = ()


async def export_store(storage: RowStorage, file: TextIO, names: Sequence[str] = ()) -> tuple[int, int]:
    """Write conversations (by default all, oldest first, and the whole ledger) to ``file``, line by line.

    Each conversation is as it was at one moment; others may go on writing meanwhile.

    Returns:
        The numbers of conversations and of nodes.

    Raises:
        ConversationNotFound: There is none of such a name; nothing was written.
        StorageError: The store cannot be read.
    """
    return await storage.work(_export, storage, file, list(dict.fromkeys(names)))


def _export(storage: RowStorage, file: TextIO, names: list[str]) -> tuple[int, int]:
    with storage.rows(write=False) as rows:
        heads = rows.heads() if rows is not None else []
        known = [head.conversation_id for head in heads if not head.conversation_id.startswith(ASIDE)][::-1]
        calls = [] if rows is None else rows.calls(None)
    if missing := [name for name in names if name not in known]:
        raise ConversationNotFound(f"There is no conversation {missing[0]!r}.", hint=f"The store has {len(known)}.")

    def say(line: Line) -> None:
        file.write(json.dumps(line) + "\n")

    say(header_line())
    done = nodes = 0
    for name in names or known:
        with storage.rows(write=False) as rows:
            head = None if rows is None else rows.head(name)
            if rows is None or head is None:
                continue  # somebody has just deleted it
            for line in talk_lines(rows, head):
                say(line)
        done, nodes = done + 1, nodes + head.next_seq
    calls = [call for call in calls if not names or call.conversation_id in names]
    for call in calls:
        say(call_line(call))
    say(end_line(done, nodes, len(calls)))
    return done, nodes


async def import_store(storage: RowStorage, path: Path, *, rename: bool = False) -> Imported:
    """Add the conversations of a file that `export_store` wrote, and the rows of the ledger that are not there.

    What the store has already is left alone, so that an import that was interrupted can be repeated; if only labels or the like
    differ, that is told.

    Args:
        storage: Where they go.
        path: The file.
        rename: Whether a conversation gets a new name if the store has another one of its name, or one that differs from it;
            otherwise the first is refused.

    Raises:
        StorageError: The file is broken or cut short, or a name is taken; nothing was imported. Or the store failed: the
            conversations that were imported until then are whole.
        SchemaVersionError: The file is a newer dknb's.
    """
    return await storage.work(_import, storage, path, rename)


def _import(storage: RowStorage, path: Path, rename: bool) -> Imported:
    places = _places(storage, path, rename)
    calls: list[CallRecord] = []
    waiting: list[tuple[str, PortedTalk]] = []
    messages = 0
    for each in read_lines(path):
        if isinstance(each, CallRecord):
            place = places.get(each.conversation_id or "")
            calls.append(each if place is None else replace(each, conversation_id=place.name))
        elif (place := places[each.head.conversation_id]).is_new:
            waiting.append((place.name, each))
            messages += len(each.nodes)
            if messages >= MOST_AT_ONCE:
                _add(storage, waiting)
                waiting, messages = [], 0
    _add(storage, waiting)
    there = [place for place in places.values() if not place.is_new]
    return Imported(
        [place.name for place in places.values() if place.is_new],
        [place.name for place in there if not place.differs],
        _add_calls(storage, calls),
        tuple((place.name, place.differs) for place in there if place.differs),
    )


def _places(storage: RowStorage, path: Path, rename: bool) -> dict[str, TalkPlace]:
    """The place in the store of each conversation of the file."""
    places: dict[str, TalkPlace] = {}
    others = set(storage.reserved)
    with storage.rows(write=False) as rows:
        for each in read_lines(path):
            if isinstance(each, CallRecord):
                continue
            name = each.head.conversation_id
            if name in places:
                raise StorageError(f"{path} has two conversations {name!r}.", hint="Nothing was imported.")
            places[name] = _place(rows, each, rename, others)
            others.add(places[name].name)
    return places


def _place(rows: Rows | None, talk: PortedTalk, rename: bool, others: Set[str]) -> TalkPlace:
    """The first of its name and the numbered ones after it that is free, or has it already."""
    name = talk.head.conversation_id
    for each in chain([name], numbered(name) if rename else ()):
        there = None if rows is None else rows.head(each)
        if rows is None or there is None:
            if each not in others:
                return TalkPlace(each, is_new=True)
        elif _says_the_same(rows, there, talk):
            differs = _difference(rows, there, talk)
            if not (rename and differs):
                return TalkPlace(each, is_new=False, differs=differs)
    raise taken(name, is_reserved=name in others)


def _says_the_same(rows: Rows, there: HeadRow, talk: PortedTalk) -> bool:
    same = there.next_seq == talk.head.next_seq
    return same and [_shown(row) for row in rows.nodes(there.conversation_id, 0, None)] == list(map(_shown, talk.nodes))


def _shown(row: NodeRow) -> NodeRow:
    # A deletion has the number of a revision, which is of the one store; an answer that is still coming was cut on its way.
    return row._replace(hidden=0, state="incomplete" if row.state == OPEN else row.state)


def _difference(rows: Rows, head: HeadRow, talk: PortedTalk) -> str:
    """What of a conversation of the store, which says the same, is otherwise than in the file; "" if nothing is."""
    name = head.conversation_id
    pairs = {
        "labels": (sorted(rows.labels(name)), sorted(talk.labels)),
        "metadata": (json.loads(head.metadata), json.loads(talk.head.metadata)),
        "branches": tuple(
            sorted((each.name, each.head_seq, bool(each.hidden)) for each in found)
            for found in (rows.branches(name), talk.branches)
        ),
        "position": tuple((each.current_seq, each.current_branch) for each in (head, talk.head)),
        "deletions": (
            {seq for seq, _ in rows.hidden(name)},
            {row.seq for row in talk.nodes if row.hidden},
        ),
    }
    return ", ".join(what for what, (one, other) in pairs.items() if one != other)


def _add(storage: RowStorage, talks: Sequence[tuple[str, PortedTalk]]) -> None:
    if not talks:
        return
    with storage.rows(write=True) as rows:
        for name, talk in talks:
            if rows is None or not rows.add_head(talk.head._replace(conversation_id=name)):
                raise StorageError(f"Somebody else has just made a conversation {name!r}.", hint="Repeat the import.")
            rows.fill(name, talk.nodes)
            rows.label(name, talk.labels)
            for branch in talk.branches:
                rows.add_branch(name, branch)


def _add_calls(storage: RowStorage, calls: list[CallRecord]) -> int:
    with storage.rows(write=True) as rows:
        if rows is None:
            return 0
        known = set(rows.calls(None))
        new = [call for call in calls if call not in known]
        for call in new:
            rows.add_call(call)
    return len(new)
