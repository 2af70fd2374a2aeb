"""Where two paths of a conversation part, and how what follows differs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import zip_longest
from typing import Any, Literal

from .node import ConversationNode
from .tree import Tree

__all__ = ["MessageDiff", "PathDiff", "PathFigures", "WordRun", "diff_paths", "diff_words"]

NodeTree = Tree[ConversationNode]

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")

#: Beyond so many words on the two sides together, lines are compared instead: the comparison is quadratic at worst.
MOST_WORDS = 10_000

#: Texts with a smaller share of words in common are shown whole, one after the other.
_KIN = 0.25


@dataclass(frozen=True, slots=True)
class WordRun:
    """A stretch of text that both sides have, or one of them."""

    side: Literal["both", "left", "right"]
    text: str


@dataclass(frozen=True, slots=True)
class MessageDiff:
    """The n-th message after the fork on each side; None where a side has ended.

    ``words``, joined over ``both`` and ``left``, is the left text; over ``both`` and ``right``, the right one.
    """

    left: ConversationNode | None
    right: ConversationNode | None
    words: list[WordRun]


@dataclass(frozen=True, slots=True)
class PathFigures:
    """What a stretch of a path has, or how much more than another (less is negative).

    Attributes:
        messages: Number of messages.
        prompt_tokens: Tokens that were sent for its answers.
        completion_tokens: Tokens of its answers.
        cost_usd: What its answers cost, in US dollars; those of unknown price are left out.
        duration_s: Seconds that its calls took.
    """

    messages: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    duration_s: float

    def __sub__(self, other: PathFigures) -> PathFigures:
        return PathFigures(*(getattr(self, name) - getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True)
class PathDiff:
    """Two paths: ``fork`` is the last node that both have, ``left`` and ``right`` what comes after it."""

    fork: NodeTree
    left: list[NodeTree]
    right: list[NodeTree]

    def __getstate__(self) -> dict[str, Any]:
        # What is computed is computed again: nodes without their tree carry their whole id.
        return {name: self.__dict__[name] for name in ("fork", "left", "right")}

    @cached_property
    def messages(self) -> list[MessageDiff]:
        """What comes after the fork, paired in order and compared word by word."""
        return [_compare(a, b) for a, b in zip_longest(self.left, self.right)]

    @cached_property
    def left_figures(self) -> PathFigures:
        """Tokens, price and time of what the left path has after the fork."""
        return _figures(self.left)

    @cached_property
    def right_figures(self) -> PathFigures:
        """Tokens, price and time of what the right path has after the fork."""
        return _figures(self.right)

    @property
    def difference(self) -> PathFigures:
        """How much more the right path has than the left one."""
        return self.right_figures - self.left_figures


def diff_paths(left: NodeTree, right: NodeTree) -> PathDiff:
    """Compare the paths to two nodes of one tree.

    Raises:
        ValueError: They are of different trees.
    """
    sides: tuple[list[NodeTree], list[NodeTree]] = ([], [])
    ends = [left, right]
    while ends[0] is not ends[1]:
        side = 0 if ends[0].depth >= ends[1].depth else 1
        parent = ends[side].parent
        if parent is None:
            raise ValueError("the two nodes hang in different trees")
        sides[side].append(ends[side])
        ends[side] = parent
    for nodes in sides:
        nodes.reverse()
    return PathDiff(ends[0], sides[0], sides[1])


def _figures(nodes: list[NodeTree]) -> PathFigures:
    answers = [node.data.metadata for node in nodes if node.data.role == "assistant"]
    usages = [metadata.get("usage") or {} for metadata in answers]
    return PathFigures(
        messages=len(nodes),
        prompt_tokens=sum(usage.get("prompt_tokens") or 0 for usage in usages),
        completion_tokens=sum(usage.get("completion_tokens") or 0 for usage in usages),
        cost_usd=sum(metadata.get("cost_usd") or 0.0 for metadata in answers),
        duration_s=sum(metadata.get("duration_s") or 0.0 for metadata in answers),
    )


def _compare(left: NodeTree | None, right: NodeTree | None) -> MessageDiff:
    said, other = (None if tree is None else tree.data for tree in (left, right))
    return MessageDiff(
        said, other, diff_words(said.message.content if said else "", other.message.content if other else "")
    )


def diff_words(left: str, right: str, *, words: re.Pattern[str] = _WORDS) -> list[WordRun]:
    """The stretches of two texts in order, word by word (line by line where they are long).

    White space between two changes is part of the change, and texts that have little in common are not torn to words.
    ``words`` finds what is one word, and must find all of a text.
    """
    a, b = words.findall(left), words.findall(right)
    long = len(a) + len(b) > MOST_WORDS
    if long:
        a, b = left.splitlines(keepends=True), right.splitlines(keepends=True)
    matcher = SequenceMatcher(None, a, b, autojunk=long)
    opcodes = matcher.get_opcodes()
    words_in_common = sum(not word.isspace() for tag, a0, a1, _, _ in opcodes if tag == "equal" for word in a[a0:a1])
    most = max(sum(not word.isspace() for word in side) for side in (a, b))
    if words_in_common < _KIN * most:
        return _runs([(a, b)])
    pieces: list[tuple[list[str], list[str]] | str] = []
    for tag, a0, a1, b0, b1 in opcodes:
        if tag != "equal":
            pieces.append((a[a0:a1], b[b0:b1]))
        else:
            pieces.append("".join(a[a0:a1]))
    return _runs(_joined(pieces))


def _joined(pieces: list[tuple[list[str], list[str]] | str]) -> list[tuple[list[str], list[str]] | str]:
    """Changes with nothing but white space between them as one change."""
    joined: list[tuple[list[str], list[str]] | str] = []
    for number, piece in enumerate(pieces):
        between = isinstance(piece, str) and piece.isspace() and 0 < number < len(pieces) - 1
        change = ([piece], [piece]) if between and isinstance(piece, str) else piece
        if joined and isinstance(joined[-1], tuple) and isinstance(change, tuple):
            joined[-1] = (joined[-1][0] + change[0], joined[-1][1] + change[1])
        else:
            joined.append(change)
    return joined


def _runs(pieces: Sequence[tuple[list[str], list[str]] | str]) -> list[WordRun]:
    runs: list[WordRun] = []
    for piece in pieces:
        if isinstance(piece, str):
            runs.append(WordRun("both", piece))
            continue
        left, right = map("".join, piece)
        runs += [WordRun("left", left)] if left else []
        runs += [WordRun("right", right)] if right else []
    return runs
