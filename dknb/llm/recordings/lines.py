"""The lines of a recording: an entry for each answer, and what entries share, each piece once.

::

    {"dknb_recording":2}
    {"data":"<hash>","is":"iVBORw0KGgo..."}
    {"said":"<hash>","after":"<hash>","message":{"role":"system","content":"..."}}
    {"key":"<sha256>","run":"<session>","sample":0,"at":"...","request":{...},"response":{...},"events":[...]}

A long text (an image, say) and a long list of tools lie on a ``data`` line of their own. The messages before the last
one, where they are long, lie on ``said`` lines: each names the one before it, so that a talk of a thousand turns takes a
thousand lines and not half a million messages. Neither is needed to answer: the key is, and the response. A request
that is short is whole in its entry.

In format 1 every request was whole. Both are read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, TypeAlias

__all__ = [
    "FORMAT",
    "HEADER",
    "HEADER_START",
    "PIECE_STARTS",
    "Piece",
    "encoded",
    "name_of",
    "pack",
    "references",
    "request_of",
    "unpack",
]

Json: TypeAlias = dict[str, Any]
#: What is on the line of a hash; None where the file has no such line.
Piece: TypeAlias = Callable[[str], Json | None]

FORMAT = 2
HEADER_START = b'{"dknb_recording":'
HEADER = HEADER_START + b"%d}\n" % FORMAT
#: Stands before the first entry that was imported: only where it is, calls are also looked for by `dknb.llm.dialects.alike`.
IMPORT_HEADER = HEADER_START + b'%d,"imported":true}\n' % FORMAT

#: What the lines that entries share begin with.
PIECE_STARTS = (b'{"said":"', b'{"data":"')

_LONG_TEXT = 1_000
_LONG_VALUE = 400
_LONG_TALK = 200
_HASH_LENGTH = 24
_REFERENCE = "$data"
_SHARED = ("tools", "settings", "options", "texts")
_MISSING: Json = {"role": "system", "content": "(not in the file)"}


def encoded(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(value, separators=(",", ":")).encode()


def name_of(line: bytes) -> bytes:
    """The hash that the line of a piece is found by."""
    return line[9:].partition(b'"')[0]


def pack(request: Mapping[str, Any], known: Container[bytes]) -> tuple[Json, list[bytes]]:
    """A request as its entry has it, and the lines that must stand before the entry.

    Args:
        request: The request, whole.
        known: The hashes of the lines that are there already.
    """
    packer = _Packer(known)
    packed = dict(request)
    for name in _SHARED:
        if name in packed and len(text := encoded(packed[name])) >= _LONG_VALUE:
            packed[name] = packer.data(packed[name], text)
    if messages := [packer.shortened(message) for message in request.get("messages", ())]:
        packed["messages"] = packer.talk(messages)
    return packed, packer.lines


class _Packer:
    def __init__(self, known: Container[bytes]) -> None:
        self._known = known
        self._new: set[bytes] = set()
        self.lines: list[bytes] = []

    def data(self, value: Any, text: bytes) -> Json:
        """A reference to a value that lies on its own line."""
        name = _hash(b"data:" + text)
        self._add(name, b'{"data":"%b","is":%b}\n' % (name, text))
        return {_REFERENCE: name.decode()}

    def shortened(self, value: Any) -> Any:
        """Plain data with references in the place of long texts."""
        if isinstance(value, str):
            return value if len(value) < _LONG_TEXT else self.data(value, encoded(value))
        if isinstance(value, Mapping):
            return {name: self.shortened(inner) for name, inner in value.items()}
        return [self.shortened(inner) for inner in value] if isinstance(value, list | tuple) else value

    def talk(self, messages: list[Any]) -> list[Any]:
        """The last message, behind the name of what was said before it where that is long."""
        before = [encoded(message) for message in messages[:-1]]
        if sum(map(len, before)) < _LONG_TALK:
            return messages
        name = b""
        for text in before:
            after, name = name, _hash(b"said:%b:%b" % (name, text))
            self._add(name, b'{"said":"%b","after":"%b","message":%b}\n' % (name, after, text))
        return [name.decode(), messages[-1]]

    def _add(self, name: bytes, line: bytes) -> None:
        if name not in self._known and name not in self._new:
            self._new.add(name)
            self.lines.append(line)


def unpack(request: Mapping[str, Any], piece: Piece, talks: dict[str, list[Json]] | None = None) -> Json:
    """A request as it was before it was packed; what is missing in the file is said to be.

    Args:
        request: The request as its entry has it.
        piece: What is on the line of a hash.
        talks: What was said before, by its name: whoever unpacks many requests gives the same dict to each call.
    """
    whole: Json = {name: _resolved(value, piece) for name, value in request.items() if name != "messages"}
    if messages := request.get("messages"):
        talk: list[Json] = []
        if isinstance(messages[0], str):
            talk, messages = _talk(messages[0], piece, {} if talks is None else talks), messages[1:]
        whole["messages"] = [*talk, *(_resolved(message, piece) for message in messages)]
    return {name: whole[name] for name in request if name in whole}


def _talk(name: str, piece: Piece, talks: dict[str, list[Json]]) -> list[Json]:
    """What was said up to the line of that name; most of it is what was said up to one that is known."""
    said = []
    at = name
    while at and at not in talks:
        line = piece(at) or {}
        said.append(_resolved(line.get("message", _MISSING), piece))
        at = line.get("after", "")
    talks[name] = [*talks.get(at, ()), *reversed(said)]
    return talks[name]


def _resolved(value: Any, piece: Piece) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {_REFERENCE} and (line := piece(str(value[_REFERENCE]))) is not None:
            return line.get("is")
        return {name: _resolved(inner, piece) for name, inner in value.items()}
    return [_resolved(inner, piece) for inner in value] if isinstance(value, list) else value


def request_of(line: bytes) -> Json:
    """The packed request in an entry's line; its answer, which may be long, is not parsed.

    Raises:
        ValueError: It is damaged.
        KeyError: It has none.
    """
    head, _, _ = line.partition(b',"response":')
    try:
        entry = json.loads(head + b"}")
    except ValueError:  # a request that has such a field itself
        entry = json.loads(line)
    request: Json = entry["request"]
    return request


def references(value: Any) -> Iterator[str]:
    """The hashes that a packed request, or the line of a piece, names itself."""
    if isinstance(value, Mapping):
        if isinstance(name := value.get(_REFERENCE), str):
            yield name
        if isinstance(after := value.get("after"), str) and "said" in value:
            yield after
        messages = value.get("messages")
        if isinstance(messages, list) and messages and isinstance(messages[0], str):
            yield messages[0]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def _hash(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_HASH_LENGTH].encode()
