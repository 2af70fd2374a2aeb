"""Where the lines of a recording lie, found without parsing one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO

from .lines import PIECE_STARTS, name_of

__all__ = ["ENTRY", "Index", "note_lines", "scan"]

ENTRY = re.compile(rb'\{"key":"([0-9a-f]{64})","run":"([0-9a-f]{8})","sample":(\d+),')
_HEADER = re.compile(rb'\{"dknb_recording": ?(\d+)')
_MARKS = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")
_KEY = b'{"key":"'
_CHUNK = 1 << 20
_LINE_ENDS = b"}\r"


@dataclass
class Index:
    """Offsets in bytes by name.

    Attributes:
        entries: Of each key, the offset of its entry, or of each of its entries in the order of the file.
        pieces: Of each hash, the offset of its line.
        end: How far the file was read: behind its last whole line.
        count: The number of entries.
        version: The newest format that a line names; 0 where none does.
        imports: Whether entries were imported.
        torn: Offsets of lines that are none of ours.
        marks: Offsets of the marks of a merge.
    """

    entries: dict[bytes, int | list[int]] = field(default_factory=dict)
    pieces: dict[bytes, int] = field(default_factory=dict)
    end: int = 0
    count: int = 0
    version: int = 0
    imports: bool = False
    torn: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)

    def places(self, key: bytes) -> list[int]:
        """The offsets of the entries of a key, in the order of the file."""
        found = self.entries.get(key, [])
        return list(found) if isinstance(found, list) else [found]

    def join(self, further: Index) -> None:
        """Take over what was found in the lines behind the end."""
        for key in further.entries:
            for place in further.places(key):
                if key in self.entries:
                    self.another(key, place)
                else:
                    self.entries[key] = place
        for name, place in further.pieces.items():
            self.pieces.setdefault(name, place)
        self.version, self.imports = max(self.version, further.version), self.imports or further.imports
        self.torn += further.torn
        self.marks += further.marks
        self.count += further.count
        self.end = further.end

    def another(self, key: bytes, offset: int) -> None:
        """Note a further entry of a key."""
        before = self.entries[key]
        if isinstance(before, list):
            before.append(offset)
        else:
            # Most keys have one entry, and a number takes a tenth of the time and room of a list.
            self.entries[key] = [before, offset]

    def other(self, line: bytes, offset: int) -> None:
        """Note a line that is no entry."""
        if line.startswith(PIECE_STARTS) and line.endswith((b"}", b"}\r")):
            self.pieces.setdefault(name_of(line), offset)
        elif found := _HEADER.match(line):
            self.version = max(self.version, int(found[1]))
            self.imports = self.imports or b'"imported":true' in line
        elif line.startswith(_MARKS):
            self.marks.append(offset)
        elif line.strip():
            self.torn.append(offset)


def scan(file: BinaryIO, index: Index, size: int) -> None:
    """Add the whole lines between the end of ``index`` and ``size`` to it.

    Args:
        file: The file, open in binary.
        index: What is known of it.
        size: Where to stop, in bytes.
    """
    length = _CHUNK
    while index.end < size:
        file.seek(index.end)
        chunk = file.read(min(length, size - index.end))
        if not chunk:
            break
        if not note_lines(chunk, index):
            if len(chunk) < length:
                break
            length *= 2  # a line that is longer than what was read


def note_lines(chunk: bytes, index: Index) -> int:
    """Add the whole lines of ``chunk``, which lies at the end of ``index``, to it; how many bytes they are."""
    start, find, starts_with, base = 0, chunk.find, chunk.startswith, index.end
    first, count = index.entries, 0
    while (end := find(b"\n", start)) >= 0:
        if starts_with(_KEY, start) and chunk[end - 1] in _LINE_ENDS and starts_with(b'"', start + 72):
            key = chunk[start + 8 : start + 72]
            if key in first:
                index.another(key, base + start)
            else:
                first[key] = base + start  # here and not in a method: this is done for each line of a large file
            count += 1
        else:
            index.other(chunk[start:end], base + start)
        start = end + 1
    index.count += count
    index.end += start
    return start
