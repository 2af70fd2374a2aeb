"""Which placeholder stands for what in one conversation, and how values are put back where placeholders stand."""

from __future__ import annotations

import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable

__all__ = ["PlaceholderFilter", "Placeholders"]

#: Characters of texts that are kept with what was made of them: beyond, the oldest go, and are gone through again.
_KEPT = 64_000_000


class Placeholders:
    """The placeholders of one conversation, and the texts that have been gone through.

    Attributes:
        name: No other table's.
        values: What the placeholders stand for.
        counts: How many of each kind there are.
    """

    def __init__(self, kinds: Iterable[str]) -> None:
        self.name = uuid.uuid4().hex
        self.values: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self._kinds = tuple(kinds)
        self._shape = re.compile(rf"\[(?:{'|'.join(self._kinds)})_[0-9]+\]")
        self._known: dict[tuple[str, str], str] = {}
        self._texts: dict[tuple[str, str], str] = {}
        self._characters = 0
        self._lock = threading.Lock()

    def placeholder(self, kind: str, value: str) -> str:
        """What stands for a value of that kind, the same each time."""
        with self._lock:
            known = self._known.get((kind, value))
            if known is None:
                self.counts[kind] += 1
                known = f"[{kind}_{self.counts[kind]}]"
                self._known[kind, value] = known
                self.values[known] = value
            return known

    def put_back(self, text: str) -> str:
        """``text`` with the values in the place of their placeholders."""
        return self._shape.sub(lambda found: self.values.get(found[0], found[0]), text) if self.values else text

    def kept(self, way: str, text: str, make: Callable[[str], str]) -> str:
        """``make(text)``, which is done once for each text, as long as there is room, and ``way`` of making it."""
        made = self._texts.get((way, text))
        if made is None:
            made = make(text)
            self._keep((way, text), made)
        return made

    def _keep(self, key: tuple[str, str], made: str) -> None:
        with self._lock:
            if key in self._texts:
                return
            self._texts[key] = made
            self._characters += len(key[1]) + len(made)
            while self._characters > _KEPT:
                oldest = next(iter(self._texts))
                self._characters -= len(oldest[1]) + len(self._texts.pop(oldest))

    def open_at(self, text: str) -> int:
        """Where a placeholder begins that the end of ``text`` may be the beginning of; its end if none does."""
        start = text.rfind("[")
        return start if start >= 0 and any(self._may_begin(text[start:], kind) for kind in self._kinds) else len(text)

    def _may_begin(self, tail: str, kind: str) -> bool:
        if not self.counts[kind]:
            return False
        before = f"[{kind}_"
        number = tail[len(before) :]
        if not number:
            return before.startswith(tail)
        plain = tail.startswith(before) and number.isascii() and number.isdecimal() and number[0] != "0"
        return plain and len(number) < 20 and int(number) <= self.counts[kind]


class PlaceholderFilter:
    """Puts values back into a text that arrives in pieces: what comes out, joined, is what `Placeholders.put_back` makes.

    What may be the beginning of a placeholder is held back until it is known; nothing else is.
    """

    def __init__(self, table: Placeholders) -> None:
        self._table = table
        self._held = ""

    def feed(self, text: str) -> str:
        """What is settled by now."""
        whole = self._held + text
        settled = self._table.open_at(whole)
        self._held = whole[settled:]
        return self._table.put_back(whole[:settled])

    def finish(self) -> str:
        """The rest, which is no placeholder."""
        rest, self._held = self._held, ""
        return rest
