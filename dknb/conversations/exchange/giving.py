"""Conversations into files of others' formats."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TextIO

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

__all__ = ["Exported", "export_conversations", "export_conversations_sync"]

NodeTree = Tree[ConversationNode]
Source = ConversationStorage | ConversationReader | ConversationState


class Exported(NamedTuple):
    """What an export wrote.

    Attributes:
        conversations: How many conversations.
        items: How many documents, or rows of messages: a conversation with several leaves gives several.
    """

    conversations: int
    items: int


async def export_conversations(
    source: Source,
    target: str | Path,
    format: str = "dataknobs",
    *,
    names: Sequence[str] = (),
    at: Sequence[str] = (),
    last_only: bool = False,
) -> Exported:
    """Write conversations to a file that is not there yet.

    ``"dataknobs"`` keeps all; a row of messages (``"openai"``, ``"sharegpt"``) is the path to one leaf, without what was
    deleted. A row for OpenAI ends with the last complete answer of its path; a path without one is left out.

    Args:
        source: A store, or a conversation.
        target: The file.
        format: ``"dataknobs"``, ``"openai"``, ``"sharegpt"`` or, of a store, ``"dknb"``.
        names: Of a store: which conversations; all if none are given.
        at: Of one conversation: the nodes or branches whose paths to write as rows, instead of all leaves.
        last_only: For OpenAI: only the last answer of a row is trained (the others have the weight 0). The rows of a tree
            begin alike, and would train these answers once for each leaf.

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
        return await _write(file, source, names, format, at, last_only)
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
) -> Exported:
    """`export_conversations`, for who cannot await."""
    return run(export_conversations(source, target, format, names=names, at=at, last_only=last_only))


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


async def _write(
    file: TextIO, source: Source, names: Sequence[str], format: str, at: Sequence[str], last_only: bool
) -> Exported:
    # One document is an object, several are an array; rows are an array for ShareGPT and lines for OpenAI.
    single = format == "dataknobs" and (not isinstance(source, ConversationStorage) or len(names) == 1)
    array = format != "openai" and not single
    conversations = items = 0
    await in_thread(file.write, "[\n" if array else "")
    async for state, calls in _states(source, names):
        for make in await in_thread(_makers, state, calls, format, at, last_only):
            comma = ",\n" if array and items else ""
            await in_thread(_write_item, file, comma, make, "" if array else "\n")
            items += 1
        conversations += 1
    await in_thread(file.write, "\n]\n" if array else "")
    await in_thread(file.flush)
    return Exported(conversations, items)


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
    state: ConversationState, calls: Sequence[CallRecord], format: str, at: Sequence[str], last_only: bool
) -> list[Callable[[], Any]]:
    """What makes each thing that is written of a conversation; together they might not fit into memory."""
    if format == "dataknobs":
        return [partial(write_document, state, calls)]
    reader = ConversationReader(state)
    ends = _ends(reader, at, answered=format == "openai")
    if format == "openai":
        return [partial(_line, reader, end, last_only) for end in ends]
    return [partial(_item, reader, end, number) for number, end in enumerate(ends, 1)]


def _line(reader: ConversationReader, end: NodeTree, last_only: bool) -> dict[str, Any]:
    return line_of(list(reader.history_to(end)), reader.state.metadata, last_only=last_only)


def _item(reader: ConversationReader, end: NodeTree, number: int) -> dict[str, Any]:
    name = reader.conversation_id if number == 1 else f"{reader.conversation_id}:{number}"
    return item_of(name, list(reader.history_to(end)), reader.state.metadata)


def _ends(reader: ConversationReader, at: Sequence[str], *, answered: bool) -> list[NodeTree]:
    """The nodes whose paths are written, each once."""
    if at:
        ends = [reader.resolve(ref) for ref in at]
    else:
        ends = [node for node in shown(reader.state) if all(child.data.hidden for child in node.children)]
    if answered:
        ends = [end for leaf in ends if (end := _last_answer(leaf)) is not None]
    said = {id(end): end for end in ends if end.parent is not None or not end.data.is_empty}
    return list(said.values())


def _last_answer(node: NodeTree) -> NodeTree | None:
    return next(
        (each for each in node.upward() if each.data.role == "assistant" and each.data.state == "complete"), None
    )
