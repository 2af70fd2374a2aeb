"""A comparison as a table: variants sorted, their intervals as small bars, a verdict on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from ...errors import DknbError
from .comparison_rows import (
    UNKNOWN,
    Bar,
    bar_html,
    bar_text,
    interval,
    measure,
    p_value,
    percent,
    roughly,
    scale,
    signed,
)
from .text import MIME, counted, escape, money, printable, verbatim

if TYPE_CHECKING:
    from ..._frames import DataFrame
    from ...experiments.result import ExperimentResult

__all__ = ["comparison_bundle", "result_bundle"]

_LEFT = 'style="text-align:left"'
_ON_ONE_LINE = 'style="text-align:left;white-space:nowrap"'
_MUTED = "color:var(--jp-ui-font-color2, #616161);font-size:90%"
#: Verdicts are words with a sign, and the colour only repeats them.
_SIGNS = {"better": "▲", "worse": "▼", "tied": "=", "undecided": "?"}
_COLOURS = {
    "better": "var(--jp-success-color0, #00695c)",
    "worse": "var(--jp-error-color0, #b71c1c)",
    "tied": "var(--jp-info-color0, #01579b)",
    "undecided": "var(--jp-ui-font-color2, #616161)",
}
_NUMBERS = ("mean", "low", "high", "difference", "difference_low", "difference_high", "p_adjusted", "effect_size")
_MORE_NUMBERS = ("probability_best", "more_items", "more_cost_usd")


@dataclass(frozen=True)
class _Metric:
    """One metric of a comparison."""

    name: str
    baseline: str
    higher_is_better: bool
    rows: list[dict[str, Any]]


def result_bundle(result: ExperimentResult) -> dict[str, Any]:
    """What a notebook shows of a result; what cannot be compared is said, never raised."""
    title = (
        f"{result.name}: {counted(len(result.frame), 'trial')}" if result.name else counted(len(result.frame), "trial")
    )
    notes = [result.note] if result.note else []
    try:
        compared = result.compare(refuse=False)
    except DknbError as error:
        said = " ".join(line for line in (str(error), error.hint) if line)
        return _nothing(title, [*notes, said])
    prices = result.summary().set_index("variant")["cost_per_trial_usd"].to_dict()
    return comparison_bundle(compared, title=title, notes=notes, prices=prices)


def comparison_bundle(
    compared: DataFrame, *, title: str, notes: Sequence[str] = (), prices: dict[str, float] | None = None
) -> dict[str, Any]:
    """A comparison as a MIME bundle: our own type, HTML and text.

    Args:
        compared: What ``compare`` gave, with its ``attrs``.
        title: What stands above it.
        notes: What stands below it, before the comparison's own notes.
        prices: The price of a trial by variant; NaN where it is not known.
    """
    facts = compared.attrs
    told = [*notes, *facts["notes"]]
    metrics = []
    for name, baseline in facts["baselines"].items():
        rows = compared[compared["metric"] == name].to_dict("records")
        metrics.append(_Metric(name, baseline, facts["directions"][name] == "higher", rows))
    first = metrics[0]
    payload = {
        "version": 1,
        "title": printable(title),
        **_payload(first, prices or {}),
        "confidence": facts["confidence"],
        "notes": [printable(note) for note in told],
        "further": [_payload(metric, prices or {}) for metric in metrics[1:]],
    }
    html = "".join(_table(metric, title if metric is first else "", facts["confidence"]) for metric in metrics)
    plain = [printable(title)]
    for metric in metrics:
        plain += _lines(metric, facts["confidence"])
    return {
        MIME["comparison"]: payload,
        "text/html": verbatim(html + "".join(f'<div style="{_MUTED}">{escape(note)}</div>' for note in told)),
        "text/plain": "\n".join([*plain, *map(printable, told)]),
    }


def _nothing(title: str, notes: Sequence[str]) -> dict[str, Any]:
    below = "".join(f'<div style="{_MUTED}">{escape(note)}</div>' for note in notes)
    return {
        "text/html": verbatim(f'<div style="font-weight:600">{escape(title)}</div>{below}'),
        "text/plain": "\n".join(map(printable, [title, *notes])),
    }


def _payload(metric: _Metric, prices: dict[str, float]) -> dict[str, Any]:
    """One metric, as ``comparison.schema.json`` has it."""
    return {
        "metric": printable(metric.name),
        "baseline": printable(metric.baseline),
        "higher_is_better": metric.higher_is_better,
        "variants": [_variant(row, prices.get(row["variant"])) for row in metric.rows],
    }


def _variant(row: dict[str, Any], price: float | None) -> dict[str, Any]:
    numbers = {name: _number(row[name]) for name in (*_NUMBERS, *_MORE_NUMBERS)}
    return {
        "name": printable(row["variant"]),
        "n": int(row["n"]),
        "errors": int(row["errors"]),
        **numbers,
        "effect": row["effect"],
        "method": row["method"],
        "test": row["test"],
        "verdict": row["verdict"],
        "note": printable(row["note"]),
        "cost_usd": _number(price),
    }


def _number(value: Any) -> float | None:
    return float(value) if value is not None and isfinite(value) else None


def _cells(metric: _Metric, row: dict[str, Any]) -> list[str]:
    """A row's text, without its bar."""
    base = row["variant"] == metric.baseline
    away = interval(row["difference_low"], row["difference_high"], signed)
    return [
        row["variant"],
        f"{row['n']:,}" + (f" ({row['errors']:,} without a score)" if row["errors"] else ""),
        measure(row["mean"]),
        interval(row["low"], row["high"], measure),
        "baseline" if base else f"{signed(row['difference'])} ({away})" if away else UNKNOWN,
        "" if base else p_value(row["p_adjusted"]),
        percent(row["probability_best"]),
        _said(row),
    ]


def _said(row: dict[str, Any]) -> str:
    """The verdict, and of an open one what it takes."""
    verdict = row["verdict"]
    if verdict is None:
        return ""
    word = f"{_SIGNS[verdict]} {verdict}"
    if not isfinite(row["more_items"]):
        return word
    price = f", {money(row['more_cost_usd'])}" if isfinite(row["more_cost_usd"]) else ""
    return f"{word}: about {roughly(row['more_items'])} more items{price}"


def _head(confidence: float) -> list[str]:
    return ["variant", "items", "mean", f"{100 * confidence:.4g}% interval", "difference", "p", "is best", "verdict"]


def _table(metric: _Metric, title: str, confidence: float) -> str:
    bars = scale(metric.rows)
    head = _head(confidence)
    head.insert(4, "")
    columns = "".join(f'<th scope="col" {_ON_ONE_LINE}>{escape(name)}</th>' for name in head)
    body = "".join(_row(metric, row, bar) for row, bar in zip(metric.rows, bars, strict=True))
    direction = "higher" if metric.higher_is_better else "lower"
    told = f"{title} · {metric.name}" if title else metric.name
    caption = f'<caption {_LEFT}>{escape(told)} <span style="{_MUTED}">({direction} is better)</span></caption>'
    return f"<table>{caption}<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>"


def _row(metric: _Metric, row: dict[str, Any], bar: Bar | None) -> str:
    name, items, *numbers, _ = (escape(cell) for cell in _cells(metric, row))
    cells = [f"<td {_LEFT}>{cell}</td>" for cell in (name, items)]
    cells += [f"<td {_ON_ONE_LINE}>{cell}</td>" for cell in numbers]
    weight = ";font-weight:600" if row["verdict"] in ("better", "worse") else ""
    colour = _COLOURS.get(row["verdict"], "inherit")
    cells.append(f'<td style="text-align:left;color:{colour}{weight}"{_tip(row)}>{escape(_said(row))}</td>')
    cells.insert(4, f"<td {_LEFT}>{bar_html(bar, colour)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _tip(row: dict[str, Any]) -> str:
    facts = [row["note"], f"test: {row['test']}" if row["test"] else "", f"intervals: {row['method']}"]
    if row["effect"] and isfinite(row["effect_size"]):
        facts.append(f"{row['effect']} {row['effect_size']:+.2f}")
    return f' title="{escape("; ".join(fact for fact in facts if fact))}"'


def _lines(metric: _Metric, confidence: float) -> list[str]:
    """The table as text, with the bars drawn in characters."""
    head = _head(confidence)
    rows = [_cells(metric, row) for row in metric.rows]
    for cells, bar in zip([head, *rows], [None, *scale(metric.rows)], strict=True):
        cells.insert(4, bar_text(bar) if cells is not head else "")
    shown = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[at]) for row in shown) for at in range(len(head))]
    direction = "higher" if metric.higher_is_better else "lower"
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    return [printable(f"{metric.name} ({direction} is better)"), *lines]
