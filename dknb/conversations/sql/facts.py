"""What the index of words has of a message beside its words, as words of its own: letters and digits.

Times are there in steps, from the decade down to the second, so that any span of time is some tens of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from ..node import with_zone
from ..search import Query

__all__ = ["SERVER_FACTS", "sqlite_facts", "wanted_facts"]

# The steps of a time: a letter, and how many digits of the time in ISO 8601 (with what parts them) belong to it.
# Between the usual ones are decades, and tens of minutes and of seconds: each step has few of the next.
_STEPS = (("e", 3), ("y", 4), ("m", 7), ("d", 10), ("h", 13), ("k", 15), ("n", 16), ("q", 18), ("s", 19))

# How many digits each step adds, and between which numbers these are.
_DIGITS = (3, 1, 2, 2, 2, 1, 1, 1, 1)
_LOWEST = (197, 0, 1, 1, 0, 0, 0, 0, 0)
_HIGHEST = (209, 9, 12, 31, 23, 5, 9, 5, 9)

#: Years that are told apart; a message of any other is one of whenever.
_YEARS = range(1970, 2100)

_WHENEVER = "t0"


def sqlite_facts(node: str) -> str:
    """The facts of a row of ``nodes``, called ``node`` there, in SQLite's SQL."""
    at = f"{node}.created_at"
    digits = f"replace(replace(replace(substr({at}, 1, {{}}), '-', ''), ':', ''), 'T', '')"
    times = " || ' ' || ".join(f"'{letter}' || {digits.format(length)}" for letter, length in _STEPS)
    of_node = f"labels.conversation_id = {node}.conversation_id AND labels.seq = {node}.seq"
    year = f"CAST(substr({at}, 1, 4) AS INTEGER) BETWEEN {_YEARS[0]} AND {_YEARS[-1]}"
    return (
        f"'r' || lower(hex({node}.role)) || CASE {node}.hidden WHEN 0 THEN ' x0 ' ELSE ' x1 ' END"
        f" || CASE WHEN {year} THEN {times} ELSE '{_WHENEVER}' END"
        f" || coalesce((SELECT group_concat(' l' || lower(hex(labels.name)), '') FROM labels WHERE {of_node}), '')"
    )


def _server() -> str:
    """An array of lexemes, each with "=" before it."""
    digits = "regexp_replace(substr(nodes.created_at, 1, {}), '[^0-9]', '', 'g')"
    times = ", ".join(f"'={letter}' || {digits.format(length)}" for letter, length in _STEPS)
    label = "'=l' || encode(convert_to(labels.name, 'UTF8'), 'hex')"
    of_node = "labels.conversation_id = nodes.conversation_id AND labels.seq = nodes.seq"
    return (
        "ARRAY['=r' || encode(convert_to(nodes.role, 'UTF8'), 'hex'),"
        " CASE nodes.hidden WHEN 0 THEN '=x0' ELSE '=x1' END]"
        f" || CASE WHEN left(nodes.created_at, 4) BETWEEN '{_YEARS[0]}' AND '{_YEARS[-1]}'"
        f" THEN ARRAY[{times}] ELSE ARRAY['={_WHENEVER}'] END"
        f" || ARRAY(SELECT {label} FROM labels WHERE {of_node})"
    )


#: The facts of a row of ``nodes`` in PostgreSQL's SQL.
SERVER_FACTS = _server()


def wanted_facts(query: Query) -> Iterator[list[str]]:
    """What a message that fulfils the conditions of ``query`` has: of each list at least one. It may not fulfil them all."""
    if not query.deleted:
        yield ["x0"]
    if query.role is not None:
        yield [f"r{_hex(query.role)}"]
    for label in query.labels:
        yield [f"l{_hex(label)}"]
    if query.since is not None or query.before is not None:
        yield [*_span(_utc(query.since), _utc(query.before)), _WHENEVER]


def _hex(text: str) -> str:
    return text.encode("utf-8", "replace").hex()


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    try:
        return with_zone(at).astimezone(timezone.utc)
    except OverflowError:  # at the end of all time, in another zone
        return with_zone(at).replace(tzinfo=timezone.utc)


def _span(since: datetime | None, before: datetime | None) -> list[str]:
    """Steps that together hold all times from ``since`` to ``before``."""
    first = _LOWEST if since is None else _parts(since)
    last = _HIGHEST if before is None else _parts(before)
    return list(_between(first, last, "", 0)) if first <= last else []


def _parts(at: datetime) -> tuple[int, ...]:
    return (*divmod(at.year, 10), at.month, at.day, at.hour, *divmod(at.minute, 10), *divmod(at.second, 10))


def _between(first: tuple[int, ...] | None, last: tuple[int, ...] | None, above: str, step: int) -> Iterator[str]:
    """The steps below ``above`` from ``first`` to ``last``; None where all of that side are meant."""
    low = _LOWEST[step] if first is None else max(first[step], _LOWEST[step])
    high = _HIGHEST[step] if last is None else min(last[step], _HIGHEST[step])
    for number in range(low, high + 1):
        here = f"{above}{number:0{_DIGITS[step]}}"
        deeper = step + 1 < len(_STEPS)
        part_first = first if deeper and first is not None and number == first[step] else None
        part_last = last if deeper and last is not None and number == last[step] else None
        if part_first is None and part_last is None:
            yield _STEPS[step][0] + here
        else:
            yield from _between(part_first, part_last, here, step + 1)
