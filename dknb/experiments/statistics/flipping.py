"""The items on which two variants differ, with what both said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .baselines import variant_named
from .items import item_scores, label_text, scores_column

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = ["flips"]

_SHOWN = ("output", "error", "node_id")


def flips(frame: DataFrame, a: str, b: str, metric: str) -> DataFrame:
    """The items on which variant ``b`` scores otherwise than ``a``, the largest differences first.

    Where an item has repeats, what is shown is the first repeat on which the two differ.

    Returns:
        ``item``, the mean scores ``a`` and ``b``, ``difference`` (b minus a), and for each side what it said
        (``output_a``, ``output_b``), its error and its node, as far as the trials have these columns. The names of the
        variants are in ``frame.attrs["variants"]``.

    Raises:
        ConfigError: There is no such variant or metric.
    """
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    names = list(dict.fromkeys(frame["variant"].astype(str)))
    first, second = (variant_named(name, frame, names) for name in (a, b))
    trials = frame[frame["variant"].astype(str).isin((first, second))]
    trials = trials.assign(item=trials["item"].map(label_text, na_action="ignore"))
    scores = item_scores(trials, metric)
    means = pd.DataFrame(scores.means, columns=list(scores.variants), index=list(scores.items))
    means = means.reindex(pd.unique(trials["item"]))
    table = pd.DataFrame({"item": means.index, "a": means[first].to_numpy(), "b": means[second].to_numpy()})
    table["difference"] = table["b"] - table["a"]
    table = table[table["difference"].abs() > 1e-12]
    order = np.argsort(-table["difference"].abs().to_numpy(), kind="stable")
    table = table.iloc[order].merge(_said(trials, first, second, metric), on="item", how="left")
    table.attrs["variants"] = {"a": first, "b": second, "metric": metric}
    return table


def _said(trials: DataFrame, first: str, second: str, metric: str) -> DataFrame:
    """What both said to each item, on the first repeat on which their scores differ."""
    shown = [name for name in _SHOWN if name in trials.columns]
    sides = trials.assign(_score=scores_column(trials, metric), _repeat=trials.groupby(["item", "variant"]).cumcount())
    if "repeat" in trials.columns:
        sides["_repeat"] = trials["repeat"]
    sides = sides[["item", "variant", "_repeat", "_score", *shown]]
    variants = sides["variant"].astype(str)
    both = sides[variants == first].merge(
        sides[variants == second], on=["item", "_repeat"], how="outer", suffixes=("_a", "_b")
    )
    both["_same"] = ~(both["_score_a"] != both["_score_b"])
    both = both.sort_values(["_same", "_repeat"], kind="stable").drop_duplicates("item")
    return both[["item", *(f"{name}_{side}" for name in shown for side in "ab")]]
