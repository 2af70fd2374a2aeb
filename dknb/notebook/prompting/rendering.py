"""Prompts rendered with what the line and the notebook have, and what is to be told about the render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import MagicError, MissingParameters, PromptError, PromptNotFound, TemplateError, did_you_mean, nearest
from ..session import Session
from .adapters import SourcedPrompt, retrieving
from .finding import FoundPrompt, PromptKind, find_prompt
from .line_values import line_values, written_value
from .refusing import refuse_unfit
from .rendered import PromptRender, as_render
from .source import usable_parameters
from .values import NotebookValues

if TYPE_CHECKING:
    from ...prompts.builder import PromptBuilder
    from ...prompts.library import AbstractPromptLibrary

__all__ = [
    "Wanted",
    "builder_for",
    "render_found",
    "render_named",
    "render_text",
    "render_wanted",
]


@dataclass(frozen=True)
class Wanted:
    """A prompt, and how a line wants it rendered.

    Attributes:
        rag: The prompt, with what it retrieves from.
        name: Its name.
        kind: Whether it is a user prompt, a system prompt or a sequence of messages.
        given: Values of parameters, as words.
        spec: The model that it is for.
        include_rag: Whether to retrieve.
    """

    rag: SourcedPrompt
    name: str
    kind: PromptKind
    given: Mapping[str, str]
    spec: str
    include_rag: bool = True


def render_wanted(session: Session, wanted: Wanted) -> PromptRender:
    """Render a prompt with the values of the line and of the notebook.

    Raises:
        MagicError: A value is for no parameter.
        DknbError: It cannot be rendered.
    """
    builder = builder_for(session, wanted.rag, wanted.spec)
    found = FoundPrompt(wanted.name, wanted.kind, wanted.rag.prompt)
    given, values = _given(session, found, wanted.given), NotebookValues(session.namespace)
    try:
        return render_found(
            builder, found, given, wanted.spec, include_rag=wanted.include_rag, namespace=values, called="line"
        )
    except TemplateError as error:
        kept = [name for name in usable_parameters(session, found) if name not in given and f"{name!r}" in str(error)]
        if told := values.withheld(kept):
            error.hint = " ".join(told)
        raise


def render_found(
    builder: PromptBuilder,
    found: FoundPrompt,
    params: Mapping[str, Any],
    spec: str,
    *,
    include_rag: bool = True,
    namespace: NotebookValues | None = None,
    called: str = "caller",
) -> PromptRender:
    """Render a prompt or a sequence of messages; ``called`` is what parameters in ``params`` come from.

    Raises:
        DknbError: It cannot be rendered.
    """
    name, kind, prompt = found
    if kind == "messages":
        messages = builder.render_message_index(
            name, 0, params, include_rag, return_rag_metadata=True, namespace=namespace
        )
        result, warnings = messages.result, list[str]()
    else:
        messages = None
        result = builder.render_inline(
            prompt, params, include_rag, return_rag_metadata=True, name=name, prompt_type=kind, namespace=namespace
        )
        warnings = _suspicions(found, builder.library) if namespace is not None else []
    variables = list(namespace) if namespace is not None else []
    if namespace is not None:
        warnings += namespace.withheld(result.params_missing)
    near = {key: next(iter(nearest(key, variables)), None) for key in result.params_missing}
    return as_render(
        result,
        name,
        spec,
        called=called,
        suggestions={key: each for key, each in near.items() if each is not None},
        warnings=warnings,
        messages=messages,
    )


def _given(session: Session, found: FoundPrompt, words: Mapping[str, str]) -> dict[str, Any]:
    """The values that the words of a line are.

    Raises:
        MagicError: One is for no parameter.
    """
    known = usable_parameters(session, found)
    if unknown := [parameter for parameter in words if parameter not in known]:
        raise MagicError(
            f"Prompt {found.name!r} has no parameter {unknown[0]!r}.{did_you_mean(unknown[0], known)}",
            hint=f"Its parameters: {', '.join(known) or 'none'}",
        )
    values = line_values(words, known, written_value)
    return {each: _function(session, words[each]) or value for each, value in values.items()}


def _function(session: Session, word: str) -> Any:
    """The user's function that a word gives, ``{name}``; None where it gives none.

    A template calls what it was given, and no other function of the notebook.
    """
    from ...templates.origin import is_users_function

    value = session.namespace.get(word[1:-1]) if word[:1] == "{" and word[-1:] == "}" else None
    return value if is_users_function(value) else None


def builder_for(session: Session, rag: SourcedPrompt, spec: str) -> PromptBuilder:
    """What renders a prompt that retrieves so; its budgets are in tokens of the model ``spec``."""
    if not rag.adapters:
        return session.renderer
    from ...llm.counting.tokens import TokenCounter
    from ...prompts.builder import PromptBuilder

    return PromptBuilder(session.library, rag.adapters, count_tokens=lambda text: TokenCounter.count(text, spec).count)


def _suspicions(found: FoundPrompt, library: AbstractPromptLibrary) -> list[str]:
    """What was probably meant otherwise: an unclosed ``((``, a lone ``}}``, parentheses that are taken for a section's."""
    from ...prompts.checking.templates import lost_in_prompt
    from ...templates import TemplateRenderer

    prompt = found.prompt
    if prompt.get("template_mode", "mixed") != "mixed":
        return []
    said = TemplateRenderer.validate_template_syntax(prompt.get("template", ""))
    lost = lost_in_prompt(prompt, library, found.name)
    return said + [f"line {each.line}, column {each.column}: {each.message} {each.hint}" for each in lost]


def render_named(
    session: Session, name: str, words: Mapping[str, str] | None = None, *, include_rag: bool = True
) -> str:
    """The text of a prompt of the library, a system prompt before a user prompt, with the notebook's variables.

    Args:
        session: Whose library and variables are meant.
        name: The prompt.
        words: Values of its parameters, as words of a line (``--param``).
        include_rag: Whether to retrieve.

    Raises:
        PromptNotFound: There is none of that name.
        MagicError: A word is for no parameter.
        PromptError: It is a sequence of messages; or as `refuse_unfit`.
    """
    try:
        found = find_prompt(session, name, ("system", "user"))
    except PromptNotFound:
        if name in session.library.list_message_indexes():
            raise PromptError(
                f"{name!r} is a sequence of messages, not the text of a system prompt.",
                hint=f"Send its messages with  %prompt {name} --run",
            ) from None
        raise
    rag = retrieving(session, found.prompt, name, search=include_rag)
    result = render_wanted(session, Wanted(rag, name, found.kind, words or {}, session.config.spec, include_rag))
    refuse_unfit(result, "with --param NAME=VALUE")
    return result.content


def render_text(session: Session, text: str) -> str:
    """A text rendered as a template with the notebook's variables.

    Raises:
        TemplateError: It does not parse or render.
        MissingParameters: The notebook has no value for one of its parameters.
    """
    values = NotebookValues(session.namespace)
    result = session.renderer.render_inline(text, name="%%chat", namespace=values)
    if result.params_missing:
        told = " ".join([*values.withheld(result.params_missing), "Make variables of these names; it was not sent"])
        raise MissingParameters(result.params_missing, hint=told)
    return result.content
