"""Does a judge look at the order of answers, or at their length? The same answers again, changed in that alone."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ...._sync import run
from ....conversations.ledger import CallRecord
from ....errors import ConfigError
from ...trials import Trial
from ..calls import all_ended
from ..data import with_data
from ..rowwise import each_of
from ..scored import cost_of, score_trial
from ..targets import is_missing
from .judge import LLMJudge
from .pairwise import PairVerdict, PairwiseJudge

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

__all__ = ["PADDING", "bias_probes", "bias_probes_async"]

#: Words that add nothing, put after an answer to make it longer.
PADDING = (
    "To say it once more in other words: the above is the answer to the question that was asked, and what stands there is "
    "what is meant by it. Nothing further is added here, and nothing is taken back."
)
_FEWEST = 2


async def bias_probes_async(
    judge: LLMJudge | PairwiseJudge,
    frame: Any,
    *,
    most: int | None = 100,
    padding: str = PADDING,
    confidence: float = 0.95,
    seed: int = 0,
) -> DataFrame:
    """How far a judge can be led astray by what is no merit.

    *length*: each answer against itself with words behind it that say nothing, at least as long again. Of a judge that
    scores, the effect is how much higher the longer one is scored (on the judge's scale); of one that compares, how much
    more often than half of the time the longer one wins, both orders counted. *position* (of a judge that compares): how
    much more often than half of the time the answer that is shown first wins, with the answers swapped.

    Each effect is the mean over items with a t interval; 0 is a judge without that bias.

    Args:
        judge: The judge.
        frame: The result of an experiment; or trials: ``item``, ``variant``, ``output``, and the columns of the data that the
            judge uses.
        most: How many trials are looked at, chosen at random; None for all.
        padding: The words that say nothing.
        confidence: Of the intervals.
        seed: Of the choice.

    Returns:
        A row for each probe: ``probe``, ``metric``, ``n`` (items), ``trials``, ``effect``, ``low``, ``high``, ``biased`` (the interval
        does not hold 0), ``unread`` (trials without a verdict), ``calls``, ``cost_usd``, ``reason`` (why one of those has none, or why there
        was nothing to probe; None else).

    Raises:
        ConfigError: It is no judge, or the frame has not what it takes.
        BudgetExceeded: A call may cost more than is left.
    """
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence cannot be {confidence!r}.", hint="Give a number between 0 and 1, as 0.95")
    if not padding.strip():
        raise ConfigError("Padding must be words.", hint=f"Leave it out for the usual ones: {PADDING:.40}…")
    frame = with_data(frame)
    rows = _rows(frame, most, seed)
    if isinstance(judge, LLMJudge):
        found = [await _length_of_scores(judge, rows, padding)]
    elif isinstance(judge, PairwiseJudge):
        found = [await _position(judge, frame, rows), await _length_of_pairs(judge, frame, rows, padding)]
    else:
        raise ConfigError(f"{judge!r} is no judge.", hint="Give an LLMJudge or a PairwiseJudge")
    import pandas as pd

    table = pd.DataFrame([_told(each, confidence) for each in found])
    return table.assign(reason=pd.Series([each.reason for each in found], dtype=object))


def bias_probes(judge: LLMJudge | PairwiseJudge, frame: Any, **options: Any) -> DataFrame:
    """`bias_probes_async` for callers that cannot await."""
    return run(bias_probes_async(judge, frame, **options))


class _Found:
    """The effects of one probe by item, and what they took."""

    def __init__(self, probe: str, metric: str) -> None:
        self.probe, self.metric = probe, metric
        self.effects: dict[Any, list[float]] = {}
        self.unread = 0
        self.reason: str | None = None
        self.calls: list[CallRecord] = []
        self.reach = 1.0

    def add(self, item: Any, effect: float | None, reason: str | None = None) -> None:
        if effect is None:
            self.unread += 1
            self.reason = self.reason or reason
        else:
            self.effects.setdefault(item, []).append(effect)


def _rows(frame: DataFrame, most: int | None, seed: int) -> list[dict[str, Any]]:
    if missing := [each for each in ("item", "output") if each not in frame]:
        raise ConfigError(
            f"The frame has no column {missing[0]!r}.", hint="Give the frame of an experiment: result.frame"
        )
    rows = [row for row in frame.to_dict("records") if not is_missing(row["output"]) and str(row["output"]).strip()]
    if most is not None and len(rows) > most:
        rows = random.Random(seed).sample(rows, most)
    return [{str(name): value for name, value in row.items()} for row in rows]


def _padded(text: str, padding: str) -> str:
    return f"{text}\n\n{' '.join([padding] * math.ceil(max(len(text), 1) / len(padding)))}"


async def _length_of_scores(judge: LLMJudge, rows: Sequence[Mapping[str, Any]], padding: str) -> _Found:
    found = _Found("length", judge.name)
    bounds = judge.kinds[judge.name].bounds or (0.0, 1.0)
    found.reach = bounds[1] - bounds[0]

    async def probed(place: int) -> None:
        row = rows[place]
        trial = _trial(row)
        both = [trial, replace(trial, output=_padded(str(row["output"]), padding))]
        plain, longer = await all_ended(score_trial([judge], each) for each in both)
        found.calls += [*plain.calls, *longer.calls]
        before, after = plain.values[judge.name], longer.values[judge.name]
        effect = None if before is None or after is None else after - before
        found.add(row["item"], effect, next(iter([*plain.errors.values(), *longer.errors.values()]), None))

    await each_of(range(len(rows)), probed)
    return _explained(found, rows)


def _trial(row: Mapping[str, Any]) -> Trial:
    """A row as a trial, whose columns are all taken for the data's."""
    return Trial(
        item=str(row["item"]), row=row, variant=str(row.get("variant", "")), prompt="", version=None, model="", repeat=0,
        output=str(row["output"]), parsed=None, prompt_tokens=None, completion_tokens=None, cached=False, cost_usd=None,
        duration_s=None, error=None, node_id=None, request=str(row.get("request", row["item"])),
    )  # fmt: skip


async def _position(judge: PairwiseJudge, frame: DataFrame, rows: Sequence[Mapping[str, Any]]) -> _Found:
    """Pairs of different answers to one item, in both orders."""
    found, question = _Found("position", judge.name), judge._question_of(frame)
    found.reach = 0.5
    by_item: dict[Any, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_item.setdefault(row["item"], {}).setdefault(str(row["output"]), row)
    pairs = []
    for item, outputs in by_item.items():
        several = list(outputs)
        pairs += [(item, str(outputs[one][question]), one, other) for one, other in pairwise(several)]
    for (item, *_), verdict in zip(pairs, await _compared(judge, [pair[1:] for pair in pairs], found), strict=True):
        shown = verdict.shown_first
        found.add(item, sum(shown) / 2 - 0.5 if shown else None, verdict.reason)
    if not pairs:
        found.reason = "no item has two answers that differ"
    return _explained(found, rows)


async def _length_of_pairs(
    judge: PairwiseJudge, frame: DataFrame, rows: Sequence[Mapping[str, Any]], padding: str
) -> _Found:
    """Each answer against its longer self, in both orders."""
    found, question = _Found("length", judge.name), judge._question_of(frame)
    found.reach = 0.5
    pairs = [(str(row[question]), _padded(str(row["output"]), padding), str(row["output"])) for row in rows]
    for row, verdict in zip(rows, await _compared(judge, pairs, found), strict=True):
        shown = verdict.shown_first
        found.add(row["item"], (shown[0] + 1 - shown[1]) / 2 - 0.5 if shown else None, verdict.reason)
    return _explained(found, rows)


def _explained(found: _Found, rows: Sequence[Mapping[str, Any]]) -> _Found:
    """A probe that had nothing to look at says so."""
    if not rows:
        found.reason = "there are no trials with an answer"
    return found


async def _compared(judge: PairwiseJudge, pairs: Sequence[Sequence[str]], found: _Found) -> list[PairVerdict]:
    verdicts: dict[int, PairVerdict] = {}

    async def compared(place: int) -> None:
        verdicts[place] = await judge.compare(*pairs[place])
        found.calls += verdicts[place].calls

    await each_of(range(len(pairs)), compared)
    return [verdicts[place] for place in range(len(pairs))]


def _told(found: _Found, confidence: float) -> dict[str, Any]:
    means = [sum(each) / len(each) for each in found.effects.values()]
    low, high = _interval(means, confidence, found.reach)
    effect = sum(means) / len(means) if means else math.nan
    return {
        "probe": found.probe,
        "metric": found.metric,
        "n": len(means),
        "trials": sum(map(len, found.effects.values())),
        "effect": effect,
        "low": low,
        "high": high,
        "biased": bool(low > 0 or high < 0),
        "unread": found.unread,
        "calls": len(found.calls),
        "cost_usd": cost if (cost := cost_of(found.calls)) is not None else math.nan,
    }


def _interval(values: Sequence[float], confidence: float, reach: float) -> tuple[float, float]:
    """A t interval of a mean; where all values are equal, how far it may be off without one of so many showing it.

    Args:
        values: The effects by item.
        confidence: Two-sided.
        reach: The farthest that an effect can be from 0.
    """
    n = len(values)
    if n < _FEWEST:
        return math.nan, math.nan
    mean = sum(values) / n
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    if spread <= 1e-12:
        # Of items that differ, at most this part can have been missed n times in a row (Clopper and Pearson, 1934).
        missed = 1 - ((1 - confidence) / 2) ** (1 / n)
        return mean - missed * (mean + reach), mean + missed * (reach - mean)
    from scipy.stats import t  # type: ignore[import-untyped]

    width = float(t.ppf((1 + confidence) / 2, n - 1)) * spread / math.sqrt(n)
    return max(mean - width, -reach), min(mean + width, reach)
