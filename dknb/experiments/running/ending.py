"""How a run ended, in words: what is there, what is missing, and how to go on."""

from __future__ import annotations

from ..amounts import counted, duration
from ..design.design import Design
from .progress import Progress
from .run import Run
from .unscored import score_notes

__all__ = ["ending_note", "summary_line"]


def ending_note(run: Run, design: Design) -> str:
    """Why trials are missing or failed, and what to do; empty where nothing is."""
    ended, missing = run.ended, len(design) - len(run.rows) - run.ended.submitted
    told = _reason(run, design)
    told += [f"{label} was not asked on: {type(error).__name__}: {error}" for label, error in ended.given_up.items()]
    if ended.missed:
        told.append(f"{counted(ended.missed, 'call')} of it the recording does not have, which alone may answer.")
    if ended.submitted:
        told.append(f"{counted(ended.submitted, 'trial')} are in batches; collect() gets what is answered.")
    if missing > 0 and ended.reason != "decided":
        told.append(
            f"{missing:,} of {counted(len(design), 'trial')} are missing; what is there is kept, "
            + ("and run() with a larger budget goes on." if ended.reason == "budget" else "and run() again goes on.")
        )
    return " ".join([*told, *_failures(run, design), *score_notes(run)])


def _reason(run: Run, design: Design) -> list[str]:
    """Why it ended before all was done."""
    ended = run.ended
    if ended.reason == "decided":
        assert run.early is not None
        seen = f"{run.early.seen:,} of {len(design.items):,} items were looked at"
        return [f"Stopped early, as the verdicts are reached: {seen}."]
    if ended.reason == "budget":
        return [f"Stopped by the budget: {ended.why}"]
    return ["Interrupted."] if ended.reason == "interrupted" else []


def _failures(run: Run, design: Design) -> list[str]:
    """What has an error instead of an answer."""
    faulty = sum(design.fault(number) is not None for number in run.rows)
    errors = sum(row.error is not None for row in run.rows.values()) - faulty
    told = []
    if errors:
        told.append(f"{counted(errors, 'trial')} failed; retry_errors() runs just those.")
    if faulty:
        told.append(f"{counted(faulty, 'trial')} could not be asked: {' '.join(design.faults)}")
    return told


def summary_line(run: Run, design: Design, progress: Progress) -> str:
    """What was done, in a line."""
    asked = len(run.fresh)
    if not asked:
        return f"{design.name}: all {counted(len(run.rows), 'trial')} came out of the store"
    return f"{design.name}: {counted(asked, 'trial')} in {duration(progress.seconds)}, {progress.spent()}"
