"""What a prompt loses when another is saved in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .source import required_of

if TYPE_CHECKING:
    from ...prompts.types import PromptTemplateDict, PromptType

__all__ = ["losses", "tests_of"]

#: Keys that are told by the names in them, and those that the one who saves has just written.
_BY_NAME = {"parameters", "defaults", "validation", "metadata"}
_WRITTEN = {"template", "template_mode"}


def losses(before: PromptTemplateDict, after: PromptTemplateDict) -> str:
    """What ``before`` says beside its text and ``after`` does not, both with the keys of their bases; "" for nothing."""
    old, new = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
    parameters = _gone(old, new, "parameters")
    lost = {
        "types of": parameters,
        "defaults of": _gone(old, new, "defaults"),
        "the demand for": sorted(required_of(before) - required_of(after)),
        "metadata": _gone(old, new, "metadata"),
        "keys": [key for key, value in old.items() if value and key not in {*new, *_BY_NAME, *_WRITTEN}],
    }
    return "; ".join(f"{what} {', '.join(names)}" for what, names in lost.items() if names)


def _gone(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> list[str]:
    """The names below a key that the new prompt does not have."""
    return [name for name in old.get(key) or () if name not in (new.get(key) or ())]


def tests_of(folder: Path, name: str, kind: PromptType) -> int:
    """How many tests of the prompt lie beside the library."""
    from ...prompts.testing.cases import file_of_tests, read_well_formed

    path = file_of_tests(folder)
    return sum((each.prompt, each.kind) == (name, kind) for each in read_well_formed(path)[0]) if path.is_file() else 0
