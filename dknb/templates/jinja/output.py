"""Filters that write data down for a model to read: as JSON, and between tags that it cannot close."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ...errors import TemplateError
from .undefined import Placeholder, why

__all__ = ["as_json", "fenced"]

_TAG_NAME = re.compile(r"[A-Za-z_][\w.:-]*")


def as_json(value: Any, indent: int | str | None = None) -> str:
    """``{{ value|tojson }}``: keys in their order, every character as itself.

    Raises:
        TemplateError: JSON cannot hold the value; a date has to be written as text first.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=_plain)
    except TemplateError:
        raise
    except (TypeError, ValueError) as error:
        raise TemplateError(
            f"filter 'tojson' cannot write this value: {error}",
            hint="JSON holds texts, finite numbers, true, false, null, lists, and dicts with texts as keys.",
        ) from error


def _plain(value: Any) -> Any:
    """What stands for a value that JSON does not know, where nothing of it is lost."""
    if isinstance(value, Placeholder):
        raise TemplateError(f"filter 'tojson' got {why(value)}", hint="Give it a value, or take |default(...).")
    if isinstance(value, Mapping):
        return dict(value)
    if type(value).__module__ == "numpy" and isinstance(plain := value.tolist(), bool | int | float | str | list):
        return plain
    raise TypeError(f"a {type(value).__name__} is no JSON")


def fenced(text: object, *tags: str) -> str:
    """``{{ text|fenced("passage", "question") }}``: text to stand between such tags, which cannot open or close one.

    The ``<`` before each of these names becomes ``&lt;``; all else stays. In the value of an attribute take ``|e``.

    Raises:
        TemplateError: No tag is named, or what is no name.
    """
    for each in tags or ("",):
        if not _TAG_NAME.fullmatch(str(each)):
            raise TemplateError(
                f"filter 'fenced' takes names of tags, not {each!r}", hint="{{ text|fenced('passage') }}"
            )
    names = "|".join(map(re.escape, tags))
    return re.sub(rf"<(?=\s*+/?\s*+(?:{names})(?![\w.:-]))", "&lt;", str(text), flags=re.IGNORECASE)
