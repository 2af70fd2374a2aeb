"""A comparison as a figure: intervals first, and price against quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..._frames import DataFrame

__all__ = ["comparison_figure", "pareto"]

#: Okabe and Ito's colours for all kinds of colour vision, and a marker each, so that no meaning is in a colour alone.
_LOOKS = {
    "baseline": ("#000000", "D"),
    "better": ("#007a59", "^"),  # their bluish green, darker, for thin lines on white
    "worse": ("#b85000", "v"),  # their vermillion, darker
    "tied": ("#0072b2", "s"),
    "undecided": ("#595959", "o"),
}
#: The figure brings its own paper: dark ink on white reads the same in a light and in a dark theme.
_PAPER, _INK, _QUIET = "#ffffff", "#1a1a1a", "#595959"
_LONGEST = 48
#: With more variants only those on the front have their names beside them.
_NAMED = 8


def comparison_figure(compared: DataFrame, summary: DataFrame) -> Figure:
    """The figure of one metric.

    Args:
        compared: What ``compare`` gave for it.
        summary: What ``summary`` gave, for the prices.
    """
    from .paper import PaperFigure

    rows = compared.to_dict("records")
    prices = dict(zip(summary["variant"], summary["cost_per_trial_usd"], strict=True))
    priced = [row for row in rows if np.isfinite(prices.get(row["variant"], np.nan)) and np.isfinite(row["mean"])]
    metric = rows[0]["metric"]
    lower = compared.attrs["directions"][metric] == "lower"
    wide = len(priced) > 1 and metric != "cost_usd"
    height = min(1.6 + 0.42 * len(rows), 40.0) if not wide else max(3.6, min(1.6 + 0.42 * len(rows), 40.0))
    figure = PaperFigure(figsize=(11.0 if wide else 6.5, height), facecolor=_PAPER, layout="constrained")
    axes = figure.subplots(1, 2 if wide else 1, squeeze=False, width_ratios=[3, 2] if wide else None)[0]
    _intervals(axes[0], rows, f"{metric} ({'lower' if lower else 'higher'} is better)", compared.attrs["confidence"])
    if wide:
        _prices(axes[1], priced, [float(prices[row["variant"]]) for row in priced], metric, lower=lower)
    _legend(figure, rows)
    return figure


def _intervals(axes: Axes, rows: list[dict[str, Any]], label: str, confidence: float) -> None:
    """A line a variant, the best on top."""
    for at, row in enumerate(rows):
        colour, marker = _look(row)
        if np.isfinite(row["low"]):
            axes.plot([row["low"], row["high"]], [at, at], color=colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot([row["mean"]], [at], **_point(colour, marker))
        if row["verdict"] is None and np.isfinite(row["mean"]):
            axes.axvline(row["mean"], color=_QUIET, linewidth=0.8, linestyle=":")
    names = [_short(row["variant"]) for row in rows]
    axes.set_yticks(range(len(rows)), labels=names, parse_math=False)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(label, parse_math=False)
    axes.set_title(f"mean and {confidence:.0%} interval", fontsize=10, color=_INK)
    _plain(axes)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)


def _prices(axes: Axes, rows: list[dict[str, Any]], prices: list[float], metric: str, *, lower: bool) -> None:
    """Price of a trial against quality, and the line of those that no other beats in both."""
    means = [float(row["mean"]) for row in rows]
    front = pareto(prices, [-mean if lower else mean for mean in means])
    axes.plot(
        [prices[at] for at in front], [means[at] for at in front], color=_QUIET, linewidth=1.2, linestyle="--", zorder=1
    )
    for at, (row, price) in enumerate(zip(rows, prices, strict=True)):
        colour, marker = _look(row)
        if np.isfinite(row["low"]):
            axes.plot([price, price], [row["low"], row["high"]], color=colour, linewidth=1.2, alpha=0.6)
        axes.plot([price], [row["mean"]], **_point(colour, marker))
        if at in front or len(rows) <= _NAMED:
            axes.annotate(
                _short(row["variant"], 24),
                (price, row["mean"]),
                xytext=(6, 6) if at in front else (6, -12),
                textcoords="offset points",
                fontsize=8,
                color=_INK if at in front else _QUIET,
                parse_math=False,
            )
    axes.margins(x=0.2, y=0.15)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("price of a trial in US dollars")
    axes.set_ylabel(metric, parse_math=False)
    axes.set_title("price and quality; dashed: Pareto front", fontsize=10, color=_INK)
    _plain(axes)


def pareto(prices: list[float], qualities: list[float]) -> list[int]:
    """The variants that none beats in price and quality at once, the cheapest first."""
    front: list[int] = []
    for at in sorted(range(len(prices)), key=lambda at: (prices[at], -qualities[at])):
        if not front or qualities[at] > qualities[front[-1]]:
            front.append(at)
    return front


def _look(row: dict[str, Any]) -> tuple[str, str]:
    return _LOOKS[row["verdict"] or "baseline"]


def _point(colour: str, marker: str) -> dict[str, Any]:
    filled = _PAPER if marker == "o" else colour
    return {
        "color": colour,
        "marker": marker,
        "markersize": 8,
        "markerfacecolor": filled,
        "markeredgewidth": 1.6,
        "linestyle": "none",
        "zorder": 3,
    }


def _legend(figure: Figure, rows: list[dict[str, Any]]) -> None:
    from matplotlib.lines import Line2D

    words = [word for word in _LOOKS if word in {row["verdict"] or "baseline" for row in rows}]
    handles = [Line2D([], [], label=word, **_point(*_LOOKS[word])) for word in words]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, labelcolor=_INK)


def _plain(axes: Axes) -> None:
    """Ink and paper, whatever the style of the notebook says."""
    axes.set_facecolor(_PAPER)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelcolor=_INK)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_QUIET)


def _short(name: str, most: int = _LONGEST) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
