"""A cell's run of a flow: begun, or gone on with, at the cell's place in the conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..asking import Question, Talk
from ..places import Node, Place
from ..results import refuse_waiting
from .retracing import RetracingManager

if TYPE_CHECKING:
    from ...conversations.flow import FlowEvent, FlowRun
    from ...conversations.manager import ConversationManager

__all__ = ["FlowTurn"]


class FlowTurn:
    """One run of a cell with a flow.

    Attributes:
        question: Who asks, where, and the user's words.
        run: The run, once its place is known.
        manager: The conversation, as the run sees it.
        used: Whether the user's words were taken by a state.
        known_way: Whether the way on from the answer above was decided before this cell.
    """

    def __init__(
        self, talk: Talk, question: Question, make: Callable[[ConversationManager], Awaitable[FlowRun]]
    ) -> None:
        self.question = question
        self.run: FlowRun | None = None
        self.used = False
        self.known_way = False
        self.manager = RetracingManager.over(talk.manager, talk.places)
        self._talk = talk
        self._make = make

    async def events(self) -> AsyncGenerator[FlowEvent, None]:
        """What happens in the run; however it ends, the kernel then stands at its last node.

        That is the last answer, or a question that is still open: the run is gone on with there.

        Raises:
            FlowError: The run cannot go on, or there is none to go on with.
            NodeNotFound: There is no such node, or the one the cell was asked below is deleted.
            BranchError: There is no branch of that name, or it cannot be one.
        """
        talk, manager = self._talk, self.manager
        await talk.refresh()
        place = talk.place_for(self.question)
        manager.told = place.told()
        await self._stand(place)
        self.run = await self._make(manager)
        self.known_way = self.run.decided is not None
        left: Node | None = None
        try:
            async with aclosing(self.run.stream(self._words())) as events:
                async for event in events:
                    if event.kind == "entered" and self.run.question is not None:
                        # One that an earlier kernel asked: the rest is of its run, too.
                        self.run.run_id = self.run.question.data.metadata["flow_run"]
                    left = event.step.answer if event.step is not None else left
                    yield event
        finally:
            if (last := self._end(self.run) or left) is not None:
                talk.places.answered(self.question.cell, place, last)

    def _end(self, run: FlowRun) -> Node | None:
        """Where a run stands that has asked a question: there, or at what has come of its answer."""
        question, answer = run.question, self.manager.last_answer
        if answer is not None and (question is None or answer.parent is question):
            return answer
        return run.answer or question

    @property
    def has_asked(self) -> bool:
        """Whether there is anything of the run in the conversation."""
        return self.run is not None and (bool(self.run.steps) or self.run.question is not None)

    async def _stand(self, place: Place) -> None:
        talk, manager = self._talk, self.manager
        parent = talk.places.parent(place)
        refuse_waiting(parent)
        if place.branch is not None and talk.is_new_branch(place.branch):
            await manager.create_branch(place.branch, parent)
        manager.state.current, manager.state.current_branch = parent, place.branch

    def _words(self) -> Iterator[str]:
        if self.question.text.strip():
            self.used = True
            yield self.question.text
