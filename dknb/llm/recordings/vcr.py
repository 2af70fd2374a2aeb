"""VCR recordings, as many projects keep them under their tests: files of YAML (or JSON) with HTTP requests and replies.

Read are vcrpy's own format and the ways in which it is varied: bodies as text, ``!!binary`` or already parsed
(``parsed_body``, ``content``), compressed or not; pairs under ``interactions`` or ``http_interactions``, or two lists, ``requests``
and ``responses``; the file itself gzipped.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..._yaml_depth import abyss
from ...errors import RecordingError
from .disk import as_typed
from .scrub import is_secret_name

__all__ = ["VcrExchange", "read_vcr"]

Json: TypeAlias = dict[str, Any]

_MOST_BYTES = 128 * 1024 * 1024
_MOST_VALUES = 20_000_000
_MOST_DEPTH = 200
_GZIP = b"\x1f\x8b"
#: Where in a body its content is, if it is not the content itself: vcrpy, Ruby's VCR, pydantic-ai's form of today.
_BODY_NAMES = ("string", "base64_string", "content")


@dataclass(frozen=True)
class VcrExchange:
    """One request and its reply.

    Attributes:
        method: Of the request, in capitals.
        uri: Of the request.
        request: The request's body.
        status: Of the reply.
        headers: Of the reply, their names in small letters.
        response: The reply's body; None where it cannot be decompressed.
        encoding: The reply's compression, where it is one that cannot be undone here.
        at: When it was recorded, as the file says it.
        secrets: Texts in the request's headers that may be keys.
    """

    method: str
    uri: str
    request: bytes
    status: int
    headers: Mapping[str, str]
    response: bytes | None
    encoding: str = ""
    at: str = ""
    secrets: tuple[str, ...] = ()


def read_vcr(data: bytes, path: Path) -> Iterator[VcrExchange | str]:
    """The exchanges in a VCR file; in the place of one that cannot be understood, why.

    Args:
        data: The content of the file.
        path: Its name, for messages.

    Raises:
        RecordingError: It is no VCR recording, or too large.
    """
    whole = _loaded(data, path)
    pairs = _pairs(whole)
    if pairs is None:
        raise RecordingError(
            f"{as_typed(path)} is no VCR recording: it has no interactions.", hint="Name a file that vcrpy has written"
        )
    for pair in pairs:
        try:
            yield _exchange(pair["request"], pair["response"], str(pair.get("recorded_at") or ""))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, zlib.error) as error:
            yield f"it is not written as VCR does ({type(error).__name__}: {error})"


def _pairs(whole: object) -> list[Any] | None:
    if not isinstance(whole, Mapping):
        return None
    pairs = whole.get("interactions", whole.get("http_interactions"))
    requests, responses = whole.get("requests"), whole.get("responses")
    if pairs is None and isinstance(requests, list) and isinstance(responses, list):
        return [{"request": one, "response": other} for one, other in zip(requests, responses, strict=False)]
    return pairs if isinstance(pairs, list) else None


def _loaded(data: bytes, path: Path) -> object:
    """The file's content as data: nothing in it is run, and it is not larger than it may be."""
    import yaml

    too_large = RecordingError(f"{as_typed(path)} is larger than {_MOST_BYTES >> 20} MB.", hint="Import it in parts")
    if data.startswith(_GZIP):
        data = _inflated(data, path, too_large)
    if len(data) > _MOST_BYTES:
        raise too_large
    try:
        whole = json.loads(data) if data.lstrip()[:1] == b"{" else _yaml(data)
        _check_size(whole)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = " ".join(str(error).split())[:200]
        raise RecordingError(f"{as_typed(path)} cannot be read as YAML: {first}.", hint="Is it a VCR file?") from error
    return whole


def _yaml(data: bytes) -> object:
    import yaml

    if abyss(data.decode("utf-8", "replace"), _MOST_DEPTH) is not None:
        raise ValueError(f"it is nested deeper than {_MOST_DEPTH} levels")
    whole: object = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return whole


def _inflated(data: bytes, path: Path, too_large: RecordingError) -> bytes:
    try:
        return _unpacked(data, 31)
    except OverflowError:
        raise too_large from None
    except (zlib.error, EOFError) as error:
        raise RecordingError(f"{as_typed(path)} is gzipped, but broken: {error}.") from error


def _unpacked(data: bytes, window: int) -> bytes:
    """The bytes that compressed ones stand for.

    Raises:
        OverflowError: They are more than may be.
        zlib.error: They are broken.
    """
    reader = zlib.decompressobj(window)
    whole = reader.decompress(data, _MOST_BYTES)
    if reader.unconsumed_tail:
        raise OverflowError("it is too large when it is unpacked")
    return whole


def _check_size(whole: object) -> None:
    """Refuse what aliases of aliases make endless: everything that walks the data would walk it all."""
    sizes: dict[int, int] = {}

    def size(value: object) -> int:
        if not isinstance(value, dict | list):
            return 1
        if id(value) not in sizes:
            sizes[id(value)] = _MOST_VALUES  # one that holds itself
            inner = value.values() if isinstance(value, dict) else value
            sizes[id(value)] = 1 + sum(map(size, inner))
        return sizes[id(value)]

    if size(whole) >= _MOST_VALUES:
        raise ValueError("its aliases stand for more than there can be")


def _exchange(request: Mapping[str, Any], response: Mapping[str, Any], at: str) -> VcrExchange:
    status = response.get("status", response.get("status_code", 200))
    headers = {name.lower(): value for name, value in _headers(response)}
    raw = _body(response, "content")
    encoding = headers.get("content-encoding", "").strip().lower()
    plain, unknown = _decoded(raw, encoding)
    return VcrExchange(
        method=str(request["method"]).upper(),
        uri=str(request.get("uri", request.get("url", ""))),
        request=_decoded(_body(request), "")[0] or b"",
        status=int(status["code"] if isinstance(status, Mapping) else status),
        headers=headers,
        response=plain,
        encoding=unknown,
        at=at or headers.get("date", ""),
        secrets=tuple(_secrets(request)),
    )


def _headers(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in (message.get("headers") or {}).items():
        for one in value if isinstance(value, list) else [value]:
            yield str(name), one.decode("latin-1") if isinstance(one, bytes) else str(one)


def _secrets(request: Mapping[str, Any]) -> Iterator[str]:
    """The keys in a request's headers, which somebody may have forgotten to filter."""
    for name, value in _headers(request):
        if is_secret_name(name):
            yield value.removeprefix("Bearer ").strip()


def _body(message: Mapping[str, Any], other: str = "body") -> bytes:
    """The bytes of a body: given as text, as bytes, as data, or as any of these under a name."""
    body = message.get("parsed_body")
    if body is None:
        body = message.get("body", message.get(other))
    if isinstance(body, Mapping):
        name = next((name for name in _BODY_NAMES if name in body), None)
        if name == "base64_string" or body.get("type") == "base64":
            return base64.b64decode(body[str(name)])
        body = body if name is None else body[name]
    if isinstance(body, dict | list):
        body = json.dumps(body, ensure_ascii=False, default=str) if body else None
    if isinstance(body, bytes):
        return body
    return str(body).encode("utf-8", "surrogatepass") if body is not None else b""


def _decoded(raw: bytes, encoding: str) -> tuple[bytes | None, str]:
    """The bytes without their compression, or None and its name; some recorders undo it, but leave the header."""
    if raw.startswith(_GZIP):
        return _unpacked(raw, 31), ""
    looks_plain = raw.lstrip()[:1] in (b"{", b"[", b"d", b"e", b":", b"<", b"")
    if encoding == "deflate" and not looks_plain:
        return _unpacked(raw, 15), ""
    if encoding in ("br", "zstd") and not looks_plain:
        return None, encoding
    return raw, ""
