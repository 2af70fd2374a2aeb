"""A run of a flow: state after state, each a question and an answer in the conversation."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from ...errors import ConfigError, FlowError, FlowTimeout
from ..node import ConversationNode
from ..tree import Tree
from .calling import called, places
from .checking import faults
from .decided import Decided, keep_decided
from .definition import END, ConversationFlow, FlowState, Hook
from .events import FlowEvent
from .facts import facts_of, taken_from
from .judge import Judge
from .judged import MODEL
from .keeping import kept_of
from .questions import StateQuestion, ask
from .result import FlowResult, FlowStep

if TYPE_CHECKING:
    from ..manager import ConversationManager

__all__ = ["FlowRun"]

NodeTree = Tree[ConversationNode]
Events = AsyncGenerator[FlowEvent, None]


class FlowRun:
    """A flow on its way through a conversation; make one with `ConversationFlow.start` or `ConversationFlow.resume`.

    Where it is can be told from the conversation's nodes: what is not in them is only the answer to a question that is
    being asked. After an error it can be run on: a question without a whole answer is asked again, and an answer that no
    transition took is looked at again.

    Attributes:
        flow: The flow.
        manager: The conversation.
        context: Values for prompts and conditions; hooks may change them. What of it is JSON data is kept with each
            question, and is there when the run is resumed; all else must be given anew then.
        run_id: Marks the nodes of this run, as ``flow_run`` in their metadata.
        state: Where it is.
        status: ``"ready"``, ``"waiting"`` for words of the user, or ``"ended"``.
        steps: The states that it has left.
        loops: How often each state was entered.
        cell: The notebook cell that runs it.
    """

    def __init__(
        self,
        flow: ConversationFlow,
        manager: ConversationManager,
        context: dict[str, Any],
        *,
        run_id: str | None = None,
        cell: str | None = None,
    ) -> None:
        if broken := faults(flow):
            raise ConfigError(f"The flow {flow.name!r} cannot run: {broken[0]}", hint="See  flow.validate_flow()")
        self.flow = flow
        self.manager = manager
        self.context = context
        self.run_id = run_id or uuid.uuid4().hex[:12]
        self.state = flow.initial_state
        self.status: Literal["ready", "waiting", "ended"] = "ready"
        self.steps: list[FlowStep] = []
        self.loops: Counter[str] = Counter()
        self.cell = cell
        self.question: NodeTree | None = None
        self.answer: NodeTree | None = None
        self.said: str | None = None
        self.resumed_with: NodeTree | None = None
        self.decided: Decided | None = None
        self._judged_usd: float | None = 0.0
        self._replayed = False
        self._exited: NodeTree | None = None
        self._is_busy = False
        self._seconds = 0.0

    @property
    def needs_words(self) -> bool:
        """Whether the next step begins with words of the user."""
        return self.status != "ended" and self.question is None and self.flow.states[self.state].waits

    async def run(self, inputs: str | Iterable[str] = ()) -> FlowResult:
        """Go on until the flow ends, or waits for words that are not in ``inputs``.

        Raises:
            FlowError: See `ConversationFlow.execute`, as for all else.
        """
        async with aclosing(self.stream(inputs)) as events:
            async for _ in events:
                pass
        return self.result()

    async def step(self, user_input: str | None = None) -> FlowStep | None:
        """Go through one state; None if it waits for words, or if the flow has ended.

        Raises:
            FlowError: See `ConversationFlow.execute`, as for all else.
        """
        if self.status == "ended":
            return None
        left: FlowStep | None = None
        async with aclosing(self._in_time(self._through_state(user_input))) as events:
            async for event in events:
                left = event.step or left
        return left

    async def stream(self, inputs: str | Iterable[str] = ()) -> Events:
        """The same as `run`, told as it happens."""
        words = iter([inputs] if isinstance(inputs, str) else inputs)
        while self.status != "ended":
            said = next(words, None) if self.needs_words else None
            async with aclosing(self._in_time(self._through_state(said))) as events:
                async for event in events:
                    yield event
            if self.status == "waiting":
                return

    def result(self) -> FlowResult:
        """What came of it so far."""
        return FlowResult(self.flow, self.run_id, self.status, self.state, tuple(self.steps), dict(self.context))

    # One state

    async def _in_time(self, events: Events) -> Events:
        """``events``, cancelled when the run has taken longer than the flow allows; what consumers take is not counted."""
        if self._is_busy:
            raise self._error("it is in the middle of a step.", "busy", hint="Wait for its end; or start another run.")
        limit, self._is_busy = self.flow.timeout_seconds, True
        async with aclosing(events), self._until_free():
            while True:
                began = time.monotonic()
                clock = asyncio.timeout(None if limit is None else limit - self._seconds)
                try:
                    async with clock:
                        event = await anext(events, None)
                except TimeoutError:
                    if clock.expired():
                        raise self._timeout() from None
                    raise
                finally:
                    self._seconds += time.monotonic() - began
                if limit is not None and self._seconds > limit and self.status != "ended":
                    raise self._timeout()
                if event is None:
                    return
                yield event

    @asynccontextmanager
    async def _until_free(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._is_busy = False

    async def _through_state(self, said: str | None) -> Events:
        if self.needs_words and said is None:
            self.status = "waiting"
            yield FlowEvent("waiting", self.state, self.loops[self.state])
            return
        self.status = "ready"
        if self.question is None:
            question = await self._enter(said)
            text = question.data.message.content
            yield FlowEvent("entered", self.state, self.loops[self.state], prompt=text)
        if self.answer is None:
            async with aclosing(self._answered()) as pieces:
                async for piece in pieces:
                    yield piece
        state, step = self.state, await self._leave()
        yield FlowEvent("left", state, step.loop, step=step)
        if self._ended_with(step):
            yield FlowEvent("ended", state, step.loop, step=step)

    async def _enter(self, said: str | None) -> NodeTree:
        """Count, call the hook, and ask."""
        name, state = self.state, self.flow.states[self.state]
        self._check_loops(state)
        loop = self.loops[name] + 1
        await self._hook("on_enter", state.on_enter, {"user_input": said, "response": None, "loop_count": loop})
        via = self.steps[-1].transition if self.steps else None
        question = StateQuestion(
            flow=self.flow.name,
            state=name,
            params=self._params(state, facts_of(self.steps, said, name, loop)),
            said=said,
            metadata={
                **self._marks(),
                "flow_via": via,
                **({} if self._judged_usd == 0.0 else {"flow_via_usd": self._judged_usd}),
                **kept_of(self.context, self.flow.initial_context),
                **({} if said is None else {"user_input": said}),
            },
            cell=self.cell,
        )
        self.question = await ask(self.manager, state, question)
        self.said = said
        self.loops[name] = loop
        return self.question

    async def _answered(self) -> Events:
        """The pieces of the answer to the question, which is asked."""
        pieces = self.manager.stream_complete(at=self.question, metadata=self._marks(), cell=self.cell)
        async with aclosing(pieces):
            async for piece in pieces:
                if piece.is_final:
                    self.answer = self.manager.last_answer
                    self._replayed = piece.response is not None and bool(piece.response.metadata.get("replayed"))
                yield FlowEvent("piece", self.state, self.loops[self.state], piece=piece)
        if self.answer is None:
            raise self._error("the answer broke off.", "incomplete", hint="Run it on: the question is asked again.")

    async def _leave(self) -> FlowStep:
        """Call the hook, decide where to go, and go there."""
        question, answer = self.question, self.answer
        assert question is not None
        assert answer is not None
        name, state = self.state, self.flow.states[self.state]
        response = answer.data.message.content
        if self._exited is not answer:  # it is, where no transition took the answer the first time
            data = {"user_input": self.said, "response": response, "loop_count": self.loops[name]}
            await self._hook("on_exit", state.on_exit, {**data, "resumed": answer is self.resumed_with})
            self._exited = answer
        way = self.decided or await self._way(state, response)
        step = step_of(self, question, answer, way, replayed=self._replayed)
        self.steps.append(step)
        self.question = self.answer = self.said = self.decided = None
        self._judged_usd, self._replayed = way.judged_usd, False
        if self._ended_with(step):
            self.status = "ended"
        else:
            self.state = way.target
        if way.transition is not None and (self.status == "ended" or self.needs_words or way.judged):
            await keep_decided(self.manager, self.run_id, answer, way, ended=self.status == "ended")
        return step

    def _ended_with(self, step: FlowStep) -> bool:
        return step.transition is None or self.flow.is_end(step.target)

    async def _way(self, state: FlowState, response: str) -> Decided:
        """The first transition whose condition is true, and where it leads."""
        if self.flow.ends_after(self.state):
            return Decided(None, END)
        judge = Judge(self.manager)
        facts = facts_of(self.steps, self.said, self.state, self.loops[self.state])
        own = {"response": response, "state": self.state, "loop_count": self.loops[self.state], MODEL: judge}
        context = {**facts, **self.context, **own}
        for name, target in state.transitions.items():
            try:
                if await state.transition_conditions[name].evaluate(response, context):
                    return Decided(name, target, judge.cost_usd, judge.was_asked)
            except TimeoutError as error:
                raise self._error(f"the condition {name!r} failed: {error}.", "condition") from error
            except Exception as error:
                error.add_note(f"In the condition {name!r} of the state {self.state!r} of the flow {self.flow.name!r}.")
                raise
        tried = ", ".join(map(repr, state.transitions))
        raise self._error(
            f"no transition is true ({tried}). It saw: {response[:300]!r}",
            "no_match",
            hint="Add a last transition with always(), or answer otherwise and run it on.",
        )

    async def _hook(self, which: str, hook: Hook | None, data: dict[str, Any]) -> None:
        if hook is None:
            return
        whole = (self.state, data, self.context)
        arguments = {0: (), 1: (self.context,), 2: (self.state, self.context)}.get(places(hook, 3), whole)
        try:
            await called(hook, *arguments)
        except Exception as error:
            error.add_note(f"In {which} of the state {self.state!r} of the flow {self.flow.name!r}.")
            raise

    def _params(self, state: FlowState, facts: dict[str, Any]) -> dict[str, Any]:
        fixed = {name: facts[name] for name in ("state", "loop_count")}
        known = {**facts, **state.prompt_params, **self.context, **fixed}
        return {**known, **taken_from(state.params_from, known)}

    def _marks(self) -> dict[str, Any]:
        """What nodes of this step are known by."""
        return {
            "flow": self.flow.name,
            "state": self.state,
            "flow_run": self.run_id,
            "flow_step": len(self.steps) + 1,
        }

    def _check_loops(self, state: FlowState) -> None:
        entered, total = self.loops[self.state], self.loops.total()
        if state.max_loops is not None and entered >= state.max_loops:
            raise self._error(f"it was entered {entered} times, and max_loops is {state.max_loops}.", "max_loops")
        if total >= self.flow.max_total_loops:
            most = self.flow.max_total_loops
            raise self._error(f"{total} states were entered, and max_total_loops is {most}.", "max_total_loops")

    def _error(self, what: str, reason: str, *, hint: str | None = None) -> FlowError:
        return FlowError(
            f"The flow {self.flow.name!r} stops in the state {self.state!r}: {what}",
            flow=self.flow.name,
            state=self.state,
            reason=reason,
            response=self._seen(),
            hint=hint,
        )

    def _timeout(self) -> FlowTimeout:
        limit = self.flow.timeout_seconds or 0.0
        return FlowTimeout(
            f"The flow {self.flow.name!r} was stopped in the state {self.state!r}: it took longer than {limit:g} s.",
            flow=self.flow.name,
            state=self.state,
            reason="timeout",
            response=self._seen(),
            hint="What was said is stored. Give it more timeout_seconds, and resume it.",
        )

    def _seen(self) -> str | None:
        return None if self.answer is None else self.answer.data.message.content

    def __repr__(self) -> str:
        return f"<FlowRun {self.run_id!r} of {self.flow.name!r}, {self.status} in {self.state!r}>"


def step_of(
    run: FlowRun,
    question: NodeTree,
    answer: NodeTree,
    way: Decided,
    *,
    replayed: bool = False,
) -> FlowStep:
    """The step that the run's state was, with a question and its answer."""
    told = answer.data.metadata
    cost = told.get("cost_usd")
    return FlowStep(
        number=len(run.steps) + 1,
        state=run.state,
        loop=run.loops[run.state],
        prompt_name=question.data.prompt_name,
        question=question,
        answer=answer,
        transition=way.transition,
        target=way.target,
        cost_usd=None if cost is None or way.judged_usd is None else cost + way.judged_usd,
        tokens=(told.get("usage") or {}).get("total_tokens"),
        duration_s=told.get("duration_s"),
        replayed=replayed or bool(told.get("replayed")),
    )
