"""What came of an experiment: its trials, and what can be said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._lazy import extra
from ..errors import ConfigError, ExperimentError, did_you_mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .._frames import DataFrame
    from .experiment import Experiment
    from .scoring.kinds import MetricKind
    from .statistics.planning import PowerPlan
    from .statistics.sequential import VerdictWatch

__all__ = ["ExperimentResult", "power", "read_trials"]


class ExperimentResult:
    """The trials of an experiment as a table, and their statistics.

    Attributes:
        frame: A row a trial.
        metrics: The columns that are scores; the first is the one that matters most.
        name: The experiment's name.
        baseline: The variant that the others are compared with; None: the first.
        kinds: What is known of the metrics.
        note: What a reader should know of the run: that it is not complete, and how to go on.
        experiment: What ran it; None if it was read from somewhere.
        score_errors: Why answers have no score, or one that rests on less than it should: ``item``, ``variant``, ``repeat``,
            ``metric``, ``score``, ``reason``; ``parse`` is no metric but the reading of the answer. None if it was read from
            somewhere that does not say.
        watch: What looked after every item, of a run that could stop early: its verdicts are those of ``compare``.
    """

    def __init__(
        self,
        frame: DataFrame,
        metrics: Sequence[str],
        *,
        name: str | None = None,
        baseline: str | None = None,
        kinds: Mapping[str, MetricKind] | None = None,
    ) -> None:
        self.frame = frame
        self.metrics = tuple(metrics)
        self.name = name
        self.baseline = baseline
        self.kinds = dict(kinds or {})
        self.note: str | None = None
        self.experiment: Experiment | None = None
        self.score_errors: DataFrame | None = None
        self.watch: VerdictWatch | None = None

    def watch_again(self, told: Mapping[str, Any], metric: str) -> None:
        """Hand the trials to a watch as the run did, which could stop on it.

        Args:
            told: The design as it is stored.
            metric: What decided.
        """
        from .running.early import shuffled
        from .scoring.kinds import MetricKind
        from .statistics.watched import replayed, watch_of

        variants, watched = [each["label"] for each in told["variants"]], told["watched"]
        kind = self.kinds.get(metric, MetricKind())
        watch = watch_of(
            metric, kind, told["baseline"], variants, margin=watched["margin"], confidence=watched["confidence"]
        )
        order = [told["items"][at] for at in shuffled(len(told["items"]), watched["seed"])]
        self.watch = replayed(watch, self.frame, order, len(variants) * told["repeats"])

    def __getstate__(self) -> dict[str, Any]:
        # A copy in another process, or apart from this one, is the result; what ran it has a store and models open.
        return {**vars(self), "experiment": None}

    def compare(
        self, baseline: str | None = None, metric: str | Sequence[str] | None = None, **options: Any
    ) -> DataFrame:
        """Compare the variants with a baseline: a row a variant and metric, with intervals, p and a verdict.

        Of a run that could stop early (``stop="decided"``), verdicts, p and intervals of the differences are those that
        hold however often it looked, on the metric and against the baseline that it stopped on; the notes in
        ``attrs`` say so.

        Args:
            baseline: A variant, or a prompt or a model alone; that of the experiment if it is not given.
            metric: One or several; all of them if it is not given. Numbers of the trials themselves (``cost_usd``,
                ``duration_s``, tokens) can be compared, too.
            **options: ``correction``, ``confidence``, ``margin``, ``errors``, ``paired``, ``test``, ``family``,
                ``minimum``, ``resamples``, ``seed``: see :func:`dknb.experiments.compare`.

        Raises:
            ConfigError: An argument that cannot be used.
            TooFewItems: There are too few items for any comparison.
        """
        from .statistics.comparison import compare

        chosen, against = self._metrics(metric), baseline or self.baseline
        if self.watch is None:
            return compare(self.frame, chosen, against, kinds=self.kinds, **options)
        from .statistics.watched import options_of, with_findings

        options = options_of(self.watch, chosen, options)
        return with_findings(compare(self.frame, chosen, against, kinds=self.kinds, **options), self.watch)

    def flips(self, a: str, b: str, metric: str | None = None) -> DataFrame:
        """The items on which two variants differ, with what both said, the largest differences first."""
        from .statistics.flipping import flips

        return flips(self.frame, a, b, self._metrics(metric)[0])

    def power(
        self,
        n: int | None = None,
        effect: float | None = None,
        *,
        metric: str | None = None,
        baseline: str | None = None,
        variant: str | None = None,
        **options: Any,
    ) -> PowerPlan:
        """Plan the next run with this one as the pilot: see :func:`power`."""
        chosen = self._metrics(metric)[0]
        return power(n, effect, self, metric=chosen, baseline=baseline, variant=variant, **options)

    def plot(self, metric: str | None = None, baseline: str | None = None, **options: Any) -> Figure:
        """The variants with their intervals, and what they cost against how good they are.

        Args:
            metric: The metric; the first one if it is not given.
            baseline: As in :meth:`compare`.
            **options: As in :meth:`compare`.
        """
        from .statistics.figures import comparison_figure

        chosen = self._metrics(metric)[0]
        return comparison_figure(self.compare(baseline, chosen, refuse=False, **options), self.summary())

    def summary(self) -> DataFrame:
        """A row a variant: trials, errors, tokens, price, seconds, and the plain mean of each metric."""
        from .statistics.summaries import summary

        return summary(self.frame, self.metrics)

    def retry_errors(self) -> ExperimentResult:
        """Run again the trials that failed; the new result.

        Raises:
            ExperimentError: There is no experiment behind these trials.
        """
        if self.experiment is None:
            raise ExperimentError(
                "These trials were read, not run.", hint="Experiment(...).run() gives what can retry."
            )
        return self.experiment.retry_errors()

    def collect(self) -> ExperimentResult:
        """Store and score what the batches of the experiment have answered; the new result.

        Raises:
            ExperimentError: There is no experiment behind these trials.
        """
        if self.experiment is None:
            raise ExperimentError(
                "These trials were read; prompts and scorers are not known.",
                hint="Make the experiment as it was submitted:  Experiment(...).collect()",
            )
        return self.experiment.collect()

    def to_csv(self, path: str | Path) -> None:
        """Write the trials as CSV, texts as they are; `export_trials` keeps spreadsheets from calculating them."""
        self.frame.to_csv(path, index=False)

    def to_parquet(self, path: str | Path) -> None:
        """Write the trials as Parquet; what a model's answer was parsed to is written as JSON.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        from .statistics.summaries import flat

        with extra("parquet"):
            import pyarrow  # type: ignore[import-untyped] # noqa: F401 - pandas would name two packages to choose from
        flat(self.frame).to_parquet(path, index=False)

    def _metrics(self, metric: str | Sequence[str] | None) -> list[str]:
        if metric is None:
            if not self.metrics:
                raise ConfigError("These trials have no metric.", hint="Give the experiment scorers=[...]")
            return list(self.metrics)
        named = [metric] if isinstance(metric, str) else list(metric)
        for name in named:
            if name not in self.frame.columns:
                raise ConfigError(
                    f"There is no metric {name!r}.{did_you_mean(name, self.metrics)}",
                    hint=f"Metrics: {', '.join(self.metrics) or 'none'}",
                )
        return named

    def __repr__(self) -> str:
        variants = self.frame["variant"].nunique() if "variant" in self.frame.columns else 0
        return f"<ExperimentResult {self.name or ''}: {len(self.frame):,} trials of {variants} variants>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        # The layer above draws what it is given; from here it is only asked to, by name, when there is a page.
        bundle: dict[str, Any] = import_module("dknb.notebook.views.comparison").result_bundle(self)
        return bundle


def read_trials(
    path: str | Path,
    *,
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    kinds: Mapping[str, MetricKind] | None = None,
) -> ExperimentResult:
    """Trials out of a CSV or Parquet file, checked.

    Args:
        path: A table with the columns ``item``, ``variant``, one metric or more, and maybe ``repeat``, ``cost_usd`` and
            what else a frame of trials has.
        metrics: The columns that are metrics; every column of numbers that is not a trial's own.
        baseline: The variant to compare with.
        kinds: What is known of the metrics.

    Raises:
        ExperimentError: The file cannot be read.
        ConfigError: It does not hold trials.
    """
    from .statistics.reading import checked_trials, load_trials

    frame, names = checked_trials(load_trials(path), metrics)
    return ExperimentResult(frame, names, name=Path(path).stem, baseline=baseline, kinds=kinds)


def power(
    n: int | None = None,
    effect: float | None = None,
    pilot: ExperimentResult | None = None,
    *,
    metric: str | None = None,
    baseline: str | None = None,
    variant: str | None = None,
    **options: Any,
) -> PowerPlan:
    """Plan a run: the items that find an effect, the effect that items find, or the power of both.

    Args:
        n: Items; None asks for them.
        effect: The difference of means that matters; None asks for the least that is found.
        pilot: A result that shows how much items vary and what they cost. Without one the effect is in standard
            deviations.
        metric: A metric of the pilot; its first.
        baseline: A variant of the pilot; its baseline.
        variant: The one to compare with it; the first other one.
        **options: ``power=0.8``, ``alpha=0.05``, ``comparisons=1``, ``repeats``, ``paired``: see
            ``statistics/planning.py``.

    Raises:
        ConfigError: It cannot be planned.
    """
    from .statistics.planning import pilot_of, plan_power

    if pilot is None:
        return plan_power(n, effect, None, **options)
    chosen = metric or (pilot.metrics[0] if pilot.metrics else "score")
    seen = pilot_of(pilot.frame, chosen, baseline or pilot.baseline, variant, pilot.kinds)
    return plan_power(n, effect, seen, **options)
