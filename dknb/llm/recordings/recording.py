"""Record and replay of model calls, in a file of JSON Lines that is meant to lie beside the notebook.

A call is found by its *key*, the SHA-256 of what decides its answer, and by its *sample*: the how-manieth call with that
key it is in this session. Five equal calls at temperature 1 so keep five answers, and give them back in their order.

What may be written is the business of `dknb.llm.recordings.scrub`; how, of `dknb.llm.recordings.file`.
"""

from __future__ import annotations

import os
import secrets
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, get_args

from ...errors import ConfigError, RecordingError, ReplayMiss, did_you_mean
from ..dialects.alike import alike_key
from .differences import differences, nearest_request
from .disk import as_typed
from .entry import Identity, recorded_entry, request_key
from .file import Moved, RecordingFile
from .scrub import Scrubber, environment_secrets, written_request

__all__ = [
    "Identity",
    "RecordedReply",
    "Recording",
    "RecordingSummary",
    "Take",
    "active",
    "latest_path",
    "live",
    "request_key",
    "use",
    "used_here",
]

Json: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["record", "replay", "auto"]
Pace: TypeAlias = Literal["instant", "recorded"]


@dataclass(frozen=True)
class RecordedReply:
    """A recorded answer.

    Attributes:
        response: The whole answer as plain data.
        events: The pieces it came in, ``[seconds since the start, piece or its text]``; empty when it came at once.
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


class Recording:
    """A file of recorded calls, and what is done with it.

    In a script, for all calls of the process until the block ends::

        with Recording("answers.jsonl"):
            answer = await provider.complete("Capital of France?")

    Other processes may record into the same file meanwhile: what they add is found when it is asked for.

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
        self._run = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._taken: defaultdict[str, int] = defaultdict(int)
        self._passed: defaultdict[str, int] = defaultdict(int)
        self._generation = self._file.generation
        self._used: set[Identity] = set()
        _sessions[self.path] = [*_sessions.pop(self.path, ()), self._used]
        self._answered = self._added = 0
        self._before: list[Recording | None] = []

    def __enter__(self) -> Self:
        self._before.append(use(self))
        return self

    def __exit__(self, *exc_info: object) -> None:
        use(self._before.pop())
        self.close()

    def take(self, request: Mapping[str, Any], hide: Iterable[str] = ()) -> Take:
        """The place of a call: its recorded answer, or where to keep the one to come.

        Each answer of the file is given once in a session, whoever recorded it, and none that the session made itself.

        Args:
            request: The call as JSON data (`ModelRequest.canonical`).
            hide: Texts that must not be written, such as the key that the call will use.

        Raises:
            ReplayMiss: The mode is ``replay`` and this sample of the request is not recorded.
            RecordingError: The recording is closed, or (to replay) the line with the answer is damaged.
        """
        taken = self.take_recorded(request, hide)
        if taken is None:
            raise self.miss(request)
        return taken

    def take_recorded(self, request: Mapping[str, Any], hide: Iterable[str] = ()) -> Take | None:
        """What ``take`` gives, or None where it raises a `ReplayMiss`: to find the nearest request takes its time."""
        if self._file.closed:
            hint = f"Open it again:  %dknb {self.mode} {as_typed(self.path)}"
            raise RecordingError(f"The recording {as_typed(self.path)} is closed.", hint=hint)
        key = request_key(request)
        with self._lock:
            sample = self._taken[key]
            self._taken[key] += 1
            reply = None if self.mode == "record" else self._found(request, key)
            if reply is None and self.mode == "replay":
                return None
            # Before the answer is in the file: another call may find it there at once.
            self._used.add((key, self._run, sample))
        return Take(self, key, sample, request, tuple(hide), reply)

    def summary(self) -> RecordingSummary:
        """What it is doing, for display."""
        self._file.refresh()
        return RecordingSummary(self.path, self.mode, self.pace, self._file.count, self._answered, self._added)

    def close(self) -> None:
        """Close the file; the answers of calls that are still under way are added none the less."""
        self._file.close()

    def _found(self, request: Mapping[str, Any], key: str) -> RecordedReply | None:
        reply = self._next(key)
        if reply is None and self._file.has_imports:
            reply = self._next(alike_key(request))
        return reply

    def _next(self, key: str) -> RecordedReply | None:
        """The next answer that this session has neither had nor made."""
        if self._file.is_another():
            self._file.reopen()
        try:
            reply = self._next_known(key)
        except Moved:
            self._file.reopen()
            return self._next_known(key)
        if reply is None and self._file.refresh():
            return self._next_known(key)
        return reply

    def _next_known(self, key: str) -> RecordedReply | None:
        if self._generation != self._file.generation:
            self._generation = self._file.generation
            self._passed.clear()
        places = self._file.places(key)
        while self._passed[key] < len(places):
            place = places[self._passed[key]]
            self._passed[key] += 1
            try:
                entry = self._file.entry(key, place)
                mine: Identity = (key, entry["run"], entry["sample"])
                reply = RecordedReply(dict(entry["response"]), list(entry["events"]), self.pace)
            except (ValueError, KeyError, TypeError) as error:
                self._damaged(place, error)
                return None
            if mine not in self._used:
                self._used.add(mine)
                self._answered += 1
                return reply
        return None

    def _damaged(self, place: int, error: Exception) -> None:
        what = f"Line {self._file.line_number(place)} of {as_typed(self.path)} cannot be read ({error})"
        if self.mode == "replay":
            hint = f"Call the model for it, and record it:  %dknb auto {as_typed(self.path)}"
            raise RecordingError(f"{what}.", hint=hint) from error
        warnings.warn(f"{what}; the model is called instead.", stacklevel=6)

    def miss(self, request: Mapping[str, Any]) -> ReplayMiss:
        """Why there is no answer to a request: its samples are used up, or which recorded one is nearest."""
        hint = f"Call the model for what is missing, and record it:  %dknb auto {as_typed(self.path)}"
        recorded = len(self._file.places(request_key(request))) or len(self._file.places(alike_key(request)))
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
        if (nearest := nearest_request(asked, self._file.first_requests())) is None:
            return ReplayMiss(f"{what}; it has no entries.", hint=hint)
        place, like_it = nearest
        lines = "".join(f"\n    {line}" for line in differences(like_it, asked))
        return ReplayMiss(f"{what}. The nearest one (line {self._file.line_number(place)}) differs:{lines}", hint=hint)

    def _keep(self, take: Take, response: Mapping[str, Any], events: Sequence[Sequence[Any]]) -> None:
        if self.mode == "replay":
            raise RecordingError(f"{as_typed(self.path)} is open to replay; nothing is added.")
        try:
            which = (take.key, self._run, take.sample)
            self._file.append(recorded_entry(which, take.request, response, events, hide=take.hide))
        except (OSError, TypeError, ValueError, RecordingError) as error:
            warnings.warn(
                f"An answer could not be added to {as_typed(self.path)}: {error}. The answer itself is not lost, "
                "but it cannot be replayed.",
                stacklevel=3,
            )
            return
        with self._lock:
            self._added += 1


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        hint = f"Known: {', '.join(known)}"
        raise ConfigError(f"A recording has no {name} {value!r}.{did_you_mean(value, known)}", hint=hint)


_active: Recording | None = None
_live: ContextVar[bool] = ContextVar("dknb_live", default=False)
_sessions: dict[Path, list[set[Identity]]] = {}


def latest_path() -> Path | None:
    """The file that this process recorded into or replayed from last."""
    return next(reversed(_sessions), None)


def used_here(path: Path) -> frozenset[Identity]:
    """The entries of a file that calls of this process were answered with or have added, in all its sessions."""
    return frozenset().union(*_sessions.get(path.expanduser().absolute(), ()))


def use(recording: Recording | None) -> Recording | None:
    """Let ``recording`` stand between this process's calls and the models (None: nothing); return what stood there."""
    global _active
    before, _active = _active, recording
    return before


def active() -> Recording | None:
    """The recording in use, if any."""
    return None if _live.get() else _active


@contextmanager
def live() -> Iterator[None]:
    """Let the calls of this block, and no others, go to the models, whatever is recorded or replayed."""
    token = _live.set(True)
    try:
        yield
    finally:
        _live.reset(token)
