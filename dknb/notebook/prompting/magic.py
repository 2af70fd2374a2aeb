"""``%prompts``: the library, listed, shown, compared, edited, checked, and its versions promoted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...errors import MagicError, did_you_mean
from ..arguments import LineParser
from ..live import show
from ..session import Session
from ..views.text import note
from .finding import ALL_KINDS, FoundPrompt, find_prompt
from .history import last_two

if TYPE_CHECKING:
    from ...prompts.types import PromptType

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


def _of_a_kind(parser: LineParser) -> LineParser:
    parser.add_argument("--system", action="store_true", help="the system prompt, where a user prompt has the name too")
    return parser


_SHOW = _of_a_kind(_parser("show", "Show a prompt's source, parameters, sections, bases and versions.", "name"))
_DIFF = _of_a_kind(
    _parser(
        "diff", "Show the words in which two prompts differ:  NAME@1.0 NAME@1.2, two names, or NAME's last change.", "a"
    )
)
_DIFF.add_argument("b", nargs="?")
_EDIT = _of_a_kind(_parser("edit", "Put a %%prompt cell with the prompt below this one.", "name"))
_PROMOTE = _of_a_kind(
    _parser(
        "promote",
        "Let NAME be that version from now on, until its file changes, it is saved, or another is promoted:  NAME@1.3",
        "name",
    )
)
_PROMOTE.add_argument("--back", action="store_true", help="let NAME be what its file says again")
_AB = _binding(_parser("ab", "List the online A/B experiments; the result is a DataFrame."))
_AB.add_argument("name", nargs="?", help="only those on this prompt")
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

    show(source_bundle(source(session, _found(session, options.name, options))))


def _found(session: Session, name: str, options: Any) -> FoundPrompt:
    return find_prompt(session, name, ("system",) if options.system else ALL_KINDS)


def _diff(session: Session, shell: Any, options: Any) -> None:
    from ..views.prompt_source import difference_bundle
    from .comparing import difference

    left = _found(session, options.a, options)
    other = options.b if options.b is not None else _versioned(session, left)
    if other is not None:
        right = _found(session, other, options)
        show(difference_bundle(f"{options.a} → {other}", difference(left.prompt, right.prompt)))
        return
    pair = last_two(session, left.name, left.kind) if left.kind != "messages" else None
    if pair is None:
        show(note(f"{options.a}: no other version of it is known;  %prompts diff NAME OTHER  compares two prompts"))
        return
    before, now = pair
    show(difference_bundle(f"{options.a}: {before.number} → {now.number}", difference(before.prompt, now.prompt)))


def _versioned(session: Session, found: FoundPrompt) -> str | None:
    """The prompt that this is a version of, if it is one."""
    from ...prompts.versioning.numbers import split_name

    is_version = found.kind != "messages" and session.files.find_prompt(found.name, found.kind) is None
    return split_name(found.name)[0] if is_version else None


def _edit(session: Session, shell: Any, options: Any) -> None:
    from .source import cell_text

    found = _found(session, options.name, options)
    text = cell_text(session, found)
    if shell is not None:
        shell.set_next_input(text)
    how = "run it" if found.kind == "messages" else "run it with --save"
    show(note(f"{options.name}: in the cell below; {how} to write it to the library"))


def _promote(session: Session, shell: Any, options: Any) -> None:
    from ...prompts.versioning.numbers import split_name
    from .promoting import back_to_file, no_number, promote

    name, at, number = options.name.rpartition("@")
    kind: PromptType | None = "system" if options.system else None
    if options.back:
        show(note(back_to_file(session, split_name(options.name)[0], kind)))
    elif not at or not name:
        raise no_number(session, options.name)
    else:
        show(note(promote(session, name, number, kind)))


def _ab(session: Session, shell: Any, options: Any) -> Any:
    from ..frames import experiments_frame

    return _given(session, options, experiments_frame(session.library.ab_test_manager.to_frame(options.name)))


_Command = Callable[[Session, Any, Any], Any]
PROMPTS_COMMANDS: dict[str, tuple[LineParser, _Command]] = {
    "list": (_LIST, _list),
    "show": (_SHOW, _show),
    "diff": (_DIFF, _diff),
    "edit": (_EDIT, _edit),
    "check": (_CHECK, _check),
    "promote": (_PROMOTE, _promote),
    "ab": (_AB, _ab),
}

PROMPTS_HELP = "\n".join(
    f"{' '.join(parser.format_usage().split()[1:])}\n    {parser.description}"
    for parser, _ in PROMPTS_COMMANDS.values()
)
