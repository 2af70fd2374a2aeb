"""The values on a ``%%flow`` line: what the flow can use, and what its prompts cannot do without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import DknbError, MagicError, MissingParameters, did_you_mean
from ..prompting.finding import find_prompt
from ..prompting.line_values import line_values
from ..prompting.source import parameters_of, usable_parameters, whole_prompt
from ..session import Session

if TYPE_CHECKING:
    from ...conversations.flow import ConversationFlow, FlowState
    from ...prompts.parameters import ParameterSpec

__all__ = ["choices_of", "context_of", "refuse_missing", "usable_names"]

_STAND_IN = "…"


def usable_names(session: Session, flow: ConversationFlow) -> list[str]:
    """The names of the values that prompts and conditions of ``flow`` use, and that a run does not know by itself.

    Raises:
        PromptError: A prompt of the flow is broken, or there is none of its name.
    """
    from ...conversations.flow.needs import FACTS, names_read

    filled = {(state.prompt_name, name) for state in flow.states.values() for name in state.params_from}
    used = [name for prompt, specs in _specs(session, flow) for name in specs if (prompt, name) not in filled]
    return list(dict.fromkeys(name for name in [*names_read(flow), *used] if name not in FACTS))


def _specs(session: Session, flow: ConversationFlow) -> list[tuple[str, dict[str, ParameterSpec | None]]]:
    """The prompts that states name, each once, with what they declare about their parameters."""
    names = dict.fromkeys(state.prompt_name for state in flow.states.values() if state.prompt_name)
    return [(name, usable_parameters(session, find_prompt(session, name, ("user",)))) for name in names]


def choices_of(session: Session, flow: ConversationFlow, name: str) -> list[str]:
    """The values that a line can give ``name``, where that is declared; else the one that the flow begins with.

    Raises:
        PromptError: As `usable_names`.
    """
    for _, specs in _specs(session, flow):
        if (spec := specs.get(name)) is not None and (spec.type == "boolean" or spec.choices):
            return ["true", "false"] if spec.type == "boolean" else [str(choice) for choice in spec.choices]
    begun = flow.initial_context.get(name)
    if isinstance(begun, bool):
        return ["true", "false"]
    return [str(begun)] if isinstance(begun, (str, int, float)) and " " not in str(begun) else []


def context_of(session: Session, flow: ConversationFlow, given: Mapping[str, str]) -> dict[str, Any]:
    """The values that the words of a line stand for; what the prompts of the flow declare says what a word means.

    Raises:
        MagicError: Nothing in the flow uses one.
        PromptError: As `usable_names`.
    """
    from ...conversations.flow.needs import FACTS, reads_anything

    if not given:
        return {}
    known = usable_names(session, flow)
    unknown = [name for name in given if name not in known and name not in FACTS]
    if unknown and not reads_anything(flow):
        raise MagicError(
            f"%%flow: nothing in {flow.name!r} uses {unknown[0]!r}.{did_you_mean(unknown[0], known)}",
            hint=f"Its values: {', '.join(known) or 'none'}",
        )
    specs: dict[str, ParameterSpec | None] = {}
    for _, declared in _specs(session, flow):
        specs = {**{name: spec for name, spec in declared.items() if spec is not None}, **specs}
    return line_values(given, specs)


def refuse_missing(session: Session, flow: ConversationFlow, context: Mapping[str, Any]) -> None:
    """Let no flow begin, and be paid for, that comes to a prompt with a hole in it.

    Where functions of the user's may add to the context, that is seen when the state is entered.

    Raises:
        MissingParameters: A state's prompt needs what nothing gives it.
        PromptError: As `usable_names`.
    """
    from ...conversations.flow.needs import has_hooks

    for prompt in (state.prompt_name for state in flow.states.values() if state.prompt_name):
        find_prompt(session, prompt, ("user",))
    if has_hooks(flow):
        return
    known = {**flow.initial_context, **context}
    for name, state in flow.states.items():
        if missing := _missing(session, state, known):
            given = " ".join(f"{each}=…" for each in missing)
            raise MissingParameters(
                missing, hint=f"The state {name!r} needs them; give them on the line:  %%flow {flow.name} {given}"
            )


def _missing(session: Session, state: FlowState, context: Mapping[str, Any]) -> list[str]:
    """The holes that the state's prompt would have, with stand-ins for what only the run knows."""
    from ...conversations.flow.needs import FACTS
    from ...templates import ValidationLevel

    prompt: Any = state.template
    wanted: set[str] | None = None
    if state.prompt_name:
        found = find_prompt(session, state.prompt_name, ("user",))
        validation = whole_prompt(session, found).get("validation")
        if validation is not None and validation.level is ValidationLevel.IGNORE:
            return []
        prompt, wanted = found.prompt, set(parameters_of(session, found))
    if prompt is None:
        return []
    facts = {name: _STAND_IN for name in FACTS if name != "user_input" or state.waits}
    known = {**facts, **state.prompt_params, **context}
    params = {**known, **dict.fromkeys(_taken(state, known), _STAND_IN)}
    try:
        result = session.renderer.render_inline(
            prompt, params, False, ValidationLevel.IGNORE, name=state.prompt_name or None
        )
    except DknbError:
        return []  # the stand-ins may be to blame; what is wrong is told when the state is entered
    return [name for name in result.params_missing if wanted is None or name in wanted]


def _taken(state: FlowState, known: Mapping[str, Any]) -> Iterator[str]:
    """The parameters whose path leads somewhere, as far as can be told before the run."""
    for name, path in state.params_from.items():
        if path.startswith("json.") or path in known or path.split(".")[0] in known:
            yield name
