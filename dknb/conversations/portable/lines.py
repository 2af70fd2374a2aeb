"""The file: a header, then for each conversation a line of its own and one for each node, then the ledger, then the end.

The last line counts what came, so that a file that was cut short is noticed. Whoever wrote the file, what is in it is data:
all of it is checked before any of it is used.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ...errors import DknbError, SchemaVersionError, StorageError
from ..ledger import CallRecord
from ..node import OPEN
from ..stores.rows import BranchRow, HeadRow, NodeRow, Rows, to_iso
from .fields import read_branch, read_call, read_head, read_labels, read_node

__all__ = ["PortedTalk", "call_line", "end_line", "header_line", "read_lines", "talk_lines"]

FORMAT, VERSION = "dknb-store", 1

#: What of a node is JSON in a store, and an object in the file.
_JSON = ("message", "metadata")

Line: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class PortedTalk:
    """A conversation of a file."""

    head: HeadRow
    branches: list[BranchRow]
    nodes: list[NodeRow] = field(default_factory=list)
    labels: list[tuple[int, str]] = field(default_factory=list)


# Writing


def header_line() -> Line:
    """The first line."""
    return {"format": FORMAT, "version": VERSION}


def end_line(conversations: int, nodes: int, calls: int) -> Line:
    """The last line."""
    return {"end": {"conversations": conversations, "nodes": nodes, "calls": calls}}


def call_line(call: CallRecord) -> Line:
    """A row of the ledger."""
    return {"call": {**asdict(call), "at": to_iso(call.at)}}


def talk_lines(rows: Rows, head: HeadRow) -> Iterator[Line]:
    """A conversation. An answer that is still coming is incomplete."""
    name = head.conversation_id
    branches = [branch._asdict() for branch in rows.branches(name)]
    yield {"conversation": {**head._asdict(), "metadata": json.loads(head.metadata), "branches": branches}}
    labels: dict[int, list[str]] = {}
    for seq, label in rows.labels(name):
        labels.setdefault(seq, []).append(label)
    for row in rows.nodes(name, 0, head.next_seq):
        node = row._asdict() | {key: _decoded(getattr(row, key)) for key in _JSON}
        state = "incomplete" if row.state == OPEN else row.state
        yield {"node": {**node, "state": state, "labels": sorted(labels.get(row.seq, ()))}}


def _decoded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


# Reading


def read_lines(path: Path) -> Iterator[PortedTalk | CallRecord]:
    """The conversations and the ledger of a file.

    Raises:
        StorageError: It is broken, or cut short.
        SchemaVersionError: It is a newer dknb's.
    """
    counts = Counter[str]()
    talk: PortedTalk | None = None
    ended = False
    for where, kind, data in _parsed(path):
        with _told(where):
            if kind != "node" and talk is not None:
                yield _checked(talk)
                talk = None
            if kind == "end":
                ended = data == end_line(counts["conversation"], counts["node"], counts["call"])["end"]
            elif kind == "conversation":
                talk = _begun(data)
            elif kind == "node" and talk is not None:
                _take_node(talk, data)
            elif kind == "call":
                yield read_call(data)
            else:
                raise ValueError(f"{kind!r} does not belong here")
        counts[kind] += 1
    if not ended or counts["end"] != 1:
        raise StorageError(f"{path} was cut short: its last line is not its end.", hint="Export it again.")


def _parsed(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Place, kind and data of each line after the first."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                where = f"{path}:{number}"
                with _told(where):
                    line = json.loads(text)
                    if number == 1:
                        _check_header(line, path)
                        continue
                    [(kind, data)] = line.items()
                yield where, kind, data
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be read: {error}.", hint="Name a file of dknb store export.") from error


def _check_header(line: Any, path: Path) -> None:
    if not isinstance(line, dict) or line.get("format") != FORMAT or not isinstance(line.get("version"), int):
        raise ValueError("it does not begin with the header")
    if line["version"] > VERSION:
        raise SchemaVersionError(
            f"{path} has version {line['version']}; this dknb reads versions up to {VERSION}.",
            hint="Update dknb (pip install -U dknb).",
        )


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Say where in the file something is wrong."""
    try:
        yield
    except SchemaVersionError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError, DknbError) as error:
        raise StorageError(
            f"{where} is no line of an exported store: {str(error).rstrip('.')}.",
            hint="Name a file of dknb store export, as it was written.",
        ) from error


def _begun(data: Line) -> PortedTalk:
    branches = [read_branch(branch) for branch in data["branches"]]
    if len({branch.name for branch in branches}) < len(branches):
        raise ValueError("it has two branches of one name")
    return PortedTalk(read_head(data, branches), branches)


def _take_node(talk: PortedTalk, data: Line) -> None:
    row = read_node(data)
    first = row.seq == 0
    if row.seq != len(talk.nodes) or (row.parent_seq is None) != first:
        raise ValueError(f"node {row.seq!r} does not fit here")
    if row.parent_seq is not None and row.parent_seq >= row.seq:
        raise ValueError(f"node {row.seq} has no parent")
    talk.nodes.append(row)
    talk.labels += [(row.seq, label) for label in read_labels(data)]


def _checked(talk: PortedTalk) -> PortedTalk:
    """The conversation, if it is whole and its parts fit together."""
    below = Counter[int | None]()
    for row in talk.nodes:
        if row.ordinal != below[row.parent_seq]:
            below.clear()
            break
        below[row.parent_seq] += 1
    heads = [talk.head.current_seq, *(branch.head_seq for branch in talk.branches)]
    if not below or talk.head.next_seq != len(talk.nodes) or not all(0 <= seq < len(talk.nodes) for seq in heads):
        raise ValueError(f"the conversation {talk.head.conversation_id!r} is not whole")
    return talk
