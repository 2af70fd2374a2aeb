"""What a worker does with a part of a run: the run's own code, on the worker's own event loop."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import Any

from ...errors import ConfigError, DknbError, ExperimentError
from ...llm.base import AsyncLLMProvider
from ...llm.calls.budget import Budget
from ..design.design import Design
from ..design.models import ModelArm
from ..running.progress import Progress
from ..running.run import Run
from ..store.rows import TrialRow
from ..store.shards import ShardStore
from ..store.store import Lease, Opened
from .parcels import Job, Parcel, Returned, design_of, this_host
from .sealing import Sealed, open_with, providers_in, seal

__all__ = ["stop_run", "work"]

#: What ends the parts of a run that are worked at here, by the run's name.
_stops: defaultdict[str, set[asyncio.Event]] = defaultdict(set)


async def work(job: Sealed, providers: Sealed, parcel: Sealed) -> Sealed:
    """Work at a part of a run; what a worker is given and gives back, sealed.

    Errors are given back too: what is raised here, a worker writes into its log.
    """
    try:
        returned = await _worked(job, providers, parcel)
    except Exception as error:  # noqa: BLE001 - it is raised where the run was begun
        returned = Returned(fault=error)
    return await asyncio.to_thread(_sealed, returned)


def stop_run(run: str) -> None:
    """End all parts of a run that are worked at in this process; what they were answered is kept."""
    for stop in list(_stops.get(run, ())):
        stop.set()


async def _worked(sealed: Sealed, sealed_providers: Sealed, sealed_parcel: Sealed) -> Returned:
    parcel: Parcel = await asyncio.to_thread(open_with, sealed_parcel, [])
    made = await asyncio.to_thread(providers_in, sealed_providers)
    async with _opened(made, parcel) as providers:
        job: Job = await asyncio.to_thread(open_with, sealed, providers)
        _check_host(job)
        store = ShardStore(job.storage)
        try:
            with _stoppable(job.run) as stop:
                return await _run(job, parcel, providers, store, stop)
        finally:
            await store.close()


@asynccontextmanager
async def _opened(made: Sequence[AsyncLLMProvider], parcel: Parcel) -> AsyncIterator[list[AsyncLLMProvider]]:
    """The providers, each with its share of the limits; closed afterwards."""
    limited = [
        provider.again(**limits.settings) if limits.settings else provider
        for provider, limits in zip(made, parcel.limits, strict=True)
    ]
    try:
        yield limited
    finally:
        for provider in limited:
            with suppress(DknbError):
                await provider.close()


def _check_host(job: Job) -> None:
    """Refuse a file that another machine works with: what they lock for each other, they would not see.

    Raises:
        ConfigError: It is another machine's.
    """
    if job.host is not None and job.host != this_host():
        raise ConfigError(
            "The store is an SQLite file, and a worker is on another machine than the one that began the run.",
            hint="Keep the experiment in PostgreSQL:  store='postgresql://...'",
        )


@contextmanager
def _stoppable(run: str) -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    _stops[run].add(stop)
    try:
        yield stop
    finally:
        _stops[run].discard(stop)
        if not _stops[run]:
            del _stops[run]


async def _run(
    job: Job, parcel: Parcel, providers: Sequence[AsyncLLMProvider], store: ShardStore, stop: asyncio.Event
) -> Returned:
    design = design_of(job, parcel, [_limited(arm) for arm in job.models])
    keys = await asyncio.to_thread(lambda: _keys(design, parcel))
    opened = await store.join(job.name, Lease(parcel.shard, uuid.uuid4().hex), list(keys.values()), parcel.leading)
    budget = Budget(max(0.0, parcel.dollars - opened.spent), unknown="allow" if parcel.allows_unknown else "refuse")
    quiet = Progress(job.name, wanted=False, say=lambda text: None)
    run = Run(design, job.reader, job.scoring, store, opened, quiet)
    ask = await _take_over(run, job, parcel, opened, keys)
    score = [number for number in run.rows if number not in ask and run.unscored(number)]
    with budget:
        await _until(stop, run, ask, score)
    return _returned(run, parcel, providers, budget)


def _limited(arm: ModelArm) -> ModelArm:
    """The model as it is to be asked here: its provider has the limits."""
    most = arm.provider.config.max_concurrency
    return replace(arm, config=arm.config.with_settings(max_concurrency=most))


def _keys(design: Design, parcel: Parcel) -> dict[int, str]:
    """The keys of all trials of these items that something is known of."""
    known = [place for place, request in enumerate(parcel.requests) if request.digest]
    numbers = [place * design.repeats + repeat for place in known for repeat in range(design.repeats)]
    return {number: design.key(number) for number in numbers}


async def _take_over(run: Run, job: Job, parcel: Parcel, opened: Opened, keys: dict[int, str]) -> list[int]:
    """Take what is there already; the numbers of those that are to be asked."""
    ask = []
    for number in {*parcel.ask, *parcel.score}:
        row = opened.trials.get(keys[number])
        if row is None or (number in parcel.failed and _same(row, parcel.failed[number])):
            ask += [number] * (number in parcel.ask)
            continue
        run.rows[number] = row
        run.parsed[number] = await job.reader.read_again(row.output, row.parsed)
    return sorted(ask)


def _same(row: TrialRow, before: TrialRow) -> bool:
    """Whether a trial is what it was: one that failed again has not been asked again only now."""
    return (row.error, row.duration_s, row.node_seq) == (before.error, before.duration_s, before.node_seq)


async def _until(stop: asyncio.Event, run: Run, ask: Sequence[int], score: Sequence[int]) -> None:
    """Make the calls, until all is done or somebody wants it to stop."""
    calls = asyncio.create_task(run.calls(ask, score))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([calls, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if not calls.done():
            calls.cancel()
            await asyncio.wait([calls])
    if not calls.cancelled():
        calls.result()


def _returned(run: Run, parcel: Parcel, providers: Sequence[AsyncLLMProvider], budget: Budget) -> Returned:
    ended = run.ended
    return Returned(
        rows=dict(run.rows),
        asked={number for number in run.rows if number in parcel.ask},
        reason=ended.reason,
        why=ended.why,
        given_up=dict(ended.given_up),
        missed=ended.missed,
        recent=[provider.recent for provider in providers],
        unpriced=budget.unpriced,
    )


def _sealed(returned: Returned) -> Sealed:
    """What is given back; an error that cannot be sent is told in words."""
    try:
        return seal(returned, "What came of a part of the run")[0]
    except DknbError:
        words: Any = [returned.fault, returned.why, *returned.given_up.values()]
        told = "; ".join(f"{type(error).__name__}: {error}" for error in words if error is not None)
        return seal(replace(returned, fault=ExperimentError(told), why=None, given_up={}), "An error")[0]
