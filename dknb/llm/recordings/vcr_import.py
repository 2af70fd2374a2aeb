"""Recordings that other projects made with VCR, as entries of a recording of ours.

An exchange with a model becomes an entry that answers the same call made here. What is none (a list of models, an error, a
service that is no model) is left out, and said to be.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ...errors import ConfigError, RecordingError
from ..calls.outcome import finish
from ..dialects.alike import alike_key
from ..dialects.vendor_replies import read_reply
from ..dialects.vendor_requests import read_request
from ..messages import LLMResponse
from .disk import as_typed
from .entry import Identity, recorded_entry
from .file import RecordingFile
from .vcr import VcrExchange, read_vcr

__all__ = ["ImportReport", "import_vcr"]

Json: TypeAlias = dict[str, Any]

#: What an API is, by the end of its path; the first that fits.
_APIS = (
    (re.compile(r"/api/chat$"), "ollama chat"),
    (re.compile(r"/api/generate$"), "ollama generate"),
    (re.compile(r"/api/embed$"), "ollama embed"),
    (re.compile(r"/chat/completions$"), "chat"),
    (re.compile(r"/completions$"), "text"),
    (re.compile(r"/responses$"), "responses"),
    (re.compile(r"/messages$"), "messages"),
    (re.compile(r"/embeddings$"), "embeddings"),
)
_VENDORS = (
    (re.compile(r"(?:^|\.)api\.openai\.com$"), "openai"),
    (re.compile(r"(?:^|\.)anthropic\.com$"), "anthropic"),
    (re.compile(r"(?:^|\.)huggingface\.co$"), "huggingface"),
)
_OF_API = {"messages": "anthropic"}
_UNREADABLE = (KeyError, TypeError, ValueError, IndexError, AttributeError, ConfigError)


@dataclass
class ImportReport:
    """What became of the exchanges of a file.

    Attributes:
        added: How many entries were added.
        known: How many were in the recording already.
        left_out: What is no entry: its number in the file, from 1, what it was, and why.
    """

    added: int = 0
    known: int = 0
    left_out: list[tuple[int, str, str]] = field(default_factory=list)


class _LeftOut(Exception):
    """Why an exchange is no entry."""


async def import_vcr(source: Path, into: Path, provider: str | None = None) -> ImportReport:
    """Add the exchanges of a VCR file to a recording; those that are in it already are not added again.

    Args:
        source: The VCR file: YAML or JSON, gzipped or not.
        into: The recording; it is made if there is none.
        provider: The provider under which they are to be found. By default that of the server's address:
            ``openai``, ``anthropic``, ``huggingface``, ``ollama``, and ``openai-compatible`` for all others.

    Raises:
        RecordingError: A file cannot be read or written, or ``source`` is no VCR recording.
    """
    exchanges, run = await asyncio.to_thread(_read, source)
    report, entries = ImportReport(), []
    samples: Counter[str] = Counter()
    for number, exchange in enumerate(exchanges, start=1):
        if isinstance(exchange, str):
            report.left_out.append((number, "?", exchange))
            continue
        try:
            entries.append(await _entry(exchange, run, samples, provider))
        except _LeftOut as why:
            what = f"{exchange.method} {urlsplit(exchange.uri).path or exchange.uri}"
            report.left_out.append((number, what, str(why)))
    await asyncio.to_thread(_add, into, entries, report)
    return report


def _read(source: Path) -> tuple[list[VcrExchange | str], str]:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise RecordingError(f"{as_typed(source)} cannot be read: {error.strerror}.") from error
    return list(read_vcr(data, source)), hashlib.sha256(data).hexdigest()[:8]


def _add(into: Path, entries: list[Json], report: ImportReport) -> None:
    file = RecordingFile(into.expanduser().absolute(), writable=True)
    there: dict[str, set[Identity]] = {}
    try:
        for entry in entries:
            key = entry["key"]
            if key not in there:
                there[key] = set(_identities(file, key))
            if (key, entry["run"], entry["sample"]) in there[key]:
                report.known += 1
            else:
                file.append(entry, imported=True)
                report.added += 1
    except OSError as error:
        raise RecordingError(f"{as_typed(into)} cannot be written: {error.strerror or error}.") from error
    finally:
        file.close()


def _identities(file: RecordingFile, key: str) -> Iterator[Identity]:
    for place in file.places(key):
        entry = file.entry(key, place)
        yield key, entry["run"], entry["sample"]


async def _entry(exchange: VcrExchange, run: str, samples: Counter[str], provider: str | None) -> Json:
    api, vendor = _served_by(exchange)
    if not 200 <= exchange.status < 300:
        raise _LeftOut(f"the server refused it (status {exchange.status})")
    if exchange.response is None:
        raise _LeftOut(f"its reply is compressed as {exchange.encoding!r}, which cannot be undone here")
    try:
        request = read_request(api, provider or vendor, _object(exchange.request))
        canonical: Json = json.loads(json.dumps(request.canonical(), default=str))
    except _UNREADABLE as error:
        raise _LeftOut(f"its request is not one of this API ({type(error).__name__}: {error})") from error
    try:
        response, events = read_reply(api, exchange.response)
    except _UNREADABLE as error:
        raise _LeftOut(f"its reply is no answer ({type(error).__name__}: {error})") from error
    at = _time(exchange.at)
    await finish(response, request, 0.0)
    del response.metadata["duration_s"]  # nobody knows
    response.created_at = at
    key = alike_key(canonical)
    which = (key, run, samples[key])
    samples[key] += 1
    told = [[0.0, event] for event in events]
    return recorded_entry(which, canonical, _plain(response), told, hide=exchange.secrets, at=at)


def _plain(response: LLMResponse) -> Json:
    plain: Json = json.loads(json.dumps(response.to_dict(), default=str))
    return plain


def _served_by(exchange: VcrExchange) -> tuple[str, str]:
    """The API of an exchange, and the provider that it belongs to."""
    where = urlsplit(exchange.uri)
    path = where.path.rstrip("/")
    api = next((name for ending, name in _APIS if ending.search(path)), None)
    if api is None or exchange.method != "POST":
        raise _LeftOut("it is no call of a model that dknb knows")
    host = where.hostname or ""
    vendor = next((name for pattern, name in _VENDORS if pattern.search(host)), None)
    return api, vendor or _OF_API.get(api) or ("ollama" if api.startswith("ollama") else "openai-compatible")


def _object(body: bytes) -> Mapping[str, Any]:
    value = json.loads(body)
    if not isinstance(value, dict):
        raise TypeError("a request is a JSON object")
    return value


def _time(text: str) -> datetime:
    """The time that a file names, as HTTP or as ISO writes it; now if it names none."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError):
            at = read(text)
            return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    return datetime.now(timezone.utc)
