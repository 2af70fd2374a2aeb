"""Markdown that somebody said, so that it shows what it says and does nothing: its HTML is text, its images are links."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["defused", "writable"]

_LINE_END = re.compile(r"\r\n|\r|\n")
#: What may stand before a fence. How wide a tab is depends on what is before it, and on the renderer.
_INDENT = r"(?: {0,3}| *\t[ \t]*)"
_FENCE = re.compile(rf"{_INDENT}((`{{3,}})[^`]*|(~{{3,}}).*)")
_LANGUAGE = re.compile(r" ?[\w+#.-]*")
_BACKTICKS = re.compile(r"`+")

#: What a tag, a comment, an instruction or an address in angle brackets begins with, and what an image does.
_ACTIVE = re.compile(r"<(?=[A-Za-z/!?])|!(?=\[)")
_AS_TEXT = {"<": "&lt;", "!": "&#33;"}


def writable(text: str) -> str:
    """``text`` as a file in UTF-8 takes it: halves of surrogate pairs become question marks."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def defused(text: str) -> list[str]:
    """The lines of ``text``, whose HTML and images are text, but for what stands in code, where they are anyway.

    Where it is not certain that every renderer takes something for code, it is not taken for it.
    """
    lines: list[str] = []
    closing: re.Pattern[str] | None = None
    plain: list[str] = []
    for line in _LINE_END.split(writable(text)):
        if closing is not None:
            ends = closing.fullmatch(line) is not None
            lines.append(line.lstrip() if ends else line)
            closing = None if ends else closing
        elif (fence := _FENCE.fullmatch(line)) is not None:
            lines += _paragraphs(plain)
            if plain and plain[-1].strip():
                lines.append("")  # some take it for the address of a definition above it
            plain = []
            run = fence[2] or fence[3]
            # Not indented and with a plain name it is one for every renderer, in a list or above what could be a table.
            lines.append(run + _LANGUAGE.match(fence[1], len(run))[0])  # type: ignore[index]  # it matches nothing, too
            closing = re.compile(rf"{_INDENT}{run}{run[0]}*[ \t]*")
        else:
            plain.append(line)
    return [*lines, *_paragraphs(plain)]


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Lines outside fences. Code in them is left alone as long as each line up to it is whole in itself."""
    whole = True
    for line in lines:
        whole = (whole or not line.strip()) and _is_whole(line)
        yield _line(line) if whole else _escaped(line)


def _is_whole(line: str) -> bool:
    """Whether all runs of backticks of a line have their partners in it, whatever stands above and below."""
    return "\\`" not in line and not _BACKTICKS.search("".join(_parts(line)[::2]))


def _parts(line: str) -> list[str]:
    """A line as text, code, text, code, ... text; a run of backticks without a partner stays in the text."""
    parts, begin, at = [], 0, 0
    while (opening := _BACKTICKS.search(line, at)) is not None:
        run = opening[0]
        closing = next((one for one in _BACKTICKS.finditer(line, opening.end()) if one[0] == run), None)
        if closing is None:
            at = opening.end()
            continue
        parts += [line[begin : opening.start()], line[opening.start() : closing.end()]]
        begin = at = closing.end()
    return [*parts, line[begin:]]


def _line(line: str) -> str:
    # A bar in code ends the cell of a table, and the code with it.
    parts = _parts(line)
    return "".join(part if number % 2 and "|" not in part else _escaped(part) for number, part in enumerate(parts))


def _escaped(text: str) -> str:
    return _ACTIVE.sub(lambda found: _AS_TEXT[found[0]], text)
