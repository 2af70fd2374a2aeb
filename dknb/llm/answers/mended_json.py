"""Text that is nearly JSON, rewritten as JSON, in one pass over it.

Mended are the faults that models make: commas too many or missing, quotes of other kinds or unescaped inside a text, raw
line ends in a text, keys without quotes, Python's and JavaScript's words and numbers, comments, escapes that JSON does
not know, brackets that close in the wrong order or not at all. Anything else is not guessed at.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

__all__ = ["Mended", "mended"]

#: Brackets within brackets, at most; what is deeper is no answer.
_DEEPEST = 200

_SKIP = re.compile(r"(?:\s++|//[^\n]*+|\#[^\n]*+|/\*(?s:.)*?(?:\*/|\Z)|\.\.\.|…)++")
#: A quote ends a text where what follows can follow a text; elsewhere it belongs to the text.
_AFTER = r"""(?=\s*+(?:[,:}\]]|=>|//|/\*|\Z)|\s++["'\u201c\u2018])"""
_STRING = {
    '"': re.compile(rf'"((?:[^"\\]++|\\(?s:.)|"(?!{_AFTER}))*+)(?:"|\\?\Z)'),
    "'": re.compile(rf"'((?:[^'\\]++|\\(?s:.)|'(?!{_AFTER}))*+)(?:'|\\?\Z)"),
    "\u201c": re.compile(r"\u201c((?:[^\u201d\\]++|\\(?s:.))*+)(?:\u201d|\\?\Z)"),
    "\u2018": re.compile(rf"\u2018((?:[^\u2019\\]++|\\(?s:.)|\u2019(?!{_AFTER}))*+)(?:\u2019|\\?\Z)"),
}
_STRICT = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"' + _AFTER)
_WORD = re.compile(r"[A-Za-z_$][\w$-]*+")
_NUMBER = re.compile(r"[+-]?+(?:0[xX][0-9a-fA-F]++|(?:\d[\d_]*+\.?+\d*+|\.\d++)(?:[eE][+-]?+\d++)?+|Infinity)(?![\w.])")
_CUT_NUMBER = re.compile(r"[+-]?+\d*+\.?+\d*+(?:[eE][+-]?+)?+\Z")
_TEXT = r'"[^"\\\x00-\x1f]*+"'
_SCALAR = rf"(?:-?+(?:0|[1-9]\d{{0,300}}+)(?:\.\d++)?+(?:[eE][+-]?+\d++)?+|{_TEXT}|true|false|null|\[\s*+\]|\{{\s*+\}})"
#: Many faultless elements of an array, or members of an object, at once.
_PLAIN = {
    "[": re.compile(rf"(?:{_SCALAR}\s*+,\s*+)++"),
    "{": re.compile(rf"(?:{_TEXT}\s*+:\s*+{_SCALAR}\s*+,\s*+)++"),
}
_WORDS = {
    **{"true": "true", "True": "true", "false": "false", "False": "false", "null": "null", "None": "null"},
    **{"nil": "null", "undefined": "null", "NaN": "NaN", "nan": "NaN", "Infinity": "Infinity"},
}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|((?s:.))|\Z)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""} | {c: c for c in "\"'\\/`"}
_NESTING = re.compile(r'"(?:[^"\\]++|\\(?s:.))*+(?:"|\\?\Z)|[\[\]{}]')
_CLOSERS = {"}": "{", "]": "["}


class Mended(NamedTuple):
    """What became of a text: as JSON, None where it could not be mended; where it ended; and whether that is its end.

    What is too deep has an end, and no JSON.
    """

    text: str | None
    end: int
    closed: bool = True


def mended(text: str, start: int) -> Mended:
    """The JSON that the text from ``start`` on, an opening bracket, was meant to be."""
    mender = _Mender(text, start)
    try:
        mender.run()
    except _TooDeep:
        return Mended(None, _end_of(text, start), closed=True)
    except _Hopeless:
        return Mended(None, max(mender.place, start + 1), closed=False)
    except _Cut:
        mender.close_all()
        return Mended("".join(mender.out), len(text), closed=False)
    return Mended("".join(mender.out), mender.place)


class _Hopeless(Exception):
    """A fault that is not mended here."""


class _TooDeep(Exception):
    """More brackets within brackets than an answer has: a part of it would be a wrong answer."""


class _Cut(Exception):
    """The text ends within the value."""


class _Mender:
    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.place = start
        self.out: list[str] = []
        self._open: list[str] = []
        #: Whether a value came since the last comma, so that a comma must precede the next.
        self._full = False
        #: How much of ``out`` is whole: what follows, a key without its value, is left out at a cut.
        self._whole = 0

    def run(self) -> None:
        self._bracket(self.text[self.place])
        while self._open:
            char = self._next()
            if char == ",":
                self.place += 1
                continue
            if char in _CLOSERS:
                self._closer(char)
                continue
            if self._full:
                self.out.append(",")
            if plain := _PLAIN[self._open[-1]].match(self.text, self.place):
                self.out.append(plain[0].rstrip()[:-1])
                self.place = plain.end()
                self._done()
                continue
            if self._open[-1] == "{":
                self._key(char)
                char = self._next()
            self._value(char)

    def close_all(self) -> None:
        """Close what a cut left open."""
        del self.out[self._whole :]
        self.out += ["}" if one == "{" else "]" for one in reversed(self._open)]

    def _next(self) -> str:
        if skipped := _SKIP.match(self.text, self.place):
            self.place = skipped.end()
        if self.place >= len(self.text):
            raise _Cut
        return self.text[self.place]

    def _done(self) -> None:
        self._full = True
        self._whole = len(self.out)

    def _bracket(self, char: str) -> None:
        if len(self._open) == _DEEPEST:
            raise _TooDeep
        self._open.append(char)
        self.out.append(char)
        self.place += 1
        self._full = False
        self._whole = len(self.out)

    def _closer(self, char: str) -> None:
        wanted = _CLOSERS[char]
        if wanted not in self._open:
            raise _Hopeless
        while True:
            last = self._open.pop()
            self.out.append("}" if last == "{" else "]")
            if last == wanted:
                break
        self.place += 1
        self._done()

    def _key(self, char: str) -> None:
        if char in _STRING:
            start = self.place + 1
            self._string(char)
            if self.place == len(self.text) and char in self.text[start:-1].replace(f"\\{char}", ""):
                raise _Hopeless  # the key has an end, and behind it is what stands behind no key
        elif match := _WORD.match(self.text, self.place) or _NUMBER.match(self.text, self.place):
            self.out.append(json.dumps(match[0]))
            self.place = match.end()
        else:
            raise _Hopeless
        if self._next() != ":" and not self.text.startswith("=>", self.place):
            raise _Hopeless
        self.place += 1 if self.text[self.place] == ":" else 2
        self.out.append(":")

    def _value(self, char: str) -> None:
        if char in "{[":
            self._bracket(char)
            return
        if char in _STRING:
            self._string(char)
        elif match := _NUMBER.match(self.text, self.place):
            self.out.append(_number(match[0]))
            self.place = match.end()
        else:
            self._word()
        self._done()

    def _word(self) -> None:
        match = _WORD.match(self.text, self.place)
        if match and match[0] in _WORDS:
            self.out.append(_WORDS[match[0]])
            self.place = match.end()
            return
        if (match and match.end() == len(self.text)) or _CUT_NUMBER.match(self.text, self.place):
            raise _Cut
        raise _Hopeless

    def _string(self, quote: str) -> None:
        if quote == '"' and (strict := _STRICT.match(self.text, self.place)):
            self.out.append(strict[0])
            self.place = strict.end()
            return
        match = _STRING[quote].match(self.text, self.place)
        if match is None:
            raise _Hopeless
        self.out.append(json.dumps(_ESCAPE.sub(_unescaped, match[1]), ensure_ascii=False))
        self.place = match.end()


def _end_of(text: str, start: int) -> int:
    """Where the bracket at ``start`` is closed; the end of the text where it is not."""
    depth = 0
    for match in _NESTING.finditer(text, start):
        depth += (match[0] in "[{") - (match[0] in "]}")
        if not depth:
            return match.end()
    return len(text)


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _ESCAPES.get(match[2], match[0]) if match[2] else ""


def _number(text: str) -> str:
    """A number as JSON writes it, from any way in which programs do."""
    plain = text.replace("_", "").removeprefix("+")
    if plain.endswith("Infinity"):
        return plain
    try:
        value = int(plain, 0 if "x" in plain.lower() else 10)
    except ValueError:
        value = None
    return (
        plain
        if value is None and _JSON_NUMBER.fullmatch(plain)
        else json.dumps(float(plain) if value is None else value)
    )


_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
