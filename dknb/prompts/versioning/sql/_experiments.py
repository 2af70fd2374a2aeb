"""Experiments, who is in which of their arms, and what is recorded: the part of a store that grows with its users."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from ..experiments import PromptExperiment
from ..measures import MetricEvent, PromptMetrics
from ..storage import Revise, StoredEvent
from ..times import read_time, time_text
from .database import SqlDatabase

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

__all__ = ["SqlExperiments"]

#: Users in one statement: SQLite takes no more than some hundred values everywhere.
_AT_ONCE = 500


class SqlExperiments:
    """What `ABStorage` asks of a store."""

    waits = True
    _database: SqlDatabase

    def _changing(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError

    def add_experiment(self, experiment: PromptExperiment) -> None:
        """Keep an experiment."""
        from sqlalchemy import insert

        from .schema import experiments

        row = {
            "experiment_id": experiment.experiment_id,
            "name": experiment.name,
            "started_at": time_text(experiment.start_date),
            "document": _text(experiment),
        }
        with self._changing() as connection:
            connection.execute(insert(experiments), row)

    def update_experiment(self, experiment_id: str, revise: Revise) -> PromptExperiment | None:
        """Put ``revise(experiment)`` in its place, in one step; None if there is none of that id."""
        from sqlalchemy import select, update

        from .schema import experiments

        this = experiments.c.experiment_id == experiment_id
        with self._changing() as connection:
            document = connection.execute(select(experiments.c.document).where(this).with_for_update()).scalar()
            if document is None:
                return None
            revised = revise(_experiment(document))
            connection.execute(update(experiments).where(this), {"document": _text(revised)})
            return revised

    def remove_experiment(self, experiment_id: str) -> bool:
        """Forget an experiment and its assignments, not its events; False if there is none of that id."""
        from sqlalchemy import delete

        from .schema import assignments, experiments

        with self._changing() as connection:
            connection.execute(delete(assignments).where(assignments.c.experiment_id == experiment_id))
            this = delete(experiments).where(experiments.c.experiment_id == experiment_id)
            return connection.execute(this).rowcount > 0

    def experiment(self, experiment_id: str) -> PromptExperiment | None:
        """The experiment of that id."""
        from sqlalchemy import select

        from .schema import experiments

        with self._database.reading(experiments) as connection:
            if connection is None:
                return None
            this = select(experiments.c.document).where(experiments.c.experiment_id == experiment_id)
            document = connection.execute(this).scalar()
            return None if document is None else _experiment(document)

    def experiments(self, name: str | None = None) -> list[PromptExperiment]:
        """All experiments, or those on a prompt, the oldest first."""
        from sqlalchemy import select

        from .schema import experiments

        listed = select(experiments.c.document).order_by(experiments.c.started_at, experiments.c.experiment_id)
        if name is not None:
            listed = listed.where(experiments.c.name == name)
        with self._database.reading(experiments) as connection:
            return [] if connection is None else [_experiment(each) for each in connection.execute(listed).scalars()]

    def assign(self, experiment_id: str, arms: Mapping[str, str]) -> dict[str, str]:
        """Keep the arms of users that have none yet; the arms that all of them have now, by user."""
        from .schema import assignments

        if not arms:
            return {}
        # Sorted, so that two that assign the same users wait for each other instead of locking each other out.
        rows = [{"experiment_id": experiment_id, "user_id": user, "variant": arms[user]} for user in sorted(arms)]
        with self._database.writing() as connection:
            connection.execute(self._database.insert_new(assignments), rows)
            return dict(_arms(connection, experiment_id, list(arms)))

    def assigned(self, experiment_id: str, users: Iterable[str] | None = None) -> dict[str, str]:
        """The arms that users have, by user; all users by default."""
        from .schema import assignments

        with self._database.reading(assignments) as connection:
            if connection is None:
                return {}
            return dict(_arms(connection, experiment_id, None if users is None else list(users)))

    def shares(self, experiment_id: str) -> dict[str, int]:
        """How many users have each arm."""
        from sqlalchemy import func, select

        from .schema import assignments

        counted = select(assignments.c.variant, func.count()).where(assignments.c.experiment_id == experiment_id)
        with self._database.reading(assignments) as connection:
            if connection is None:
                return {}
            return {arm: users for arm, users in connection.execute(counted.group_by(assignments.c.variant))}

    def add_events(self, events: Sequence[StoredEvent]) -> None:
        """Append events, a row each."""
        from sqlalchemy import insert

        from .schema import events as table

        with self._database.writing() as connection:
            connection.execute(insert(table), [_row(each) for each in events])

    def events(
        self, version_id: str, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> list[MetricEvent]:
        """The events of a version, the newest first."""
        from sqlalchemy import select

        from .schema import events

        found = select(events).where(events.c.version_id == version_id).order_by(events.c.at.desc(), events.c.id.desc())
        if since is not None:
            found = found.where(events.c.at >= time_text(since))
        if until is not None:
            found = found.where(events.c.at <= time_text(until))
        with self._database.reading(events) as connection:
            if connection is None:
                return []
            return [_event(row) for row in connection.execute(found.limit(limit)).mappings()]

    def remove_events(self, version_id: str) -> bool:
        """Forget the events of a version; False if there are none."""
        from sqlalchemy import delete

        from .schema import events

        with self._database.writing() as connection:
            return connection.execute(delete(events).where(events.c.version_id == version_id)).rowcount > 0

    def version_metrics(self, version_id: str) -> PromptMetrics:
        """What the events of a version come to."""
        from .schema import events

        found = self._metrics(events.c.version_id, events.c.version_id == version_id)
        return found.get(version_id, PromptMetrics(version_id, timed_uses=0, counted_uses=0))

    def experiment_metrics(self, experiment_id: str) -> dict[str, PromptMetrics]:
        """What the events that were recorded for an experiment come to, by arm."""
        from .schema import events

        return self._metrics(events.c.variant, events.c.experiment_id == experiment_id)

    def _metrics(self, key: Any, which: Any) -> dict[str, PromptMetrics]:
        """Sums made by the database; only ratings come one by one, for they are told so."""
        from sqlalchemy import func, select

        from .schema import events

        values = events.c.response_time, events.c.tokens
        sums = [func.count(), func.sum(events.c.success), func.max(events.c.at)]
        sums += [of(value) for value in values for of in (func.count, func.sum)]
        with self._database.reading(events) as connection:
            if connection is None:
                return {}
            rows = connection.execute(select(key, *sums).where(which).group_by(key)).all()
            rated = select(key, events.c.user_rating).where(which, events.c.user_rating.is_not(None))
            ratings: dict[str, list[float]] = {}
            for each, rating in connection.execute(rated.order_by(events.c.id)):
                ratings.setdefault(each, []).append(rating)
        return {row[0]: _summed(row, ratings.get(row[0], [])) for row in rows}


def _summed(row: Any, ratings: list[float]) -> PromptMetrics:
    version_id, uses, successes, last, timed, seconds, counted, tokens = row
    return PromptMetrics(
        version_id,
        total_uses=uses,
        success_count=int(successes),
        error_count=uses - int(successes),
        total_response_time=float(seconds or 0),
        total_tokens=int(tokens or 0),
        user_ratings=ratings,
        last_used=read_time(last),
        timed_uses=timed,
        counted_uses=counted,
    )


def _arms(connection: Connection, experiment_id: str, users: list[str] | None) -> Iterator[tuple[str, str]]:
    if users is None:
        yield from map(tuple, connection.execute(_arms_of_all(), {"experiment": experiment_id}))
        return
    for start in range(0, len(users), _AT_ONCE):
        some = {"experiment": experiment_id, "users": users[start : start + _AT_ONCE]}
        yield from map(tuple, connection.execute(_arms_of_some(), some))


@cache
def _arms_of_all() -> Select[tuple[str, str]]:
    from sqlalchemy import bindparam, select

    from .schema import assignments

    of = assignments.c.experiment_id == bindparam("experiment")
    return select(assignments.c.user_id, assignments.c.variant).where(of).order_by(assignments.c.user_id)


@cache
def _arms_of_some() -> Select[tuple[str, str]]:
    """Made once: to build a statement takes longer than to run it."""
    from sqlalchemy import bindparam, select

    from .schema import assignments

    of = assignments.c.experiment_id == bindparam("experiment")
    some = assignments.c.user_id.in_(bindparam("users", expanding=True))
    return select(assignments.c.user_id, assignments.c.variant).where(of, some)


def _row(each: StoredEvent) -> dict[str, Any]:
    event = each.event
    return {
        "version_id": event.version_id,
        "experiment_id": each.experiment_id,
        "variant": each.variant,
        "at": time_text(event.timestamp),
        "success": int(event.success),
        "response_time": event.response_time,
        "tokens": event.tokens,
        "user_rating": event.user_rating,
        "metadata": json.dumps(event.metadata),
    }


def _event(row: Any) -> MetricEvent:
    return MetricEvent(
        version_id=row["version_id"],
        timestamp=read_time(row["at"]),
        success=bool(row["success"]),
        response_time=row["response_time"],
        tokens=row["tokens"],
        user_rating=row["user_rating"],
        metadata=json.loads(row["metadata"]),
    )


def _text(experiment: PromptExperiment) -> str:
    return json.dumps(experiment.to_dict(), ensure_ascii=False)


def _experiment(document: str) -> PromptExperiment:
    return PromptExperiment.from_dict(json.loads(document))
