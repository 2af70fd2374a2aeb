"""Prompts rendered with what the line and the notebook have, and what is to be told about the render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import MagicError, MissingParameters, did_you_mean, nearest
from ..session import Session
from .adapters import SourcedPrompt, retrieving
from .finding import FoundPrompt, PromptKind, find_prompt
from .line_values import line_values
from .rendered import PromptRender, as_render
from .source import usable_parameters
from .values import NotebookValues

if TYPE_CHECKING:
    from ...prompts.builder import PromptBuilder
    from ...prompts.types import PromptTemplateDict

__all__ = [
    "Wanted",
    "builder_for",
    "refuse_missing",
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
    return render_found(
        builder,
        found,
        _given(session, found, wanted.given),
        wanted.spec,
        include_rag=wanted.include_rag,
        namespace=NotebookValues(session.namespace),
        called="line",
    )


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
        warnings = _suspicions(prompt) if namespace is not None else []
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
    return line_values(words, known)


def builder_for(session: Session, rag: SourcedPrompt, spec: str) -> PromptBuilder:
    """What renders a prompt that retrieves so; its budgets are in tokens of the model ``spec``."""
    if not rag.adapters:
        return session.renderer
    from ...llm.counting.tokens import TokenCounter
    from ...prompts.builder import PromptBuilder

    return PromptBuilder(session.library, rag.adapters, count_tokens=lambda text: TokenCounter.count(text, spec).count)


def _suspicions(prompt: PromptTemplateDict) -> list[str]:
    """What in the template is taken as text and was probably meant otherwise: an unclosed ``((``, a lone ``}}``."""
    from ...templates import TemplateRenderer

    if prompt.get("template_mode", "mixed") != "mixed":
        return []
    return TemplateRenderer.validate_template_syntax(prompt.get("template", ""))


def refuse_missing(name: str, missing: Iterable[str], metadata: Mapping[str, Any], where: str = "on the line") -> None:
    """Let no prompt with holes go to a model, unless it says itself that they do not matter."""
    names = list(missing)
    if names and metadata.get("validation_level") != "ignore":
        raise MissingParameters(
            names, hint=f"Give them to {name!r}, {where}, in the notebook or as defaults; it was not sent"
        )


def render_named(session: Session, name: str, words: Mapping[str, str] | None = None) -> str:
    """The text of a prompt of the library, a system prompt before a user prompt, with the notebook's variables.

    Args:
        session: Whose library and variables are meant.
        name: The prompt.
        words: Values of its parameters, as words of a line (``--param``).

    Raises:
        PromptNotFound: There is none of that name.
        MagicError: A word is for no parameter.
        MissingParameters: It needs what the notebook does not have.
    """
    found = find_prompt(session, name, ("system", "user"))
    rag = retrieving(session, found.prompt, name)
    result = render_wanted(session, Wanted(rag, name, found.kind, words or {}, session.config.spec))
    refuse_missing(name, result.params_missing, result.metadata, "with --param NAME=VALUE")
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
