"""Several answers of one cell: to one question (``--samples``), or at several places (``--on``)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .._sync import run
from ..conversations.steps import Start
from ..conversations.together import CallReply
from ..errors import ConfigError, Interrupted, MagicError
from ..llm.messages import LLMResponse
from .asking import Question, Talk, cut_response
from .live import show
from .places import Node, Place
from .replying import reply_of, waiting_note
from .session import Session
from .views.several import AnswerCard, answers_bundle
from .views.text import counted, note

if TYPE_CHECKING:
    from ..conversations.inquiry import Inquiry
    from ..llm.config import LLMConfig

__all__ = ["put_several", "questions_on"]

#: Most answers to one question: a slip of the keyboard should not cost a thousand calls.
MOST_SAMPLES = 100


def questions_on(question: Question, named: Sequence[str], branches: Collection[str] = ()) -> list[Question]:
    """The question at each of the branches or nodes that ``--on`` names; each is a place of its own for the cell.

    A branch whose own name holds a comma is named alone:  ``--on "a,b" --on main``.

    Raises:
        MagicError: None is named, or one twice.
    """
    refs = [ref for each in named for ref in _refs(each, branches)]
    if not refs or len(set(refs)) < len(refs):
        raise MagicError(
            "%%chat: --on names no branch, or one twice.", hint="%%chat --on main,other  (branches or nodes)"
        )
    cell = question.cell
    return [replace(question, cell=None if cell is None else f"{cell}@{ref}", source=ref) for ref in refs]


def _refs(named: str, branches: Collection[str]) -> list[str]:
    if named.strip() in branches:
        return [named.strip()]
    return [ref.strip() for ref in named.split(",") if ref.strip()]


def put_several(
    session: Session,
    shell: Any,
    questions: Sequence[Question],
    samples: int,
    config: LLMConfig,
    system: str | None,
    bind: str | None,
) -> list[CallReply]:
    """Ask side by side, show the answers side by side, and bind them as a DataFrame.

    Raises:
        MagicError: The number of samples is none.
        ProviderError: Every call failed; this is the error of the first.
        Interrupted: The user stopped it; what had arrived is kept.
    """
    if not 1 <= samples <= MOST_SAMPLES:
        raise MagicError(f"%%chat: --samples is 1 to {MOST_SAMPLES}, not {samples}.", hint="%%chat --samples 3")
    text = session.system_text(system) if system is not None else None
    talk = session.talk(system=text)
    with talk.turn:
        talk.manager.llm = session.provider(config)
        several = _Several(talk, [replace(question, system=text) for question in questions], samples)
        waited = len(talk.manager.state.owed)
        try:
            run(several.ask())
        except KeyboardInterrupt:
            raise Interrupted("interrupted; what had arrived is kept.") from None
        finally:
            replies = several.replies()
            if shell is not None and replies:
                show(_shown(talk, replies))
            if bind is not None and replies:
                from .frames import replies_frame

                session.bind(bind, replies_frame([reply.to_row() for reply in replies]))
            if shell is not None and (told := waiting_note(talk, waited)):
                show(note(told))
        return replies


def _shown(talk: Talk, replies: Sequence[CallReply]) -> dict[str, str]:
    cards = []
    apart = len({reply.branch for reply in replies}) > 1
    for reply in replies:
        error = None if reply.error is None else f"{type(reply.error).__name__}: {reply.error}"
        shown = None
        if reply.node is not None:
            shown = reply_of(talk, reply.node, reply.response or cut_response(reply.node), reply.branch)
        cards.append(AnswerCard(reply.branch if apart else None, shown, error))
    failed = sum(reply.error is not None for reply in replies)
    return answers_bundle(counted(len(replies), "answer") + (f", {failed} failed" if failed else ""), cards)


class _Several:
    """Questions that are put, and their answers as they come."""

    def __init__(self, talk: Talk, questions: Sequence[Question], samples: int) -> None:
        self._talk = talk
        self._questions = questions
        self._samples = samples
        self._targets: list[tuple[Question, Place]] = []
        self._replies: dict[int, CallReply] = {}

    def replies(self) -> list[CallReply]:
        """What came of the calls; those that were stopped before anything had come have none.

        Questions come in the order of asking, the answers to one in that of the tree, in which they are counted.
        """
        return [self._replies[number] for number in self._numbers()]

    def _numbers(self) -> list[int]:
        """The numbers of the calls that anything came of; one without a node keeps its place among the others."""
        numbers: list[int] = []
        for _, group in groupby(sorted(self._replies), key=lambda number: number // self._samples):
            asked = list(group)
            nodes = {number: node for number in asked if (node := self._replies[number].node) is not None}
            in_tree = iter(sorted(nodes, key=lambda number: nodes[number].ordinal))
            numbers += [next(in_tree) if number in nodes else number for number in asked]
        return numbers

    async def ask(self) -> None:
        """Put the questions, ask for all answers at once, and stand at the first answer, or where one stood."""
        talk, manager = self._talk, self._talk.manager
        await talk.refresh()
        places = [talk.place_for(question) for question in self._questions]
        parents = [talk.places.parent(place) for place in places]
        said = [question.messages(parent) for question, parent in zip(self._questions, parents, strict=True)]
        if len({(id(parent), place.branch) for parent, place in zip(parents, places, strict=True)}) < len(places):
            raise ConfigError("Two of the places are the same.", hint="Name each once")
        before = talk.places.position, talk.places.branch
        inquiries: list[Inquiry] = []
        for question, place, parent, messages in zip(self._questions, places, parents, said, strict=True):
            asked = await talk.put(question, place, parent, messages)
            inquiries += self._inquiries(question, place, asked)
            self._targets += [(question, place)] * self._samples
        await manager.storage.write_owed(manager.state)
        try:
            async with asyncio.TaskGroup() as group:
                for number, inquiry in enumerate(inquiries):
                    group.create_task(self._reply(number, inquiry))
        finally:
            await self._settle(*before)
        errors = [reply.error for reply in self.replies()]
        if errors and None not in errors:
            raise next(error for error in errors if error is not None)

    def _inquiries(self, question: Question, place: Place, asked: Node) -> list[Inquiry]:
        """The calls for the answers to a question; an answer that an earlier kernel got is taken, each once."""
        places, known = self._talk.places, {id(child) for child in asked.children}

        def adopt(node: Node, answer: LLMResponse) -> Node | None:
            equal = places.equal_answer(node, answer)
            if equal is None or id(equal) not in known:
                return None  # what another of these calls got is another answer
            places.give(equal)
            return equal

        given: dict[str, Any] = {
            "cell": question.cell,
            "system": asked.data.metadata.get("system"),
            "metadata": place.told(),
        }
        inquire = self._talk.manager.inquire
        return [
            inquire(asked, Start(asked, None, None), question.overrides, adopt=adopt, **given)
            for _ in range(self._samples)
        ]

    async def _reply(self, number: int, inquiry: Inquiry) -> None:
        turn, branch = inquiry.turn, self._targets[number][1].branch
        response: LLMResponse | None = None
        error: Exception | None = None
        try:
            async with aclosing(inquiry.stream()) as pieces:
                async for piece in pieces:
                    response = piece.response or response
        except Exception as failure:  # noqa: BLE001 - whatever it is, the other calls go on, and it is in the reply
            error = failure
        finally:
            if turn.answer is not None:
                self._talk.places.give(turn.answer)
            if turn.answer is not None or error is not None:
                self._replies[number] = CallReply(turn.question, turn.answer, response, error, branch)

    async def _settle(self, position: Node, branch: str | None) -> None:
        """Each cell points at its first answer, and its branch ends there; one stands where one stood, or at the first."""
        talk, settled = self._talk, set[str | None]()
        for number in sorted(self._numbers(), key=lambda number: self._replies[number].response is None):
            reply = self._replies[number]
            question, place = self._targets[number]
            key = question.source if len(self._questions) > 1 else None
            if reply.node is None or key in settled:
                continue
            settled.add(key)
            talk.places.answered(question.cell, place, reply.node)
            await talk.settle(reply.node, place.branch)
        if len(self._questions) > 1 and settled:
            goes_along = branch is not None and any(place.branch == branch for _, place in self._targets)
            await talk.go(talk.places.heads[branch] if branch is not None and goes_along else position, branch)
