"""How deep a YAML text is nested, told before anything that recurses reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import yaml

__all__ = ["abyss"]

# What can begin a level, and how many levels the C stack bears in any case.
_OPENINGS = ("[", "{", "- ", "-\t", "? ")
_SAFE_DEPTH = 500
_DEEP_INDENT = re.compile(f"^ {{{_SAFE_DEPTH // 4}}}", re.MULTILINE)


def abyss(text: str, most: int) -> yaml.Mark | None:
    """Where a text goes deeper than ``most`` levels; PyYAML's C loader recurses, and would end the process there.

    A text that is not YAML, or not deep enough for harm, has no such place.
    """
    if sum(map(text.count, _OPENINGS)) < _SAFE_DEPTH and not _DEEP_INDENT.search(text):
        return None
    import yaml

    depth = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > most:
                return cast("yaml.Mark", event.start_mark)
    except (yaml.YAMLError, UnicodeError):
        return None  # the loader meets the same, and says it
    return None
