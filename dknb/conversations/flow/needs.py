"""What a flow reads of its context, so that a value that nothing reads can be told from one that something does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...templates import compile_template
from ...templates.conditional import compile_conditional
from .checking import conditions_in
from .conditions import AlwaysCondition, ContextCondition, JSONCondition, KeywordCondition, RegexCondition
from .judged import LLMClassifierCondition, SentimentCondition
from .spoken import ContextHas

if TYPE_CHECKING:
    from .conditions import TransitionCondition
    from .definition import ConversationFlow, FlowState

__all__ = ["FACTS", "has_hooks", "names_read", "reads_anything"]

#: What a run knows by itself (see `FlowState.params_from`).
FACTS = ("response", "answers", "responses", "user_input", "user_inputs", "transcript", "state", "loop_count")


def names_read(flow: ConversationFlow) -> list[str]:
    """The names that templates, conditions and paths of the flow read, in order; those of its prompts are not known here."""
    names: list[str] = list(flow.initial_context)
    for state in flow.states.values():
        names += [*_of_state(state), *(name for each in _conditions(state) for name in _of_condition(each))]
    return [name for name in dict.fromkeys(names) if name not in FACTS]


def _of_state(state: FlowState) -> Iterator[str]:
    yield from state.prompt_params
    yield from (path.split(".")[0] for path in state.params_from.values() if not path.startswith("json."))
    if state.template is not None:
        yield from (
            name for name in compile_template(state.template, "mixed").variables if name not in state.params_from
        )


def _of_condition(condition: TransitionCondition) -> Iterator[str]:
    if isinstance(condition, LLMClassifierCondition):
        yield from compile_conditional(condition.classifier_prompt).variables
    elif isinstance(condition, ContextCondition) and isinstance(condition.condition_func, ContextHas):
        yield condition.condition_func.key.split(".")[0]


def _conditions(state: FlowState) -> Iterator[TransitionCondition]:
    for condition in state.transition_conditions.values():
        yield from conditions_in(condition)


def has_hooks(flow: ConversationFlow) -> bool:
    """Whether functions of the user's may change the context."""
    return any(state.on_enter is not None or state.on_exit is not None for state in flow.states.values())


def reads_anything(flow: ConversationFlow) -> bool:
    """Whether functions of the user's see the context, and may read of it what they like."""
    seen = (each for state in flow.states.values() for each in _conditions(state))
    return has_hooks(flow) or not all(map(_is_known, seen))


def _is_known(condition: TransitionCondition) -> bool:
    if isinstance(condition, ContextCondition):
        return isinstance(condition.condition_func, ContextHas)
    known = (
        AlwaysCondition,
        KeywordCondition,
        RegexCondition,
        JSONCondition,
        LLMClassifierCondition,
        SentimentCondition,
    )
    return type(condition) in known
