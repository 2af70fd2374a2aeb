"""A recording as a list: what was asked, what was answered, when, and at what price."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

from ...errors import RecordingError, did_you_mean
from ..messages import LLMResponse
from .disk import as_typed
from .entry import Identity
from .file import RecordingFile
from .index import ENTRY

__all__ = ["EntryPlace", "RecordedEntry", "RecordingReader"]

Json: TypeAlias = dict[str, Any]

_SHORT = 8


class EntryPlace(NamedTuple):
    """Where an entry is, and which it is.

    Attributes:
        which: Its key, its session and its sample.
        nth: Which answer to its request it is, from 1, in the order in which they are replayed.
        line: Its line in the file, from 1.
        offset: Where it begins, in bytes.
        size: Its length in bytes.
    """

    which: Identity
    nth: int
    line: int
    offset: int
    size: int

    @property
    def name(self) -> str:
        """What it is called by: the beginning of its key, and which answer it is where it is not the first."""
        return self.which[0][:_SHORT] + (f".{self.nth}" if self.nth > 1 else "")


@dataclass(frozen=True)
class RecordedEntry:
    """A recorded call.

    Attributes:
        place: Where it is.
        request: What was asked, as `ModelRequest.canonical` gives it, without secrets.
        response: What was answered.
        at: When.
    """

    place: EntryPlace
    request: Json
    response: LLMResponse
    at: datetime | None

    @property
    def spec(self) -> str:
        """Provider and model that were asked."""
        return f"{self.request.get('provider')}/{self.request.get('model')}"

    @property
    def question(self) -> str:
        """The text of the last message, or the first of the texts that were embedded."""
        if texts := self.request.get("texts"):
            return str(texts[0])
        content = (self.request.get("messages") or [{}])[-1].get("content") or ""
        if isinstance(content, str):
            return content
        return " ".join(str(part.get("text") or f"[{part.get('type')}]") for part in content)

    @property
    def answer(self) -> str:
        """The text of the answer, or what there is instead."""
        if self.response.content:
            return self.response.content
        if vectors := self.response.metadata.get("vectors"):
            return f"[{len(vectors)} vectors]"
        return " ".join(f"[{call.name}({call.arguments_json})]" for call in self.response.tool_calls)


class RecordingReader:
    """Reads a recording from the file's beginning to its end; ``with`` closes it.

    Raises:
        RecordingError: The file is missing, not ours, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._file = RecordingFile(self.path, writable=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def places(self) -> list[EntryPlace]:
        """All entries, in the order of the file; none of them is parsed."""
        heads = []
        for number, offset, line in self._file.lines():
            if head := ENTRY.match(line):
                key, run, sample = head.groups()
                heads.append(((key.decode(), run.decode(), int(sample)), number, offset, len(line)))
        order = {
            offset: nth
            for key in {which[0] for which, _, _, _ in heads}
            for nth, offset in enumerate(self._file.places(key), start=1)
        }
        return [EntryPlace(which, order.get(offset, 1), number, offset, size) for which, number, offset, size in heads]

    def entries(self) -> Iterator[RecordedEntry]:
        """All entries that can be read, in the order of the file."""
        return self.read(self.places())

    def read(self, places: Iterable[EntryPlace]) -> Iterator[RecordedEntry]:
        """The entries at these places; one that is damaged is left out."""
        for place in places:
            try:
                entry = self._file.entry(place.which[0], place.offset)
                request, response = self._file.request(entry), LLMResponse.from_dict(entry["response"])
                yield RecordedEntry(place, request, response, _time(entry.get("at")))
            except (ValueError, KeyError, TypeError):
                continue

    def find(self, name: str) -> RecordedEntry:
        """The entry of a name: the beginning of its key, and ``.2`` for the second answer to its request.

        Raises:
            RecordingError: There is none of that name, or several.
        """
        key, _, nth = name.partition(".")
        places = self.places()
        found = [place for place in places if place.which[0].startswith(key) and str(place.nth) == (nth or "1")]
        if key and len({place.which[0] for place in found}) > 1:
            hint = f"Give more of it: {', '.join(place.which[0][: len(key) + 4] for place in found[:4])}"
            raise RecordingError(f"{as_typed(self.path)} has several entries {name!r}.", hint=hint)
        if not key or not found:
            known = did_you_mean(name, [place.name for place in places])
            hint = f"List them:  %dknb cassette {as_typed(self.path)}"
            raise RecordingError(f"{as_typed(self.path)} has no entry {name!r}.{known}", hint=hint)
        entry = next(self.read(found), None)
        if entry is None:
            raise RecordingError(f"Line {found[0].line} of {as_typed(self.path)} cannot be read.")
        return entry

    def unused(self, used: Container[Identity]) -> list[EntryPlace]:
        """The entries that are not among ``used``."""
        return [place for place in self.places() if place.which not in used]

    def older(self, days: float) -> list[EntryPlace]:
        """The entries that were recorded more than so many days ago."""
        since = datetime.now(timezone.utc) - timedelta(days=days)
        return [entry.place for entry in self.entries() if entry.at is not None and entry.at < since]


def _time(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)
