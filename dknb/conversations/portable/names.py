"""What the conversations of a file are called in a store."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import StorageError
from ..branches import LONGEST_NAME

__all__ = ["TalkPlace", "numbered", "taken", "usable_name"]

#: Kinds of characters that no name may hold: controls, halves of surrogate pairs, ends of lines and paragraphs.
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")


@dataclass(frozen=True, slots=True)
class TalkPlace:
    """Where a conversation of a file belongs in a store.

    Attributes:
        name: What it is called there.
        is_new: Whether it is not there yet.
        differs: What of the one that is there, and says the same, is otherwise than in the file.
    """

    name: str
    is_new: bool
    differs: str = ""


def numbered(name: str) -> Iterator[str]:
    """``name (2)``, ``name (3)`` and so on, each short enough for a name."""
    number = 2
    while True:
        suffix = f" ({number})"
        yield name[: LONGEST_NAME - len(suffix)] + suffix
        number += 1


def usable_name(name: str, *, blank: str = "conversation", most: int = LONGEST_NAME) -> str:
    """``name``, if a conversation may be called so; otherwise one made of it, always the same for the same ``name``.

    Args:
        name: What something is called elsewhere.
        blank: What the new name begins with if nothing of ``name`` can be read.
        most: How long it may be.
    """
    clean = "".join("_" if unicodedata.category(each) in _CONTROLS else each for each in name)
    if clean == name and name.strip() and len(name) <= most:
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{(clean.strip() or blank)[: most - 9].strip()}-{mark}"


def taken(name: str, *, is_reserved: bool = False) -> StorageError:
    """The error for a conversation whose name another one has in the store, or the store keeps for itself."""
    return StorageError(
        f"The store keeps the name {name!r} for itself."
        if is_reserved
        else f"The store has another conversation {name!r}.",
        hint="Nothing was imported. Give the one of the file a new name (rename=True; on the command line --rename), or "
        "delete the other.",
    )
