"""How two prompts differ: by key, in each by line, in a line by word; what a template has in braces is one word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, cast

from ...conversations.diff import WordRun, diff_words
from ..views.prompt_source import Difference
from .source import as_yaml

if TYPE_CHECKING:
    from ...prompts.types import PromptTemplateDict

__all__ = ["difference"]

#: Variables, tags, comments and the brackets of optional parts are words; linear in the text.
_WORDS = re.compile(r"\{\{[^{}]*\}\}|\{%[^{}]*%\}|\{#[^{}]*#\}|\(\(|\)\)|\s+|\w+|[^\w\s]")


def difference(left: PromptTemplateDict, right: PromptTemplateDict) -> list[Difference]:
    """The keys in which two prompts differ, the template first, each with the words that do.

    The number of a version is no difference where one of the two has none: it was given when that one was kept.
    """
    if _version(left) is None or _version(right) is None:
        left, right = _unnumbered(left), _unnumbered(right)
    keys = dict.fromkeys(["template", *left, *right])
    texts = [(key, _key_text(left, key), _key_text(right, key)) for key in keys]
    return [Difference(key, _runs(old, new)) for key, old, new in texts if old != new]


def _version(prompt: PromptTemplateDict) -> Any:
    return prompt.get("metadata", {}).get("version")


def _unnumbered(prompt: PromptTemplateDict) -> PromptTemplateDict:
    metadata = {key: value for key, value in prompt.get("metadata", {}).items() if key != "version"}
    rest = {key: value for key, value in prompt.items() if key != "metadata"}
    return cast("PromptTemplateDict", {**rest, **({"metadata": metadata} if metadata else {})})


def _key_text(prompt: PromptTemplateDict, key: str) -> str:
    value = cast("Mapping[str, Any]", prompt).get(key)
    if value is None or isinstance(value, str):
        return value or ""
    return as_yaml({key: value})


def _runs(left: str, right: str) -> list[WordRun]:
    """The stretches of two texts in order: lines that both have, and between them what changed, by word."""
    a, b = left.splitlines(keepends=True), right.splitlines(keepends=True)
    runs: list[WordRun] = []
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        old, new = "".join(a[a0:a1]), "".join(b[b0:b1])
        runs += [WordRun("both", old)] if tag == "equal" else diff_words(old, new, words=_WORDS)
    return runs
