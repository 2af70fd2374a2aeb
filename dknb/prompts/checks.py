"""What a key of prompt data may hold: checks that read a value, or say what is wrong with it and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

from ..errors import did_you_mean

__all__ = [
    "Check",
    "FieldError",
    "Path",
    "count",
    "list_of",
    "mapping",
    "mapping_of",
    "number",
    "one_of",
    "record",
    "seconds",
    "sentence",
    "text",
    "truth",
    "unknown_key",
    "untextual_key",
    "wanted",
]

Path = tuple[str | int, ...]
Check = Callable[[object, Path], object]

# What people like to say about a prompt; none of it is a misspelt key.
_FACTS = {"author", "description", "name", "tags", "title", "version"}


@dataclass(eq=False)
class FieldError(Exception):
    """A piece of prompt data that is not what its key wants.

    Attributes:
        message: What is wrong.
        path: Keys and indexes that lead to it.
        hint: What to write instead.
        at_key: The key itself is wrong, not its value.
    """

    message: str
    path: Path
    hint: str | None = None
    at_key: bool = False

    def __str__(self) -> str:
        return self.message


def _shown(value: object) -> str:
    names = {"NoneType": "nothing", "dict": "a mapping", "list": "a list", "bool": "yes or no", "str": "text"}
    kind = type(value).__name__
    return names.get(kind, f"{kind} {value!r}"[:80])


def wanted(path: Path, what: str, value: object, hint: str | None = None) -> FieldError:
    """The error of a value that is not ``what`` its key wants."""
    where = ".".join(str(step) for step in path) or "it"
    return FieldError(f"{where} must be {what}, not {_shown(value)}.", path, hint)


def text(value: object, at: Path) -> str:
    """Text as it is."""
    if isinstance(value, str):
        return value
    raise wanted(at, "text", value, 'Put it in quotes: "..."' if isinstance(value, int | float) else None)


def count(value: object, at: Path) -> int:
    """A whole number from 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise wanted(at, "a whole number from 1", value)


def seconds(value: object, at: Path) -> float:
    """A time above zero."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
        return float(value)
    raise wanted(at, "a number of seconds above 0", value)


def sentence(noun: str) -> str:
    """The noun as a sentence begins with it."""
    return noun[:1].upper() + noun[1:]


def untextual_key(key: object, at: Path) -> FieldError:
    """The error of a key that is no text."""
    hint = "Put it in quotes; YAML reads yes, no, on and off as truth values."
    return FieldError(f"The key {key!r} is not text.", (*at, cast(str, key)), hint, at_key=True)


def unknown_key(key: str, at: Path, noun: str, known: Iterable[str], hint: str = "") -> FieldError:
    """The error of a key that ``noun`` does not have; the nearest right one is in its message."""
    keys = [name for name in known if name != "$schema"]
    near = "" if key in _FACTS else did_you_mean(key, keys)
    said = f"The keys of {noun}: {', '.join(keys)}. {hint}".rstrip()
    return FieldError(f"{sentence(noun)} has no key {key!r}.{near}", (*at, key), said, at_key=True)


def mapping(value: object, at: Path) -> dict[str, object]:
    """A mapping whose keys are text."""
    if not isinstance(value, Mapping):
        raise wanted(at, "a mapping of names to values", value)
    for key in value:
        if not isinstance(key, str):
            raise untextual_key(key, at)
    return dict(value)


def mapping_of(check: Check) -> Check:
    """A mapping whose values pass ``check``."""
    return lambda value, at: {key: check(item, (*at, key)) for key, item in mapping(value, at).items()}


def list_of(check: Check) -> Check:
    """A list whose items pass ``check``."""

    def checked(value: object, at: Path) -> list[object]:
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence | set | frozenset):
            raise wanted(at, "a list", value, "Write it as [a, b].")
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [check(item, (*at, index)) for index, item in enumerate(items)]

    return checked


def record(noun: str, fields: Mapping[str, Check], *, required: Sequence[str] = (), hint: str = "") -> Check:
    """A mapping with these keys and no others."""
    known = f"The keys of {noun}: {', '.join(key for key in fields if key != '$schema')}. {hint}".rstrip()

    def checked(value: object, at: Path) -> dict[str, object]:
        given = mapping(value, at)
        for key in given:
            if key not in fields:
                raise unknown_key(key, at, noun, fields, hint)
        for key in required:
            if key not in given:
                raise FieldError(f"{sentence(noun)} needs the key {key!r}.", at, known)
        return {key: fields[key](item, (*at, key)) for key, item in given.items()}

    return checked


def one_of(value: object, at: Path, choices: type[Enum]) -> Enum:
    """A member of an enum, or its value in any case."""
    if isinstance(value, choices):
        return value
    names = [str(choice.value) for choice in choices]
    if isinstance(value, str) and value.lower() in names:
        return choices(value.lower())
    near = did_you_mean(value, names) if isinstance(value, str) else ""
    raise FieldError(f"{'.'.join(map(str, at))} cannot be {value!r}.{near}", at, f"It is one of: {', '.join(names)}.")


def truth(value: object, at: Path) -> bool:
    """Yes or no."""
    if isinstance(value, bool):
        return value
    raise wanted(at, "true or false", value)


def number(value: object, at: Path) -> float:
    """A number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise wanted(at, "a number", value)
