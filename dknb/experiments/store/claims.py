"""Who runs an experiment: one process at a time, and it is known when that one has died."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ExperimentRunning

if TYPE_CHECKING:
    from .memory import MemoryTrials
    from .rows import ExperimentRow
    from .sql import SqlTrials

__all__ = ["BEAT_S", "RUN", "RunClaim", "is_alive", "new_claim", "take", "this_host"]

#: The part that is the whole run, in the table of leases.
RUN = "run"

#: Seconds between signs of life, and after how many without one a run counts as dead.
BEAT_S, PATIENCE_S = 5.0, 30.0

_PROC = Path("/proc")

#: The holders of this process whose runs have not ended.
_ours: set[str] = set()


@dataclass(frozen=True)
class RunClaim:
    """Who runs an experiment.

    Attributes:
        holder: Names the run.
        place: The process that it is in.
        silent_s: Seconds since its last sign of life.
    """

    holder: str
    place: str
    silent_s: float = field(default=0.0, compare=False)

    @property
    def told(self) -> str:
        """The process in words."""
        host, number, _, _ = _parts(self.place)
        if self.place == this_process():
            return "in this process"
        seen = f"which gave its last sign of life {self.silent_s:.0f} s ago"
        return f"by process {number} on {host.partition(' ')[0]}, {seen}"

    def end(self) -> None:
        """The run has ended, whatever the store knows of it."""
        _ours.discard(self.holder)


def new_claim() -> RunClaim:
    """The claim of a run of this process."""
    claim = RunClaim(uuid.uuid4().hex, this_process())
    _ours.add(claim.holder)
    return claim


def is_alive(claim: RunClaim) -> bool:
    """Whether a run goes on: its process is there, as far as that can be told here, and gives signs of life."""
    if claim.silent_s > PATIENCE_S:
        return False
    if claim.place == this_process():
        return claim.holder in _ours
    host, number, room, began = _parts(claim.place)
    here = _parts(this_process())
    return (host, room) != (here[0], here[2]) or _began(int(number)) == began


def take(trials: SqlTrials | MemoryTrials, row: ExperimentRow, claim: RunClaim | None) -> None:
    """Be who runs an experiment, instead of who did before.

    Raises:
        ExperimentRunning: That one still does.
    """
    there = trials.claimed(row.number)
    if there is not None and claim is not None and there != claim and is_alive(there):
        raise ExperimentRunning(row.name, there.told)
    if claim is None:
        trials.end_leases(row.number)
    elif there != claim:
        trials.claim(row.number, claim)


@cache
def this_host() -> str:
    """What this machine, or container, is called, unlike others."""
    boot = _PROC / "sys/kernel/random/boot_id"
    number = boot.read_text().strip() if boot.exists() else ""
    return f"{socket.gethostname()} {number} {os.name}"


def this_process() -> str:
    """What this process is called, unlike all others: its host, its number, in which room that counts, and its beginning."""
    return "|".join([this_host(), str(os.getpid()), _room(), _began(os.getpid()) or ""])


def _parts(place: str) -> tuple[str, str, str, str]:
    host, number, room, began = place.rsplit("|", 3)
    return host, number, room, began


def _room() -> str:
    """Containers count their processes each for themselves."""
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _began(process: int) -> str | None:
    """When a process began, in ticks; empty where that cannot be told, None if there is none of that number."""
    if not (_PROC / "self/stat").exists():
        return ""
    try:
        # The name, in parentheses, may hold anything; 20 fields after it stands the time.
        return (_PROC / str(process) / "stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
