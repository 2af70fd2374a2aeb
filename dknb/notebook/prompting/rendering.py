"""Prompts rendered with what the line and the notebook have, and what is to be told about the render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...errors import MagicError, MissingParameters, did_you_mean, nearest
from ..session import Session
from ..views.prompt import RenderedPrompt
from ..views.retrieved import retrieved
from .adapters import SourcedPrompt, retrieving
from .finding import find_prompt
from .values import NotebookValues

if TYPE_CHECKING:
    from ...prompts.builder import PromptBuilder
    from ...prompts.types import PromptTemplateDict, PromptType, RenderResult

__all__ = ["Wanted", "builder_for", "picture", "refuse_missing", "render_named", "render_text", "render_wanted"]

#: Tokens of an answer of usual length, for the upper end of a price.
_USUAL_ANSWER = 500


@dataclass(frozen=True)
class Wanted:
    """A prompt, and how a line wants it rendered.

    Attributes:
        rag: The prompt, with what it retrieves from.
        name: Its name.
        kind: Whether it is a user or a system prompt.
        given: Values of parameters.
        spec: The model that it is for.
        include_rag: Whether to retrieve.
    """

    rag: SourcedPrompt
    name: str
    kind: PromptType
    given: Mapping[str, Any]
    spec: str
    include_rag: bool = True


def render_wanted(session: Session, wanted: Wanted) -> RenderedPrompt:
    """Render a prompt with the values of the line and of the notebook.

    Raises:
        MagicError: A value is for no parameter.
        DknbError: It cannot be rendered.
    """
    builder, template = builder_for(session, wanted.rag, wanted.spec), wanted.rag.prompt
    known = builder.get_parameters(template, name=wanted.name, prompt_type=wanted.kind)
    if unknown := [parameter for parameter in wanted.given if parameter not in known]:
        raise MagicError(
            f"Prompt {wanted.name!r} has no parameter {unknown[0]!r}.{did_you_mean(unknown[0], known)}",
            hint=f"Its parameters: {', '.join(known) or 'none'}",
        )
    values = NotebookValues(session.namespace)
    result = builder.render_inline(
        template,
        wanted.given,
        wanted.include_rag,
        return_rag_metadata=True,
        name=wanted.name,
        prompt_type=wanted.kind,
        namespace=values,
    )
    shown = picture(result, wanted.name, wanted.spec, variables=list(values), warnings=_suspicions(template))
    origins = {key: "line" if origin == "caller" else origin for key, origin in shown.origins.items()}
    return replace(shown, origins=origins)


def builder_for(session: Session, rag: SourcedPrompt, spec: str) -> PromptBuilder:
    """What renders a prompt that retrieves so; its budgets are in tokens of the model ``spec``."""
    if not rag.adapters:
        return session.renderer
    from ...llm.counting.tokens import TokenCounter
    from ...prompts.builder import PromptBuilder

    return PromptBuilder(session.library, rag.adapters, count_tokens=lambda text: TokenCounter.count(text, spec).count)


def picture(
    result: RenderResult, name: str, spec: str, *, variables: Sequence[str] = (), warnings: Sequence[str] = ()
) -> RenderedPrompt:
    """A result with what it would take to send it to the model ``spec``; ``variables`` may be meant by missing names."""
    from ...llm.counting.costs import CostCalculator
    from ...llm.counting.tokens import TokenCounter

    count = TokenCounter.count(result.content, spec)
    low = CostCalculator.estimate_cost(result.content, spec, 0)
    high = CostCalculator.estimate_cost(result.content, spec, _USUAL_ANSWER)
    return RenderedPrompt(
        content=result.content,
        name=name,
        mode=str(result.metadata.get("template_mode", "mixed")),
        used=result.params_used,
        origins=result.metadata.get("param_origins", {}),
        missing={key: next(iter(nearest(key, variables)), None) for key in result.params_missing},
        warnings=[*result.validation_warnings, *warnings],
        tokens=(count.count, count.exact),
        cost_usd=None if low is None or high is None else (low, high),
        model=spec,
        metadata=result.metadata,
        retrieved=retrieved(result.rag_metadata),
    )


def _suspicions(prompt: PromptTemplateDict) -> list[str]:
    """What in the template is taken as text and was probably meant otherwise: an unclosed ``((``, a lone ``}}``."""
    from ...templates import TemplateRenderer

    if prompt.get("template_mode", "mixed") != "mixed":
        return []
    return TemplateRenderer.validate_template_syntax(prompt.get("template", ""))


def refuse_missing(name: str, missing: Iterable[str], metadata: Mapping[str, Any]) -> None:
    """Let no prompt with holes go to a model, unless it says itself that they do not matter."""
    names = list(missing)
    if names and metadata.get("validation_level") != "ignore":
        raise MissingParameters(
            names, hint=f"Give them to {name!r}, on the line, in the notebook or as defaults; it was not sent"
        )


def render_named(session: Session, name: str) -> str:
    """The text of a prompt of the library, a system prompt before a user prompt, with the notebook's variables.

    Raises:
        PromptNotFound: There is none of that name.
        MissingParameters: It needs what the notebook does not have.
    """
    values = NotebookValues(session.namespace)
    found = find_prompt(session, name, ("system", "user"))
    builder = builder_for(session, retrieving(session, found.prompt, name), session.config.spec)
    result = builder.render_inline(found.prompt, name=name, prompt_type=found.kind, namespace=values)
    refuse_missing(name, result.params_missing, result.metadata)
    return result.content


def render_text(session: Session, text: str) -> str:
    """A text rendered as a template with the notebook's variables.

    Raises:
        TemplateError: It does not parse or render.
        MissingParameters: The notebook has no value for one of its parameters.
    """
    values = NotebookValues(session.namespace)
    result = session.renderer.render_inline(text, name="%%chat", namespace=values)
    refuse_missing("%%chat --template", result.params_missing, result.metadata)
    return result.content
