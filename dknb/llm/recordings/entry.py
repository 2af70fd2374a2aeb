"""An entry of a recording: the key it is found by, and what of a call is written down."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeAlias

from ...errors import RecordingError
from .scrub import Scrubber, environment_secrets, identity, named_secrets, written_request

__all__ = ["Identity", "recorded_entry", "request_key"]

Json: TypeAlias = dict[str, Any]
#: Which entry of a file: its key, its session and its sample.
Identity: TypeAlias = tuple[str, str, int]


def request_key(request: Mapping[str, Any]) -> str:
    """The SHA-256 of what decides a request's answer, in hex.

    Raises:
        RecordingError: The request is not JSON data.
    """
    try:
        text = json.dumps(identity(request), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise RecordingError(f"A request that is not plain data cannot be recorded: {error}.") from error
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def recorded_entry(
    which: Identity,
    request: Mapping[str, Any],
    response: Mapping[str, Any],
    events: Sequence[Sequence[Any]] = (),
    *,
    hide: Iterable[str] = (),
    at: datetime | None = None,
) -> Json:
    """The entry of a call, without what must not be written.

    Args:
        which: Its key, session and sample.
        request: The call as JSON data (`ModelRequest.canonical`).
        response: The answer as JSON data.
        events: The pieces that it came in, each with the seconds since the call.
        hide: Texts that must not be written.
        at: When the answer was there; now by default.
    """
    rest = {name: value for name, value in request.items() if name != "messages"}
    scrub = Scrubber([*environment_secrets(os.environ), *named_secrets(rest), *hide])
    clean = scrub.clean_response(response)
    # Where the answer repeats a secret, its pieces hold parts of it that nobody would recognise.
    pieces = [] if scrub.removed else _events(scrub, response, events)
    key, run, sample = which
    return {
        "key": key,
        "run": run,
        "sample": sample,
        "at": (at or datetime.now(timezone.utc)).isoformat(timespec="seconds"),
        "request": scrub.clean(written_request(request)),
        "response": clean,
        "events": pieces,
    }


def _events(scrub: Scrubber, response: Mapping[str, Any], events: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The pieces of a stream as they are written; one that is only text, as most are, as that text."""
    texts = [piece["delta"] for _, piece in events if piece.keys() == {"delta"}]
    # There is nothing in them that was not in the answer, which was searched already.
    searched = "".join(texts) == response.get("content")
    return [[round(seconds, 4), _event(scrub, piece, searched)] for seconds, piece in events]


def _event(scrub: Scrubber, piece: Json, searched: bool) -> Any:
    if piece.keys() == {"delta"} and searched:
        return piece["delta"]
    clean = scrub.clean_response(piece)
    return clean["delta"] if clean.keys() == {"delta"} else clean
