"""What a CONDITIONAL template consists of: texts and holes, each owned by a section or by none."""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from .sections import MARK, match_sections

TOP = -1
"""The owner of what stands outside all sections, and the parent of the sections there."""

_TOKEN = re.compile(r"\{\{(\s*+)(\w++)(\s*+)\}\}|\(++|\)++")


class Hole(NamedTuple):
    """Where a value goes: white space inside the braces belongs to it."""

    before: str
    name: str
    after: str


class Piece(NamedTuple):
    """A text or a hole, and the section that it stands in."""

    owner: int
    content: str | Hole


def parse(source: str) -> tuple[list[Piece], list[int]]:
    """Read a template; any text is one.

    Returns:
        The pieces in order, no two texts of one owner in a row, and the parent of each section. Sections without a
        variable in them are gone, and own nothing: they are always kept, so their pieces are their parent's.
    """
    pieces: list[Piece] = []
    parents: list[int] = []
    section, at = TOP, 0
    for start, end, token in _tokens(source):
        if at < start:
            pieces.append(Piece(section, source[at:start]))
        at = end
        if isinstance(token, Hole):
            pieces.append(Piece(section, token))
        elif token == "((":
            parents.append(section)
            section = len(parents) - 1
        else:
            section = parents[section]
    if at < len(source):
        pieces.append(Piece(section, source[at:]))
    return _owned(pieces, _deciders(pieces, parents)), parents


def _tokens(source: str) -> list[tuple[int, int, str | Hole]]:
    """Start, end and meaning of each variable and each mark of a complete section, in order."""
    found: list[tuple[int, int, str | Hole]] = []
    runs: list[tuple[int, str]] = []
    for match in _TOKEN.finditer(source):
        before, name, after = match.groups()
        if name is None:
            runs.append((match.start(), match[0]))
        else:
            found.append((match.start(), match.end(), Hole(before, name, after)))
    for opening, closing in match_sections(runs):
        found.append((opening, opening + MARK, "(("))
        found.append((closing, closing + MARK, "))"))
    found.sort(key=itemgetter(0))
    return found


def _deciders(pieces: list[Piece], parents: list[int]) -> list[int]:
    """For each section the nearest one around it, itself included, that has a variable in it; last: ``TOP`` for itself."""
    has_variable = [False] * len(parents) + [True]
    for owner, content in pieces:
        has_variable[owner] = has_variable[owner] or isinstance(content, Hole)
    for section in range(len(parents) - 1, TOP, -1):
        has_variable[parents[section]] = has_variable[parents[section]] or has_variable[section]
    deciders = [*range(len(parents)), TOP]
    for section, parent in enumerate(parents):
        if not has_variable[section]:
            deciders[section] = deciders[parent]
    return deciders


def _owned(pieces: list[Piece], deciders: list[int]) -> list[Piece]:
    """The pieces with these owners; texts that became neighbours are joined."""
    owned: list[Piece] = []
    for (owner, kind), group in groupby(pieces, key=lambda piece: (deciders[piece.owner], type(piece.content))):
        contents = [piece.content for piece in group]
        if kind is str:
            owned.append(Piece(owner, "".join(map(str, contents))))
        else:
            owned.extend(Piece(owner, content) for content in contents)
    return owned
