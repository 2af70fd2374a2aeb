"""A conversation's flow: states, each with a prompt, and the ways between them.

No library for state machines: its conditions would have to await replies, its state to be read from the conversation's
tree in another process. What is left of a machine then is a dict and a loop.
"""

from __future__ import annotations

import math
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, did_you_mean
from .conditions import TransitionCondition, check_condition

if TYPE_CHECKING:
    from ..manager import ConversationManager
    from .events import FlowEvent
    from .result import FlowResult
    from .run import FlowRun

__all__ = ["END", "ConversationFlow", "FlowState"]

#: The target that ends a flow, unless there is a state of that name.
END = "end"

#: Called when a state is entered or left; may be async. See `FlowState`.
Hook = Callable[..., Any]


@dataclass
class FlowState:
    """A state of a flow: what is said there, and where it goes on.

    Hooks take ``(state_name, data, context)``, or of these the last two ``(state_name, context)``, or the ``context``
    alone. They may change the context, which later prompts and conditions see; ``data`` has ``response``, ``user_input``
    and ``loop_count``. What a hook raises ends the run. A hook that is no coroutine holds up all else while it works,
    and the flow's time limit is looked at when it has ended: let it wait with ``await``.

    A run that was stopped between an answer and the next question is resumed at that answer: ``on_exit`` is called with
    it, perhaps once more, and ``data["resumed"]`` is True.

    Attributes:
        prompt_name: A user prompt of the library; rendered with the context, it is what the model is asked here.
        transitions: By the name of a condition, the state that comes next, or ``"end"``. Tried in this order; the first
            that is true is taken.
        transition_conditions: The conditions by name.
        max_loops: How often the state may be entered in one run; None is without a limit.
        prompt_params: Parameters of the prompt, weaker than the context.
        on_enter: Called before the prompt is rendered.
        on_exit: Called with the answer, before the conditions are asked.
        metadata: What you want to keep with the state.
        template: The prompt's text, instead of a name.
        params_from: Parameters of the prompt by the path to their value, stronger than all others: a key of the context or
            of what the run knows (``response``, ``answers``, ``responses``, ``user_input``, ``user_inputs``,
            ``transcript``, ``loop_count``), with further keys after dots. ``json.STATE.KEY`` leads into the JSON that a
            state was last answered with.
        waits: Whether the state begins with words of the user: the parameter ``user_input`` of its prompt, or, where it
            has none, the message itself.
    """

    prompt_name: str = ""
    transitions: Mapping[str, str] = field(default_factory=dict)
    transition_conditions: Mapping[str, TransitionCondition] = field(default_factory=dict)
    max_loops: int | None = None
    prompt_params: Mapping[str, Any] = field(default_factory=dict)
    on_enter: Hook | None = None
    on_exit: Hook | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    template: str | None = None
    params_from: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False

    def __post_init__(self) -> None:
        if self.prompt_name and self.template is not None:
            raise ConfigError(f"A state has both the prompt {self.prompt_name!r} and a template.", hint="Keep one")
        if not self.prompt_name and self.template is None and not self.waits:
            raise ConfigError("A state of a flow needs a prompt.", hint="Give prompt_name=… or template=…")
        if self.max_loops is not None and not _is_count(self.max_loops):
            raise ConfigError(
                f"max_loops is {self.max_loops!r}.", hint="A state is entered once at least, or leave it out"
            )
        for name in self.transitions:
            if name not in self.transition_conditions:
                near = did_you_mean(name, self.transition_conditions)
                raise ConfigError(
                    f"The transition {name!r} has no condition.{near}", hint="Add it to transition_conditions"
                )
        for name, condition in self.transition_conditions.items():
            check_condition(condition, f"The condition {name!r}")


@dataclass
class ConversationFlow:
    """A flow through states, in each of which the model is asked; see `execute`.

    Attributes:
        name: What it is called.
        description: What it is for.
        states: The states by name.
        initial_state: Where it begins.
        final_states: States after which it ends, whatever their transitions. So does one without transitions.
        metadata: What you want to keep with it.
        max_total_loops: How many states may be entered in one run, all counted.
        timeout_seconds: How long a run may take, without the time that it waits for its user; None is without a limit.
        initial_context: Values for prompts and conditions.
        version: Its version.
    """

    name: str
    description: str | None = None
    states: Mapping[str, FlowState] = field(default_factory=dict)
    initial_state: str = ""
    final_states: Sequence[str] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    max_total_loops: int = 10
    timeout_seconds: float | None = None
    initial_context: Mapping[str, Any] = field(default_factory=dict)
    version: str = "1.0.0"

    def __post_init__(self) -> None:
        states: Any = self.states
        if not self.name or not states:
            raise ConfigError("A flow needs a name, and a state at least.")
        if not isinstance(states, Mapping) or not all(isinstance(state, FlowState) for state in states.values()):
            raise ConfigError(
                f"The states of the flow {self.name!r} are {states!r:.100}.",
                hint="Give each by its name:  states={'greet': FlowState(…)}",
            )
        if self.initial_state not in self.states:
            near = did_you_mean(self.initial_state, self.states)
            raise ConfigError(f"The flow {self.name!r} begins in {self.initial_state!r}, which is no state.{near}")
        if not _is_count(self.max_total_loops):
            raise ConfigError(f"max_total_loops is {self.max_total_loops!r}.", hint="Give 1 or more")
        limit: Any = self.timeout_seconds
        if limit is not None and (type(limit) not in (int, float) or not 0 < limit < math.inf):
            raise ConfigError(f"timeout_seconds is {self.timeout_seconds!r}.", hint="Give seconds, or leave it out")

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], functions: Mapping[str, Callable[..., Any]] | None = None
    ) -> ConversationFlow:
        """The flow in a YAML file; see `parse_flow`.

        Raises:
            PromptFileError: It cannot be read, or is no flow; with line and column.
        """
        from .reading import read_flow

        return read_flow(path, functions)

    def get_state(self, state_name: str) -> FlowState:
        """The state of that name.

        Raises:
            KeyError: There is none.
        """
        return self.states[state_name]

    def get_reachable_states(self, from_state: str) -> list[str]:
        """Where one can go from a state, in the order of its transitions, each once."""
        return (
            [] if self.ends_after(from_state) else list(dict.fromkeys(self.get_state(from_state).transitions.values()))
        )

    def ends_after(self, state_name: str) -> bool:
        """Whether the flow ends when the model has answered there."""
        return state_name in self.final_states or not self.get_state(state_name).transitions

    def is_end(self, target: str) -> bool:
        """Whether a way that leads to ``target`` ends the flow."""
        return target == END and END not in self.states

    def validate_flow(self) -> list[str]:
        """What is wrong with it, one line each; empty when all is well."""
        from .checking import doubts, faults

        strays = [f"The final state {name!r} is no state." for name in self.final_states if name not in self.states]
        reached = self._reached()
        lost = [f"No way leads to the state {name!r}." for name in self.states if name not in reached]
        return [*faults(self), *strays, *lost, *self._dead_ends(), *doubts(self)]

    def broken_ways(self) -> list[str]:
        """The ways that lead to no state: with one of these a flow does not run."""
        return [
            f"The state {name!r} leads to {target!r}, which is no state.{did_you_mean(target, self.states)}"
            for name, state in self.states.items()
            for target in state.transitions.values()
            if target not in self.states and not self.is_end(target)
        ]

    def _dead_ends(self) -> Iterable[str]:
        if self.final_states:
            for name, state in self.states.items():
                if not state.transitions and name not in self.final_states:
                    yield f"The state {name!r} has no way on, and is no final state."

    def _reached(self) -> set[str]:
        reached, waiting = {self.initial_state}, [self.initial_state]
        while waiting:
            for target in self.get_reachable_states(waiting.pop()):
                if target in self.states and target not in reached:
                    reached.add(target)
                    waiting.append(target)
        return reached

    # Running it

    def start(
        self, manager: ConversationManager, context: Mapping[str, Any] | None = None, *, cell: str | None = None
    ) -> FlowRun:
        """A new run in a conversation, below its current node; nothing is asked yet.

        Args:
            manager: The conversation, whose model answers.
            context: Values for prompts and conditions, on top of ``initial_context``.
            cell: The notebook cell that runs it.

        Raises:
            ConfigError: A way leads to no state, a template does not parse, or a condition's model is not known.
        """
        from .keeping import copied
        from .run import FlowRun

        return FlowRun(self, manager, {**copied(dict(self.initial_context)), **(context or {})}, cell=cell)

    async def resume(
        self,
        manager: ConversationManager,
        run_id: str | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        cell: str | None = None,
    ) -> FlowRun:
        """Go on with a run of this flow that the way to the current node holds, where it was left: in any process.

        Args:
            manager: The conversation.
            run_id: Which run; the last one by default.
            context: Values on top of those that were kept: what is no JSON data is not.
            cell: The notebook cell that goes on with it.

        Raises:
            FlowError: There is none, it was in a state that this flow has not, or its context had values that were not
                kept, are not those of ``initial_context``, and are not given.
        """
        from .resuming import resumed_run

        return await resumed_run(self, manager, run_id, context, cell=cell)

    async def execute(
        self,
        manager: ConversationManager,
        context: Mapping[str, Any] | None = None,
        *,
        inputs: str | Iterable[str] = (),
        cell: str | None = None,
    ) -> FlowResult:
        """Run it until it ends, or waits for words that it was not given.

        Each state asks the model: its prompt and the answer are nodes of the conversation, with ``flow`` and ``state``
        in their metadata.

        Args:
            manager: The conversation, whose model answers.
            context: Values for prompts and conditions, on top of ``initial_context``.
            inputs: What the user says, in order, to the states that wait; one text is said to the first.
            cell: The notebook cell that runs it.

        Raises:
            FlowError: No transition is true, or a limit was reached; what was said is stored.
            FlowTimeout: It took longer than ``timeout_seconds``.
            ConfigError: A way leads to no state.
            DknbError: A prompt or a call failed.
        """
        return await self.start(manager, context, cell=cell).run(inputs)

    async def stream(
        self,
        manager: ConversationManager,
        context: Mapping[str, Any] | None = None,
        *,
        inputs: str | Iterable[str] = (),
        cell: str | None = None,
    ) -> AsyncGenerator[FlowEvent, None]:
        """The same, told as it happens: states entered, pieces of answers, states left."""
        async with aclosing(self.start(manager, context, cell=cell).stream(inputs)) as events:
            async for event in events:
                yield event

    def to_mermaid(self) -> str:
        """A picture of the states, as Mermaid text."""
        from .mermaid import mermaid_of

        return mermaid_of(self)

    def to_svg(self) -> str:
        """A picture of the states, as SVG."""
        from .svg import svg_of

        return svg_of(self)


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0
