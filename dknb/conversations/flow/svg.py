"""A flow as an SVG picture, made of nothing but its states and ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .result import FlowStep
from .ways import Map, Way, map_of, shown_name, shown_times

if TYPE_CHECKING:
    from .definition import ConversationFlow

__all__ = ["svg_of"]

#: Sizes in pixels: of a box, between boxes, around all, of a letter; how far a bow reaches out at least, and for each row.
_WIDE, _HIGH, _GAP, _EDGE, _LETTER, _REACH, _FURTHER = 190, 40, 44, 20, 6.2, 26, 20
#: Of this picture alone: a style in an inline picture is the whole page's.
_STYLE = "".join(
    f".dknb-flow {rule}"
    for rule in (
        "text{font:13px sans-serif;fill:#111827}",
        ".way{fill:none;stroke:#858d9b;stroke-width:1.5}",
        ".way.taken{stroke:#3b82f6;stroke-width:3}",
        ".box{fill:#e5e7eb;stroke:#858d9b}",
        ".box.taken{fill:#dbeafe;stroke:#3b82f6;stroke-width:2}",
        ".box.last{fill:#bfdbfe;stroke:#3b82f6;stroke-width:4}",
        ".name{text-anchor:middle}",
        ".label{font-size:11px;fill:#374151;paint-order:stroke;stroke:#f3f4f6;stroke-width:5px;stroke-linejoin:round}",
    )
)


class _Frame(NamedTuple):
    """Where everything lies: the middle of the boxes, and the row of each state."""

    middle: float
    rows: Mapping[int, int]

    def height(self, number: int) -> float:
        """The middle of a state's box."""
        return _EDGE + _HIGH / 2 + self.rows[number] * (_HIGH + _GAP)


def svg_of(flow: ConversationFlow, steps: Sequence[FlowStep] = (), here: str | None = None) -> str:
    """The flow as SVG; the way that ``steps`` took is marked, with how often it was gone, and the state where a run is.

    States lie below each other, nearest to the first first; ways to the next lie between them, ways further down bow out
    on the right, ways back on the left. Names are text: whatever they hold is shown, and does nothing. There is no
    background: what is written stands on a ground of its own, and lines can be seen on a light page and on a dark one.
    """
    drawn = map_of(flow, steps, here)
    rows = _rows(drawn)
    left = max([_space(way, rows) for way in drawn.ways if rows[way.goal] <= rows[way.start]], default=0)
    right = max([_space(way, rows) for way in drawn.ways if rows[way.goal] > rows[way.start]], default=0)
    frame = _Frame(_EDGE + left + _WIDE / 2, rows)
    wide, high = 2 * _EDGE + left + _WIDE + right, 2 * _EDGE + len(rows) * (_HIGH + _GAP) - _GAP
    ways = [_way(way, frame) for way in drawn.ways]
    # Labels come last: no way crosses one out.
    body = "".join([*(path for path, _ in ways), *_boxes(drawn, frame), *(label for _, label in ways)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" '
        f'viewBox="0 0 {wide:.0f} {high:.0f}" role="img" class="dknb-flow"><title>{escape(shown_name(flow.name))}</title>'
        f"<style>{_STYLE}</style>"
        '<defs><marker id="dknb-arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0 10 5 0 10z" fill="#858d9b"/></marker></defs>'
        f"{body}</svg>"
    )


def _rows(drawn: Map) -> dict[int, int]:
    """The row of each state: by its distance from the first, those that are not reached last."""
    order = dict.fromkeys([drawn.first])
    for number in (waiting := [drawn.first]):
        for way in drawn.ways:
            if way.start == number and way.goal not in order:
                order[way.goal] = None
                waiting.append(way.goal)
    order |= dict.fromkeys(range(len(drawn.names)))
    return {number: row for row, number in enumerate(order)}


def _space(way: Way, rows: Mapping[int, int]) -> float:
    """How much a way needs beside the boxes, its label included."""
    away = rows[way.goal] - rows[way.start]
    letters = len(_label(way)) * _LETTER + 6
    return max(0.0, letters - _WIDE / 2) if away == 1 else _reach(away) + letters


def _reach(away: int) -> float:
    return _REACH + _FURTHER * abs(away)


def _boxes(drawn: Map, frame: _Frame) -> Iterator[str]:
    x = frame.middle
    for number, (name, times) in enumerate(zip(drawn.names, drawn.visits, strict=True)):
        y = frame.height(number)
        kind = "box" + (" last" if number == drawn.last else " taken" if times else "")
        round_by = _HIGH / 2 if number in drawn.ends else 6
        shown = name + shown_times(times)
        squeeze = f' textLength="{_WIDE - 16}" lengthAdjust="spacingAndGlyphs"' if len(shown) > _WIDE / 8 else ""
        yield (
            f'<rect class="{kind}" x="{x - _WIDE / 2:.0f}" y="{y - _HIGH / 2:.0f}" width="{_WIDE}" height="{_HIGH}" '
            f'rx="{round_by:.0f}"/><text class="name" x="{x:.0f}" y="{y + 4:.0f}"{squeeze}>{escape(shown)}</text>'
        )


def _way(way: Way, frame: _Frame) -> tuple[str, str]:
    """A way and its label."""
    start, goal = frame.height(way.start), frame.height(way.goal)
    away = frame.rows[way.goal] - frame.rows[way.start]
    if away == 1:
        top, bottom = start + _HIGH / 2, goal - _HIGH / 2
        path = f"M{frame.middle:.0f} {top:.0f}V{bottom:.0f}"
        x, y, anchor = frame.middle + 6, (top + bottom) / 2 + 4, "start"
    else:
        side = 1 if away > 0 else -1
        edge, reach = frame.middle + side * _WIDE / 2, side * _reach(away)
        leaves, arrives = start + 8, goal - 8
        bend = edge + reach * 4 / 3  # the curve itself reaches three quarters of the way to it
        path = f"M{edge:.0f} {leaves:.0f}C{bend:.0f} {leaves:.0f} {bend:.0f} {arrives:.0f} {edge:.0f} {arrives:.0f}"
        x, y, anchor = edge + reach + side * 4, (leaves + arrives) / 2 + 4, "start" if side > 0 else "end"
    kind = "way taken" if way.taken else "way"
    return (
        f'<path class="{kind}" d="{path}" marker-end="url(#dknb-arrow)"/>',
        f'<text class="label" text-anchor="{anchor}" x="{x:.0f}" y="{y:.0f}">{escape(_label(way))}</text>',
    )


def _label(way: Way) -> str:
    return " / ".join(way.names)[:60] + shown_times(way.taken)
