"""Record and replay of model calls, in a file of JSON Lines that is meant to lie beside the notebook.

A call is found by its *key*, the SHA-256 of what decides its answer, and by its *sample*: the how-manieth call with that
key it is in this session. Five equal calls at temperature 1 so keep five answers, and give them back in their order.

What may be written is the business of `dknb.llm.scrub`; how, of `dknb.llm.recording_file`.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from ..errors import ConfigError, RecordingError, ReplayMiss, did_you_mean
from .recorded_diff import differences, nearest_request
from .recording_file import Place, RecordingFile, as_typed
from .scrub import Scrubber, environment_secrets, identity, named_secrets, written_request

__all__ = ["RecordedReply", "Recording", "RecordingSummary", "Take", "active", "request_key", "use"]

Json: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["record", "replay", "auto"]
Pace: TypeAlias = Literal["instant", "recorded"]


@dataclass(frozen=True)
class RecordedReply:
    """A recorded answer.

    Attributes:
        response: The whole answer as plain data.
        events: The pieces it came in, ``[seconds since the start, piece]``; empty when it came at once.
        pace: ``"recorded"`` to wait between the pieces as it was, ``"instant"`` not to.
    """

    response: Json
    events: list[list[Any]]
    pace: Pace


@dataclass(frozen=True)
class RecordingSummary:
    """What a recording is doing: entries in its file, calls it answered and answers it added in this session."""

    path: Path
    mode: Mode
    pace: Pace
    entries: int
    answered: int
    added: int


@dataclass(frozen=True)
class Take:
    """One call's place in a recording: the recorded ``reply``, or None and a way to keep the answer to come."""

    recording: Recording
    key: str
    sample: int
    request: Mapping[str, Any]
    hide: tuple[str, ...] = ()
    reply: RecordedReply | None = None

    def keep(self, response: Mapping[str, Any], events: Sequence[Sequence[Any]] = ()) -> None:
        """Append the answer to the file; blocking, so call it in a thread.

        An answer that cannot be written is warned about, not raised: it has been paid for.
        """
        self.recording._keep(self, response, events)


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


class Recording:
    """A file of recorded calls, and what is done with it.

    Args:
        path: The file; relative to the folder in which this is called.
        mode: ``"record"`` calls the model each time and adds the answer; ``"replay"`` answers from the file alone;
            ``"auto"`` answers from the file where it can, else calls and adds.
        pace: Whether streams are replayed at once or with the pauses they had.

    Raises:
        ConfigError: An unknown mode or pace.
        RecordingError: The file is missing (to replay), not ours, of a newer format, or cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str], mode: Mode = "auto", pace: Pace = "instant") -> None:
        _one_of("mode", mode, get_args(Mode))
        _one_of("pace", pace, get_args(Pace))
        self.path = Path(path).expanduser().absolute()
        self.mode: Mode = mode
        self.pace: Pace = pace
        self._file = RecordingFile(self.path, writable=mode != "replay")
        self._entries = sum(map(len, self._file.places.values()))
        self._run = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._taken: defaultdict[str, int] = defaultdict(int)
        self._answered = self._added = 0

    def take(self, request: Mapping[str, Any], hide: Iterable[str] = ()) -> Take:
        """The place of a call: its recorded answer, or where to keep the one to come.

        Args:
            request: The call as JSON data (`ModelRequest.canonical`).
            hide: Texts that must not be written, such as the key that the call will use.

        Raises:
            ReplayMiss: The mode is ``replay`` and this sample of the request is not recorded.
            RecordingError: The recording is closed, or (to replay) the line with the answer is damaged.
        """
        if self._file.closed:
            hint = f"Open it again:  %dknb {self.mode} {as_typed(self.path)}"
            raise RecordingError(f"The recording {as_typed(self.path)} is closed.", hint=hint)
        key = request_key(request)
        places = self._file.places.get(key.encode(), ())
        with self._lock:
            sample = self._taken[key]
            self._taken[key] += 1
        found = self.mode != "record" and sample < len(places)
        if self.mode == "replay" and not found:
            raise self._miss(request, len(places))
        reply = self._reply(key, places[sample]) if found else None
        return Take(self, key, sample, request, tuple(hide), reply)

    def summary(self) -> RecordingSummary:
        """What it is doing, for display."""
        entries = self._entries + self._added
        return RecordingSummary(self.path, self.mode, self.pace, entries, self._answered, self._added)

    def close(self) -> None:
        """Close the file; the answers of calls that are still under way are added none the less."""
        self._file.close()

    def _reply(self, key: str, place: Place) -> RecordedReply | None:
        try:
            entry = self._file.entry(key, place)
            reply = RecordedReply(dict(entry["response"]), list(entry["events"]), self.pace)
        except (ValueError, KeyError, TypeError) as error:
            self._damaged(place, error)
            return None
        with self._lock:
            self._answered += 1
        return reply

    def _damaged(self, place: Place, error: Exception) -> None:
        what = f"Line {self._file.line_number(place)} of {as_typed(self.path)} cannot be read ({error})"
        if self.mode == "replay":
            hint = f"Call the model for it, and record it:  %dknb auto {as_typed(self.path)}"
            raise RecordingError(f"{what}.", hint=hint) from error
        warnings.warn(f"{what}; the model is called instead.", stacklevel=4)

    def _miss(self, request: Mapping[str, Any], recorded: int) -> ReplayMiss:
        hint = f"Call the model for what is missing, and record it:  %dknb auto {as_typed(self.path)}"
        if recorded:
            samples = f"{recorded} sample{'s' if recorded > 1 else ''}"
            return ReplayMiss(
                f"{as_typed(self.path)} has {samples} of this request, asked for number {recorded + 1}.",
                hint=f"A new kernel begins with the first again; to call for more:  %dknb auto {as_typed(self.path)}",
            )
        what = (
            f"{as_typed(self.path)} has no answer to this request to {request.get('provider')}/{request.get('model')}"
        )
        asked = Scrubber(environment_secrets(os.environ)).clean(written_request(request))
        requests = ((place, entry["request"]) for place, entry in self._file.first_entries())
        if (nearest := nearest_request(asked, requests)) is None:
            return ReplayMiss(f"{what}; it has no entries.", hint=hint)
        place, like_it = nearest
        lines = "".join(f"\n    {line}" for line in differences(like_it, asked))
        return ReplayMiss(f"{what}. The nearest one (line {self._file.line_number(place)}) differs:{lines}", hint=hint)

    def _keep(self, take: Take, response: Mapping[str, Any], events: Sequence[Sequence[Any]]) -> None:
        if self.mode == "replay":
            raise RecordingError(f"{as_typed(self.path)} is open to replay; nothing is added.")
        try:
            self._file.append(_line(take, self._run, response, events))
        except (OSError, TypeError, ValueError, RecordingError) as error:
            warnings.warn(
                f"An answer could not be added to {as_typed(self.path)}: {error}. The answer itself is not lost, "
                "but it cannot be replayed.",
                stacklevel=3,
            )
            return
        with self._lock:
            self._added += 1


def _line(take: Take, run: str, response: Mapping[str, Any], events: Sequence[Sequence[Any]]) -> bytes:
    request = {name: value for name, value in take.request.items() if name != "messages"}
    scrub = Scrubber([*environment_secrets(os.environ), *named_secrets(request), *take.hide])
    clean = scrub.clean_response(response)
    # Where the answer repeats a secret, its pieces hold parts of it that nobody would recognise.
    pieces = [] if scrub.removed else [[round(seconds, 4), scrub.clean_response(piece)] for seconds, piece in events]
    entry = {
        "key": take.key,
        "run": run,
        "sample": take.sample,
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "request": scrub.clean(written_request(take.request)),
        "response": clean,
        "events": pieces,
    }
    try:
        return json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        hint = f"Known: {', '.join(known)}"
        raise ConfigError(f"A recording has no {name} {value!r}.{did_you_mean(value, known)}", hint=hint)


_active: Recording | None = None


def use(recording: Recording | None) -> Recording | None:
    """Let ``recording`` stand between this process's calls and the models (None: nothing); return what stood there."""
    global _active
    before, _active = _active, recording
    return before


def active() -> Recording | None:
    """The recording in use, if any."""
    return _active
