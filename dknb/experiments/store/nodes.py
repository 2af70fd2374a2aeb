"""Trials as nodes of a conversation: what was sent is a chain below the root, each answer a sibling below its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...conversations.node import ConversationNode
from ...conversations.state import MAIN
from ...conversations.stores.rows import BranchRow, HeadRow, NodeRow, Rows, pack_whatever, to_iso, to_json
from ...llm.messages import LLMMessage, utc_now
from .rows import Asked, Entry

__all__ = ["Hung", "TrialNodes"]

_ROOT = Asked("", 0, "")


class Hung(NamedTuple):
    """Where an answer hangs: the question above it, its own number and id."""

    question: Asked
    seq: int
    node_id: str


@dataclass(slots=True)
class _New:
    """A node that is to be written: below a known one, or below another new one."""

    row: NodeRow
    below: Asked | int
    digest: str = ""


class TrialNodes:
    """The conversation of an experiment.

    Several processes may add to it, as each claims the numbers of its nodes. Of the questions they only know those that
    they were told of, and those that they wrote.

    Args:
        conversation_id: Its name.
        session: Marks the nodes that this process writes.
        known: The questions that are there.
    """

    def __init__(self, conversation_id: str, session: str, known: Sequence[Asked] = ()) -> None:
        self.conversation_id = conversation_id
        self._session = session
        self._known = {asked.digest: asked for asked in (_ROOT, *known)}

    def begin(self, rows: Rows, experiment: str) -> bool:
        """Make the conversation; False if there is one of its name."""
        now = to_iso(utc_now())
        metadata = to_json({"experiment": experiment}, "metadata of the conversation")
        if not rows.add_head(HeadRow(self.conversation_id, metadata, 1, 0, 0, MAIN, now, now)):
            return False
        rows.fill(self.conversation_id, [self._packed(ConversationNode(LLMMessage("system", "")))])
        rows.add_branch(self.conversation_id, BranchRow(MAIN, 0, 0, now))
        self._known = {_ROOT.digest: _ROOT}
        return True

    def hang(self, rows: Rows, entries: Sequence[Entry], experiment: str) -> NodesWriting:
        """Write the nodes of new answers, and of the questions that are not there yet."""
        return self._put(rows, lambda: self._gathered(entries), experiment)

    def lead(self, rows: Rows, asked: Sequence[Sequence[LLMMessage]], experiment: str) -> NodesWriting:
        """Write what stands before the last message of each, as far as it is not there yet."""
        return self._put(rows, lambda: self._led(asked), experiment)

    def leading(self, asked: Sequence[Sequence[LLMMessage]]) -> list[Asked]:
        """What is known of what stands before the last message of each."""
        digests = {digest for messages in asked for digest, _ in _chained(messages[:-1])}
        return [self._known[digest] for digest in sorted(digests) if digest in self._known]

    def _put(self, rows: Rows, gathered: Callable[[], NodesWriting], experiment: str) -> NodesWriting:
        writing = gathered()
        count = len(writing.new)
        if not count:
            return writing
        claim = rows.claim(self.conversation_id, count, 0, to_iso(utc_now()), -1)
        if claim is None:  # somebody deleted the conversation
            self.begin(rows, experiment)
            writing = gathered()
            count = len(writing.new)
            claim = rows.claim(self.conversation_id, count, 0, to_iso(utc_now()), -1)
            assert claim is not None
        first = claim.next_seq - count
        numbered = [
            new.row._replace(
                seq=first + place, parent_seq=first + new.below if isinstance(new.below, int) else new.below.seq
            )
            for place, new in enumerate(writing.new)
        ]
        writing.place(first, rows.add_nodes(self.conversation_id, numbered))
        return writing

    def written(self, writing: NodesWriting) -> None:
        """Remember the questions that are there now, after the commit."""
        self._known.update(writing.found)

    def _gathered(self, entries: Sequence[Entry]) -> NodesWriting:
        writing = NodesWriting()
        places: dict[str, int] = {}
        for entry in entries:
            if entry.answer is None:
                writing.answers.append(None)
                continue
            below = self._chain(entry.messages, entry.row.prompt, writing, places)
            writing.answers.append(len(writing.new))
            writing.new.append(_New(self._packed(entry.answer), below))
        return writing

    def _led(self, asked: Sequence[Sequence[LLMMessage]]) -> NodesWriting:
        writing = NodesWriting()
        places: dict[str, int] = {}
        for messages in asked:
            self._chain(messages[:-1], None, writing, places)
        return writing

    def _chain(
        self, messages: Sequence[LLMMessage], prompt: str | None, writing: NodesWriting, places: dict[str, int]
    ) -> Asked | int:
        """Where an answer to these hangs; those that are not there yet are written."""
        below: Asked | int = _ROOT
        for digest, message in _chained(messages):
            if digest in self._known:
                below = self._known[digest]
                continue
            if digest not in places:
                node = ConversationNode(message, prompt_name=prompt)
                places[digest] = len(writing.new)
                writing.new.append(_New(self._packed(node), below, digest))
            below = places[digest]
        return below

    def _packed(self, node: ConversationNode) -> NodeRow:
        return pack_whatever(node, session=self._session)


@dataclass
class NodesWriting:
    """Nodes that are written in one transaction, and where they got to.

    Attributes:
        new: The nodes, each after the one that it hangs below.
        answers: For each entry the place of its answer among the nodes.
        found: The questions that are there, once it is committed.
    """

    new: list[_New] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)
    found: dict[str, Asked] = field(default_factory=dict)
    _placed: list[Asked] = field(default_factory=list)

    def place(self, first: int, ordinals: Sequence[int]) -> None:
        """Take in the numbers that the store gave."""
        for seq, (new, ordinal) in enumerate(zip(self.new, ordinals, strict=True), first):
            above = self._placed[new.below] if isinstance(new.below, int) else new.below
            node_id = f"{above.node_id}.{ordinal}" if above.seq else str(ordinal)
            self._placed.append(Asked(new.digest, seq, node_id))
            if new.digest:
                self.found[new.digest] = self._placed[-1]

    def hung(self, entry: int) -> Hung | None:
        """Where the answer of an entry hangs; None where it has no new one."""
        place = self.answers[entry]
        if place is None:
            return None
        below = self.new[place].below
        own = self._placed[place]
        return Hung(self._placed[below] if isinstance(below, int) else below, own.seq, own.node_id)


def _chained(messages: Sequence[LLMMessage]) -> list[tuple[str, LLMMessage]]:
    """The messages, each with the hash of all that is said up to it."""
    digest = hashlib.sha256()
    chained = []
    for message in messages:
        digest.update(to_json(message.to_dict(metadata=False), "message").encode("utf-8", "surrogatepass"))
        chained.append((digest.hexdigest()[:32], message))
    return chained
