"""``%%prompt``: a template in a cell, rendered with what the line and the notebook have; sent and saved on demand."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import MagicError, PromptNotFound, did_you_mean, nearest
from .arguments import LineParser, split_pairs
from .live import show
from .session import Session
from .views.prompt import RenderedPrompt, prompt_bundle
from .views.text import note

if TYPE_CHECKING:
    from ..prompts.types import PromptTemplateDict

__all__ = ["PROMPT", "prompt_cell", "render_named", "render_text"]

PROMPT = LineParser("%%prompt", "Render the cell's text as a prompt template.")
PROMPT.add_argument("words", nargs="+", metavar="NAME [param=value ...]", help="its name, and values of its parameters")
PROMPT.add_argument("--run", action="store_true", help="send it to the model")
PROMPT.add_argument("--save", action="store_true", help="write it to the library")
PROMPT.add_argument("--model", metavar="SPEC", help="the model that it is for")
PROMPT.add_argument("--as", dest="bind", metavar="VAR", help="bind the result to a variable (also: >> VAR)")

#: Tokens of an answer of usual length, for the upper end of a price.
_USUAL_ANSWER = 500


def prompt_cell(session: Session, shell: Any, line: str, body: str) -> None:
    """Run a ``%%prompt`` cell.

    Raises:
        MagicError: The line does not parse, or the cell is empty.
        PromptFileError: The front matter is broken.
        TemplateError: The template does not parse or render.
        MissingParameters: A required parameter has no value, and validation is strict.
        ProviderError: The call failed.
    """
    from ..prompts.files import parse_prompt_text

    options = PROMPT.parse(line)
    words, given = split_pairs(options.words)
    if len(words) != 1:
        raise MagicError(
            f"%%prompt takes one name, not {len(words)}: {' '.join(words) or 'none'}.",
            hint='%%prompt NAME param=value; quote a value with spaces: tone="very kind"',
        )
    if not body.strip():
        raise MagicError("%%prompt: the cell is empty.", hint="Write the template below the %%prompt line")
    config = session.model(options.model, {})
    prompt = parse_prompt_text(body.removesuffix("\n"), source_name=f"%%prompt {words[0]}")
    rendered = _rendered(session, prompt, words[0], given, config.spec)
    show(prompt_bundle(rendered))
    result: Any = rendered
    if options.save:
        path = session.save_prompt(words[0], prompt)
        show(note(f"saved as {path}"))
    if options.run:
        from .sending import send

        result = send(session, shell, rendered.content, config)
    if options.bind:
        session.namespace[options.bind] = result


def _rendered(
    session: Session, prompt: PromptTemplateDict, name: str, given: Mapping[str, Any], spec: str
) -> RenderedPrompt:
    from ..llm.costs import CostCalculator
    from ..llm.tokens import TokenCounter

    builder = session.renderer
    known = builder.get_parameters(prompt, name=name)
    if unknown := [parameter for parameter in given if parameter not in known]:
        raise MagicError(
            f"Prompt {name!r} has no parameter {unknown[0]!r}.{did_you_mean(unknown[0], known)}",
            hint=f"Its parameters: {', '.join(known) or 'none'}",
        )
    result = builder.render_inline(prompt, given, name=name, namespace=NotebookValues(session.namespace))
    origins: dict[str, str] = result.metadata.get("param_origins", {})
    count = TokenCounter.count(result.content, spec)
    low = CostCalculator.estimate_cost(result.content, spec, 0)
    high = CostCalculator.estimate_cost(result.content, spec, _USUAL_ANSWER)
    variables = list(NotebookValues(session.namespace))
    return RenderedPrompt(
        content=result.content,
        name=name,
        mode=str(result.metadata.get("template_mode", "mixed")),
        used=result.params_used,
        origins={key: "line" if origin == "caller" else origin for key, origin in origins.items()},
        missing={key: next(iter(nearest(key, variables)), None) for key in result.params_missing},
        warnings=[*result.validation_warnings, *_suspicions(prompt)],
        tokens=(count.count, count.exact),
        cost_usd=None if low is None or high is None else (low, high),
        model=spec,
        metadata=result.metadata,
    )


def _suspicions(prompt: PromptTemplateDict) -> list[str]:
    """What in the template is taken as text and was probably meant otherwise: an unclosed ``((``, a lone ``}}``."""
    from ..templates import TemplateRenderer

    if prompt.get("template_mode", "mixed") != "mixed":
        return []
    return TemplateRenderer.validate_template_syntax(prompt.get("template", ""))


class NotebookValues(Mapping[str, Any]):
    """The variables of a notebook that are values: no function, class or module, and no name that begins with ``_``."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace

    def __getitem__(self, name: str) -> Any:
        if not self._is_value(name):
            raise KeyError(name)
        return self._namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in self._namespace if self._is_value(name)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._is_value(name)

    def _is_value(self, name: str) -> bool:
        return (
            name in self._namespace
            and not name.startswith("_")
            and name not in _OF_IPYTHON
            and not isinstance(self._namespace[name], _NO_VALUES)
        )


_OF_IPYTHON = frozenset({"In", "Out", "exit", "quit"})
_NO_VALUES = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)


def render_named(session: Session, name: str) -> str:
    """The text of a prompt of the library, a system prompt before a user prompt, with the notebook's variables.

    Raises:
        PromptNotFound: There is none of that name.
        MissingParameters: It needs what the notebook does not have.
    """
    library, values = session.library, NotebookValues(session.namespace)
    if library.find_prompt(name, "system") is not None:
        return session.renderer.render_system_prompt(name, namespace=values).content
    if library.find_prompt(name, "user") is not None:
        return session.renderer.render_user_prompt(name, namespace=values).content
    known = [*library.list_system_prompts(), *library.list_user_prompts()]
    raise PromptNotFound(
        f"There is no prompt {name!r}.{did_you_mean(name, known)}",
        hint=f"Prompts: {', '.join(known[:20]) or 'none'}; a text of several words is taken as it is",
    )


def render_text(session: Session, text: str) -> str:
    """A text rendered as a template with the notebook's variables.

    Raises:
        TemplateError: It does not parse or render.
    """
    values = NotebookValues(session.namespace)
    return session.renderer.render_inline(text, name="%%chat", namespace=values).content
