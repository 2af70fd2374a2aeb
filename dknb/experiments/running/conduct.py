"""One run from its beginning to its end: look, plan, ask, score, and say how it ended."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal, TypeAlias

from ...errors import BudgetExceeded, ReplayMiss
from ...llm.calls.budget import Budget
from ..amounts import money
from ..batching.shelf import Shelf
from ..planning import ExperimentPlan, changes, price_range
from ..scoring.kinds import MetricKind
from ..setup import Setup
from ..store.store import ExperimentStore, Opened
from .early import Early, shuffled
from .ending import summary_line
from .expecting import Judging, judging_of
from .holding import Hold
from .progress import Progress
from .run import Run
from .standing import StandingTrials, standing_of

if TYPE_CHECKING:
    from ..distributed.cluster import Cluster

__all__ = ["Wanted", "conduct", "look", "stands"]

#: Makes the calls of some trials, scores them and others, in some order of the items.
Calls: TypeAlias = Callable[[Sequence[int], Sequence[int], Sequence[int] | None], Awaitable[None]]

#: What a run asks: what is missing, what failed, or nothing.
Wanted = Literal["missing", "errors", "nothing"]


async def look(setup: Setup, store: ExperimentStore) -> tuple[ExperimentPlan, StandingTrials]:
    """What a run would do; nothing is asked or written.

    Raises:
        DesignError: A prompt cannot be rendered for some item.
        StorageError: The store cannot be read.
    """
    opened, standing = await stands(setup, store)
    return await _planned(setup, opened, standing, standing.missing, priced=True), standing


async def stands(
    setup: Setup, store: ExperimentStore, hold: Hold | None = None
) -> tuple[Opened | None, StandingTrials]:
    """The experiment in the store, and what of its design is there; with ``hold`` nobody else runs it from now on.

    Raises:
        DesignError: A prompt can be rendered for no item.
        ExperimentRunning: Somebody else runs it.
        StorageError: The store cannot be read.
    """
    design = setup.design
    await asyncio.to_thread(lambda: design.requests)  # templates are long, and retrieval waits
    opened = await (store if hold is None else hold).look(design.name)
    if opened is None:
        return None, await asyncio.to_thread(standing_of, design, {})
    batches = await Shelf(store.storage).listed(opened.row.number)
    submitted = {key for kept in batches for key in kept.keys}
    opened.reserved = sum(kept.high or 0.0 for kept in batches)
    return opened, await asyncio.to_thread(standing_of, design, opened.trials, submitted)


async def _planned(
    setup: Setup, opened: Opened | None, standing: StandingTrials, ask: Sequence[int], *, priced: bool
) -> ExperimentPlan:
    design = setup.design
    judging = await judging_of(setup, standing, ask) if priced else Judging()
    low, high, unpriced = await asyncio.to_thread(price_range, design, ask) if priced and ask else (0.0, 0.0, ())
    prices = Judging(0, low, high, unpriced).with_more(judging)
    now = await asyncio.to_thread(setup.told)
    return ExperimentPlan(
        name=design.name,
        items=len(design.items),
        variants=tuple(variant.label for variant in design.variants),
        repeats=design.repeats,
        trials=len(design),
        cached=len(standing.rows) - len(standing.errors) - len(standing.faulty),
        errors=len(standing.errors),
        calls=len(ask),
        judge_calls=judging.calls,
        low=prices.low,
        high=prices.high,
        unpriced=tuple(dict.fromkeys(prices.unpriced)),
        budget=setup.limit,
        spent=0.0 if opened is None else opened.spent + opened.reserved,
        submitted=len(standing.submitted),
        faulty=len(standing.faulty),
        faults=tuple(design.faults),
        changes=changes(None if opened is None else opened.before, now),
    )


async def conduct(
    setup: Setup,
    store: ExperimentStore,
    progress: Progress,
    tell: Callable[[Run], None],
    *,
    wanted: Wanted,
    cluster: Cluster | None = None,
) -> Run:
    """Run what is wanted, and score what is not scored.

    Args:
        setup: The experiment.
        store: Where it is kept.
        progress: Shows how far it is.
        tell: Is told of the run before it begins.
        wanted: What to ask.
        cluster: Where the calls are made; here if it is not given.

    Raises:
        DknbError: As ``Experiment.run``.
    """
    async with Hold(store) as hold:
        run = await _held_run(setup, store, hold, progress, tell, wanted, cluster)
    if not run.rows and (cause := run.ended.cause) is not None:
        raise cause
    return run


async def _held_run(
    setup: Setup,
    store: ExperimentStore,
    hold: Hold,
    progress: Progress,
    tell: Callable[[Run], None],
    wanted: Wanted,
    cluster: Cluster | None,
) -> Run:
    opened, standing = await stands(setup, store, hold)
    ask = {"missing": standing.missing, "errors": standing.errors, "nothing": []}[wanted]
    priced = progress.wanted or setup.budget is not None
    plan = await _planned(setup, opened, standing, ask, priced=priced)
    progress.tell(str(plan))
    _check_budget(plan, setup.budget)
    found = opened is not None
    opened = await hold.begin(setup.design.name, setup.told())
    if not found and opened.before is not None:  # somebody has begun it since we looked
        return await _held_run(setup, store, hold, progress, tell, wanted, cluster)
    opened.trials = {}  # they are in ``standing``, as far as they are of this design
    await store.settle(opened, standing.changed, standing.left)
    run = Run(setup.design, setup.reader, setup.scoring, store, opened, progress, setup.concurrency)
    run.ended.submitted = len(standing.submitted)
    tell(run)
    calls: Calls = run.calls
    if cluster is not None:
        from ..distributed.dealing import Dealer

        calls = Dealer(setup, run, store, opened, cluster).calls
    try:
        await _carried_out(setup, run, progress, standing, ask, plan, calls)
    finally:
        progress.close(summary_line(run, setup.design, progress))
    return run


async def _carried_out(
    setup: Setup,
    run: Run,
    progress: Progress,
    standing: StandingTrials,
    ask: Sequence[int],
    plan: ExperimentPlan,
    calls: Calls,
) -> None:
    design = setup.design
    for number, row in standing.rows.items():
        run.rows[number] = row
        run.parsed[number] = await setup.reader.read_again(row.output, row.parsed)
    order = None
    if setup.stop is not None:
        order = shuffled(len(design.items), setup.seed)
        run.early = _early(setup, run, order)
    score = [number for number in standing.rows if run.unscored(number)]
    await run.forget_scores(score)
    settled = set(standing.rows) - {*ask, *score}
    with ExitStack() as budgets:
        if (budget := _budget(setup.budget, plan)) is not None:
            budgets.enter_context(budget)
        run.settle(settled)
        progress.begin(len(design), len(design) - len(ask))
        await calls(ask, score, order)
        try:
            await _score_whole(setup, run)
        except BudgetExceeded as error:
            run.ended.reason, run.ended.why = "budget", error
        except ReplayMiss:
            run.ended.missed += 1


async def _score_whole(setup: Setup, run: Run) -> None:
    if setup.scoring.of_frame:
        from .frame_scoring import score_whole  # it brings pandas

        await score_whole(run, setup.design, setup.scoring, setup.baseline)


def _early(setup: Setup, run: Run, order: Sequence[int]) -> Early:
    from ..statistics.watched import watch_of

    design, metric = setup.design, setup.metric
    assert metric is not None
    labels = [variant.label for variant in design.variants]
    kind = setup.scoring.kinds.get(metric, MetricKind())
    watch = watch_of(metric, kind, setup.baseline, labels, margin=setup.margin, confidence=setup.confidence)

    def score(number: int) -> float | None:
        row = run.rows.get(number)
        return None if row is None or row.error is not None else row.scores.get(metric)

    return Early(watch, design, order, score)


def _budget(given: float | Budget | None, plan: ExperimentPlan) -> Budget | None:
    """The budget of a run: earlier runs have spent some of it."""
    if given is None or isinstance(given, Budget):
        return given
    budget = Budget(given)
    budget.spent = plan.spent
    return budget


def _check_budget(plan: ExperimentPlan, budget: float | Budget | None) -> None:
    """Refuse a budget that cannot hold.

    Raises:
        BudgetExceeded: A price is not known.
    """
    if budget is None or plan.left is None or not (plan.calls or plan.judge_calls) or math.isinf(plan.left):
        return
    if plan.low is None and not (isinstance(budget, Budget) and budget.unknown == "allow"):
        raise BudgetExceeded(
            f"The price of {', '.join(plan.unpriced)} is not known, so a budget of {money(plan.budget)} cannot hold.",
            limit=plan.budget or 0.0,
            spent=plan.spent,
            hint="Tell it:  CostCalculator.set_price(...)  or let such calls pass:  budget=Budget(…, unknown='allow')",
        )
