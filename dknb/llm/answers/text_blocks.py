"""The blocks of a Markdown text that a parser of answers asks for: code, headings, items of lists.

markdown-it-py reads the blocks (not what is inside a line). It is linear, but takes 5 seconds for a megabyte of list
items; a text of more lines than any answer has is therefore read line by line, in which lists and quotes hold nothing
but lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Block", "blocks", "lines_of"]

#: A text of more lines is read line by line.
_MOST_LINES = 10_000


Kind: TypeAlias = Literal["code", "heading", "item"]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code, a heading, or an item of a list.

    Attributes:
        text: The code, the heading's text, or the item's text without the lists inside it.
        tag: The first word after a fence; ``"numbered"`` or ``"bullet"`` for an item; empty for a heading.
        first: The first line of a heading, from 0.
        end: The line after its last.
    """

    text: str
    tag: str = ""
    first: int = 0
    end: int = 0


def lines_of(text: str) -> list[str]:
    """The lines by which blocks are numbered: as Markdown ends them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def blocks(text: str, kind: Kind) -> Iterator[Block]:
    """The blocks of a kind in their order; an item before the items of the lists in it."""
    lines = lines_of(text)
    if len(lines) > _MOST_LINES:
        return _by_lines(lines, kind)
    return _READ[kind](_reader().parse("\n".join(lines)))


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark")
    reader.core.ruler.enableOnly(["normalize", "block"])
    # A definition of a link would vanish from the text.
    return reader.disable(["reference"])


# What markdown-it makes

_LISTS = {"bullet_list_open": "bullet", "ordered_list_open": "numbered"}


def _code(tokens: Sequence[Token]) -> Iterator[Block]:
    return (Block(token.content, _tag(token.info)) for token in tokens if token.type == "fence")


def _headings(tokens: Sequence[Token]) -> Iterator[Block]:
    for token, inside in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield Block(inside.content, "", *token.map)


def _items(tokens: Sequence[Token]) -> Iterator[Block]:
    kinds: list[str] = []
    for place, token in enumerate(tokens):
        if token.type in _LISTS:
            kinds.append(_LISTS[token.type])
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            kinds.pop()
        elif token.type == "list_item_open":
            yield Block(_item_text(tokens, place + 1), kinds[-1])
        elif token.type == "inline" and "•" in token.content:
            # Models also write lists with this character, which to Markdown is text.
            yield from (Block(match[1].strip(), "bullet") for match in _DOT.finditer(token.content))


_READ: dict[Kind, Callable[[Sequence[Token]], Iterator[Block]]] = {"code": _code, "heading": _headings, "item": _items}


def _item_text(tokens: Sequence[Token], place: int) -> str:
    """The text of an item up to the list inside it or its own end."""
    texts: list[str] = []
    while tokens[place].type not in _LISTS and tokens[place].type != "list_item_close":
        texts.append(_DOT.sub("", tokens[place].content))
        place += 1
    return "\n".join(text.rstrip() for text in texts if text.strip())


def _tag(info: str) -> str:
    return (info.split(maxsplit=1) or [""])[0]


_DOT = re.compile(r"^[ \t]*•[ \t]+(.*)$", re.MULTILINE)

# Line by line

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*))?$")
_HEADING_END = re.compile(r"(?:^|[ \t])#+$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_ITEM = re.compile(r"[ \t]*(?:([-+*•])|\d{1,9}[.)])(?:[ \t]+(.*))?$")


def _by_lines(lines: Sequence[str], kind: Kind) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        line = lines[number]
        mark = line.lstrip(" \t")[:1]
        if mark and mark in _MARKS["code"] and (fence := _FENCE.match(line)):
            end = _fence_end(lines, number + 1, fence[1])
            if kind == "code":
                yield Block("\n".join(lines[number + 1 : end]), _tag(fence[2]))
            number = end
        elif kind != "code" and mark and mark in _MARKS[kind] and (block := _LINES[kind](line, number)):
            yield block
        number += 1


def _heading(line: str, number: int) -> Block | None:
    match = _HEADING.match(line)
    title = _HEADING_END.sub("", (match[1] or "").rstrip()).strip() if match else ""
    return Block(title, "", number, number + 1) if match else None


def _item(line: str, number: int) -> Block | None:
    match = _ITEM.match(line)
    if match is None or _RULE.match(line):
        return None
    return Block((match[2] or "").strip(), "bullet" if match[1] else "numbered", number, number + 1)


#: With what a line of each kind begins, and how it is read.
_MARKS = {"code": "`~", "heading": "#", "item": "-+*•0123456789"}
_LINES = {"heading": _heading, "item": _item}


def _fence_end(lines: Sequence[str], number: int, mark: str) -> int:
    """The line that closes a fence; the end of the text where none does."""
    while number < len(lines):
        line = lines[number].strip(" ")
        if line.startswith(mark) and not line.strip(mark[0]):
            return number
        number += 1
    return number
