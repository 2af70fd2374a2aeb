"""What would stop a flow in the middle of a run, when answers are paid for: found before anything is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import DknbError, TemplateError, did_you_mean
from ...prompts.versioning.numbers import split_name
from ...templates import TemplateRenderer, compile_template
from .conditions import CompositeCondition, TransitionCondition
from .judged import LLMClassifierCondition

if TYPE_CHECKING:
    from .definition import ConversationFlow

__all__ = ["AnyFunction", "conditions_in", "doubts", "faults", "template_fault", "unknown_prompts"]


class AnyFunction(Mapping[str, Any]):
    """Stands for the functions of a program that is not there: any name is one of them."""

    def __getitem__(self, name: str) -> Any:
        return _stand_in

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _stand_in(*_: Any) -> bool:
    return False


def faults(flow: ConversationFlow) -> list[str]:
    """What keeps ``flow`` from running, one line each: ways to nowhere, templates that are none, models unknown."""
    return [*flow.broken_ways(), *_broken_templates(flow), *_unknown_models(flow)]


def template_fault(template: str) -> TemplateError | None:
    """Why a state's template cannot be rendered; None if it can."""
    try:
        compile_template(template, "mixed")
    except TemplateError as error:
        return error
    return None


def _broken_templates(flow: ConversationFlow) -> Iterator[str]:
    for name, state in flow.states.items():
        if state.template is not None and (error := template_fault(state.template)) is not None:
            line = str(error).splitlines()[0].removesuffix(".")
            yield f"The template of the state {name!r} is none: {line}."


def _unknown_models(flow: ConversationFlow) -> Iterator[str]:
    for where, condition in _classifiers(flow):
        if condition.llm_config is not None and (why := _model_fault(condition.llm_config)):
            yield f"{where} has no model to ask: {why}"


def _model_fault(config: Any) -> str:
    from ...llm.catalog import provider_row
    from ...llm.config import normalize_llm_config

    try:
        provider_row(normalize_llm_config(config).provider)
    except DknbError as error:
        return str(error)
    return ""


def doubts(flow: ConversationFlow) -> Iterator[str]:
    """What in the prompts of classifiers is sent as it stands and was probably meant otherwise, one line each."""
    for where, condition in _classifiers(flow):
        prompt = condition.classifier_prompt
        for problem in TemplateRenderer.validate_template_syntax(prompt):
            yield f"{where} has in its classifier_prompt, {problem.splitlines()[0]}"
        if "{%" in prompt:
            yield f"{where} has '{{%' in its classifier_prompt, which is text there: it knows {{{{names}}}} only."


def unknown_prompts(flow: ConversationFlow, known: Collection[str] | None) -> Iterator[str]:
    """The states whose prompt is not among ``known``, one line each; None is not looked into."""
    for name, state in flow.states.items():
        if known is None or not state.prompt_name or state.prompt_name in known:
            continue
        if split_name(state.prompt_name)[0] not in known:
            near = did_you_mean(state.prompt_name, known)
            yield f"The state {name!r} asks with {state.prompt_name!r}, and there is no user prompt of that name.{near}"


def _classifiers(flow: ConversationFlow) -> Iterator[tuple[str, LLMClassifierCondition]]:
    for name, state in flow.states.items():
        for called, condition in state.transition_conditions.items():
            for part in conditions_in(condition):
                if isinstance(part, LLMClassifierCondition):
                    yield f"The condition {called!r} of the state {name!r}", part


def conditions_in(condition: TransitionCondition) -> Iterator[TransitionCondition]:
    """A condition, or all that it is made of."""
    if not isinstance(condition, CompositeCondition):
        yield condition
        return
    for part in condition.conditions:
        yield from conditions_in(part)
