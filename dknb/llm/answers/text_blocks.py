"""The blocks of a Markdown text that a parser of answers asks for: code, headings, items of lists.

markdown-it-py reads the blocks (not what is inside a line). It is linear, but takes 5 seconds for a megabyte of list
items; a text of more lines than any answer has is therefore read line by line, in which lists and quotes hold nothing
but lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Block", "blocks", "lines_of"]

#: A text of more lines is read line by line.
_MOST_LINES = 10_000


Kind: TypeAlias = Literal["code", "heading", "item"]


class Block(NamedTuple):
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
    return _with_plain_ends(text).split("\n")


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def blocks(text: str, kind: Kind) -> Iterator[Block]:
    """The blocks of a kind in their order; an item before the items of the lists in it."""
    text = _with_plain_ends(text)
    if text.count("\n") >= _MOST_LINES:
        return _by_lines(text, kind)
    return _READ[kind](_reader().parse(text))


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
        elif token.type == "inline" and token.level == 1:
            yield from _numbered_lines(token.content)


def _numbered_lines(text: str) -> Iterator[Block]:
    """Lines of a paragraph with numbers in their order: to Markdown, a list below a text must begin with 1."""
    run: list[tuple[int, str]] = []
    for line in [*text.split("\n")[1:], ""]:
        match = _NUMBERED.match(line)
        if match and run and int(match[1]) == run[-1][0] + 1:
            run.append((int(match[1]), match[2]))
            continue
        if len(run) > 1:
            yield from (Block(item.strip(), "numbered") for _, item in run)
        run = [(int(match[1]), match[2])] if match else []


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


_NUMBERED = re.compile(r"[ \t]*+(\d{1,9}+)[.)][ \t]++(.*)")
_DOT = re.compile(r"^[ \t]*•[ \t]+(.*)$", re.MULTILINE)

# Line by line

_FENCE = r"(?P<fence> {0,3}(?:(?P<ticks>`{3,}+)(?=[^`\n]*+$)|(?P<tildes>~{3,}+))(?P<info>.*))"
_FENCE_END = re.compile(r"^ *+(`{3,}+|~{3,}+) *+$", re.MULTILINE)
_HEADING_END = re.compile(r"(?:^|[ \t])#+$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
#: Lines that count, by what is looked for; most lines are none, and are passed over without a step in Python.
_LINES: dict[Kind, re.Pattern[str]] = {
    "code": re.compile(rf"^{_FENCE}$", re.MULTILINE),
    "heading": re.compile(rf"^(?:{_FENCE}| {{0,3}}#{{1,6}}+(?:[ \t]++(?P<title>.*))?)$", re.MULTILINE),
    "item": re.compile(
        rf"^(?:{_FENCE}|[ \t]*+(?:(?P<bullet>[-+*•])|\d{{1,9}}+[.)])[ \t]++(?P<text>\S.*))$", re.MULTILINE
    ),
}


def _by_lines(text: str, kind: Kind) -> Iterator[Block]:
    place = counted = number = 0
    search, count, is_code = _LINES[kind].search, text.count, kind == "code"
    read = _heading if kind == "heading" else _item
    while match := search(text, place):
        place = match.end() + 1
        if match.lastgroup == "fence":
            start, (end, place) = place, _fence_end(text, match.end(), match["ticks"] or match["tildes"])
            if is_code:
                yield Block(text[start:end], _tag(match["info"]))
            continue
        number += count("\n", counted, match.start())
        counted = match.start()
        if block := read(match, number):
            yield block


def _heading(match: re.Match[str], number: int) -> Block:
    if not (title := (match["title"] or "").strip()):
        return Block("", "", number, number + 1)
    return Block(_HEADING_END.sub("", title).strip() if title.endswith("#") else title, "", number, number + 1)


def _item(match: re.Match[str], number: int) -> Block | None:
    bullet = match["bullet"]
    if bullet and bullet in "-*" and _RULE.match(match[0]):
        return None
    return Block(match["text"].strip(), "bullet" if bullet else "numbered", number, number + 1)


def _fence_end(text: str, place: int, mark: str) -> tuple[int, int]:
    """Where the content of a fence ends, and what follows it begins; the end of the text where no line closes it."""
    for line in _FENCE_END.finditer(text, place + 1):
        if line[1].startswith(mark):
            return max(line.start() - 1, place + 1), line.end() + 1
    return len(text), len(text) + 1
