"""What a run is going to do and to cost, before it does it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .._text import printable
from ..llm.calls.expected import expected_usage
from ..llm.counting.costs import cost_of
from ..llm.request import completion_request
from .amounts import counted, money
from .design.design import Design

__all__ = ["ExperimentPlan", "changes", "price_range"]

#: Requests of a model whose tokens are counted; the others are taken to be as long, character by character.
_COUNTED = 50


@dataclass(frozen=True)
class ExperimentPlan:
    """What a run is going to do.

    Attributes:
        name: The experiment's name.
        items: How many items there are.
        variants: The labels of the variants.
        repeats: How often each item is asked of each variant.
        trials: How many trials that makes.
        cached: How many of them the store has, errors not counted.
        errors: How many of them the store has as errors; they stay, until ``retry_errors()``.
        calls: How many calls are to be made, judges' not counted.
        low: The least that they cost in US dollars: the prompts, without answers; None where a price is not known.
        high: The most, with answers as long as ``max_tokens`` or, without it, as a budget takes them to be (1,000 tokens;
            8,000 of a model that thinks); None where a price is not known.
        unpriced: The models whose prices are not known.
        budget: Most US dollars that the experiment may cost; None for no limit.
        spent: What it has cost so far, and what its batches may cost.
        submitted: How many trials are in batches that are not collected.
        faulty: How many trials a prompt cannot be rendered for; they are errors, without a call.
        faults: Why, a sentence each.
        judge_calls: About how many calls judges are to make, for answers that are there and for those to come.
        changes: What is otherwise than when it was last run, a sentence each.
    """

    name: str
    items: int
    variants: tuple[str, ...]
    repeats: int
    trials: int
    cached: int
    errors: int
    calls: int
    low: float | None
    high: float | None
    unpriced: tuple[str, ...] = ()
    budget: float | None = None
    spent: float = 0.0
    changes: tuple[str, ...] = ()
    submitted: int = 0
    faulty: int = 0
    faults: tuple[str, ...] = ()
    judge_calls: int = 0

    @property
    def left(self) -> float | None:
        """What is left of the budget."""
        return None if self.budget is None else max(0.0, self.budget - self.spent)

    @property
    def fits(self) -> bool | None:
        """Whether the budget is enough: True in any case, False in none, None where that depends on the answers."""
        if self.left is None or not (self.calls or self.judge_calls):
            return True
        if self.low is None or self.low > self.left:
            return False
        return True if self.high is not None and self.high <= self.left else None

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {counted(self.items, 'item')} x {counted(len(self.variants), 'variant')}"
            + (f" x {counted(self.repeats, 'repeat')}" if self.repeats > 1 else "")
            + f" = {counted(self.trials, 'trial')}; {self._to_do()}"
        ]
        if self.calls or self.judge_calls:
            lines.append(f"price: {self._price()}" + ("" if self.budget is None else f"; {self._checked()}"))
        return "\n".join([*lines, *self.faults, *self.changes])

    def _to_do(self) -> str:
        there = [f"{self.cached:,} in the store"] * bool(self.cached)
        there += [f"{self.errors:,} in the store as errors"] * bool(self.errors)
        there += [f"{self.submitted:,} in batches, for collect()"] * bool(self.submitted)
        there += [f"{self.faulty:,} that cannot be rendered"] * bool(self.faulty)
        there.append(f"{counted(self.calls, 'call')} to make" if self.calls else "no calls to make")
        there += [f"about {counted(self.judge_calls, 'call')} of judges"] * bool(self.judge_calls)
        return ", ".join(there)

    def _price(self) -> str:
        if self.low is None or self.high is None:
            return f"not known for {', '.join(self.unpriced)}"
        return money(self.low) if self.low == self.high else f"{money(self.low)} to {money(self.high)}"

    def _checked(self) -> str:
        assert self.budget is not None
        left = f" ({money(self.left)} left)" if self.spent else ""
        said = {
            True: "is enough",
            False: "is not enough: the run will stop before its end",
            None: "may not be enough: then the run stops, and goes on with a larger one",
        }
        return f"the budget of {money(self.budget)}{left} {said[self.fits]}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        text = printable(str(self))
        # Between two dollars JupyterLab sees mathematics, where it is not told otherwise.
        html = f'<div class="mathjax_ignore tex2jax_ignore" style="white-space:pre-wrap">{escape(text)}</div>'
        return {"text/plain": text, "text/html": html}


def price_range(
    design: Design, numbers: Sequence[int], tier: str | None = None
) -> tuple[float | None, float | None, tuple[str, ...]]:
    """The least and the most that the calls of these trials cost, and the models whose prices are not known.

    ``tier`` is how the vendor serves them: None, or ``"batch"``.

    Takes time: tables are loaded, and tokenizers are not fast.
    """
    low = high = 0.0
    unknown: list[str] = []
    by_model: dict[int, list[int]] = {}
    for number in numbers:
        by_model.setdefault(design.variants[design.place(number).variant].model_number, []).append(number)
    for model, own in sorted(by_model.items()):
        prices = _prices(design, model, own, tier)
        if prices is None:
            unknown.append(design.models[model].label)
            continue
        low, high = low + prices[0], high + prices[1]
    return (None, None, tuple(unknown)) if unknown else (low, high, ())


def _prices(design: Design, model: int, numbers: Sequence[int], tier: str | None) -> tuple[float, float] | None:
    arm = design.models[model]
    config = arm.config
    free = cost_of(config.provider, config.model, {"prompt_tokens": 1, "completion_tokens": 1}, tier=tier)
    if free is None or free == 0:
        return None if free is None else (0.0, 0.0)
    lengths = [sum(len(message.content) for message in design.request(number).messages) for number in numbers]
    sample = range(0, len(numbers), max(1, math.ceil(len(numbers) / _COUNTED)))
    low = high = characters = 0.0
    for place in sample:
        asked = completion_request(config, design.request(numbers[place]).messages, not_sent=arm.provider.not_sent)
        usage = expected_usage(asked, config)
        least = cost_of(config.provider, config.model, {**usage, "completion_tokens": 0}, tier=tier)
        most = cost_of(config.provider, config.model, usage, tier=tier)
        if least is None or most is None:
            return None
        low, high, characters = low + least, high + most, characters + lengths[place] + 1
    # The longer a prompt the dearer; an answer costs the same whatever the prompt.
    share = (sum(lengths) + len(lengths)) / characters
    return low * share, low * share + (high - low) * len(numbers) / len(sample)


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> tuple[str, ...]:
    """What is otherwise in a design than it was, a sentence each."""
    if before is None:
        return ()
    told = [*_changed_variants(before, now), *_changed_items(before, now)]
    if before.get("repeats") != now["repeats"]:
        told.append(f"repeats: {now['repeats']}, and were {before.get('repeats')}")
    return tuple(f"changed since the last run: {each}" for each in told)


def _changed_variants(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    old = {each["label"]: each for each in before.get("variants", ())}
    new = {each["label"]: each for each in now["variants"]}
    yield from (f"new variant {label!r}" for label in new if label not in old)
    yield from (f"variant {label!r} is left out; its trials stay in the store" for label in old if label not in new)
    if before.get("items") != now["items"]:
        return  # what is sent differs with them
    for label, each in new.items():
        if label in old and old[label].get("digest") != each["digest"]:
            yield f"variant {label!r} sends something else"


def _changed_items(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    old, new = set(before.get("items", ())), set(now["items"])
    if new - old:
        yield f"{counted(len(new - old), 'new item')}"
    if old - new:
        yield f"{counted(len(old - new), 'item')} left out"
