"""How much of a reference is in an output: ROUGE-L by rouge-score, BLEU by sacrebleu."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...._lazy import extra
from ...._sync import in_thread
from ..base import NoScore
from ..kinds import MetricKind
from ..targets import TargetScorer, chosen

if TYPE_CHECKING:
    from ...trials import Trial

__all__ = ["Bleu", "RougeL"]

RougePart = Literal["f", "precision", "recall"]
BleuTokens = Literal["13a", "intl", "zh", "char", "none"]

#: A word, or one character of a script that is written without spaces.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]|[^\W_]+", re.UNICODE)
#: Most words in both texts together: the longest common subsequence takes time with their product.
_MOST_WORDS = 10_000


class _Overlap(TargetScorer):
    """What both have in common: the best over all references, computed in a thread; an empty output has 0."""

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """The number.

        Raises:
            NoScore: There is no reference, or the texts are too long.
        """
        references = self.wanted_texts(trial)
        return {self.name: await in_thread(self.compare, trial.output or "", references)}

    def compare(self, output: str, references: list[str]) -> float:
        """The number for a text and its references."""
        raise NotImplementedError


class RougeL(_Overlap):
    """ROUGE-L: the longest common subsequence of words, from 0 to 1; of several references the best.

    Words are runs of letters and digits in small letters, in any script; Chinese, Japanese and Thai go by characters
    (the tokenizer of rouge-score knows ASCII only). The package is in the extra ``scores``.

    Args:
        target: The column of references; a list in it holds several.
        value: The reference for all items, in place of a column.
        part: ``"f"``, ``"precision"`` or ``"recall"``.
        name: The metric.

    Source:
        C.-Y. Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004.
    """

    def __init__(
        self, target: str = "answer", *, value: Any = None, part: RougePart = "f", name: str = "rouge_l"
    ) -> None:
        super().__init__(name, MetricKind("continuous", bounds=(0.0, 1.0)), target, value)
        self._part = chosen("part", part, get_args(RougePart))
        with extra("scores"):
            import rouge_score  # type: ignore[import-untyped, unused-ignore]  # noqa: F401 - missing: said before a run

    @cached_property
    def _scorer(self) -> Any:
        from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped, unused-ignore]

        return RougeScorer(["rougeL"], tokenizer=_Words())

    def compare(self, output: str, references: list[str]) -> float:
        """The number for a text and its references."""
        for each in references:
            if len(_WORD.findall(output)) + len(_WORD.findall(each)) > _MOST_WORDS:
                raise NoScore(f"output and reference have more than {_MOST_WORDS:,} words")
        found = [self._scorer.score(each, output)["rougeL"] for each in references]
        return float(max(getattr(each, "fmeasure" if self._part == "f" else self._part) for each in found))


class _Words:
    """What rouge-score calls a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        return _WORD.findall(text.casefold())


class Bleu(_Overlap):
    """BLEU of each output (sentence BLEU, exponentially smoothed, effective order), from 0 to 100 as sacrebleu gives it.

    It is the mean over sentences that an experiment compares, which is not the BLEU of a corpus. The package is in the
    extra ``scores``.

    Args:
        target: The column of references; a list in it holds several, which count together.
        value: The reference for all items, in place of a column.
        ignore_case: Capitals do not count.
        tokens: How sacrebleu finds words: ``"13a"``, ``"intl"``, ``"zh"``, ``"char"`` or ``"none"``.
        name: The metric.

    Source:
        M. Post, A Call for Clarity in Reporting BLEU Scores, WMT 2018.
    """

    def __init__(
        self,
        target: str = "answer",
        *,
        value: Any = None,
        ignore_case: bool = False,
        tokens: BleuTokens = "13a",
        name: str = "bleu",
    ) -> None:
        super().__init__(name, MetricKind("continuous", bounds=(0.0, 100.0)), target, value)
        self._tokens = chosen("tokens", tokens, get_args(BleuTokens))
        self._ignore_case = ignore_case
        with extra("scores"):
            import sacrebleu  # type: ignore[import-untyped, unused-ignore]  # noqa: F401 - missing: said before a run

    @cached_property
    def _bleu(self) -> Any:
        from sacrebleu.metrics.bleu import BLEU  # type: ignore[import-untyped, unused-ignore]

        return BLEU(tokenize=self._tokens, lowercase=self._ignore_case, effective_order=True)

    def compare(self, output: str, references: list[str]) -> float:
        """The number for a text and its references."""
        return float(min(100.0, self._bleu.sentence_score(output, references).score))
