"""What a reader of a comparison has to know, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .items import Errors, ItemScores
    from .verdicts import Margin

__all__ = ["family_note", "margin_note", "missing_notes"]

_CORRECTIONS = {"holm": "Holm", "none": "not corrected"}


def family_note(correction: str, family: str, comparisons: int, metrics: int) -> str:
    """What the correction counts."""
    if not comparisons:
        return "there are no comparisons"
    if correction == "none":
        return "p values are not corrected for the number of comparisons"
    name = _CORRECTIONS.get(correction, "Benjamini-Hochberg")
    together = f"the {comparisons} comparisons of this table"
    if comparisons == 1:
        together = "one comparison"
    elif family == "metric" and metrics > 1:
        together = "the comparisons of each metric"
    return f"p values are corrected by {name} over {together}"


def margin_note(scores: ItemScores, margin: Margin) -> str:
    """Within what two variants are tied."""
    direction = "" if scores.kind.higher_is_better else "; lower is better"
    origin = "" if margin.chosen else " (the default; say margin=...)"
    return f"{scores.metric}: tied means a difference within ±{margin.width:.3g}{origin}{direction}"


def missing_notes(scores: ItemScores, errors: Errors) -> list[str]:
    """How many trials have no score, and what became of them."""
    missing = int(scores.missing.sum())
    if not missing:
        return []
    done = "were left out" if errors == "drop" else "count as the worst score"
    other = "worst" if errors == "drop" else "drop"
    verb = "trial without a score" if missing == 1 else "trials without a score"
    return [f'{scores.metric}: {missing:,} {verb} {done} (errors="{errors}"; the other way is errors="{other}")']
