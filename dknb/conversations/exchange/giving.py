"""Conversations into files of others' formats."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TextIO

from ..._sync import in_thread, run
from ...errors import ConfigError, ConversationNotFound, StorageError
from ..branches import shown
from ..ledger import CallRecord
from ..node import ConversationNode
from ..portable import export_store
from ..reader import ConversationReader
from ..state import ConversationState
from ..storage import ConversationStorage
from ..stores._row_storage import RowStorage
from ..tree import Tree
from .documents import write_document
from .formats import WRITABLE, check_format
from .openai import line_of
from .sharegpt import item_of

__all__ = ["Exported", "export_conversations", "export_conversations_sync", "first_cut", "last_answer"]

NodeTree = Tree[ConversationNode]
Source = ConversationStorage | ConversationReader | ConversationState


class _Counts(NamedTuple):
    conversations: int
    items: int


class Exported(_Counts):
    """What an export wrote: a pair, of conversations and items.

    Attributes:
        conversations: How many conversations.
        items: How many documents, or rows of messages: a conversation with several leaves gives several.
        left_out: How many answers that were cut rows do without, and all that was said below them.
    """

    left_out: int

    def __new__(cls, conversations: int, items: int, left_out: int = 0) -> Self:  # noqa: D102 - as above
        exported = super().__new__(cls, conversations, items)
        exported.left_out = left_out
        return exported


async def export_conversations(
    source: Source,
    target: str | Path,
    format: str = "dataknobs",
    *,
    names: Sequence[str] = (),
    at: Sequence[str] = (),
    last_only: bool = False,
    incomplete: bool = False,
) -> Exported:
    """Write conversations to a file that is not there yet.

    ``"dataknobs"`` keeps all; a row of messages (``"openai"``, ``"sharegpt"``) is the path to one leaf, without what was
    deleted. A row for OpenAI ends with the last complete answer of its path; a path without one is left out. So does any row
    before an answer that was cut: nobody is to learn to stop in the middle.

    Args:
        source: A store, or a conversation.
        target: The file.
        format: ``"dataknobs"``, ``"openai"``, ``"sharegpt"`` or, of a store, ``"dknb"``.
        names: Of a store: which conversations; all if none are given.
        at: Of one conversation: the nodes or branches whose paths to write as rows, instead of all leaves.
        last_only: For OpenAI: only the last answer of a row is trained (the others have the weight 0). The rows of a tree
            begin alike, and would train these answers once for each leaf.
        incomplete: Of rows: whether answers that were cut are written, too, and what was said below them.

    Raises:
        ConfigError: There is such a file, there is no such format, or it does not go with what else is given.
        ConversationNotFound: The store has no conversation of such a name.
        NodeNotFound: There is no such node.
        StorageError: The store cannot be read, or the file not written.
    """
    path = Path(target)
    check_format(format, WRITABLE)
    if at and (format not in ("openai", "sharegpt") or (isinstance(source, ConversationStorage) and len(names) != 1)):
        raise ConfigError("Nodes are chosen of one conversation, for a format of rows.", hint='format="openai"')
    file = await in_thread(_made, path)
    try:
        if format == "dknb":
            return await _export_store(source, file, names)
        return await _write(file, source, names, _Wanted(format, at, last_only, incomplete))
    except BaseException as error:
        await in_thread(path.unlink, missing_ok=True)
        if isinstance(error, OSError):
            raise StorageError(f"{path} cannot be written: {error}.", hint="Take another place.") from error
        raise
    finally:
        file.close()


def export_conversations_sync(
    source: Source,
    target: str | Path,
    format: str = "dataknobs",
    *,
    names: Sequence[str] = (),
    at: Sequence[str] = (),
    last_only: bool = False,
    incomplete: bool = False,
) -> Exported:
    """`export_conversations`, for who cannot await."""
    given = {"names": names, "at": at, "last_only": last_only, "incomplete": incomplete}
    return run(export_conversations(source, target, format, **given))  # type: ignore[arg-type]


def _made(path: Path) -> TextIO:
    try:
        return path.open("x", encoding="utf-8")
    except FileExistsError:
        raise ConfigError(f"There is a file {path} already.", hint="Take another name, or move it away.") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}.", hint="Take another place.") from error


async def _export_store(source: Source, file: TextIO, names: Sequence[str]) -> Exported:
    if not isinstance(source, RowStorage):
        raise ConfigError('The format "dknb" is of stores.', hint="Give the store, and names=[...]")
    conversations, _ = await export_store(source, file, names)
    return Exported(conversations, conversations)


class _Wanted(NamedTuple):
    """What is written of a conversation; see `export_conversations`."""

    format: str
    at: Sequence[str]
    last_only: bool
    incomplete: bool


async def _write(file: TextIO, source: Source, names: Sequence[str], wanted: _Wanted) -> Exported:
    # One document is an object, several are an array; rows are an array for ShareGPT and lines for OpenAI.
    single = wanted.format == "dataknobs" and (not isinstance(source, ConversationStorage) or len(names) == 1)
    array = wanted.format != "openai" and not single
    conversations = items = left_out = 0
    await in_thread(file.write, "[\n" if array else "")
    async for state, calls in _states(source, names):
        makers, cut = await in_thread(_makers, state, calls, wanted)
        left_out += cut
        for make in makers:
            comma = ",\n" if array and items else ""
            await in_thread(_write_item, file, comma, make, "" if array else "\n")
            items += 1
        conversations += 1
    await in_thread(file.write, "\n]\n" if array else "")
    await in_thread(file.flush)
    return Exported(conversations, items, left_out)


def _write_item(file: TextIO, before: str, make: Callable[[], Any], after: str) -> None:
    try:
        file.write(before)
        for piece in json.JSONEncoder(default=str).iterencode(make()):
            file.write(piece)
        file.write(after)
    except (ValueError, TypeError, RecursionError) as error:
        raise StorageError(f"It cannot be written as JSON: {error}.", hint="Look at its metadata.") from error


async def _states(source: Source, names: Sequence[str]) -> AsyncIterator[tuple[ConversationState, list[CallRecord]]]:
    if isinstance(source, ConversationState):
        yield source, []
    elif isinstance(source, ConversationReader):
        yield source.state, []
    else:
        for name in names or [str(each["conversation_id"]) for each in await source.list_conversations()][::-1]:
            state = await source.load_conversation(name)
            if state is not None:
                yield state, await source.list_calls(name)
            elif names:
                raise ConversationNotFound(f"There is no conversation {name!r}.", hint="Nothing was exported.")


def _makers(
    state: ConversationState, calls: Sequence[CallRecord], wanted: _Wanted
) -> tuple[list[Callable[[], Any]], int]:
    """What makes each thing that is written of a conversation (together they might not fit into memory); see `_ends`."""
    if wanted.format == "dataknobs":
        return [partial(write_document, state, calls)], 0
    reader = ConversationReader(state)
    ends, left_out = _ends(reader, wanted)
    if wanted.format == "openai":
        return [partial(_line, reader, end, wanted.last_only) for end in ends], left_out
    return [partial(_item, reader, end, number) for number, end in enumerate(ends, 1)], left_out


def _line(reader: ConversationReader, end: NodeTree, last_only: bool) -> dict[str, Any]:
    return line_of(list(reader.history_to(end)), reader.state.metadata, last_only=last_only)


def _item(reader: ConversationReader, end: NodeTree, number: int) -> dict[str, Any]:
    name = reader.conversation_id if number == 1 else f"{reader.conversation_id}:{number}"
    return item_of(name, list(reader.history_to(end)), reader.state.metadata)


def _ends(reader: ConversationReader, wanted: _Wanted) -> tuple[list[NodeTree], int]:
    """The nodes whose paths are written, each once, and how many answers that were cut they do without."""
    if wanted.at:
        leaves = [reader.resolve(ref) for ref in wanted.at]
    else:
        leaves = [node for node in shown(reader.state) if all(child.data.hidden for child in node.children)]
    said: dict[int, NodeTree] = {}
    cut: set[int] = set()
    for leaf in leaves:
        answer = None if wanted.incomplete else first_cut(leaf)
        if answer is not None:
            cut.add(id(answer))
        end = leaf if answer is None else answer.parent
        if end is not None and (wanted.format == "openai" or answer is not None):
            end = last_answer(end, incomplete=wanted.incomplete)
        if end is not None and (end.parent is not None or not end.data.is_empty):
            said[id(end)] = end
    return list(said.values()), len(cut)


def first_cut(node: NodeTree) -> NodeTree | None:
    """The first answer on the way to ``node`` that was cut, or is still coming."""
    found = None
    for each in node.upward():
        if each.data.role == "assistant" and each.data.state != "complete":
            found = each
    return found


def last_answer(node: NodeTree, *, incomplete: bool = False) -> NodeTree | None:
    """The last answer on the way to ``node``; one that was cut only where ``incomplete`` says so."""
    answers = (each for each in node.upward() if each.data.role == "assistant")
    return next((each for each in answers if incomplete or each.data.state == "complete"), None)
