"""Collecting the answers of an experiment's batches: each becomes a trial as if it had been asked by itself."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from ..._sync import in_thread
from ...errors import BatchError, DesignError
from ...llm.batches.batches import BatchAnswer, Batches
from ...llm.batches.service import BatchStatus
from ..amounts import counted
from ..design.design import Design
from ..running.asking import answered, blank_row, failed
from ..running.holding import Hold
from ..running.progress import Progress
from ..setup import Setup
from ..store.rows import Entry, TrialRow
from ..store.store import ExperimentStore, Opened
from .kept import KeptBatch, key_of_id
from .shelf import Shelf
from .submitting import batches_of, kept_batches

__all__ = ["cancel", "collect", "collect_file", "looked_at"]

#: Trials that are written together.
_TOGETHER = 200


class _Receiver:
    """Makes trials of answers, and stores those that are not there yet."""

    def __init__(self, setup: Setup, store: ExperimentStore, opened: Opened) -> None:
        self._setup, self._store, self._opened = setup, store, opened
        design = setup.design
        self._numbers = {key: number for number, key in enumerate(design.keys())}
        self._waiting: list[Entry] = []
        self.stored = self.known = 0

    def row(self, key: str) -> TrialRow | None:
        """The trial of a key as the design has it."""
        number = self._numbers.get(key)
        return None if number is None else blank_row(self._setup.design, number)

    async def take(self, row: TrialRow, answer: BatchAnswer, *, again: bool) -> None:
        """Store the trial of an answer; ``again`` puts it in the place of an error."""
        there = self._opened.trials.get(row.key)
        if answer.outcome == "cancelled" or (there is not None and (there.error is None or not again)):
            self.known += there is not None
            return
        design = self._setup.design
        number = self._numbers.get(row.key)
        messages = design.request(number).messages if number is not None else ()
        variant = next((each for each in design.variants if each.model.label == row.model), design.variants[0])
        if answer.error is not None:
            made = failed(row, variant, answer.error, None, messages)
        else:
            assert answer.response is not None
            made = await answered(row, variant, answer.response, None, messages, self._setup.reader)
        self._opened.trials[row.key] = made.entry.row
        self._waiting.append(made.entry)
        if len(self._waiting) >= _TOGETHER:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            await self._store.write(self._opened, self._waiting)
            self.stored += len(self._waiting)
            self._waiting = []


async def collect(setup: Setup, store: ExperimentStore, progress: Progress) -> None:
    """Store what is answered of all batches.

    Raises:
        ExperimentRunning: Somebody else runs it.
        ProviderError: A vendor could not be asked, or its results could not be fetched; what came is stored.
        StorageError: The store cannot be written.
    """
    async with Hold(store) as hold:
        await hold.look(setup.design.name)
        kept = await kept_batches(setup, store)
        if not kept:
            progress.tell(f"{setup.design.name}: there is no batch to collect.")
            return
        receiver = _Receiver(setup, store, await hold.begin(setup.design.name, setup.told()))
        for each in kept:
            progress.tell(await _collected(setup, store, receiver, each))


async def _collected(setup: Setup, store: ExperimentStore, receiver: _Receiver, kept: KeptBatch) -> str:
    """Store what a batch brings; what to say of it."""
    batches = _asked_by(setup.design, kept)
    if batches is None:
        return f"{kept.model!r} is no model of this experiment any more; its batch is collected when it is one again."
    if kept.handle is None:
        return f"The submission of {counted(len(kept.trials), 'request')} to {kept.model} broke off: look again later."
    status = await batches.status(kept.handle)
    if status.state == "running":
        return _told(kept, status)
    before = receiver.stored
    by_id = kept.by_id
    try:
        async with aclosing(_answers(batches, kept)) as answers:
            async for answer in answers:
                row = by_id.get(answer.custom_id)
                if row is not None:
                    await receiver.take(receiver.row(row.key) or row, answer, again=kept.retry)
    finally:
        await receiver.flush()
    await Shelf(store.storage).forget(kept)
    return f"{_told(kept, status)}; {counted(receiver.stored - before, 'trial')} stored"


async def _answers(batches: Batches, kept: KeptBatch) -> AsyncGenerator[BatchAnswer, None]:
    """The answers of a batch; of one that was not taken, an error for each trial."""
    assert kept.handle is not None
    try:
        async with aclosing(batches.collect(kept.handle)) as answers:
            async for answer in answers:
                yield answer
    except BatchError as error:
        if error.reason != "failed":
            raise
        for identity in kept.by_id:
            yield BatchAnswer(identity, "errored", None, error)


def _told(kept: KeptBatch, status: BatchStatus) -> str:
    assert kept.handle is not None
    done = f"{status.complete:,} of {counted(status.total, 'request')} answered"
    failures = f", {status.errored:,} not" if status.errored else ""
    return f"{kept.handle['id']} ({kept.model}) is {status.said}: {done}{failures}"


async def collect_file(setup: Setup, store: ExperimentStore, progress: Progress, path: str | Path) -> None:
    """Store the answers of a file of results, as a vendor's page lets one fetch it.

    Raises:
        DesignError: It cannot be read, or none of it belongs to the experiment.
        ConfigError: A model of the experiment has no batches.
    """
    file = Path(path)
    lines = await in_thread(_read_lines, file)
    async with Hold(store) as hold:
        await hold.look(setup.design.name)
        receiver = _Receiver(setup, store, await hold.begin(setup.design.name, setup.told()))
        await _taken_in(setup, receiver, lines, file.name, progress)


async def _taken_in(
    setup: Setup, receiver: _Receiver, lines: Sequence[dict[str, Any]], file: str, progress: Progress
) -> None:
    """Store the answers of a file.

    Raises:
        DesignError: None of it belongs to the experiment.
    """
    by_model = {arm.label: batches_of(arm) for arm in setup.design.models}
    strange = 0
    for line in lines:
        row = receiver.row(key_of_id(str(line.get("custom_id"))))
        if row is None:
            strange += 1
            continue
        await receiver.take(row, await by_model[row.model].read(line), again=True)
    await receiver.flush()
    if strange and strange == len(lines):
        raise DesignError(
            f"None of the {counted(len(lines), 'result')} in {file!r} belongs to this experiment.",
            hint="Prompts, models, settings and data must be those with which the requests were written",
        )
    others = f"; {strange:,} belong to something else" if strange else ""
    progress.tell(f"{file}: {counted(receiver.stored, 'trial')} stored, {receiver.known:,} were there{others}")


def _read_lines(file: Path) -> list[dict[str, Any]]:
    lines = []
    try:
        with file.open(encoding="utf-8-sig") as text:
            for number, line in enumerate(text, 1):
                if not line.strip():
                    continue
                data = json.loads(line)
                if not isinstance(data, dict):
                    raise DesignError(f"Line {number} of {file.name!r} is no result.")
                lines.append(data)
    except (OSError, UnicodeDecodeError) as error:
        raise DesignError(f"{file.name!r} cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, DesignError):
            raise
        raise DesignError(f"Line {number} of {file.name!r} is no JSON: {error}") from error
    return lines


async def looked_at(setup: Setup, store: ExperimentStore) -> list[dict[str, Any]]:
    """How far the batches are that are not collected, a dict each.

    Raises:
        ProviderError: A vendor could not be asked.
    """
    return [await _looked_at(setup.design, kept) for kept in await kept_batches(setup, store)]


async def _looked_at(design: Design, kept: KeptBatch) -> dict[str, Any]:
    batches = _asked_by(design, kept)
    status = None if batches is None or kept.handle is None else await batches.status(kept.handle)
    return {
        "id": None if kept.handle is None else kept.handle["id"],
        "model": kept.model,
        "state": "uncertain" if status is None else status.state,
        "requests": len(kept.trials),
        "complete": None if status is None else status.complete,
        "errored": None if status is None else status.errored,
        "most_usd": kept.high,
        "submitted_at": kept.at,
    }


async def cancel(setup: Setup, store: ExperimentStore) -> int:
    """Have all batches stopped that are not collected; how many were told to.

    Raises:
        ProviderError: A vendor could not be asked.
    """
    told = 0
    for kept in await kept_batches(setup, store):
        batches = _asked_by(setup.design, kept)
        if batches is None or kept.handle is None:
            continue
        if (await batches.status(kept.handle)).state == "running":
            await batches.cancel(kept.handle)
            told += 1
    return told


def _asked_by(design: Design, kept: KeptBatch) -> Batches | None:
    arm = next((arm for arm in design.models if arm.label == kept.model), None)
    return None if arm is None else batches_of(arm)
