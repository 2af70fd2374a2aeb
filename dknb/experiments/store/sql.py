"""Experiments in the tables of a database, within one transaction. Importing this imports SQLAlchemy: do it at use."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ...conversations.sql.schema import calls
from ...conversations.stores.json_text import as_json_data, to_json
from ...conversations.stores.rows import storable
from .claims import RUN, RunClaim
from .rows import Asked, ExperimentRow, TrialRow
from .schema import are_there, experiments, leases, make, trials

__all__ = ["SqlTrials"]

_NUMBER: BindParameter[int] = bindparam("of_experiment")
_EXPERIMENT = [experiments.c[name] for name in ("id", *ExperimentRow._fields[1:])]
_BY_NAME = select(*_EXPERIMENT).where(experiments.c.name == bindparam("of_name"))
_ALL = select(*_EXPERIMENT).order_by(experiments.c.updated_at.desc())
_NEW = insert(experiments)
_REDESIGN = (
    update(experiments)
    .where(experiments.c.id == _NUMBER)
    .values(design=bindparam("new_design"), updated_at=bindparam("now"))
)
_MOVE = update(experiments).where(experiments.c.id == _NUMBER).values(conversation_id=bindparam("in_conversation"))
_REMOVE = delete(experiments).where(experiments.c.id == _NUMBER)
_REMOVE_TRIALS = delete(trials).where(trials.c.experiment_id == _NUMBER)
_TRIALS = select(trials).where(trials.c.experiment_id == _NUMBER)
_PART = _TRIALS.where(trials.c.is_part == 1)
_COUNTS = (
    select(trials.c.experiment_id, func.count(), func.count(trials.c.error))
    .where(trials.c.is_part == 1)
    .group_by(trials.c.experiment_id)
)
_LEAVE = update(trials).where(trials.c.experiment_id == _NUMBER, trials.c.key == bindparam("of_key")).values(is_part=0)
_SPENT = select(func.sum(calls.c.cost_usd)).where(calls.c.conversation_id == bindparam("in_conversation"))

_FOUND = _TRIALS.where(trials.c.key.in_(bindparam("of_keys", expanding=True)))
_OF_EXPERIMENT = leases.c.experiment_id == _NUMBER
_OF_LEASE = (_OF_EXPERIMENT, leases.c.shard == bindparam("of_shard"))
_LEASE = insert(leases)
_HOLD = update(leases).where(*_OF_LEASE).values(holder=bindparam("now_held_by")).returning(leases.c.spent)
_SPEND = (
    update(leases)
    .where(*_OF_LEASE, leases.c.holder == bindparam("held_by"))
    .values(spent=leases.c.spent + bindparam("dollars"))
    .returning(leases.c.spent)
)
_END_LEASE = delete(leases).where(*_OF_LEASE).returning(leases.c.spent)
_END_LEASES = delete(leases).where(_OF_EXPERIMENT)
_CLAIMED = select(leases).where(*_OF_LEASE)
_KEEP = (
    update(leases).where(*_OF_LEASE, leases.c.holder == bindparam("held_by")).values(seen_at=bindparam("now_seen_at"))
)
_RELEASE = delete(leases).where(*_OF_LEASE, leases.c.holder == bindparam("held_by"))
_CLOCK = select(func.extract("epoch", func.clock_timestamp()))

#: Keys in one statement.
_AT_ONCE = 500


def _upsert(dialect: Any) -> Any:
    statement = dialect.insert(trials)
    kept = ("id", "experiment_id", "key")
    new = {column.name: statement.excluded[column.name] for column in trials.columns if column.name not in kept}
    return statement.on_conflict_do_update(index_elements=["experiment_id", "key"], set_=new)


_WRITE = {"sqlite": _upsert(sqlite), "postgresql": _upsert(postgresql)}


class SqlTrials:
    """Experiments in a database, within one transaction of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._do = connection.execute

    def are_there(self) -> bool:
        """Whether the store has a place for experiments."""
        return are_there(self._connection)

    def make(self) -> None:
        """Make it, where there is none."""
        make(self._connection)

    def find(self, name: str) -> ExperimentRow | None:
        """The experiment of a name."""
        row = self._do(_BY_NAME, {"of_name": name}).first()
        return None if row is None else _experiment(row)

    def listed(self) -> list[tuple[ExperimentRow, int, int]]:
        """All experiments, the newest first, each with the number of its trials and of those that are errors."""
        counts = {number: (count, errors) for number, count, errors in self._do(_COUNTS)}
        found = [_experiment(row) for row in self._do(_ALL)]
        return [(row, *counts.get(row.number, (0, 0))) for row in found]

    def add(self, name: str, conversation_id: str, design: dict[str, Any], at: str) -> ExperimentRow:
        """Add an experiment."""
        values = {"name": name, "conversation_id": conversation_id, "created_at": at, "updated_at": at}
        self._do(_NEW, {**values, "design": to_json(design, "design of the experiment")})
        found = self.find(name)
        assert found is not None
        return found

    def redesign(self, number: int, design: dict[str, Any], at: str) -> None:
        """Put another design in the place of an experiment's."""
        self._do(
            _REDESIGN, {"of_experiment": number, "new_design": to_json(design, "design of the experiment"), "now": at}
        )

    def move(self, number: int, conversation_id: str) -> None:
        """Let an experiment's trials hang in another conversation from now on."""
        self._do(_MOVE, {"of_experiment": number, "in_conversation": conversation_id})

    def remove(self, number: int) -> None:
        """Remove an experiment with its trials."""
        self.end_leases(number)
        self._do(_REMOVE_TRIALS, {"of_experiment": number})
        self._do(_REMOVE, {"of_experiment": number})

    def trials(self, number: int, *, all_designs: bool) -> Iterator[TrialRow]:
        """The trials of an experiment; those of earlier designs only where they are asked for."""
        statement = _TRIALS if all_designs else _PART
        for row in self._do(statement, {"of_experiment": number}, execution_options={"yield_per": 1000}):
            yield _trial(row)

    def found(self, number: int, keys: Sequence[str]) -> Iterator[TrialRow]:
        """The trials of these keys, those that are there."""
        for first in range(0, len(keys), _AT_ONCE):
            some = {"of_experiment": number, "of_keys": list(keys[first : first + _AT_ONCE])}
            yield from map(_trial, self._do(_FOUND, some))

    def leave(self, number: int, keys: Sequence[str]) -> None:
        """Note that trials are no part of the design any more."""
        if keys:
            self._do(_LEAVE, [{"of_experiment": number, "of_key": key} for key in keys])

    def write(self, number: int, rows: Iterable[TrialRow], at: str) -> None:
        """Write trials, each in the place of the one of its key."""
        values = [{**_values(row), "experiment_id": number, "at": at} for row in rows]
        if values:
            self._do(_WRITE[self._connection.dialect.name], values)

    def lease(self, number: int, shard: str) -> None:
        """Let somebody work at a part of a run."""
        self._do(_LEASE, {"experiment_id": number, "shard": shard, "spent": 0.0})

    def hold(self, number: int, shard: str, holder: str) -> float | None:
        """Be who works at a part, instead of whoever did; what it has cost so far. None if nobody is to any more."""
        found = self._do(_HOLD, {"of_experiment": number, "of_shard": shard, "now_held_by": holder}).first()
        return None if found is None else float(found.spent)

    def spend(self, number: int, shard: str, holder: str, dollars: float) -> bool:
        """Note what a part has cost; whether ``holder`` is still who works at it."""
        values = {"of_experiment": number, "of_shard": shard, "held_by": holder, "dollars": dollars}
        return self._do(_SPEND, values).first() is not None

    def end_lease(self, number: int, shard: str) -> float:
        """Let nobody work at a part any more; what it has cost."""
        found = self._do(_END_LEASE, {"of_experiment": number, "of_shard": shard}).first()
        return 0.0 if found is None else float(found.spent)

    def end_leases(self, number: int) -> None:
        """Let nobody work at any part any more."""
        self._do(_END_LEASES, {"of_experiment": number})

    def is_there(self, number: int, name: str) -> bool:
        """Whether the experiment of a name still has that number."""
        found = self.find(name)
        return found is not None and found.number == number

    def claimed(self, number: int) -> RunClaim | None:
        """Who runs an experiment, or ran it and did not end it."""
        found = self._do(_CLAIMED, {"of_experiment": number, "of_shard": RUN}).first()
        return None if found is None else RunClaim(found.holder, found.place, self._now() - found.seen_at)

    def claim(self, number: int, claim: RunClaim) -> None:
        """Be who runs an experiment, and nobody else any part of it."""
        self.end_leases(number)
        own = {"holder": claim.holder, "place": claim.place, "seen_at": self._now()}
        self._do(_LEASE, {"experiment_id": number, "shard": RUN, "spent": 0.0, **own})

    def keep(self, number: int, claim: RunClaim) -> None:
        """Give a sign of life."""
        own = {"held_by": claim.holder, "now_seen_at": self._now()}
        self._do(_KEEP, {"of_experiment": number, "of_shard": RUN, **own})

    def release(self, number: int, claim: RunClaim) -> None:
        """Let others run an experiment, unless somebody else does already."""
        self._do(_RELEASE, {"of_experiment": number, "of_shard": RUN, "held_by": claim.holder})

    def _now(self) -> float:
        """Seconds since 1970, by the one clock that all who reach the store go by."""
        is_server = self._connection.dialect.name == "postgresql"
        return float(self._do(_CLOCK).scalar_one()) if is_server else time.time()

    def spent(self, conversation_id: str) -> float:
        """US dollars that calls in a conversation cost, as far as it is known."""
        return float(self._do(_SPENT, {"in_conversation": conversation_id}).scalar() or 0.0)


def _experiment(row: Any) -> ExperimentRow:
    number, name, conversation_id, design, created_at, updated_at = row
    return ExperimentRow(number, name, conversation_id, json.loads(design), created_at, updated_at)


def _values(row: TrialRow) -> dict[str, Any]:
    question = row.question
    output = storable(row.output)
    return {
        "key": row.key,
        "is_part": 1,
        "item": storable(row.item),
        "variant": storable(row.variant),
        "prompt": storable(row.prompt),
        "version": storable(row.version),
        "model": storable(row.model),
        "repeat": row.repeat,
        "output": output,
        "raw": None if output == row.output else json.dumps(row.output),
        "parsed": None if row.parsed is None else to_json(as_json_data(row.parsed, []), "parsed answer"),
        "prompt_tokens": _whole(row.prompt_tokens),
        "completion_tokens": _whole(row.completion_tokens),
        "replayed": int(row.replayed),
        "cost_usd": row.cost_usd,
        "duration_s": row.duration_s,
        "error": storable(row.error),
        "asked": None if question is None else question.digest,
        "question_seq": None if question is None else question.seq,
        "question_id": None if question is None else question.node_id,
        "node_seq": row.node_seq,
        "node_id": row.node_id,
        "scores": json.dumps(dict(row.scores)),
        "score_errors": json.dumps(dict(row.score_errors)),
        "scored": json.dumps(row.scored),
    }


def _whole(value: Any) -> int | None:
    """A number of tokens as a column takes it: what a provider told wrongly must not cost the answer it came with."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None


def _trial(row: Any) -> TrialRow:
    question = None if row.asked is None else Asked(row.asked, row.question_seq, row.question_id)
    return TrialRow(
        key=row.key,
        item=row.item,
        variant=row.variant,
        prompt=row.prompt,
        version=row.version,
        model=row.model,
        repeat=row.repeat,
        output=row.output if row.raw is None else json.loads(row.raw),
        parsed=None if row.parsed is None else json.loads(row.parsed),
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        replayed=bool(row.replayed),
        cost_usd=row.cost_usd,
        duration_s=row.duration_s,
        error=row.error,
        question=question,
        node_seq=row.node_seq,
        node_id=row.node_id,
        scores=json.loads(row.scores),
        score_errors=json.loads(row.score_errors),
        scored=tuple(json.loads(row.scored)),
        is_part=bool(row.is_part),
    )
