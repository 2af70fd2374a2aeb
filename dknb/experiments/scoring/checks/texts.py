"""Whether an output is a text, or has one in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from ....errors import ConfigError
from ..base import NoScore
from ..kinds import PASS_FAIL
from ..targets import Normaliser, TargetScorer, UnicodeForm, Whitespace, chosen, is_missing, texts_of

if TYPE_CHECKING:
    from ...trials import Trial

__all__ = ["Contains", "Exact"]

Which = Literal["all", "any"]


class Exact(TargetScorer):
    """1 where the output is the target, else 0.

    Args:
        target: The column of right answers; a list in it holds several.
        value: The right answer for all items, in place of a column.
        name: The metric.
        ignore_case: Capitals do not count.
        ignore_punctuation: Punctuation does not count.
        whitespace: ``"strip"``: at both ends it does not count; ``"collapse"``: nor how much; ``"keep"``: all does.
        unicode: The form in which both are compared: ``"NFC"``, ``"NFKC"`` or ``"keep"``.
    """

    def __init__(
        self,
        target: str = "answer",
        *,
        value: Any = None,
        name: str = "exact",
        ignore_case: bool = False,
        ignore_punctuation: bool = False,
        whitespace: Whitespace = "strip",
        unicode: UnicodeForm = "NFC",
    ) -> None:
        super().__init__(name, PASS_FAIL, target, value)
        self._normal = Normaliser(ignore_case, ignore_punctuation, whitespace, unicode)

    def check(self, trial: Trial) -> float:
        """1 or 0.

        Raises:
            NoScore: There is no right answer.
        """
        normal = self._normal
        said = normal(trial.output or "")
        return float(any(said == normal(text) for text in self.wanted_texts(trial)))


class Contains(TargetScorer):
    """1 where the target stands in the output, else 0; ``words=True`` wants it as whole words.

    Args:
        target: The column of what must be there; a list in it holds several.
        value: What must be there for all items, in place of a column; a text or a list.
        which: Of several, whether ``"all"`` must be there or ``"any"``.
        words: Whether it must stand as whole words: ``"cat"`` is not in ``"category"``.
        name: The metric.
        ignore_case: Capitals do not count.
        ignore_punctuation: Punctuation does not count.
        whitespace: As for `Exact`; ``"collapse"`` finds what is broken over lines.
        unicode: As for `Exact`.
    """

    shorthand = "value"

    def __init__(
        self,
        target: str = "answer",
        *,
        value: Any = None,
        which: Which = "all",
        words: bool = False,
        name: str = "contains",
        ignore_case: bool = False,
        ignore_punctuation: bool = False,
        whitespace: Whitespace = "collapse",
        unicode: UnicodeForm = "NFC",
    ) -> None:
        super().__init__(name, PASS_FAIL, target, value)
        self._all = chosen("which", which, get_args(Which)) == "all"
        self._words = words
        self._normal = Normaliser(ignore_case, ignore_punctuation, whitespace, unicode)
        if value is not None and not any(map(self._normal, texts_of(value))):
            raise ConfigError(f"Every text contains {value!r}.", hint="Give contains a text that is not empty")

    def check(self, trial: Trial) -> float:
        """1 or 0.

        Raises:
            NoScore: There is nothing to look for.
        """
        said = self._normal(trial.output or "")
        wanted = self.wanted(trial)
        several = [wanted] if isinstance(wanted, str) or not hasattr(wanted, "__iter__") else list(wanted)
        texts = [[text for text in map(self._normal, texts_of(one)) if text] for one in several if not is_missing(one)]
        each = [any(self._is_in(text, said) for text in one) for one in texts if one]
        if not each:
            raise NoScore(f"every text contains the target {wanted!r:.80}")
        return float(all(each) if self._all else any(each))

    def _is_in(self, text: str, said: str) -> bool:
        place = said.find(text)
        while self._words and place >= 0 and not _is_whole(said, place, place + len(text)):
            place = said.find(text, place + 1)
        return place >= 0


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether what lies between two places neither begins nor ends within a word."""
    return not (_joined(text, start) or _joined(text, end))


def _joined(text: str, place: int) -> bool:
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()
