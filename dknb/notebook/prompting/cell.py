"""``%%prompt``: a template in a cell, rendered with what the line and the notebook have; sent and saved on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import MagicError
from ..arguments import LineParser, split_pairs
from ..live import show
from ..session import Session
from ..views.text import note
from .adapters import retrieving
from .finding import ALL_KINDS, FoundPrompt, PromptKind, find_prompt
from .refusing import refuse_unfit
from .rendering import Wanted, render_wanted

if TYPE_CHECKING:
    from ...prompts.types import PromptTemplateDict

__all__ = ["PROMPT", "prompt_cell", "prompt_line"]

PROMPT = LineParser("%%prompt", "Render the cell's text as a prompt template.")
PROMPT.add_argument("words", nargs="+", metavar="NAME", help="its name, and values of its parameters")
PROMPT.usage = (
    "%(prog)s NAME [param=value ...] [--system] [--extends BASE] [--rag VAR] [--query TEXT] [--no-rag] "
    "[--run] [--save] [--model SPEC] [--as VAR]"
)
PROMPT.add_argument("--system", action="store_true", help="it is a system prompt")
PROMPT.add_argument("--extends", metavar="BASE", help="the prompt whose keys it inherits")
PROMPT.add_argument(
    "--rag",
    action="append",
    default=[],
    metavar="VAR",
    help="search in a variable (also: NAME=VAR), or as a RAG configuration of the library says",
)
PROMPT.add_argument("--query", metavar="TEXT", help="what to search for in the variable; a template")
PROMPT.add_argument("--no-rag", action="store_true", help="do not search; its places stay empty")
PROMPT.add_argument("--run", action="store_true", help="send it to the model")
PROMPT.add_argument("--save", action="store_true", help="write it to the library")
PROMPT.add_argument("--model", metavar="SPEC", help="the model that it is for")
PROMPT.add_argument("--as", dest="bind", metavar="VAR", help="bind the result to a variable (also: >> VAR)")


def prompt_cell(session: Session, shell: Any, line: str, body: str) -> None:
    """Run a ``%%prompt`` cell.

    Raises:
        MagicError: The line does not parse, or the cell is empty.
        PromptFileError: The front matter is broken.
        TemplateError: The template does not parse or render.
        MissingParameters: A required parameter has no value, and validation is strict.
        ProviderError: The call failed.
    """
    from ...prompts.files import parse_prompt_text

    options = PROMPT.parse(line)
    words, given = split_pairs(options.words, read=str)
    name = _one_name(words)
    if not body.strip() and options.extends is None:
        raise MagicError("%%prompt: the cell is empty.", hint="Write the template below the %%prompt line")
    # A blank body below `--extends` leaves the base's template as it is.
    text = body.removesuffix("\n") if body.strip() else ""
    prompt = parse_prompt_text(text, source_name=f"%%prompt {name}")
    kind: PromptKind = "system" if options.system else "user"
    if options.save:
        from .saving import check_saved_name

        check_saved_name(name)
    _render(session, shell, options, FoundPrompt(name, kind, _extended(prompt, options.extends)), given)


def _extended(prompt: PromptTemplateDict, base: str | None) -> PromptTemplateDict:
    if base is None:
        return prompt
    if prompt.get("extends", base) != base:
        raise MagicError(
            f"%%prompt: the front matter extends {prompt['extends']!r}, the line {base!r}.",
            hint="Say it in one of the two places",
        )
    return {**prompt, "extends": base}


def _one_name(words: list[str]) -> str:
    if len(words) != 1:
        raise MagicError(
            f"%%prompt takes one name, not {len(words)}: {' '.join(words) or 'none'}.",
            hint='%%prompt NAME param=value; quote a value with spaces: tone="very kind"',
        )
    return words[0]


def prompt_line(session: Session, shell: Any, line: str) -> None:
    """Run ``%prompt``: render a prompt of the library; without a name, list them.

    Raises:
        PromptNotFound: There is no prompt of that name.
        DknbError: As `prompt_cell`.
    """
    if not line.strip():
        from ..frames import prompts_frame
        from .listing import prompt_rows

        show(prompts_frame(prompt_rows(session))._repr_mimebundle_())
        return
    options = PROMPT.parse(line)
    words, given = split_pairs(options.words, read=str)
    kinds: tuple[PromptKind, ...] = ("system",) if options.system else ALL_KINDS
    found = find_prompt(session, _one_name(words), kinds)
    if options.save or options.extends is not None:
        done, option = ("is saved", "--save") if options.save else ("has its base", "--extends")
        raise MagicError(
            f"%prompt: the prompt {done} already: {option} is for cells.",
            hint=f"To change it:  %prompts edit {found.name}",
        )
    _render(session, shell, options, found, given)


def _render(session: Session, shell: Any, options: Any, found: FoundPrompt, given: dict[str, str]) -> None:
    """Render as the line says, show it, and save, send and bind it on demand."""
    name, kind, prompt = found
    if options.run and kind == "system":
        raise MagicError("A system prompt is not sent by itself.", hint=f"Ask below it:  %%chat --system {name}")
    if kind == "messages" and options.rag:
        raise MagicError(
            "%prompt: --rag adds to a prompt; messages retrieve what their file says.", hint=f"%prompts edit {name}"
        )
    config = session.model(options.model, {})
    rag = retrieving(session, prompt, name, options.rag, options.query, search=not options.no_rag)
    rendered = render_wanted(session, Wanted(rag, name, kind, given, config.spec, not options.no_rag))
    show(rendered._repr_mimebundle_())
    result: Any = rendered
    if options.save and kind != "messages":
        from .saving import save_prompt

        show(note(save_prompt(session, name, rag.prompt, kind)))
    if options.run:
        from ..sending import send

        refuse_unfit(rendered)
        result = send(session, shell, rendered.messages or rendered.content, config)
    session.bind(options.bind, result)
