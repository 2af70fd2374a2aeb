"""Conversations of others' files into a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..._sync import in_thread, run
from ...errors import ConfigError, StorageError
from ..branches import check_name
from ..portable import Imported, import_store
from ..state import ConversationState
from ..storage import ConversationStorage
from ..stores._row_storage import RowStorage
from .checks import told
from .formats import READABLE, check_format, format_of, read_talks
from .talk import ImportedTalk

__all__ = ["import_conversations", "import_conversations_sync"]


async def import_conversations(
    storage: ConversationStorage, source: str | Path, format: str | None = None, *, rename: bool = False
) -> Imported:
    """Add the conversations of a file to a store. All of the file is checked before any of it is written.

    What the store has already, just the same, is left alone: an import that was interrupted can be repeated. The file is read
    piece by piece, and in a thread.

    Args:
        storage: Where they go.
        source: The file.
        format: ``"dataknobs"`` (documents of dataknobs-llm: one, an array, or one a line), ``"openai"`` (fine-tuning
            JSON Lines), ``"sharegpt"``, ``"llm"`` (the log database of simonw/llm) or ``"dknb"`` (of ``dknb store
            export``); None looks.
        rename: Whether a conversation gets a new name if the store has another one of its name; otherwise that is refused.

    Raises:
        ConfigError: There is no such format.
        SchemaVersionError: The file is of a higher major version than this dknb reads.
        StorageError: The file is broken, or a name is taken: nothing was imported. Or the store failed: the conversations
            that were imported until then are whole.
    """
    path = Path(source)
    kind = await in_thread(format_of, path) if format is None else check_format(format, READABLE)
    if kind == "dknb":
        return await import_store(_row_storage(storage), path, rename=rename)
    names = await _names(storage, path, kind, rename)
    added, present, calls = [], [], 0
    talks = read_talks(path, kind)
    for name in names:
        if (talk := await in_thread(next, talks, None)) is None:
            raise StorageError(f"{path} was changed while it was read.", hint="Repeat the import.")
        if name is None:
            present.append(talk.state.conversation_id)
            continue
        talk.state.conversation_id = name
        await storage.create_conversation(talk.state)
        added.append(name)
        calls += await _add_calls(storage, talk)
    return Imported(added, present, calls)


def import_conversations_sync(
    storage: ConversationStorage, source: str | Path, format: str | None = None, *, rename: bool = False
) -> Imported:
    """`import_conversations`, for who cannot await."""
    return run(import_conversations(storage, source, format, rename=rename))


def _row_storage(storage: ConversationStorage) -> RowStorage:
    if not isinstance(storage, RowStorage):
        raise ConfigError(
            f"A {type(storage).__name__} keeps no rows.", hint="Export the conversations in another format."
        )
    return storage


async def _names(storage: ConversationStorage, path: Path, kind: str, rename: bool) -> list[str | None]:
    """The name in the store of each conversation of the file; None for one that is there already."""
    taken = {str(each["conversation_id"]) for each in await storage.list_conversations()}
    in_file: set[str] = set()
    names: list[str | None] = []
    talks = read_talks(path, kind)
    while (talk := await in_thread(next, talks, None)) is not None:
        name = talk.state.conversation_id
        with told(f"{path}, item {len(names) + 1}"):
            check_name(name, "conversation")
        if name in in_file and not rename:
            raise StorageError(f"{path} has two conversations {name!r}.", hint="Nothing was imported. Take rename.")
        names.append(await _name_in(storage, talk, taken | in_file, rename))
        in_file.add(names[-1] or name)
    return names


async def _name_in(storage: ConversationStorage, talk: ImportedTalk, taken: set[str], rename: bool) -> str | None:
    name = talk.state.conversation_id
    if name not in taken:
        return name
    there = await storage.load_conversation(name)
    if there is not None and await in_thread(_is_same, there, talk.state):
        return None
    if not rename:
        raise StorageError(
            f"The store has another conversation {name!r}.",
            hint="Nothing was imported. Give the one of the file a new name with rename, or delete the other.",
        )
    return next(free for free in _numbered(name) if free not in taken)


def _numbered(name: str) -> Iterator[str]:
    number = 2
    while True:
        yield f"{name} ({number})"
        number += 1


def _is_same(one: ConversationState, other: ConversationState) -> bool:
    """Whether two conversations have the same tree, in which the same was said."""
    ours, theirs = one.message_tree.walk(), other.message_tree.walk()
    for left, right in zip(ours, theirs, strict=False):
        if left.depth != right.depth or len(left.children) != len(right.children):
            return False
        if left.data.message != right.data.message:
            return False
    return True


async def _add_calls(storage: ConversationStorage, talk: ImportedTalk) -> int:
    name = talk.state.conversation_id
    known = await storage.list_calls(name) if talk.calls else []
    new = [call for each in talk.calls if (call := replace(each, conversation_id=name)) not in known]
    for call in new:
        await storage.record_call(call)
    return len(new)
