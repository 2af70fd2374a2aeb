"""The file of a recording: an index of lines that are only read when they are asked for, and an atomic append.

What the lines are is told in `dknb.llm.recordings.lines`. Nothing that is in the file is changed by recording; other
kernels may append to it at the same time, and `dknb.llm.recordings.reader` may put a shorter one in its place.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from ...errors import RecordingError
from .disk import check, is_replaced, line_number, open_to_append, open_to_read, write_whole
from .index import ENTRY, Index, note_lines, scan
from .lines import FORMAT, HEADER, IMPORT_HEADER, encoded, name_of, pack, request_of, unpack
from .lock import locked

__all__ = ["Moved", "RecordingFile"]

Json: TypeAlias = dict[str, Any]

_MOST_PIECES = 2_000
_MOST_TALKS = 500
#: Bytes that are read at a time where all lines are read.
_AT_ONCE = 1 << 20


class Moved(Exception):
    """The lines of a file are no longer where they were."""


class RecordingFile:
    """Entries by key, on disk.

    Attributes:
        path: The file, absolute.
        generation: Changes when another file took its place, so that offsets from before mean nothing.

    Raises:
        RecordingError: The file is missing (to read), is not ours, has the marks of a merge in it, is of a newer
            format, or cannot be read or written.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        self.generation = 0
        self._reading, self._writing = threading.RLock(), threading.RLock()
        self._writer = open_to_append(path) if writable else None
        self._sorted: dict[str, list[int]] = {}
        self._pieces: dict[str, Json] = {}
        try:
            self._reader = open_to_read(path)
        except RecordingError:
            self._close_writer()
            raise
        try:
            self._index = self._read_index()
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether it can no longer be read."""
        return self._reader.closed

    @property
    def count(self) -> int:
        """The number of entries, as far as it was read."""
        return self._index.count

    @property
    def has_imports(self) -> bool:
        """Whether there are entries in it that were recorded elsewhere."""
        return self._index.imports

    def close(self) -> None:
        """Close it; `append` still works, and opens it again for its one line."""
        with self._reading:
            self._reader.close()
        with self._writing:
            self._close_writer()

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()

    # Reading

    def places(self, key: str) -> list[int]:
        """Where the answers of a key lie, in the order in which they were asked for."""
        with self._reading:
            if key not in self._sorted:
                found = self._index.places(key.encode())
                self._sorted[key] = self._in_order(found) if len(found) > 1 else found
            return self._sorted[key]

    def refresh(self) -> bool:
        """Read what was added since, by whomever; whether there is anything new.

        Raises:
            RecordingError: Another file took its place, and that cannot be read.
        """
        with self._reading:
            if self.closed:
                return False
            if self.is_another():
                self.reopen()
                return True
            if os.fstat(self._reader.fileno()).st_size == self._index.end:
                return False  # and there is no need to wait for whoever is writing
            added = Index(end=self._index.end)
            scan(self._reader, added, self._size())
            return self._join(added)

    def _join(self, added: Index) -> bool:
        """Know the lines that were added, and no other ones: each call that is recorded comes by here."""
        if added.end == self._index.end:
            return False
        self._index.join(added)
        for key in added.entries:
            if (known := self._sorted.get(key.decode())) is not None:
                known += self._in_order(added.places(key))  # what was told before keeps its place
        return True

    def is_another(self) -> bool:
        """Whether another file has taken the place of the one that is open; not when it was only deleted."""
        try:
            there = self.path.stat()
        except OSError:
            return False
        return not os.path.samestat(os.fstat(self._reader.fileno()), there) or there.st_size < self._index.end

    def reopen(self) -> None:
        """Read it anew: its lines have moved."""
        with self._reading:
            self._reader.close()
            self._reader = open_to_read(self.path)
            self._sorted.clear()
            self._pieces.clear()
            self._index = self._read_index()
            self.generation += 1

    def entry(self, key: str, place: int) -> Json:
        """Read one entry.

        Raises:
            Moved: Another line is there now: the file was changed in place.
            ValueError: It is damaged.
        """
        line = self._line(place)
        if not line.startswith(b'{"key":"%b"' % key.encode()):
            raise Moved
        entry: Json = json.loads(line)
        return entry

    def request(self, entry: Mapping[str, Any]) -> Json:
        """The whole request of an entry."""
        return unpack(entry["request"], self._piece)

    def first_requests(self) -> Iterator[tuple[int, Json]]:
        """The request of the first entry of each key that can be read, with its place."""
        talks: dict[str, list[Json]] = {}
        for found in list(self._index.entries.values()):
            if len(talks) > _MOST_TALKS:
                talks.clear()
            place = found[0] if isinstance(found, list) else found
            with suppress(ValueError, KeyError, TypeError):
                yield place, unpack(request_of(self._line(place)), self._piece, talks)

    def lines(self) -> Iterator[tuple[int, int, bytes]]:
        """All whole lines, each with its number, from 1, and its offset in bytes."""
        offset, number = 0, 0
        while offset < self._index.end:
            with self._reading:
                self._reader.seek(offset)
                some = self._reader.readlines(_AT_ONCE)
            for line in some:
                number += 1
                yield number, offset, line
                offset += len(line)
            if not some:
                return

    def line_number(self, place: int) -> int:
        """The line that an entry is on, from 1."""
        with self._reading:
            return line_number(self._reader, place)

    def _line(self, place: int) -> bytes:
        with self._reading:
            self._reader.seek(place)
            return self._reader.readline()

    def _in_order(self, places: list[int]) -> list[int]:
        """By session, in the order of their first answers, then by sample: side by side, calls end in any order."""
        sessions: dict[bytes, int] = {}
        heads = ((place, ENTRY.match(self._line(place))) for place in sorted(places))
        ranks = [
            (sessions.setdefault(head[2], len(sessions)), int(head[3]), place)
            for place, head in heads
            if head is not None
        ]
        return [place for _, _, place in sorted(ranks)]

    def _piece(self, name: str) -> Json | None:
        """What is on the line of a hash."""
        if name not in self._pieces:
            place = self._index.pieces.get(name.encode())
            if place is None:
                return None
            if len(self._pieces) >= _MOST_PIECES:
                self._pieces.clear()
            line = self._line(place)
            with suppress(ValueError):
                if name_of(line) == name.encode():
                    self._pieces[name] = json.loads(line)
        return self._pieces.get(name)

    def _size(self) -> int:
        # While somebody writes, the last line is not whole; it is, when they let go.
        with locked(self._reader):
            return os.fstat(self._reader.fileno()).st_size

    def _read_index(self) -> Index:
        index, size = Index(), self._size()
        scan(self._reader, index, size)
        if index.end < size:
            index.torn.append(index.end)
        check(self.path, self._reader, index)
        return index

    # Writing

    def append(self, entry: Json, *, imported: bool = False) -> None:
        """Add an entry, and the pieces that it shares where they are not there yet, in one write.

        ``imported`` marks the file as one that has entries from elsewhere.

        Raises:
            OSError: It could not be written whole; then nothing of it is there.
            TypeError: It is no JSON data.
            ValueError: It is no JSON data.
            RecordingError: The file is gone and cannot be made again.
        """
        with self._writing:
            assert self._writer is not None
            was_closed = self._writer.closed
            if was_closed:
                self._writer = open_to_append(self.path)
            try:
                self._append(entry, imported)
            finally:
                if was_closed:
                    self._writer.close()

    def _append(self, entry: Json, imported: bool) -> None:
        assert self._writer is not None
        while True:
            with locked(self._writer):
                written = None if is_replaced(self._writer, self.path) else self._write(entry, imported)
            if written is not None:
                self._note(*written)
                return
            # It was deleted, or an editor or `prune` put another in its place.
            self._writer.close()
            self._writer = open_to_append(self.path)
            if not self.closed:
                self.reopen()

    def _write(self, entry: Json, imported: bool) -> tuple[int, list[bytes]]:
        """Write an entry; where it begins, and its lines."""
        assert self._writer is not None
        index = self._index
        known = index.pieces if not self.closed else {}
        request, pieces = pack(entry["request"], known)
        headers = _headers(index, pieces, imported)
        lines = [*headers, *pieces, encoded({**entry, "request": request}) + b"\n"]
        place = start = write_whole(self._writer, lines)
        place += sum(map(len, headers))
        for line in pieces:
            index.pieces.setdefault(name_of(line), place)
            place += len(line)
        return start, lines

    def _note(self, start: int, lines: list[bytes]) -> None:
        """Know what was written here, unless others wrote before it: then `refresh` reads all of it.

        Never while the file is locked: `refresh` waits for that lock, and holds the one that this waits for.
        """
        with self._reading:
            if not self.closed and self._index.end == start:
                added = Index(end=start)
                note_lines(b"".join(lines), added)
                self._join(added)


def _headers(index: Index, lines: list[bytes], imported: bool) -> list[bytes]:
    """What must be said before the first line of this format, and before the first entry from elsewhere."""
    if imported and not index.imports:
        index.version, index.imports = FORMAT, True
        return [IMPORT_HEADER]
    if lines and index.version < FORMAT:
        index.version = FORMAT
        return [HEADER]
    return []
