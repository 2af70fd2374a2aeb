"""Conversations of others' files into a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ..._sync import in_thread, run
from ...errors import ConfigError, StorageError
from ..branches import check_name
from ..ledger import CallRecord
from ..portable import Imported, import_store
from ..portable.names import TalkPlace, numbered, taken, usable_name
from ..state import ConversationState
from ..storage import ConversationStorage
from ..stores._row_storage import RowStorage
from .checks import told
from .comparing import difference, numbers_there, says_the_same
from .formats import READABLE, check_format, format_of, read_talks
from .soundness import check_storable
from .source import readable
from .talk import ImportedTalk

__all__ = ["import_conversations", "import_conversations_sync"]

#: What is read and written in one go: so many conversations with their messages, or so many characters.
MOST_AT_ONCE, MOST_CHARACTERS = 1_000, 2_000_000


async def import_conversations(
    storage: ConversationStorage, source: str | Path, format: str | None = None, *, rename: bool = False
) -> Imported:
    """Add the conversations of a file to a store. All of the file is checked before any of it is written.

    What the store has already is left alone, so that an import that was interrupted can be repeated; if something beside
    what was said differs (labels, metadata, ...), that is told. The file is read piece by piece, and in a thread; of a pipe a
    copy is made first. Names that no conversation can have are changed; the old one is then in the metadata, as
    ``"source_id"``.

    Args:
        storage: Where they go.
        source: The file.
        format: ``"dataknobs"`` (documents of dataknobs-llm: one, an array, or one a line), ``"openai"`` (fine-tuning
            JSON Lines), ``"sharegpt"``, ``"llm"`` (the log database of simonw/llm) or ``"dknb"`` (of ``dknb store
            export``); None looks.
        rename: Whether a conversation gets a new name if the store has another one of its name, or one that differs from
            it; otherwise the first is refused. The same for the id of a document that is no name.

    Raises:
        ConfigError: There is no such format.
        SchemaVersionError: The file is of a higher major version than this dknb reads.
        StorageError: The file is broken, or a name is taken: nothing was imported. Or the store failed: the conversations
            that were imported until then are whole.
    """
    kept = ExitStack()
    try:
        path = await in_thread(kept.enter_context, readable(Path(source)))
        kind = await in_thread(format_of, path) if format is None else check_format(format, READABLE)
        if kind == "dknb":
            return await import_store(_row_storage(storage), path, rename=rename)
        return await _Import(storage, path, kind, rename).done()
    finally:
        await in_thread(kept.close)


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


class _Import:
    """A file on its way into a store: it is read once to find a place for each conversation, and once more to write them."""

    def __init__(self, storage: ConversationStorage, path: Path, kind: str, rename: bool) -> None:
        self._storage = storage
        self._path, self._kind, self._rename = path, kind, rename

    async def done(self) -> Imported:
        """Do it; what was done."""
        places = await self._find_places()
        done = calls = 0
        async for talks in self._read(check=False):
            there = places[done : done + len(talks)]
            if len(there) < len(talks):
                raise self._changed()
            calls += await self._write(talks, there)
            done += len(talks)
        if done < len(places):
            raise self._changed()
        return Imported(
            [place.name for place in places if place.is_new],
            [place.name for place in places if not (place.is_new or place.differs)],
            calls,
            tuple((place.name, place.differs) for place in places if place.differs),
        )

    async def _write(self, talks: list[ImportedTalk], places: list[TalkPlace]) -> int:
        """Write what is new of some conversations; how many rows of the ledger."""
        new: list[tuple[ConversationState, Sequence[CallRecord]]] = []
        calls = 0
        for talk, place in zip(talks, places, strict=True):
            missing = await self._missing_calls(talk, place)
            calls += len(missing)
            if place.is_new:
                talk.state.conversation_id = place.name
                new.append((talk.state, missing))
                continue
            for call in missing:
                await self._storage.record_call(call)
        if new:
            await self._storage.create_conversations(new)
        return calls

    def _changed(self) -> StorageError:
        return StorageError(f"{self._path} was changed while it was read.", hint="Repeat the import.")

    async def _read(self, *, check: bool) -> AsyncIterator[list[ImportedTalk]]:
        talks = self._named(check)
        while some := await in_thread(_some, talks):
            yield some

    def _named(self, check: bool) -> Iterator[ImportedTalk]:
        """The conversations of the file, each with a name that it may have."""
        for number, talk in enumerate(read_talks(self._path, self._kind), 1):
            with told(f"{self._path}, item {number}"):
                self._name(talk)
                if check:
                    check_storable(talk.state)
            yield talk

    def _name(self, talk: ImportedTalk) -> None:
        state = talk.state
        if talk.has_identity and not self._rename:
            check_name(state.conversation_id, "conversation")
        name = usable_name(state.conversation_id, blank=self._kind)
        if name != state.conversation_id:
            state.metadata = {**state.metadata, "source_id": state.conversation_id}
            state.conversation_id = name

    async def _find_places(self) -> list[TalkPlace]:
        in_store = {str(each["conversation_id"]) for each in await self._storage.list_conversations()}
        in_file: set[str] = set()
        places: list[TalkPlace] = []
        async for talks in self._read(check=True):
            for talk in talks:
                name = talk.state.conversation_id
                if name in in_file and not self._rename:
                    raise StorageError(
                        f"{self._path} has two conversations {name!r}.",
                        hint="Nothing was imported. Let one have a new name (rename=True; on the command line --rename).",
                    )
                places.append(await self._place(talk, in_store, in_file))
                in_file |= {name, places[-1].name}
        return places

    async def _place(self, talk: ImportedTalk, in_store: set[str], in_file: set[str]) -> TalkPlace:
        """The first of its name and the numbered ones after it that is free, or has it already."""
        name = talk.state.conversation_id
        for each in chain([name], numbered(name) if self._rename else ()):
            if (place := await self._place_called(each, talk, in_store, in_file)) is not None:
                return place
        raise taken(name, is_reserved=name in self._storage.reserved)

    async def _place_called(
        self, name: str, talk: ImportedTalk, in_store: set[str], in_file: set[str]
    ) -> TalkPlace | None:
        if name in self._storage.reserved:
            return None
        if name not in in_store:
            return None if name in in_file else TalkPlace(name, is_new=True)
        there = await self._storage.load_conversation(name)
        if there is None or not await in_thread(says_the_same, there, talk.state):
            return None
        differs = await in_thread(difference, there, talk)
        return None if differs and self._rename else TalkPlace(name, is_new=False, differs=differs)

    async def _missing_calls(self, talk: ImportedTalk, place: TalkPlace) -> list[CallRecord]:
        """The rows of the ledger that the store does not have yet, as they are to be there."""
        if not talk.calls:
            return []
        calls = [replace(call, conversation_id=place.name) for call in talk.calls]
        if not place.is_new and (there := await self._storage.load_conversation(place.name)) is not None:
            numbers = numbers_there(there, talk.state)
            calls = [replace(call, node_seq=numbers.get(call.node_seq)) for call in calls]
        known = set(await self._storage.list_calls(place.name))
        return [call for call in calls if call not in known]


def _some(talks: Iterator[ImportedTalk]) -> list[ImportedTalk]:
    """The next conversations, as many as are soon written."""
    found: list[ImportedTalk] = []
    messages = characters = 0
    for talk in talks:
        found.append(talk)
        for tree in talk.state.message_tree.walk():
            messages += 1
            characters += len(tree.data.message.content)
        if messages >= MOST_AT_ONCE or characters >= MOST_CHARACTERS:
            break
    return found
