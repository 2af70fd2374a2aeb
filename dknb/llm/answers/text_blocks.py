"""The blocks of a Markdown text that a parser of answers asks for: code, headings, items of lists.

markdown-it-py reads the blocks (not what is inside a line). It is linear, but takes 5 seconds for a megabyte of list
items; a text of more lines than any answer has is therefore read line by line, in which lists and quotes hold nothing
but lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Block", "Heading", "blocks", "headings", "with_plain_ends"]

#: A text of more lines is read line by line.
_MOST_LINES = 10_000


Kind: TypeAlias = Literal["code", "item"]
#: A heading's text, where its first line begins, and where the line after its last begins, both in characters.
Heading: TypeAlias = tuple[str, int, int]


class Block(NamedTuple):
    """A fenced block of code, or an item of a list.

    Attributes:
        text: The code, or the item's text without the lists inside it.
        tag: The first word after a fence; ``"numbered"`` or ``"bullet"`` for an item.
    """

    text: str
    tag: str


def with_plain_ends(text: str) -> str:
    """The text with its lines ended as Markdown ends them."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def blocks(text: str, kind: Kind) -> Iterator[Block]:
    """The blocks of a kind in their order; an item before the items of the lists in it."""
    text = with_plain_ends(text)
    if _is_long(text):
        return _blocks_by_lines(text, kind)
    tokens = _reader().parse(text)
    return _code(tokens) if kind == "code" else _items(tokens)


def headings(text: str) -> Iterator[Heading]:
    """The headings of a text with plain ends; those without a text, one after the other, may be given as one."""
    return _headings_by_lines(text) if _is_long(text) else _headings(_reader().parse(text), text)


def _is_long(text: str) -> bool:
    return text.count("\n") >= _MOST_LINES


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


def _headings(tokens: Sequence[Token], text: str) -> Iterator[Heading]:
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    for token, inside in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            first, end = token.map
            yield inside.content, starts[first], starts[end]


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
# Lines that count, by what is looked for; most lines are none, and are passed over without a step in Python.
_CODE_LINE = re.compile(rf"^{_FENCE}$", re.MULTILINE)
_ITEM_LINE = re.compile(
    rf"^(?:{_FENCE}|[ \t]*+(?:(?P<bullet>[-+*•])|\d{{1,9}}+[.)])[ \t]++(?P<text>\S.*))$", re.MULTILINE
)
_UNTITLED = r" {0,3}#{1,6}+[ \t]*+$"
_HEADING_LINE = re.compile(
    rf"^(?:{_UNTITLED}(?:\n{_UNTITLED})*+| {{0,3}}#{{1,6}}+[ \t]++(?P<title>.*+)$|{_FENCE}$)", re.MULTILINE
)


def _blocks_by_lines(text: str, kind: Kind) -> Iterator[Block]:
    for match, code in _outside_fences(text, _CODE_LINE if kind == "code" else _ITEM_LINE):
        if code is None:
            if not _is_rule(match):
                yield Block(match["text"].strip(), "bullet" if match["bullet"] else "numbered")
        elif kind == "code":
            yield Block(code, _tag(match["info"]))


def _headings_by_lines(text: str) -> Iterator[Heading]:
    for match, code in _outside_fences(text, _HEADING_LINE):
        if code is None:
            title = (match["title"] or "").strip()
            if title.endswith("#"):
                title = _HEADING_END.sub("", title).strip()
            yield title, match.start(), match.end() + 1


def _outside_fences(text: str, lines: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str | None]]:
    """The lines that count, none of those in fenced code; with the line of a fence comes its code."""
    place = 0
    while place < len(text):
        for match in lines.finditer(text, place):
            if match.lastgroup == "fence":
                start = match.end() + 1
                end, place = _fence_end(text, match.end(), match["ticks"] or match["tildes"])
                yield match, text[start:end]
                break
            yield match, None
        else:
            return


def _is_rule(match: re.Match[str]) -> bool:
    return match["bullet"] in ("-", "*") and _RULE.match(match[0]) is not None


def _fence_end(text: str, place: int, mark: str) -> tuple[int, int]:
    """Where the content of a fence ends, and what follows it begins; the end of the text where no line closes it."""
    for line in _FENCE_END.finditer(text, place + 1):
        if line[1].startswith(mark):
            return max(line.start() - 1, place + 1), line.end() + 1
    return len(text), len(text) + 1
