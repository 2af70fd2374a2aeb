"""What callers give, looked at before anything is done with it: metadata, texts, labels, numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

from ..errors import ConfigError
from .node import MARK

__all__ = ["given_count", "given_labels", "given_metadata", "given_text", "message_metadata", "plain_data"]

#: Deepest nesting of metadata that a caller gives.
DEEPEST = 100

#: What is kept as its text.
_AS_TEXT = (datetime, date, time, Decimal, PurePath, UUID)


def given_metadata(metadata: Mapping[str, Any] | None, what: str = "metadata") -> dict[str, Any]:
    """What a caller gives as metadata, as it will be read back.

    Tuples become lists; dates, paths, decimals and UUIDs their text; numbers of numpy numbers of Python.

    Raises:
        ConfigError: It is no mapping, or something in it is no JSON data; the message names the key.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise ConfigError(f"The {what} are a dict, not {metadata!r:.60}.", hint='metadata={"topic": "essays"}')
    return {_key(key, what): _checked(value, f"{what}[{key!r}]", 0) for key, value in metadata.items()}


def message_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """`given_metadata` for a message.

    Raises:
        ConfigError: It is none, or would make a summary of the message.
    """
    given = given_metadata(metadata, "metadata of a message")
    if MARK in given:
        raise ConfigError(
            f"The metadata {MARK!r} are those of summaries, which only the strategy 'summarise' makes.",
            hint="Take another name for it.",
        )
    return given


def given_text(text: object, what: str) -> str:
    """``text``, if it is one.

    Raises:
        ConfigError: It is something else.
    """
    if isinstance(text, str):
        return text
    raise ConfigError(f"{what} is a text, not {text!r:.60}.")


def given_count(number: object, what: str) -> int:
    """``number``, if it is a whole number above 0.

    Raises:
        ConfigError: It is something else.
    """
    if isinstance(number, int) and not isinstance(number, bool) and number > 0:
        return number
    raise ConfigError(f"{what} is a whole number above 0, not {number!r:.60}.")


def given_labels(labels: object) -> list[str]:
    """``labels`` as a list.

    Raises:
        ConfigError: They are no names, or one name that is in no list.
    """
    if isinstance(labels, Iterable) and not isinstance(labels, str | bytes):
        listed = list(labels)
        if all(isinstance(label, str) for label in listed):
            return listed
    raise ConfigError(f"The labels are a list of names, not {labels!r:.60}.", hint='labels=["good"]')


def _checked(value: Any, where: str, depth: int) -> Any:
    if value is None or type(value) in (str, int, bool):
        return value
    if depth > DEEPEST:
        raise ConfigError(f"{where:.80} is nested too deeply, or contains itself.", hint="Keep less with it.")
    if isinstance(value, Mapping):
        return {_key(key, where): _checked(each, f"{where}[{key!r}]", depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(each, f"{where}[{number}]", depth + 1) for number, each in enumerate(value)]
    return _single(value, where)


def _single(value: Any, where: str) -> Any:
    if isinstance(value, _AS_TEXT):
        return str(value)
    plain = _python_value(value)
    if isinstance(plain, float) and not math.isfinite(plain):
        raise ConfigError(f"{where} is {plain!r}, which JSON does not know.", hint="Give None, or a text.")
    if not isinstance(plain, str | int | float):
        raise ConfigError(
            f"{where} is no JSON data: {value!r:.60}.", hint="Use dicts with text keys, lists, text and numbers."
        )
    if isinstance(plain, str):
        return str.__str__(plain)  # of an enumeration, too, what JSON makes of it
    return next(kind(plain) for kind in (bool, int, float) if isinstance(plain, kind))


def _python_value(value: Any) -> Any:
    """The number of Python that a number of numpy is; other values as they are."""
    if type(value).__module__.split(".")[0] == "numpy" and getattr(value, "shape", None) == ():
        return value.item()
    return value


def _key(key: Any, where: str) -> str:
    if isinstance(key, str):
        return key
    raise ConfigError(f"The key {key!r:.60} in {where} is no text.", hint="Keys of JSON data are texts.")


def plain_data(value: Any) -> Any:
    """What came with an answer, as it will be read back: nothing is refused, for it is paid for.

    What is no JSON data is kept as its text.
    """
    if value is None or type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value)):
        return value
    try:
        if isinstance(value, Mapping):
            return {str(key): plain_data(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [plain_data(each) for each in value]
        return _single(value, "it")
    except (ConfigError, RecursionError):
        return repr(value) if isinstance(value, float) else f"{value!s:.10000}"
