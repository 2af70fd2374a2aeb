"""Experiments of the store, looked at without running anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .._sync import run
from ..conversations.storage import ConversationStorage
from .scoring.kinds import MetricKind
from .store.rows import ExperimentRow, TrialRow
from .store.store import ExperimentStore, StoredExperiment
from .surroundings import store_at, surroundings

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

    from .result import ExperimentResult

__all__ = ["list_experiments", "load_experiment", "opened_store", "stored_experiments"]


def load_experiment(name: str, *, store: Any = None) -> ExperimentResult:
    """The result of an experiment of the store, as far as it has been run; nothing is asked.

    Args:
        name: Its name.
        store: Where it is kept, as of `Experiment`; the project's store if it is not given.

    Raises:
        ExperimentNotFound: There is none of that name; the message has the nearest.
        StorageError: The store cannot be read.
    """
    row, trials = run(_loaded(name, store))
    return _result(row, trials)


def list_experiments(*, store: Any = None) -> DataFrame:
    """The experiments of the store, the newest first: name, items, variants, repeats, trials, errors, missing, updated_at.

    Raises:
        StorageError: The store cannot be read.
    """
    import pandas as pd

    rows = [
        {
            "name": each.name,
            "items": len(each.design["items"]),
            "variants": len(each.design["variants"]),
            "repeats": each.design["repeats"],
            "trials": each.trials,
            "errors": each.errors,
            "missing": each.missing,
            "updated_at": each.updated_at,
        }
        for each in stored_experiments(store)
    ]
    columns = ["name", "items", "variants", "repeats", "trials", "errors", "missing", "updated_at"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["updated_at"] = pd.to_datetime(frame["updated_at"], utc=True)
    return frame


def stored_experiments(store: Any = None) -> list[StoredExperiment]:
    """The experiments of the store, the newest first.

    Raises:
        StorageError: The store cannot be read.
    """
    return run(_listed(store))


async def _listed(store: Any) -> list[StoredExperiment]:
    async with opened_store(store) as opened:
        return await opened.listed()


async def _loaded(name: str, store: Any) -> tuple[ExperimentRow, list[TrialRow]]:
    async with opened_store(store) as opened:
        return await opened.load(name)


@asynccontextmanager
async def opened_store(given: Any) -> AsyncIterator[ExperimentStore]:
    """The store that ``given`` means; closed afterwards, if it was opened for this."""
    is_ours = True
    if isinstance(given, ConversationStorage):
        storage, is_ours = given, False
    elif given is None:
        storage, is_ours = surroundings().storage()
    else:
        storage = store_at(given)
    try:
        yield ExperimentStore(storage)
    finally:
        if is_ours:
            await storage.close()


def _result(row: ExperimentRow, trials: list[TrialRow]) -> ExperimentResult:
    from .frames import Seen, reasons_frame, trials_frame
    from .result import ExperimentResult

    design = row.design
    items = {label: place for place, label in enumerate(design["items"])}
    variants = {each["label"]: place for place, each in enumerate(design["variants"])}
    last = len(items) + len(variants)
    trials.sort(key=lambda each: (items.get(each.item, last), variants.get(each.variant, last), each.repeat))
    frame = trials_frame([Seen(each, each.parsed, cached=True) for each in trials], design["metrics"])
    kinds = {name: _kind(told) for name, told in design["kinds"].items()}
    result = ExperimentResult(frame, design["metrics"], name=row.name, baseline=design["baseline"], kinds=kinds)
    result.score_errors = reasons_frame(trials)
    if design.get("watched") and design["metric"] is not None:
        result.watch_again(design, design["metric"])
    return result


def _kind(told: dict[str, Any]) -> MetricKind:
    bounds = told["bounds"]
    return MetricKind(told["kind"], told["higher_is_better"], None if bounds is None else (bounds[0], bounds[1]))
