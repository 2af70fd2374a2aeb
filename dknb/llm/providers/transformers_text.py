"""From token ids to text, one by one: what a streaming model needs and no tokenizer has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["StopFilter", "TextDecoder"]

#: What a tokenizer writes for a character of which bytes are still missing.
_INCOMPLETE = "\ufffd"


class TextDecoder:
    """Gives the text that each further token adds; its work is linear in the tokens.

    Args:
        decode: Makes text of token ids.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        #: Where the tokens begin that are decoded once more with the new ones, since spaces depend on neighbours.
        self._from = 0
        self._told = 0

    def add(self, ids: Sequence[int]) -> str:
        """The text that these tokens complete."""
        self._ids += ids
        text = self._new_text()
        if not text or text.endswith(_INCOMPLETE):
            return ""
        self._from, self._told = self._told, len(self._ids)
        return text

    def rest(self) -> str:
        """The text that was held back: the beginning of a character that never came."""
        return self._new_text()

    def _new_text(self) -> str:
        before = self._decode(self._ids[self._from : self._told])
        return self._decode(self._ids[self._from :])[len(before) :]


class StopFilter:
    """Passes text on up to the first of some stop texts, and holds back what may be the beginning of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.found = False

    def add(self, text: str) -> str:
        """The text that can be passed on now."""
        if self.found:
            return ""
        whole = self._held + text
        places = [place for stop in self._stops if (place := whole.find(stop)) >= 0]
        if places:
            self.found, self._held = True, ""
            return whole[: min(places)]
        kept = max((_overlap(whole, stop) for stop in self._stops), default=0)
        self._held = whole[len(whole) - kept :]
        return whole[: len(whole) - kept]

    def rest(self) -> str:
        """What was held back and is no stop text after all."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of ``text`` are the beginning of ``stop``."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
