"""Versions, experiments and events in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from threading import RLock

from .experiments import PromptExperiment
from .measures import MetricEvent, PromptMetrics, metrics_of
from .storage import Change, Revise, StoredEvent
from .times import as_utc
from .types import PromptVersion

__all__ = ["MemoryVersionStorage"]


class _Versions:
    """The versions."""

    def __init__(self) -> None:
        self._kept: dict[str, PromptVersion] = {}
        self._revision = 0
        self._lock = RLock()

    def add(self, version: PromptVersion) -> bool:
        """Keep a version; False if its prompt has one of that number."""
        with self._lock:
            there = self.versions(version.name, version.prompt_type)
            if any(each.version == version.version for each in there):
                return False
            self._kept[version.version_id] = version
            self._revision += 1
            return True

    def update(self, name: str, prompt_type: str, change: Change) -> None:
        """Put ``change(version)`` in place of each version of a prompt, in one step."""
        with self._lock:
            for version in self.versions(name, prompt_type):
                self._kept[version.version_id] = change(version)
            self._revision += 1

    def remove(self, version_id: str) -> bool:
        """Forget a version; False if there is none of that id."""
        with self._lock:
            self._revision += 1
            return self._kept.pop(version_id, None) is not None

    def find(self, version_id: str) -> PromptVersion | None:
        """The version of that id."""
        return self._kept.get(version_id)

    def versions(self, name: str, prompt_type: str) -> list[PromptVersion]:
        """The versions of a prompt, in no order."""
        with self._lock:
            return [each for each in self._kept.values() if (each.name, each.prompt_type) == (name, prompt_type)]

    def names(self, prompt_type: str) -> list[str]:
        """The names of prompts that have versions, sorted."""
        with self._lock:
            return sorted({each.name for each in self._kept.values() if each.prompt_type == prompt_type})

    def revision(self) -> int:
        """A number that is another after each change."""
        return self._revision


class MemoryVersionStorage(_Versions):
    """Versions, experiments, assignments and events that are gone with the process."""

    waits = False

    def __init__(self) -> None:
        super().__init__()
        self._experiments: dict[str, PromptExperiment] = {}
        self._arms: dict[str, dict[str, str]] = {}
        self._of_version: dict[str, list[MetricEvent]] = {}
        self._of_arm: dict[str, dict[str, list[MetricEvent]]] = {}

    def add_experiment(self, experiment: PromptExperiment) -> None:
        """Keep an experiment."""
        with self._lock:
            self._experiments[experiment.experiment_id] = experiment
            self._revision += 1

    def update_experiment(self, experiment_id: str, revise: Revise) -> PromptExperiment | None:
        """Put ``revise(experiment)`` in its place, in one step; None if there is none of that id."""
        with self._lock:
            if experiment_id not in self._experiments:
                return None
            revised = self._experiments[experiment_id] = revise(self._experiments[experiment_id])
            self._revision += 1
            return revised

    def remove_experiment(self, experiment_id: str) -> bool:
        """Forget an experiment and its assignments, not its events; False if there is none of that id."""
        with self._lock:
            self._arms.pop(experiment_id, None)
            self._revision += 1
            return self._experiments.pop(experiment_id, None) is not None

    def experiment(self, experiment_id: str) -> PromptExperiment | None:
        """The experiment of that id."""
        return self._experiments.get(experiment_id)

    def experiments(self, name: str | None = None) -> list[PromptExperiment]:
        """All experiments, or those on a prompt, the oldest first."""
        with self._lock:
            return [each for each in self._experiments.values() if name in (None, each.name)]

    def assign(self, experiment_id: str, arms: Mapping[str, str]) -> dict[str, str]:
        """Keep the arms of users that have none yet; the arms that all of them have now, by user."""
        with self._lock:
            kept = self._arms.setdefault(experiment_id, {})
            return {user: kept.setdefault(user, arm) for user, arm in arms.items()}

    def assigned(self, experiment_id: str, users: Iterable[str] | None = None) -> dict[str, str]:
        """The arms that users have, by user; all users by default."""
        with self._lock:
            kept = self._arms.get(experiment_id, {})
            return dict(kept) if users is None else {user: kept[user] for user in users if user in kept}

    def shares(self, experiment_id: str) -> dict[str, int]:
        """How many users have each arm."""
        with self._lock:
            return dict(Counter(self._arms.get(experiment_id, {}).values()))

    def add_events(self, events: Sequence[StoredEvent]) -> None:
        """Append events."""
        with self._lock:
            for each in events:
                self._of_version.setdefault(each.event.version_id, []).append(each.event)
                if each.experiment_id is not None and each.variant is not None:
                    arms = self._of_arm.setdefault(each.experiment_id, {})
                    arms.setdefault(each.variant, []).append(each.event)

    def events(
        self, version_id: str, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> list[MetricEvent]:
        """The events of a version, the newest first."""
        with self._lock:
            listed = list(self._of_version.get(version_id, ()))
        found = [
            event
            for event in sorted(reversed(listed), key=lambda event: event.timestamp, reverse=True)
            if (since is None or event.timestamp >= as_utc(since))
            and (until is None or event.timestamp <= as_utc(until))
        ]
        return found if limit is None else found[:limit]

    def remove_events(self, version_id: str) -> bool:
        """Forget the events of a version; False if there are none."""
        with self._lock:
            for arms in self._of_arm.values():
                for arm, events in arms.items():
                    arms[arm] = [event for event in events if event.version_id != version_id]
            return bool(self._of_version.pop(version_id, None))

    def version_metrics(self, version_id: str) -> PromptMetrics:
        """What the events of a version come to."""
        with self._lock:
            return metrics_of(version_id, self._of_version.get(version_id, ()))

    def experiment_metrics(self, experiment_id: str) -> dict[str, PromptMetrics]:
        """What the events that were recorded for an experiment come to, by arm."""
        with self._lock:
            return {
                arm: metrics_of(arm, events) for arm, events in self._of_arm.get(experiment_id, {}).items() if events
            }
