"""``%prompts``: the library, listed, shown, compared, edited and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import MagicError, did_you_mean
from ..arguments import LineParser
from ..live import show
from ..session import Session
from ..views.text import note
from .finding import find_prompt

__all__ = ["PROMPTS_COMMANDS", "PROMPTS_HELP", "prompts_line"]


def _parser(name: str, description: str, *words: str) -> LineParser:
    parser = LineParser(f"%prompts {name}".rstrip(), description)
    for word in words:
        parser.add_argument(word)
    return parser


def _binding(parser: LineParser) -> LineParser:
    parser.add_argument("--as", dest="bind", metavar="VAR", help="bind the table to a variable (also: >> VAR)")
    return parser


_LIST = _binding(_parser("list", "List the prompts; the result is a DataFrame:  df = %prompts"))
_SHOW = _parser("show", "Show a prompt's source, parameters, sections and bases.", "name")
_DIFF = _parser("diff", "Show the words in which two prompts differ:  NAME@1.0 NAME@1.2, or two names.", "a", "b")
_EDIT = _parser("edit", "Put a %%prompt cell with the prompt below this one.", "name")
_CHECK = _binding(_parser("check", "List what is wrong in the library, with file, line and column."))


def prompts_line(session: Session, shell: Any, line: str) -> Any:
    """Run ``%prompts``; what it lists is returned as a DataFrame, unless it is bound to a variable.

    Raises:
        MagicError: The line does not parse.
        PromptNotFound: There is no prompt of that name.
        PromptError: The prompt is broken.
    """
    command, _, rest = line.strip().partition(" ")
    if not command or command.startswith(("-", ">")):
        command, rest = "list", line
    if command not in PROMPTS_COMMANDS:
        raise MagicError(
            f"%prompts: no command {command!r}.{did_you_mean(command, PROMPTS_COMMANDS)}",
            hint=f"Commands: {', '.join(PROMPTS_COMMANDS)}",
        )
    parser, do = PROMPTS_COMMANDS[command]
    return do(session, shell, parser.parse(rest))


def _list(session: Session, shell: Any, options: Any) -> Any:
    from ..frames import prompts_frame
    from .listing import prompt_rows

    return _given(session, options, prompts_frame(prompt_rows(session)))


def _check(session: Session, shell: Any, options: Any) -> Any:
    from ..frames import problems_frame
    from .listing import problem_rows

    return _given(session, options, problems_frame(problem_rows(session)))


def _given(session: Session, options: Any, frame: Any) -> Any:
    """The table as the value of the line; shown here where a variable takes it."""
    if options.bind is None:
        return frame
    show(frame._repr_mimebundle_())
    session.bind(options.bind, frame)
    return None


def _show(session: Session, shell: Any, options: Any) -> None:
    from ..views.prompt_source import source_bundle
    from .source import source

    show(source_bundle(source(session, find_prompt(session, options.name))))


def _diff(session: Session, shell: Any, options: Any) -> None:
    from ..views.prompt_source import difference_bundle
    from .source import difference

    left, right = find_prompt(session, options.a), find_prompt(session, options.b)
    show(difference_bundle(f"{options.a} → {options.b}", difference(left.prompt, right.prompt)))


def _edit(session: Session, shell: Any, options: Any) -> None:
    from .source import cell_text

    text = cell_text(find_prompt(session, options.name))
    if shell is not None:
        shell.set_next_input(text)
    show(note(f"{options.name}: in the cell below; run it with --save to write it to the library"))


_Command = Callable[[Session, Any, Any], Any]
PROMPTS_COMMANDS: dict[str, tuple[LineParser, _Command]] = {
    "list": (_LIST, _list),
    "show": (_SHOW, _show),
    "diff": (_DIFF, _diff),
    "edit": (_EDIT, _edit),
    "check": (_CHECK, _check),
}

PROMPTS_HELP = "\n".join(
    f"{' '.join(parser.format_usage().split()[1:])}\n    {parser.description}"
    for parser, _ in PROMPTS_COMMANDS.values()
)
