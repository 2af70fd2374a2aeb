"""What a running template has used up, and what its values weigh."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from time import monotonic, thread_time
from typing import Any, NamedTuple

from jinja2.utils import Namespace

from ...errors import TemplateError
from ..types import Limits

_REMEMBERED = 64  # containers below this weight are cheaper to weigh again than to remember
_MEMORY = 10_000  # weights remembered at a time
_CHARGED = 1_000  # characters from which a value counts towards what the render made in all
_DEEPEST = 100  # levels of containers in containers
_PATIENCE = 10  # times the seconds allowed that a render may take where the machine is busy
_ROUNDS = 20  # values in all, as a multiple of the longest allowed one


_HELD = frozenset({dict, frozenset, list, set, tuple})  # types that hold their items


class Weight(NamedTuple):
    """Characters that a value's text has at most about, and levels of containers in it."""

    size: int
    depth: int = 0


class _Deadline(NamedTuple):
    """When a render has to end: by the time that its thread worked, so that a busy machine stops no template.

    Attributes:
        seconds: That it may work.
        soonest: Wall time before which it cannot have worked that long.
        worked: Time of the thread when it has.
        latest: Wall time when it ends in any case.
    """

    seconds: float
    soonest: float
    worked: float
    latest: float

    @classmethod
    def of(cls, seconds: float) -> _Deadline:
        """That of a render that begins now."""
        now = monotonic()
        return cls(seconds, now + seconds, thread_time() + seconds, now + _PATIENCE * seconds)

    def is_over(self) -> bool:
        """Whether it has passed."""
        return thread_time() > self.worked or monotonic() > self.latest


@dataclass(slots=True)
class _Spent:
    """What a render, and those that run inside it, have used up."""

    steps: int = 0
    made: int = 0


class Meter:
    """The account of one render.

    Attributes:
        missing: Names without a value that were printed or looped over, in order, and whether the text shows them.
    """

    def __init__(self, limits: Limits, outer: Meter | None = None) -> None:
        """Open an account; a render inside another one spends what is left to the ``outer`` one."""
        self.limits = limits
        self.missing: dict[str, bool] = {}
        self._spent: _Spent = outer._spent if outer else _Spent()
        self._deadline = _Deadline.of(limits.seconds)
        if outer and outer._deadline.soonest < self._deadline.soonest:
            self._deadline = outer._deadline
        self._weights: dict[int, tuple[object, Weight]] = {}

    def step(self) -> None:
        """Count one pass through a loop or one call of a macro."""
        self._spent.steps += 1
        if self._spent.steps > self.limits.steps:
            raise self._too_many_steps()
        self.tick()

    def _too_many_steps(self) -> TemplateError:
        return TemplateError(
            f"stopped after {self.limits.steps:,} passes through loops and macros",
            hint="Loop over less: the bound keeps a template from running without end.",
        )

    def tick(self) -> None:
        """Look at the clock; every operation that can take long does."""
        if monotonic() > self._deadline.soonest and self._deadline.is_over():
            raise TemplateError(
                f"stopped after {self._deadline.seconds:g} seconds",
                hint="Prepare the data outside the template, or give it less.",
            )

    def watch(self, value: Any) -> Any:
        """The value, to be gone through by C code.

        One that may have no end gets the bound on steps, and the clock. One that makes its items as it goes, as `range`
        does, may not have more than the bound; what holds its items is bounded by the longest value.
        """
        kind = type(value)
        if not hasattr(kind, "__len__"):
            passing = hasattr(kind, "__contains__") or not hasattr(kind, "__iter__")
            return value if passing else self._watched(value)
        if kind not in _HELD and self._length(value) > self.limits.steps and not isinstance(value, str | bytes):
            raise self._too_many_steps()
        if kind in _HELD and len(value) > self.limits.output:
            self.make(len(value))
        return value

    def _length(self, value: Any) -> int:
        try:
            return len(value)
        except OverflowError:
            raise self._too_many_steps() from None
        except Exception:  # noqa: BLE001 - who goes through it meets the same
            return 0

    def _watched(self, items: Iterable[Any]) -> Iterator[Any]:
        for count, item in enumerate(items, start=1):
            if count > self.limits.steps:
                raise self._too_many_steps()
            self.tick()
            yield item

    def make(self, size: int) -> None:
        """Account for a value of this many characters before it is made."""
        if size > self.limits.output:
            raise TemplateError(
                f"would make a text of more than {self.limits.output:,} characters",
                hint="Print less: the bound keeps a template from filling the memory.",
            )
        if size > _CHARGED:
            self._spent.made += size
            if self._spent.made > _ROUNDS * self.limits.output:
                raise TemplateError(
                    f"made more than {_ROUNDS * self.limits.output:,} characters of values on its way",
                    hint="Do not build long texts again and again: print the pieces instead.",
                )
        self.tick()

    def charge(self, value: object) -> None:
        """Account for a value that was made."""
        size = self.check(value).size
        if size > _CHARGED:
            self.make(size)

    def check(self, value: object) -> Weight:
        """Weigh a value; one whose text would be too long is an error."""
        if isinstance(value, str):
            return Weight(len(value))
        weight = self._weigh(value, 0)
        if weight.size > self.limits.output:
            self.make(weight.size)
        return weight

    def _weigh(self, value: object, level: int) -> Weight:
        """Sum up a value as a tree, so that a list in a list in a list, each twice, weighs what its text would."""
        if isinstance(value, str | bytes):
            return Weight(len(value) + 4)
        if isinstance(value, int):
            return Weight(value.bit_length() // 3 + 3)
        parts = _parts(value)
        if parts is None:
            return Weight(_digits(value))
        known = self._weights.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        if level > _DEEPEST:
            raise TemplateError(f"has a value with more than {_DEEPEST} levels of lists in lists")
        weight = self._sum(parts, level)
        if weight.size > _REMEMBERED and not isinstance(value, Namespace):
            if len(self._weights) > _MEMORY:
                self._weights.clear()
            self._weights[id(value)] = (value, weight)
        return weight

    def _sum(self, parts: Iterable[object], level: int) -> Weight:
        self.tick()
        size, depth = 2, 0
        for part in parts:
            below = self._weigh(part, level + 1)
            size += below.size
            depth = max(depth, below.depth)
            if size > self.limits.output:
                self.make(size)
        return Weight(size, depth + 1)


def _digits(value: object) -> int:
    """About how long an exact number is; what is none counts as a short one."""
    if isinstance(value, Fraction):
        return (value.numerator.bit_length() + value.denominator.bit_length()) // 3 + 6
    return decimal_digits(value) + 8 if isinstance(value, Decimal) else 24


def decimal_digits(value: Decimal) -> int:
    """The digits that a number has when it is written out, without a power of ten."""
    return abs(value.adjusted()) + len(value.as_tuple().digits) if value.is_finite() else 0


def _parts(value: object) -> Iterable[object] | None:
    """What is inside a container; None for what is none."""
    if isinstance(value, list | tuple | set | frozenset | KeysView | ValuesView | ItemsView):
        return value
    if isinstance(value, Namespace):
        value = object.__getattribute__(value, "_Namespace__attrs")
    if isinstance(value, Mapping):
        return chain(value.keys(), value.values())
    return None


_RUNNING: ContextVar[Meter | None] = ContextVar("dknb_template_meter", default=None)


def running() -> Meter:
    """The account of the render that runs here; a fresh one for what outlives its render."""
    return _RUNNING.get() or Meter(Limits())


@contextmanager
def metered(limits: Limits) -> Iterator[Meter]:
    """Keep an account while the body runs."""
    meter = Meter(limits, _RUNNING.get())
    token = _RUNNING.set(meter)
    try:
        yield meter
    finally:
        _RUNNING.reset(token)
