"""Submitting what is missing of an experiment, so that nothing is submitted twice whatever breaks off."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ...errors import (
    AuthenticationError,
    BatchError,
    BudgetExceeded,
    CallTimeout,
    DknbError,
    ProviderError,
    RateLimited,
)
from ...llm.batches.batches import Batches
from ...llm.messages import utc_now
from ..amounts import counted, money
from ..design.design import Design
from ..design.models import ModelArm
from ..planning import price_range
from ..running.asking import blank_row
from ..running.conduct import stands
from ..running.holding import Hold
from ..running.progress import Progress
from ..setup import Setup
from ..store.store import ExperimentStore, Opened
from .kept import KeptBatch, custom_id, names_of
from .shelf import Shelf

__all__ = ["batches_of", "kept_batches", "request_lines", "submit"]


class _Part(NamedTuple):
    """Requests that go into one batch."""

    tag: str
    numbers: list[int]
    lines: list[bytes]


async def submit(setup: Setup, store: ExperimentStore, progress: Progress, *, retry: bool) -> list[dict[str, Any]]:
    """Submit what is missing, or with ``retry`` what failed; the handles of the batches.

    Args:
        setup: The experiment.
        store: Where it is kept.
        progress: Shows what is done.
        retry: Whether to ask again what failed, instead of what is missing.

    Raises:
        ConfigError: A model has no batches.
        BudgetExceeded: They may cost more than is left, or nobody knows what.
        ExperimentRunning: Somebody else runs it.
        ProviderError: A vendor did not take one; those before it are submitted and kept.
        StorageError: The store cannot be written.
    """
    async with Hold(store) as hold:
        return await _submit(setup, store, hold, progress, retry)


async def _submit(
    setup: Setup, store: ExperimentStore, hold: Hold, progress: Progress, retry: bool
) -> list[dict[str, Any]]:
    design, shelf = setup.design, Shelf(store.storage)
    await hold.look(design.name)
    waiting = await kept_batches(setup, store)
    opened, standing = await stands(setup, store, hold)
    numbers = standing.errors if retry else standing.missing
    if not numbers:
        progress.tell(f"{design.name}: nothing to submit.")
        return []
    models = sorted({_model(design, each) for each in numbers})
    made = [(model, batches_of(design.models[model])) for model in models]
    await _check_budget(setup, 0.0 if opened is None else opened.spent, numbers, waiting)
    found = opened is not None
    opened = await hold.begin(design.name, setup.told())
    if not found and opened.before is not None:  # somebody has begun it since we looked
        return await _submit(setup, store, hold, progress, retry)
    await store.settle(opened, standing.changed, standing.left)
    handles = []
    for model, batches in made:
        parts = _parts(design, [number for number in numbers if _model(design, number) == model], batches)
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            kept = await _kept(design, part, retry=retry)
            await shelf.keep(opened.row.number, kept)
            handles.append(await _submitted(opened, shelf, batches, kept, part.lines))
            price = "price unknown" if kept.high is None else f"at most {money(kept.high)}"
            to = f"{counted(len(part.lines), 'request')} to {kept.model} as {handles[-1]['id']}"
            progress.tell(f"{design.name}: {to}, {price}; collect() gets what is answered")
    return handles


async def _kept(design: Design, part: _Part, *, retry: bool) -> KeptBatch:
    _, high, _ = await asyncio.to_thread(price_range, design, part.numbers, "batch")
    trials = [names_of(blank_row(design, number)) for number in part.numbers]
    model = design.models[_model(design, part.numbers[0])].label
    return KeptBatch(part.tag, model, trials, utc_now(), retry=retry, high=high)


async def _submitted(
    opened: Opened, shelf: Shelf, batches: Batches, kept: KeptBatch, lines: Sequence[bytes]
) -> dict[str, Any]:
    try:
        handle = await batches.submit(lines, tag=kept.tag)
    except DknbError as error:
        if _was_not_made(error):
            await shelf.forget(kept)
        raise
    await shelf.keep(opened.row.number, replace(kept, handle=handle))
    return handle


def _was_not_made(error: DknbError) -> bool:
    """Whether it is certain that no batch came of it."""
    if not isinstance(error, ProviderError):
        return True
    refused = error.status is not None and 400 <= error.status < 500 and not isinstance(error, CallTimeout)
    return refused or isinstance(error, AuthenticationError | RateLimited)


def batches_of(arm: ModelArm) -> Batches:
    """The batches of a model of an experiment.

    Raises:
        ConfigError: It has none.
    """
    return Batches(arm.provider, **arm.overrides)


def request_lines(design: Design, numbers: Sequence[int], batches: Batches, tag: str | None = None) -> Iterator[bytes]:
    """The requests of trials as lines of a vendor's batch file."""
    for number in numbers:
        yield batches.line(custom_id(design.key(number), tag), list(design.request(number).messages))


async def kept_batches(setup: Setup, store: ExperimentStore) -> list[KeptBatch]:
    """The batches that are not collected, after those whose submission broke off are found again, or forgotten.

    Raises:
        ProviderError: A vendor could not be asked.
    """
    opened, shelf = await store.look(setup.design.name), Shelf(store.storage)
    if opened is None:
        return []
    found = [await _found_again(setup, opened, shelf, kept) for kept in await shelf.listed(opened.row.number)]
    return [kept for kept in found if kept is not None]


async def _found_again(setup: Setup, opened: Opened, shelf: Shelf, kept: KeptBatch) -> KeptBatch | None:
    """A batch with its handle; None if it was never submitted.

    One that may or may not be at the vendor's is given without its handle.

    Raises:
        ProviderError: The vendor could not be asked.
    """
    if kept.handle is not None:
        return kept
    arm = next((arm for arm in setup.design.models if arm.label == kept.model), None)
    if arm is None:
        return kept
    try:
        handle = await batches_of(arm).find(kept.tag, len(kept.trials), kept.at)
    except BatchError:
        return kept
    if handle is None:
        await shelf.forget(kept)
        return None
    known = replace(kept, handle=handle)
    await shelf.keep(opened.row.number, known)
    return known


def _parts(design: Design, numbers: Sequence[int], batches: Batches) -> Iterator[_Part]:
    """The requests, as many together as one batch may have."""
    most, most_bytes = batches.most
    part, size = _Part(secrets.token_hex(6), [], []), 0
    for number in numbers:
        (line,) = request_lines(design, [number], batches, part.tag)
        if part.lines and (len(part.lines) == most or size + len(line) > most_bytes):
            yield part
            part, size = _Part(secrets.token_hex(6), [], []), 0
            (line,) = request_lines(design, [number], batches, part.tag)
        part.numbers.append(number)
        part.lines.append(line)
        size += len(line)
    if part.lines:
        yield part


async def _check_budget(setup: Setup, spent: float, numbers: Sequence[int], waiting: Sequence[KeptBatch]) -> None:
    """Refuse what a budget may not hold: a batch cannot be stopped by its price.

    Raises:
        BudgetExceeded: It may not.
    """
    limit = setup.limit
    if limit is None or not numbers:
        return
    _, high, unpriced = await asyncio.to_thread(price_range, setup.design, numbers, "batch")
    reserved = sum(each.high or 0.0 for each in waiting)
    if high is None or spent + reserved + high > limit:
        what = (
            f"The price of {', '.join(unpriced)} as a batch is not known"
            if high is None
            else f"It may cost {money(high)}"
        )
        raise BudgetExceeded(
            f"{what}, and the budget of {money(limit)} has {money(max(0.0, limit - spent - reserved))} left; "
            "a batch cannot be stopped by its price, so nothing was submitted.",
            limit=limit,
            spent=spent,
            reserved=reserved,
            estimate=high,
            hint="Give a larger budget, shorter answers (max_tokens=...), or ask call by call:  run()",
        )


def _model(design: Design, number: int) -> int:
    return design.variants[design.place(number).variant].model_number
