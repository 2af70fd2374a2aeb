"""``%%prompt``: a template in a cell, rendered with what the line and the notebook have; sent and saved on demand."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import MagicError, MissingParameters, PromptError, PromptNotFound, did_you_mean, nearest
from .arguments import LineParser, split_pairs
from .live import show
from .session import Session
from .views.prompt import RenderedPrompt, prompt_bundle
from .views.table import table_bundle
from .views.text import note, shorten

if TYPE_CHECKING:
    from ..prompts.types import PromptTemplateDict, PromptType

__all__ = ["PROMPT", "library_bundle", "prompt_cell", "prompt_line", "render_named", "render_text"]

PROMPT = LineParser("%%prompt", "Render the cell's text as a prompt template.")
PROMPT.add_argument("words", nargs="+", metavar="NAME", help="its name, and values of its parameters")
PROMPT.usage = "%(prog)s NAME [param=value ...] [--run] [--save] [--model SPEC] [--as VAR]"
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
    name = _one_name(split_pairs(options.words)[0])
    if not body.strip():
        raise MagicError("%%prompt: the cell is empty.", hint="Write the template below the %%prompt line")
    prompt = parse_prompt_text(body.removesuffix("\n"), source_name=f"%%prompt {name}")
    render_and_show(session, shell, options, prompt)


def _one_name(words: list[str]) -> str:
    if len(words) != 1:
        raise MagicError(
            f"%%prompt takes one name, not {len(words)}: {' '.join(words) or 'none'}.",
            hint='%%prompt NAME param=value; quote a value with spaces: tone="very kind"',
        )
    return words[0]


def render_and_show(session: Session, shell: Any, options: Any, prompt: PromptTemplateDict) -> None:
    """Render ``prompt`` as the line says, show it, and save, send and bind it on demand."""
    words, given = split_pairs(options.words)
    config = session.model(options.model, {})
    rendered = _rendered(session, prompt, words[0], given, config.spec)
    show(prompt_bundle(rendered))
    result: Any = rendered
    if options.save:
        show(note(session.save_prompt(words[0], prompt)))
    if options.run:
        from .sending import send

        _refuse_missing(words[0], rendered.missing, rendered.metadata)
        result = send(session, shell, rendered.content, config)
    session.bind(options.bind, result)


def _refuse_missing(name: str, missing: Iterable[str], metadata: Mapping[str, Any]) -> None:
    """Let no prompt with holes go to a model, unless it says itself that they do not matter."""
    names = list(missing)
    if names and metadata.get("validation_level") != "ignore":
        raise MissingParameters(
            names, hint=f"Give them to {name!r}, on the line, in the notebook or as defaults; it was not sent"
        )


def prompt_line(session: Session, shell: Any, line: str) -> None:
    """Run ``%prompt``: render a prompt of the library; without a name, list them.

    Raises:
        PromptNotFound: There is no prompt of that name.
        DknbError: As `prompt_cell`.
    """
    if not line.strip():
        show(library_bundle(session))
        return
    options = PROMPT.parse(line)
    prompt = _named(session, split_pairs(options.words)[0])
    if options.save:
        raise MagicError("%prompt: the prompt is saved already.", hint="To change it, write it in a %%prompt cell")
    render_and_show(session, shell, options, prompt)


def _named(session: Session, words: list[str]) -> PromptTemplateDict:
    name = _one_name(words)
    prompt = session.library.find_prompt(name, "user") or session.library.find_prompt(name, "system")
    if prompt is None:
        raise _no_prompt(session, name)
    return prompt


def library_bundle(session: Session) -> dict[str, Any]:
    """The prompts of the library, with what they are for."""
    rows = []
    kinds: tuple[PromptType, PromptType] = ("user", "system")
    for kind in kinds:
        names = session.library.list_user_prompts() if kind == "user" else session.library.list_system_prompts()
        for name in names:
            try:
                prompt = session.library.require_prompt(name, kind)
                known = session.renderer.get_parameters(prompt, name=name, prompt_type=kind)
                metadata = prompt.get("metadata", {})
                said = str(metadata.get("use") or metadata.get("description") or metadata.get("when_to_use") or "")
            except PromptError as error:
                known, said = [], f"broken: {error}"
            rows.append((name, kind, ", ".join(known), shorten(said, 120)))
    return table_bundle(("prompt", "kind", "parameters", "use"), rows, title="prompts")


def _rendered(
    session: Session, prompt: PromptTemplateDict, name: str, given: Mapping[str, Any], spec: str
) -> RenderedPrompt:
    from ..llm.counting.costs import CostCalculator
    from ..llm.counting.tokens import TokenCounter

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
        result = session.renderer.render_system_prompt(name, namespace=values)
    elif library.find_prompt(name, "user") is not None:
        result = session.renderer.render_user_prompt(name, namespace=values)
    else:
        raise _no_prompt(session, name)
    _refuse_missing(name, result.params_missing, result.metadata)
    return result.content


def _no_prompt(session: Session, name: str) -> PromptNotFound:
    known = [*session.library.list_user_prompts(), *session.library.list_system_prompts()]
    return PromptNotFound(
        f"There is no prompt {name!r}.{did_you_mean(name, known)}", hint=f"Prompts: {', '.join(known[:20]) or 'none'}"
    )


def render_text(session: Session, text: str) -> str:
    """A text rendered as a template with the notebook's variables.

    Raises:
        TemplateError: It does not parse or render.
        MissingParameters: The notebook has no value for one of its parameters.
    """
    values = NotebookValues(session.namespace)
    result = session.renderer.render_inline(text, name="%%chat", namespace=values)
    _refuse_missing("%%chat --template", result.params_missing, result.metadata)
    return result.content
