"""Labels that people give to answers, without seeing which variant gave them."""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from .base import FrameMarks, FrameScorer
from .kinds import MetricKind
from .label_file import GivenLabel, LabelFile
from .targets import is_missing

if TYPE_CHECKING:
    from pandas import DataFrame, Series  # type: ignore[import-untyped]  # its stubs are a package of their own

__all__ = ["HumanLabels", "LabelScorer", "LabelTask"]

_MOST_STEPS = 9


@dataclass(frozen=True, slots=True)
class LabelTask:
    """An answer to be labelled, without its variant.

    Attributes:
        number: Its place in the shuffled order, from 0.
        key: Of the trial and its output.
        question: What was asked; empty where the frame does not say.
        output: The answer.
    """

    number: int
    key: str
    question: str
    output: str


class HumanLabels:
    """Labels for the trials of an experiment, given one by one, blind, in a shuffled order that is always the same.

    Each label is written when it is given; made again with the same file, it goes on where it was left.

    Args:
        trials: The frame of trials, or a result with one.
        path: The file for the labels; None keeps them in memory.
        scale: The best label; the worst is 1.
        annotator: Who gives them; each annotator labels all trials.
        question: The column with the question, of the frame or of the data that was run; else ``question`` or ``request``
            where there is one.
        most: How many trials are to be labelled, the first of the shuffled order; None for all.
        seed: Of the order.

    Raises:
        ConfigError: The frame has not what it takes, or an option is wrong.
    """

    def __init__(
        self,
        trials: Any,
        path: str | os.PathLike[str] | None = None,
        *,
        scale: int = 5,
        annotator: str = "",
        question: str | None = None,
        most: int | None = None,
        seed: int = 0,
    ) -> None:
        self.scale, self.annotator = _whole_scale(scale), annotator
        # The handlers of widgets run on other threads than cells.
        self._lock = threading.RLock()
        self._file = LabelFile(path)
        self._trials = _trials(trials, question)
        self._of_item: dict[tuple[str, int], list[str]] = {}
        for key, trial in self._trials.items():
            self._of_item.setdefault((trial.item, trial.repeat), []).append(key)
        order = sorted(self._trials)
        random.Random(seed).shuffle(order)
        self.tasks = tuple(
            LabelTask(number, key, self._trials[key].question, self._trials[key].output)
            for number, key in enumerate(order if most is None else order[:most])
        )
        self._given: dict[tuple[str, str], GivenLabel] = {}
        self._history: list[str] = []
        for label in self._file.read():
            self._put(label)

    def _put(self, given: GivenLabel) -> None:
        if given.label is None:
            self._given.pop((given.annotator, given.key), None)
        else:
            self._given[given.annotator, given.key] = given

    @property
    def labelled(self) -> int:
        """How many of the tasks the annotator has labelled."""
        return sum((self.annotator, task.key) in self._given for task in self.tasks)

    @property
    def current(self) -> LabelTask | None:
        """The first task without a label of the annotator; None when all have one."""
        return next((task for task in self.tasks if (self.annotator, task.key) not in self._given), None)

    def label_of(self, task: LabelTask) -> float | None:
        """The annotator's label of a task; None where there is none."""
        given = self._given.get((self.annotator, task.key))
        return None if given is None else given.label

    def set(
        self, label: float, *, number: int | None = None, item: Any = None, variant: str | None = None, repeat: int = 0
    ) -> None:
        """Give a label, and write it.

        Args:
            label: From 1 to the scale, in whole steps.
            number: The task's place in the order; the current one if neither this nor ``item`` is given.
            item: The trial's item, with ``variant`` where there are several, and ``repeat``.
            variant: Its variant.
            repeat: Its repeat.

        Raises:
            ConfigError: It is no label, or there is no such task.
            StorageError: It cannot be written.
        """
        value = self._checked(label)
        with self._lock:
            key = self._key(number, item, variant, repeat)
            self._write(key, value)
            self._history.append(key)

    def undo(self) -> LabelTask | None:
        """Take back the label that was given last by this object; the task, None where there is none."""
        with self._lock:
            if not self._history:
                return None
            key = self._history.pop()
            self._write(key, None)
            return next((task for task in self.tasks if task.key == key), None)

    def _write(self, key: str, label: float | None) -> None:
        trial = self._trials[key]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        given = GivenLabel(key, trial.item, trial.variant, trial.repeat, self.annotator, label, at)
        self._file.add(given)
        self._put(given)

    def _checked(self, label: Any) -> float:
        if hasattr(label, "item"):  # a number of numpy
            label = label.item()
        number = float(label) if isinstance(label, int | float) and not isinstance(label, bool) else None
        if number is None or not number.is_integer() or not 1 <= number <= self.scale:
            raise ConfigError(f"{label!r} is no label.", hint=f"Give a whole number from 1 to {self.scale}")
        return number

    def _key(self, number: int | None, item: Any, variant: str | None, repeat: int) -> str:
        if item is not None:
            return self._key_of_trial(str(item), variant, repeat)
        if number is None:
            if self.current is None:
                raise ConfigError("All are labelled.", hint="Say which one to change:  labels.set(3, number=0)")
            return self.current.key
        if not 0 <= number < len(self.tasks):
            raise ConfigError(
                f"There is no task {number!r}.", hint=f"They are numbered from 0 to {len(self.tasks) - 1}"
            )
        return self.tasks[number].key

    def _key_of_trial(self, item: str, variant: str | None, repeat: int) -> str:
        found = [key for key in self._of_item.get((item, repeat), ()) if variant in (None, self._trials[key].variant)]
        if len(found) != 1:
            raise ConfigError(
                f"{len(found)} trials have the item {item!r}, the variant {variant!r} and the repeat {repeat!r}.",
                hint='labels.set(3, item="7", variant="a", repeat=0)',
            )
        return found[0]

    def read_csv(self, path: str | os.PathLike[str], *, column: str = "label") -> int:
        """Give the labels of a CSV file with the columns ``item``, ``label`` and, where there are several, ``variant``,
        ``repeat`` and ``annotator``; return how many.

        Raises:
            ConfigError: A column is missing, a label is none, or a row is of no trial; none of them was given then.
        """  # noqa: D205 - the columns belong into the first sentence
        import pandas as pd

        table = pd.read_csv(path, dtype={"item": str, "variant": str, "annotator": str}, keep_default_na=True)
        if missing := [each for each in ("item", column) if each not in table]:
            raise ConfigError(f"The file has no column {missing[0]!r}.", hint=f"It has: {', '.join(table.columns)}")
        rows = [row for row in table.to_dict("records") if not is_missing(row[column])]
        whole = [(self._annotator_of(row), self._key_of_row(row), self._checked(row[column])) for row in rows]
        before = self.annotator
        with self._lock:
            try:
                for self.annotator, key, label in whole:
                    self._write(key, label)
            finally:
                self.annotator = before
        return len(whole)

    def _annotator_of(self, row: Mapping[str, Any]) -> str:
        named = row.get("annotator")
        return self.annotator if is_missing(named) else str(named)

    def _key_of_row(self, row: Mapping[str, Any]) -> str:
        variant = row.get("variant")
        repeat = row.get("repeat", 0)
        return self._key_of_trial(
            row["item"], None if is_missing(variant) else variant, 0 if is_missing(repeat) else int(repeat)
        )

    def to_frame(self) -> DataFrame:
        """All labels: ``item``, ``variant``, ``repeat``, ``annotator``, ``label``, ``at``."""
        import pandas as pd

        columns = ["item", "variant", "repeat", "annotator", "label", "at"]
        rows = [[getattr(given, name) for name in columns] for given in self._given.values()]
        return pd.DataFrame(rows, columns=columns).astype({"label": "float64", "repeat": "int64"})

    def ratings(self, frame: DataFrame) -> DataFrame:
        """For each row of a frame of trials, the label of each annotator, NaN where there is none."""
        import pandas as pd

        keys = [_key_of(row) for row in frame.to_dict("records")]
        annotators = list(dict.fromkeys(annotator for annotator, _ in self._given))
        columns = {
            annotator: [
                given.label if (given := self._given.get((annotator, key))) is not None else None for key in keys
            ]
            for annotator in annotators
        }
        return pd.DataFrame(columns, index=frame.index, dtype="float64")

    def scorer(self, name: str = "human") -> LabelScorer:
        """The labels as a metric."""
        return LabelScorer(self, name)

    def __len__(self) -> int:
        return len(self.tasks)

    def __repr__(self) -> str:
        return f"HumanLabels({self.labelled:,} of {len(self.tasks):,} labelled)"


class LabelScorer(FrameScorer):
    """The labels of people as a metric: the mean over annotators; a trial without a label has no score."""

    def __init__(self, labels: HumanLabels, name: str = "human") -> None:
        super().__init__(name, kinds=MetricKind("ordinal", bounds=(1.0, float(labels.scale))))
        self._labels = labels

    async def frame_marks(self, frame: DataFrame) -> FrameMarks:
        """The labels of the frame's rows."""
        ratings = self._labels.ratings(frame)
        means: list[float | None] = [_mean(row) for row in ratings.to_numpy().tolist()]
        return FrameMarks(_series(means, frame))


def _series(values: list[float | None], frame: DataFrame) -> Series:
    import pandas as pd

    return pd.Series(values, index=frame.index, dtype="float64")


def _mean(row: list[float]) -> float | None:
    there = [value for value in row if not is_missing(value)]
    return statistics.fmean(there) if there else None


def _whole_scale(scale: Any) -> int:
    if isinstance(scale, bool) or not isinstance(scale, int) or not 2 <= scale <= _MOST_STEPS:
        raise ConfigError(f"scale cannot be {scale!r}.", hint=f"Give a whole number from 2 to {_MOST_STEPS}")
    return scale


@dataclass(frozen=True, slots=True)
class _Trial:
    item: str
    variant: str
    repeat: int
    question: str
    output: str


def _trials(given: Any, question: str | None) -> dict[str, _Trial]:
    """The trials that have an answer, by their key."""
    frame = getattr(given, "frame", given)
    if not hasattr(frame, "to_dict") or not hasattr(frame, "columns"):
        raise ConfigError(f"{given!r:.100} has no trials.", hint="Give the result of an experiment, or its frame")
    frame = _with_question(frame, getattr(given, "experiment", None), question or "question")
    wanted = ["item", "output", *([question] if question is not None else [])]
    if missing := [each for each in wanted if each not in frame]:
        raise ConfigError(
            f"The frame has no column {missing[0]!r}.", hint=f"It has: {', '.join(map(str, frame.columns))}"
        )
    asked = question or next((each for each in ("question", "request") if each in frame), None)
    found = {}
    for row in frame.to_dict("records"):
        if not is_missing(row["output"]):
            told = "" if asked is None or is_missing(row[asked]) else str(row[asked])
            item, variant, repeat = _of_row(row)
            found[_key_of(row)] = _Trial(item, variant, repeat, told, str(row["output"]))
    return found


def _with_question(frame: Any, experiment: Any, column: str) -> Any:
    """The frame of trials, with a column of the data of the experiment that is behind them."""
    rows = getattr(experiment, "rows", {})
    if column in frame or "item" not in frame or not any(column in row for row in rows.values()):
        return frame
    return frame.assign(**{column: [rows.get(item, {}).get(column) for item in frame["item"]]})


def _of_row(row: Mapping[str, Any]) -> tuple[str, str, int]:
    return str(row["item"]), str(row.get("variant", "")), int(row.get("repeat", 0))


def _key_of(row: Mapping[str, Any]) -> str:
    whole = "\0".join([*map(str, _of_row(row)), "" if is_missing(row["output"]) else str(row["output"])])
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:24]
