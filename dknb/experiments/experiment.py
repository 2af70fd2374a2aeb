"""`Experiment`: prompts on models over data, from the check before the first call to the result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from .._sync import run as run_sync
from ..conversations.branches import check_name
from ..conversations.storage import ConversationStorage
from ..llm.calls.budget import Budget
from .batching.face import BatchedRuns
from .design.design import Design
from .design.items import read_items
from .design.models import models_of
from .design.prompts import prompts_of
from .planning import ExperimentPlan
from .running.conduct import Wanted, conduct, look
from .running.ending import ending_note
from .running.parsing import AnswerReader
from .running.progress import Progress
from .running.run import Run
from .setup import (
    CONFIDENCE,
    Setup,
    baseline_of,
    budget_of,
    check_watching,
    checked_whole,
    items_with,
    metric_of,
    name_of,
    prompt_source,
    scoring_of,
    warn_of_repeats,
)
from .store.runs import RunStore
from .store.store import ExperimentStore
from .surroundings import checked_store, cluster_of, store_at, surroundings

if TYPE_CHECKING:
    from .distributed.cluster import Cluster
    from .result import ExperimentResult

__all__ = ["Experiment"]


class Experiment(BatchedRuns):
    """Prompts on models over data: each item is asked of each variant, each answer is stored as it comes, and scored.

    Run it again under the same name, in this kernel or another: only what is missing is asked.

    Args:
        prompts: Names in the library (``"critique@1.0"``), templates' texts, prompts' dicts, or functions of a row: one, a
            list, or a dict of them by the names they get.
        models: Specs, configs or providers: one, a list, or a dict of them by the names they get. The project's model if
            it is not given.
        data: The items: a DataFrame, a list of dicts, or the path of a CSV, JSONL, JSON or Parquet file. Its columns give
            the parameters of their names.
        repeats: How often each item is asked of each variant.
        scorers: What scores the answers: names, ``{name: options}``, functions, `Scorer` objects.
        name: Its name in the store. If it is not given, one is made from its prompts and models; other data under the same
            made name are an experiment of their own, data of which rows were added or taken away are not.
        item: The column that has the items' labels; else the index of a DataFrame, or numbers from 0.
        params: For parameters that are not called like their columns: ``{"text": "body"}``.
        values: Parameters that are the same for all items.
        system: A system message for all: the name of a prompt, or a template's text.
        response_format: What answers must be, as of a provider; ``parsed`` has them then.
        parse: What ``parsed`` is instead: ``"json"``, ``"code"``, ``"list"``, ``"sections"``, or a function of the output.
        baseline: The variant that the others are compared with.
        metric: The metric that decides; the first one if it is not given.
        stop: ``"decided"`` stops when all verdicts on ``metric`` are reached; looking after each item is safe.
        budget: Most US dollars that it may cost, earlier runs included; or a `Budget`.
        margin: The largest difference that does not matter, in units of ``metric``, where it may stop early; 2 % of a
            bounded scale if it is not given.
        confidence: Of the verdicts that it may stop on, all together.
        seed: For the order of the items where it may stop early.
        max_concurrency: Most calls of a model at a time; else what its server bears.
        store: Where it is kept: a path, ``postgresql://...``, ``"memory"``, or a store of conversations; else the project's.
        library: The prompt library; else the project's.
        adapters: What prompts retrieve from, by name.
        progress: Whether to show the plan, a bar and how it ended.
        **settings: Settings of the models: ``temperature=0``.

    Attributes:
        result: What there is of its last run, also of one that was cut; None before.

    Raises:
        DesignError: It cannot be run so: no data, an unknown column, labels that are there twice, ...
        PromptNotFound: There is no prompt of a name.
        ConfigError: A model, a setting or a scorer is unknown or wrong.
    """

    def __init__(
        self,
        prompts: Any,
        models: Any = None,
        data: Any = None,
        *,
        repeats: int = 1,
        scorers: Any = (),
        name: str | None = None,
        item: str | None = None,
        params: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
        system: str | None = None,
        response_format: Any = None,
        parse: str | Callable[[str], Any] | None = None,
        baseline: str | None = None,
        metric: str | None = None,
        stop: Literal["decided"] | None = None,
        margin: float | None = None,
        confidence: float = CONFIDENCE,
        budget: float | Budget | None = None,
        seed: int = 0,
        max_concurrency: int | None = None,
        store: Any = None,
        library: Any = None,
        adapters: Mapping[str, Any] | None = None,
        progress: bool = True,
        **settings: Any,
    ) -> None:
        self._around = surroundings()
        shaped = settings if response_format is None else {**settings, "response_format": response_format}
        items = items_with(read_items(data, item), params or {}, values or {})
        arms = prompts_of(prompts, prompt_source(self._around, library, adapters, system))
        models = models_of(models, shaped, self._around.model)
        design = Design("", items, arms, models, checked_whole(repeats, "repeats"), dict(params or {}))
        design.name, self._is_named = (
            (name_of(design), False) if name is None else (check_name(name, "experiment"), True)
        )
        scoring = scoring_of(scorers, design, arms[0].builder.library)
        check_watching(stop, margin, confidence)
        self._setup = Setup(
            design,
            AnswerReader(parse, response_format),
            scoring,
            baseline_of(baseline, design),
            metric_of(metric, scoring, stop, design),
            stop,
            seed,
            budget_of(budget),
            None if max_concurrency is None else checked_whole(max_concurrency, "max_concurrency"),
            margin,
            confidence,
        )
        self._store_at, self._wants_progress = checked_store(store), progress
        self._opened: ConversationStorage | None = None
        self.result: ExperimentResult | None = None
        design.check_first()
        warn_of_repeats(design)

    # What everybody calls

    def plan(self) -> ExperimentPlan:
        """What a run is going to do and to cost; nothing is asked or written.

        Raises:
            DesignError: A prompt cannot be rendered for some item.
            StorageError: The store cannot be read.
        """
        return run_sync(self.aplan())

    def run(self, executor: Any = None) -> ExperimentResult:
        """Ask what is missing, score it, and return all there is.

        An interrupt (the stop button) keeps what is done, and returns that; so does a budget that is exhausted. The
        result's ``note`` says what is missing and how to go on.

        On a cluster the workers make the calls, score them and write them into the store, which they must reach:
        PostgreSQL, or an SQLite file where all are on this machine. Rate limits, ``max_concurrency`` and budgets hold for
        all of them together. Keys come from their environment, or out of the models' settings, where they were given.

        Args:
            executor: A client of ``dask.distributed``, to run it on its cluster.

        Raises:
            ClusterError: The cluster failed; what was stored is kept.
            ConfigError: Something of it cannot be sent to workers, or they do not reach the store.
            DesignError: A prompt cannot be rendered for some item.
            BudgetExceeded: Not even one call fits into what is left of the budget, or a price is not known.
            ProviderError: No model could be asked at all.
            StorageError: The store cannot be read or written.
        """
        return self._until_interrupted("missing", executor)

    def retry_errors(self, executor: Any = None) -> ExperimentResult:
        """Ask again what failed, just that, and return all there is.

        Args:
            executor: As of `run`.

        Raises:
            DknbError: As `run`.
        """
        return self._until_interrupted("errors", executor)

    async def aplan(self) -> ExperimentPlan:
        """`plan`, awaited."""
        async with self._store() as store:
            return (await look(self._setup, store))[0]

    async def arun(self, executor: Any = None) -> ExperimentResult:
        """`run`, awaited. When it is cancelled, ``result`` has what is done.

        Raises:
            DknbError: As `run`.
        """
        return await self._conduct("missing", cluster_of(executor))

    async def aretry_errors(self, executor: Any = None) -> ExperimentResult:
        """`retry_errors`, awaited."""
        return await self._conduct("errors", cluster_of(executor))

    # How

    def _until_interrupted(self, wanted: Wanted, executor: Any = None) -> ExperimentResult:
        before = self.result
        if (cluster := cluster_of(executor)) is not None:
            cluster.refuse_waiting()
        try:
            return run_sync(self._conduct(wanted, cluster))
        except KeyboardInterrupt:
            if self.result is None or self.result is before:
                raise  # nothing had begun
            return self.result

    async def _conduct(self, wanted: Wanted, cluster: Cluster | None = None) -> ExperimentResult:
        begun: list[Run] = []
        try:
            async with self._store() as store:
                progress = self._progress()
                await conduct(self._setup, store, progress, begun.append, wanted=wanted, cluster=cluster)
        except BaseException:
            if begun:
                self.result = self._result(begun[0])
            raise
        progress.tell(ending_note(begun[0], self._setup.design))
        self.result = self._result(begun[0])
        return self.result

    def _progress(self) -> Progress:
        return Progress(self.name, wanted=self._wants_progress, say=self._around.say)

    def _result(self, run: Run) -> ExperimentResult:
        from .frames import Seen, reasons_frame, trials_frame
        from .result import ExperimentResult

        setup = self._setup
        seen = [Seen(run.rows[number], run.parsed.get(number), run.is_cached(number)) for number in sorted(run.rows)]
        frame = trials_frame(seen, setup.scoring.metrics)
        result = ExperimentResult(
            frame, setup.scoring.metrics, name=self.name, baseline=setup.baseline, kinds=setup.scoring.kinds
        )
        result.score_errors = reasons_frame(each.row for each in seen)
        result.note = ending_note(run, setup.design) or None
        if setup.stop is not None and setup.metric is not None:
            result.watch_again(setup.told(), setup.metric)
        result.experiment = self
        return result

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[ExperimentStore]:
        """The store; closed afterwards, if it was opened for this experiment."""
        given, is_ours = self._store_at, False
        if isinstance(given, ConversationStorage):
            storage = given
        elif self._opened is not None:
            storage, is_ours = self._opened, True
        elif given is None:
            storage, is_ours = self._around.storage()
        else:
            storage, is_ours = store_at(given), True
        if is_ours:
            self._opened = storage
        try:
            if not self._is_named:
                design, self._is_named = self._setup.design, True
                design.name = await RunStore(storage).free_name(
                    design.name, await asyncio.to_thread(lambda: design.sample)
                )
            yield ExperimentStore(storage)
        finally:
            if is_ours:
                await storage.close()

    @property
    def name(self) -> str:
        """Its name; one that was made may get a number at the first look into the store."""
        return self._setup.design.name

    @property
    def rows(self) -> dict[str, Mapping[str, Any]]:
        """The columns of the data, by item."""
        return {item.label: item.row for item in self._setup.design.items}

    def __repr__(self) -> str:
        design = self._setup.design
        return (
            f"<Experiment {self.name!r}: {len(design.items):,} items x {len(design.variants)} variants"
            f" x {design.repeats} repeats>"
        )
