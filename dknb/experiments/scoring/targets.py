"""What an output is compared with: a column of the data or a value, and what counts as the same text."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...errors import ConfigError, did_you_mean
from .base import NoScore, Scorer
from .kinds import MetricKind

if TYPE_CHECKING:
    from ..trials import Trial

__all__ = ["Normaliser", "TargetScorer", "chosen", "is_missing", "texts_of"]

Whitespace = Literal["strip", "collapse", "keep"]
UnicodeForm = Literal["NFC", "NFKC", "keep"]
_SPACE = re.compile(r"\s+")


def chosen(option: str, value: Any, words: Iterable[str]) -> Any:
    """The value of an option that takes one of some words.

    Raises:
        ConfigError: It is none of them.
    """
    known = list(words)
    if value not in known:
        raise ConfigError(
            f"{option} cannot be {value!r}.{did_you_mean(str(value), known)}", hint=f"{option}: {', '.join(known)}"
        )
    return value


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Which differences between two texts do not count.

    Attributes:
        ignore_case: Whether capitals are small letters (by Unicode's full folding: ``"STRASSE"`` is ``"straße"``).
        ignore_punctuation: Whether punctuation is left out.
        whitespace: ``"strip"`` at both ends, ``"collapse"`` also runs of it to one space, ``"keep"`` all.
        unicode: ``"NFC"`` for characters written in different ways, ``"NFKC"`` also for forms (``"ﬁ"`` is ``"fi"``),
            ``"keep"`` to compare them as they are.
    """

    ignore_case: bool = False
    ignore_punctuation: bool = False
    whitespace: Whitespace = "strip"
    unicode: UnicodeForm = "NFC"

    def __post_init__(self) -> None:
        chosen("whitespace", self.whitespace, get_args(Whitespace))
        chosen("unicode", self.unicode, get_args(UnicodeForm))

    def __call__(self, text: str) -> str:
        """The text without those differences."""
        if self.ignore_case:
            text = text.casefold()
        if self.unicode != "keep":
            text = unicodedata.normalize(self.unicode, text)
        if self.ignore_punctuation:
            text = "".join(each for each in text if not unicodedata.category(each).startswith("P"))
        if self.whitespace == "collapse":
            text = _SPACE.sub(" ", text)
        return text if self.whitespace == "keep" else text.strip()


def is_missing(value: Any) -> bool:
    """Whether a cell of a table has no value: None, NaN, or pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def texts_of(value: Any) -> list[str]:
    """The texts that a cell means: each element of a list; a number in the ways in which it is written.

    Tables make ``42.0`` of ``42`` where a column has a hole, so that both are meant.
    """
    if hasattr(value, "tolist"):  # numpy's
        value = value.tolist()
    if isinstance(value, list | tuple | set | frozenset):
        return [text for each in value if not is_missing(each) for text in texts_of(each)]
    if isinstance(value, bool):
        return [str(value), str(value).lower()]
    if isinstance(value, float) and value.is_integer():
        return [str(int(value)), str(value)]
    return [str(value)]


class TargetScorer(Scorer):
    """A scorer that compares the output with a column of the data, or with a value that is the same for all items.

    Where the column has a list, each of its elements is a right answer. Where it has nothing, there is no score.
    """

    def __init__(self, name: str, kinds: MetricKind, target: str | None, value: Any) -> None:
        super().__init__(name, kinds=kinds)
        if target is not None and not isinstance(target, str):
            raise ConfigError(
                f"The target of {name} is the name of a column, not {target!r}.", hint="A fixed one is given as value="
            )
        self.target = target
        self.value = value

    @property
    def columns(self) -> tuple[str, ...]:
        """The target's column."""
        return (self.target,) if self.value is None and self.target is not None else ()

    def sees(self, trial: Trial) -> Any:
        """The target."""
        return trial.row.get(self.target) if self.value is None and self.target is not None else None

    def wanted(self, trial: Trial) -> Any:
        """What the output should be.

        Raises:
            NoScore: There is nothing to compare with.
        """
        if self.value is not None:
            return self.value
        assert self.target is not None
        found = cell(trial.row, self.target)
        if is_missing(found):
            raise NoScore(f"the item has no {self.target!r}")
        return found

    def wanted_texts(self, trial: Trial) -> list[str]:
        """The texts that are right.

        Raises:
            NoScore: There is none.
        """
        wanted = self.wanted(trial)
        texts = texts_of(wanted)
        if not texts:
            raise NoScore(f"there is nothing in the target {wanted!r:.80}")
        return texts

    def check(self, trial: Trial) -> float | None:
        """The number for a trial that has an output."""
        raise NotImplementedError

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """The one number."""
        return {self.name: self.check(trial)}


def cell(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column of the item.

    Raises:
        NoScore: There is no such column.
    """
    try:
        return row[column]
    except KeyError:
        near = did_you_mean(column, map(str, row))
        raise NoScore(f"the data has no column {column!r}.{near}") from None
