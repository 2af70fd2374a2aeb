"""Online A/B experiments: users get versions of a prompt, and what comes of it is recorded."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar
from uuid import uuid4

from ..._frames import frame_of
from ...errors import VersioningError, VersionNotFound, did_you_mean
from ..types import PromptType
from .assigning import arm_at, assign_arms, check_user, known_experiment, running
from .experiments import PromptExperiment, PromptVariant, checked_split, split_of
from .manager import newest_first
from .measures import MetricEvent, PromptMetrics, checked_event
from .metrics import MetricsCollector
from .plain import check_storable, is_text
from .storage import Revise, StorageLike, open_storage
from .times import now_utc
from .together import Together

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = ["ABTestManager"]

P = ParamSpec("P")
T = TypeVar("T")

#: What tells an experiment: its id, or itself.
ExperimentId: TypeAlias = str | PromptExperiment

#: Whether a version is somewhere else than in the storage.
Elsewhere: TypeAlias = Callable[[str, PromptType, str], bool]

_COLUMNS = {
    "experiment_id": "object",
    "prompt": "object",
    "status": "object",
    "variant": "object",
    "share": "float64",
    "users": "Int64",
    "uses": "Int64",
    "success_rate": "float64",
    "avg_response_time": "float64",
    "avg_tokens": "float64",
    "avg_rating": "float64",
}


class ABTestManager:
    """Experiments with versions of prompts, who is in which arm, and what is recorded.

    Everything is in the storage, a row each, when a call returns: it outlives the process, and all processes agree.
    An experiment is told by its id, or is given itself.

    Args:
        storage: Where it is kept: a storage, the path of an SQLite file, ``postgresql://...``, or a dict; in memory if it is
            not given.
        elsewhere: Whether a version of a prompt, told by its name, its type and the number, is somewhere else than in the
            storage: in a file of a library.

    Attributes:
        metrics: What is recorded, in the same storage.
    """

    def __init__(self, storage: StorageLike = None, *, elsewhere: Elsewhere | None = None) -> None:
        self.storage = open_storage(storage)
        self._elsewhere = elsewhere
        self.metrics = MetricsCollector(self.storage)
        self._running: dict[str, PromptExperiment] = {}
        self._revision = -1
        self._assigning: Together[tuple[str, str], str] = Together(self._assign, waits=self.storage.waits)

    async def create_experiment(
        self,
        name: str,
        prompt_type: PromptType,
        variants: Sequence[PromptVariant],
        traffic_split: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> PromptExperiment:
        """Begin an experiment: it runs at once.

        Args:
            name: The prompt's name.
            prompt_type: ``user`` or ``system``.
            variants: Its arms, at least two.
            traffic_split: The share of each, by version; None takes their weights.
            metadata: Anything else, as data that JSON holds.

        Raises:
            VersioningError: These are no two variants of a prompt, or no such split.
            VersionNotFound: The prompt has versions, and a variant's is not among them.
        """
        if not is_text(name):
            raise VersioningError(f"An experiment is on a prompt, not on {name!r}.", hint="Give the prompt's name.")
        if prompt_type not in ("user", "system"):
            raise VersioningError(f"There are no versions of type {prompt_type!r}.", hint="Give 'user' or 'system'.")
        arms = _checked_arms(variants)
        for arm in arms:
            check_storable(arm.metadata, f"the variant {arm.version}")
        check_storable(metadata or {}, "an experiment")
        versions = [arm.version for arm in arms]
        await self._do(self._check_versions, name, prompt_type, versions)
        split = split_of(arms) if traffic_split is None else checked_split(traffic_split, versions)
        made = PromptExperiment(str(uuid4()), name, prompt_type, arms, split, metadata=dict(metadata or {}))
        await self._do(self.storage.add_experiment, made)
        return made

    def _check_versions(self, name: str, prompt_type: PromptType, wanted: Sequence[str]) -> None:
        """Refuse arms that users could not be given; of a prompt without versions here they may be anywhere.

        Raises:
            VersionNotFound: There is one.
        """
        known = [version.version for version in newest_first(self.storage.versions(name, prompt_type))]
        if not known and self._elsewhere is None:
            return
        for number in wanted:
            if number in known or (self._elsewhere is not None and self._elsewhere(name, prompt_type, number)):
                continue
            raise VersionNotFound(
                f"The prompt {name!r} has no version {number!r}.{did_you_mean(number, known)}",
                hint=f"Its versions: {', '.join(known[:20]) or 'none'}",
            )

    async def get_experiment(self, experiment_id: ExperimentId) -> PromptExperiment | None:
        """The experiment as it is now; None if there is none of that id."""
        return await self._do(self.storage.experiment, _id(experiment_id))

    async def list_experiments(
        self, name: str | None = None, prompt_type: str | None = None, status: str | None = None
    ) -> list[PromptExperiment]:
        """The experiments, the oldest first: those on a prompt, of a type, of a status."""
        return [
            each
            for each in await self._do(self.storage.experiments, name)
            if prompt_type in (None, each.prompt_type) and status in (None, each.status)
        ]

    async def get_variant(self, experiment_id: ExperimentId, variant_id: str) -> PromptVariant:
        """The variant of a version.

        Raises:
            VersioningError: There is no such experiment, or no such variant in it.
        """
        return (await self._require(experiment_id)).variant(variant_id)

    async def get_variant_for_user(self, experiment_id: ExperimentId, user_id: str) -> str:
        """The version that a user gets: always the same, also when the split was changed since, and after a restart.

        Raises:
            VersioningError: There is no such experiment, it is not running, or the user is told by no text.
        """
        return await self._assigning.do((_id(experiment_id), check_user(user_id)))

    async def get_random_variant(self, experiment_id: ExperimentId) -> str:
        """A version by chance, in the shares of the split; another each time.

        Raises:
            VersioningError: There is no such experiment, or it is not running.
        """
        return arm_at(random.random(), running(await self._require(experiment_id)).traffic_split)

    async def get_user_assignment(self, experiment_id: ExperimentId, user_id: str) -> str | None:
        """The version that a user has got; None if he has none yet, and gets none by this."""
        assigned = await self._do(self.storage.assigned, _id(experiment_id), [check_user(user_id)])
        return assigned.get(user_id)

    async def get_experiment_assignments(self, experiment_id: ExperimentId) -> dict[str, str]:
        """The versions that all users have got, by user."""
        return await self._do(self.storage.assigned, _id(experiment_id))

    async def get_variant_distribution(self, experiment_id: ExperimentId) -> dict[str, int]:
        """How many users have got each version.

        Raises:
            VersioningError: There is no such experiment.
        """
        experiment = await self._require(experiment_id)
        counts = await self._do(self.storage.shares, experiment.experiment_id)
        return {version: counts.get(version, 0) for version in experiment.versions}

    async def update_experiment_status(
        self, experiment_id: ExperimentId, status: str, end_date: datetime | None = None
    ) -> PromptExperiment:
        """Let an experiment run (``running``), rest (``paused``) or end (``completed``, by default now).

        Raises:
            VersioningError: There is no such experiment, or no such status.
        """
        ended = now_utc() if end_date is None and status == "completed" else end_date

        def revise(experiment: PromptExperiment) -> PromptExperiment:
            return replace(experiment, status=status, end_date=ended)

        return await self._update(experiment_id, revise)

    async def update_traffic_split(
        self, experiment_id: ExperimentId, traffic_split: Mapping[str, float]
    ) -> PromptExperiment:
        """Split users who come from now on otherwise; those who were seen keep their version.

        Raises:
            VersioningError: There is no such experiment, or it is no such split.
        """

        def revise(experiment: PromptExperiment) -> PromptExperiment:
            return replace(experiment, traffic_split=checked_split(traffic_split, experiment.versions))

        return await self._update(experiment_id, revise)

    async def delete_experiment(self, experiment_id: ExperimentId) -> bool:
        """Forget an experiment and who was in it; what was recorded of its versions stays. False if there is none."""
        return await self._do(self.storage.remove_experiment, _id(experiment_id))

    async def record_metric(self, experiment_id: ExperimentId, variant_id: str, metric: MetricEvent) -> MetricEvent:
        """Record a use of a variant; an event that names no version is of the variant's.

        Raises:
            VersioningError: There is no such experiment or variant, or a value of the event is not what it must be.
        """
        experiment = await self._require(experiment_id)
        version = experiment.variant(variant_id).version
        named = metric if getattr(metric, "version_id", "?") else replace(metric, version_id=version)
        return await self.metrics.keep(checked_event(named), experiment.experiment_id, version)

    def to_frame(self, name: str | None = None) -> DataFrame:
        """A row for each variant of each experiment: its share, users, uses, success rate and averages.

        A rate or an average of no events is missing (NaN).
        """
        rows = [row for experiment in self.storage.experiments(name) for row in self._rows(experiment)]
        return frame_of(rows, _COLUMNS)

    def _rows(self, experiment: PromptExperiment) -> list[dict[str, Any]]:
        users = self.storage.shares(experiment.experiment_id)
        metrics = self.storage.experiment_metrics(experiment.experiment_id)
        facts = {"experiment_id": experiment.experiment_id, "prompt": experiment.name, "status": experiment.status}
        return [
            {
                **facts,
                "variant": version,
                "share": experiment.traffic_split[version],
                "users": users.get(version, 0),
                **_figures(metrics.get(version, PromptMetrics(version))),
            }
            for version in experiment.versions
        ]

    def _assign(self, wanted: list[tuple[str, str]]) -> list[str | Exception]:
        """The arms of users, kept before they are given; who is seen keeps his."""
        by_experiment: dict[str, list[str]] = {}
        for experiment_id, user in wanted:
            by_experiment.setdefault(experiment_id, []).append(user)
        arms = {each: self._arms(each, users) for each, users in by_experiment.items()}
        return [found if isinstance(found := arms[each], Exception) else found[user] for each, user in wanted]

    def _arms(self, experiment_id: str, users: list[str]) -> dict[str, str] | Exception:
        revision = self.storage.revision()  # another after each change of an experiment
        if revision != self._revision:
            self._running, self._revision = {}, revision
        try:
            if experiment_id not in self._running:
                found = self.storage.experiment(experiment_id)
                self._running[experiment_id] = running(known_experiment(found, experiment_id))
            return assign_arms(self.storage, self._running[experiment_id], users)
        except VersioningError as error:
            return error

    async def _require(self, experiment_id: ExperimentId) -> PromptExperiment:
        return known_experiment(await self.get_experiment(experiment_id), _id(experiment_id))

    async def _update(self, experiment_id: ExperimentId, revise: Revise) -> PromptExperiment:
        revised = await self._do(self.storage.update_experiment, _id(experiment_id), revise)
        return known_experiment(revised, _id(experiment_id))

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(work, *args, **kwargs) if self.storage.waits else work(*args, **kwargs)

    def __repr__(self) -> str:
        return f"ABTestManager({self.storage!r})"


def _id(experiment: ExperimentId) -> str:
    if isinstance(experiment, PromptExperiment):
        return experiment.experiment_id
    if not isinstance(experiment, str):
        raise VersioningError(f"An experiment is told by its id, a text, not by {experiment!r}.")
    return experiment


def _checked_arms(variants: Sequence[PromptVariant]) -> list[PromptVariant]:
    arms = list(variants) if not isinstance(variants, str | PromptVariant) else []
    if not all(isinstance(arm, PromptVariant) for arm in arms):
        raise VersioningError("Variants are PromptVariant objects.", hint='[PromptVariant("1.0.0", 0.5), ...]')
    if len(arms) < 2:
        raise VersioningError(f"Experiment must have at least 2 variants, not {len(arms)}.")
    versions = [arm.version for arm in arms]
    if twice := [version for version in versions if versions.count(version) > 1]:
        raise VersioningError(
            f"Two variants are of version {twice[0]!r}.", hint="Each variant is a version of its own."
        )
    return arms


def _figures(metrics: PromptMetrics) -> dict[str, float | int]:
    names = ("success_rate", "avg_response_time", "avg_tokens", "avg_rating")
    told = {name: getattr(metrics, name) if metrics.uses_with(name) else float("nan") for name in names}
    return {"uses": metrics.total_uses, **told}
