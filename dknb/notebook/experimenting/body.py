"""The body of ``%%experiment``: short YAML, read with the line of what is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ...errors import MagicError, PromptFileError, did_you_mean
from ...prompts._yaml import KeyPlaces, load

__all__ = ["KEYS", "LineOf", "cell_error", "read_body"]


class LineOf(Protocol):
    """Where in a cell the value stands that keys and numbers lead to."""

    def __call__(self, *path: str | int) -> int | None:
        """Its line, counted from the magic's own; None where that cannot be told."""


def _anything(value: Any) -> bool:
    return value is not None


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


#: The keys of a body, whether a value can be one, and what to write.
KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "prompts": (_anything, "names of prompts: [critique@1.0, critique@1.1]"),
    "models": (_anything, "models: [openai/gpt-5.4-mini, echo]"),
    "data": (_text, "the name of a variable, or the path of a CSV or JSONL file"),
    "item": (_text, "the column with the items' labels"),
    "params": (_mapping, "columns by parameters: {text: body}"),
    "values": (_mapping, "values of parameters that are the same for all: {tone: kind}"),
    "system": (_text, "the name of a prompt, or a template's text"),
    "repeats": (_whole, "a whole number"),
    "scorers": (_anything, "scorers: [exact, {numeric: {tolerance: 0.01}}, my_function]"),
    "baseline": (_text, "the label of a variant"),
    "metric": (_text, "the name of a metric"),
    "stop": (_text, "decided"),
    "margin": (_number, "the largest difference that does not matter"),
    "confidence": (_number, "of the verdicts that it stops on: 0.95"),
    "budget": (_number, "US dollars"),
    "seed": (_whole, "a whole number"),
    "max_concurrency": (_whole, "a whole number"),
    "parse": (_text, "json, code, list, sections, or the name of a function"),
    "response_format": (_anything, "json, a JSON Schema, or the name of a variable"),
    "settings": (_mapping, "settings of the models: {temperature: 0}"),
}


def read_body(body: str) -> tuple[dict[str, Any], LineOf]:
    """The keys of a cell's body, and the line of the cell that each stands on.

    Raises:
        MagicError: It is no YAML, has a key that is not known, or a value that cannot be one; the message has the line.
    """
    try:
        data = load(f"\n{body}", "%%experiment")  # the magic's own line is the first
    except PromptFileError as error:
        line = None if error.line is None else min(error.line, len(body.splitlines()) + 1)
        raise cell_error(error.message, line, hint=error.hint) from error
    if data is None:
        raise MagicError("%%experiment: the cell is empty.", hint="Write below the line  prompts:, models:, data:, ...")
    if not isinstance(data, dict):
        raise MagicError(
            "%%experiment: the cell is no list of  key: value.", hint="prompts: [critique@1.0, critique@1.1]"
        )
    places = KeyPlaces(body)

    def line_of(*path: str | int) -> int | None:
        place = places.find(path)
        return None if place is None else place[0] + 1  # the magic's own line is the first

    for key, value in data.items():
        _check(str(key), value, line_of)
    return {str(key): value for key, value in data.items()}, line_of


def _check(key: str, value: Any, line_of: LineOf) -> None:
    if key not in KEYS:
        raise cell_error(
            f"there is no key {key!r}.{did_you_mean(key, KEYS)}", line_of(key), hint=f"Keys: {', '.join(KEYS)}"
        )
    fits, wanted = KEYS[key]
    if not fits(value):
        raise cell_error(f"{key} is {value!r:.60}.", line_of(key), hint=f"Write {wanted}")


def cell_error(what: str, line: int | None, *, hint: str | None = None) -> MagicError:
    """The error for a line of a cell, counted from the magic's own."""
    where = "" if line is None else f" line {line}:"
    return MagicError(f"%%experiment:{where} {what}", hint=hint)
