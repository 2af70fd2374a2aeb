"""Completion on the lines of dknb's magics, and of names in a template below ``%%prompt``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion

from ..errors import DknbError
from .arguments import LineParser
from .branching import BRANCH_COMMANDS
from .chatting import CHAT, RESUME
from .control import CONTROL_COMMANDS
from .experimenting.magic import EXPERIMENT, EXPERIMENTS
from .experimenting.typing import in_body
from .flowing.finding import find_flow, known_flows
from .flowing.magic import FLOW, FLOWS
from .flowing.values import choices_of, usable_names
from .prompting.cell import PROMPT
from .prompting.finding import ALL_KINDS, PromptKind, find_prompt, known_prompts
from .prompting.history import version_numbers
from .prompting.magic import PROMPTS_COMMANDS
from .prompting.source import usable_parameters
from .prompting.values import NotebookValues
from .session import Session

__all__ = ["completions"]

_MAGIC = re.compile(
    r"\s*(?:[\w, ]+=\s*)?(%%prompt|%%chat|%%flow|%%experiment|%prompts|%prompt|%chat|%flow|%experiment|%branch|%dknb)\s(.*)",
    re.DOTALL,
)
_TEMPLATE_OF_CHAT = re.compile(r"%%chat\b.*\s--template\b")
_VARIABLE = re.compile(r"(?:\{\{|\{%[^{}]*\s)[-+]?\s*([\w.]*)$")
_CALL = re.compile(r"""(?:\b(\w+)\s*\.\s*)?\b(prompt|form|leave_one_out)\(\s*["']([^"']*)$""")
_ARGUMENT = re.compile(r"""(?:\b(\w+)\s*\.\s*)?\b(prompt)\(\s*(["'])([^"']+)\3\s*\)\(([^()]*)$""")
_KEYWORD = re.compile(r"(?:^|,)\s*(\w*)$")
_REFERENCE = re.compile(r"""prompt_ref\(\s*["']([^"']*)$""")

#: The kinds that ``--system`` looks through, in that order.
_OF_SYSTEM: tuple[PromptKind, ...] = ("system", "user")


@dataclass(frozen=True)
class _Typed:
    """What stands on a magic's line before the cursor.

    Attributes:
        session: Whose line it is.
        words: The words that are whole.
        token: The one that is being typed.
        body: The rest of a cell.
    """

    session: Session
    words: list[str]
    token: str
    body: str = ""


def completions(session: Session, context: CompletionContext) -> dict[str, Any]:
    """What a matcher of IPython answers; outside of dknb's magics there is nothing."""
    try:
        fragment, found = _completions(session, context)
    except DknbError:  # a library that cannot be read completes nothing; running the cell says why
        fragment, found = "", []
    matching = [SimpleCompletion(text, type="dknb") for text in dict.fromkeys(found) if text.startswith(fragment)]
    ours = matching if matching or not _is_ours(context) else _Nothing()
    return {"completions": ours, "suppress": bool(ours), "matched_fragment": fragment}


class _Nothing(list[SimpleCompletion]):
    """No completion, and nobody else's either: IPython lets others answer where a list is empty."""

    def __len__(self) -> int:
        return 1


def _is_ours(context: CompletionContext) -> bool:
    """Whether the cursor stands on the line of one of our magics."""
    match = _MAGIC.match(context.text_until_cursor)
    return match is not None and (context.cursor_line == 0 or not match[1].startswith("%%"))


def _completions(session: Session, context: CompletionContext) -> tuple[str, Iterable[str]]:
    """What is typed so far, and what it may become."""
    text = context.text_until_cursor
    first, _, body = context.full_text.partition("\n")
    if context.cursor_line > 0 and (first.startswith("%%prompt") or _TEMPLATE_OF_CHAT.match(first)):
        return _in_template(session, first, text)
    if context.cursor_line > 0 and first.startswith("%%experiment"):
        return in_body(session, body.split("\n")[: context.cursor_line - 1], text)
    match = _MAGIC.match(text)
    if match is None or (match[1].startswith("%%") and context.cursor_line > 0):
        return _in_call(session, text)
    words = match[2].split()
    token = words.pop() if words and not match[2][-1].isspace() else ""
    return _ON_LINE[match[1]](_Typed(session, words, token, body if match[1].startswith("%%") else ""))


def _in_call(session: Session, text: str) -> tuple[str, Iterable[str]]:
    """The name of a prompt, where a function of ours is called with one; then the parameters of what that gives."""
    match = _CALL.search(text)
    if match is not None and _is_our_function(session, match[1], match[2]):
        return match[3], _versioned(_Typed(session, [], match[3]))
    match = _ARGUMENT.search(text)
    if match is None or not _is_our_function(session, match[1], match[2]):
        return "", []
    keyword = _KEYWORD.search(match[5])
    if keyword is None:
        return "", []
    return keyword[1], [f"{name}=" for name in _parameters(session, match[4], "") if f"{name}=" not in match[5]]


def _is_our_function(session: Session, owner: str | None, function: str) -> bool:
    called = getattr(session.namespace.get(owner), function, None) if owner else session.namespace.get(function)
    return str(getattr(called, "__module__", "")).startswith("dknb.")


def _in_template(session: Session, first: str, text: str) -> tuple[str, Iterable[str]]:
    """Names in a template: the variables of the notebook, and the parameters of a prompt of that name."""
    if match := _REFERENCE.search(text):
        return match[1], known_prompts(session, ("user", "system"))
    if not (match := _VARIABLE.search(text)):
        return "", []
    words = first.split()
    saved = _parameters(session, words[1], "") if len(words) > 1 else []
    return match[1], [*saved, *NotebookValues(session.namespace)]


def _of_parser(
    typed: _Typed, parser: LineParser, words: Callable[[_Typed], Iterable[str]]
) -> tuple[str, Iterable[str]]:
    """The values of the option before the cursor, the names of options, or else what ``words`` says."""
    options = {name: action for action in parser._actions for name in action.option_strings}
    before = options.get(typed.words[-1]) if typed.words else None
    if before is not None and before.nargs is None:
        values = before.choices if before.choices is not None else _values(typed, typed.words[-1])
        return _next_of(typed.token, values) if typed.words[-1] == "--on" else (typed.token, values)
    if typed.token.startswith("-"):
        return typed.token, [name for name in options if name not in typed.words or name == "--rag"]
    return typed.token, words(typed)


def _next_of(token: str, values: Iterable[str]) -> tuple[str, Iterable[str]]:
    """The next of several values with commas between them."""
    *named, begun = token.split(",")
    return begun, [value for value in values if value not in named]


def _values(typed: _Typed, option: str) -> Iterable[str]:
    return _OPTION_VALUES[option](typed.session) if option in _OPTION_VALUES else []


def _versioned(typed: _Typed) -> list[str]:
    """Names of prompts; behind ``NAME@``, its versions."""
    name, at, _ = typed.token.partition("@")
    if not at:
        return known_prompts(typed.session)
    return [f"{name}@{number}" for number in version_numbers(typed.session, name)]


def _variables(session: Session) -> list[str]:
    return list(NotebookValues(session.namespace))


def _sources(session: Session) -> list[str]:
    return [*_variables(session), *session.library.list_rag_configs()]


def _places(typed: _Typed) -> list[str]:
    """Folders and zip files that a library may lie in."""
    return [each for each in _files(typed) if each.endswith(("/", ".zip"))] + ["package:"]


def _files(typed: _Typed) -> list[str]:
    """What lies in the folder that is being typed; hidden names only behind a dot."""
    folder, _, begun = typed.token.rpartition("/")
    above = f"{folder}/" if folder or typed.token.startswith("/") else ""
    try:
        found = sorted(Path(above or ".").expanduser().iterdir())
    except OSError:
        return []
    shown = [each for each in found if begun.startswith(".") or not each.name.startswith(".")]
    return [f"{above}{each.name}{'/' if each.is_dir() else ''}" for each in shown]


def _branches(session: Session) -> list[str]:
    talk = session.open_talk
    branches = {} if talk is None else talk.manager.state.branches
    return [name for name, branch in branches.items() if not branch.deletion]


def _labels(session: Session) -> list[str]:
    talk = session.open_talk
    stored = [] if talk is None else talk.manager.state.stored
    return sorted({label for node in stored for label in node.data.labels})


def _flow(typed: _Typed) -> tuple[str, Iterable[str]]:
    """The name of a flow, then the values that it uses; behind ``name=``, those that are declared."""
    valued = {name for action in FLOW._actions if action.nargs is None for name in action.option_strings}
    pairs = zip(["", *typed.words], typed.words, strict=False)
    names = [word for before, word in pairs if before not in valued and not word.startswith("-") and "=" not in word]
    parameter, equals, value = typed.token.partition("=")
    if equals and names and parameter.isidentifier():
        return value, choices_of(typed.session, find_flow(typed.session, names[0]), parameter)
    return _of_parser(typed, FLOW, lambda typed: _flow_words(typed, names))


def _flow_words(typed: _Typed, names: list[str]) -> Iterable[str]:
    if not names:
        return known_flows(typed.session)
    given = {word.partition("=")[0] for word in typed.words}
    used = usable_names(typed.session, find_flow(typed.session, names[0]))
    return [f"{name}=" for name in used if name not in given]


def _specs(session: Session) -> list[str]:
    from ..llm.catalog import known_providers

    used = [provider.config.spec for provider in session.open_providers()]
    return [session.config.spec, session.project.model, *used, *(f"{name}/" for name in known_providers())]


_OPTION_VALUES: dict[str, Callable[[Session], Iterable[str]]] = {
    "--model": _specs,
    "--extends": lambda session: known_prompts(session, ("user", "system")),
    "--system": lambda session: known_prompts(session, ("system", "user")),
    "--rag": _sources,
    "--attach": _variables,
    "--schema": _variables,
    "--tools": _variables,
    "--from": _branches,
    "--branch": _branches,
    "--at": _branches,
    "--on": _branches,
    "--onto": _branches,
    "--label": _labels,
}


def _prompt(typed: _Typed) -> tuple[str, Iterable[str]]:
    """The name of a prompt, then its parameters; behind ``name=``, the values that a declaration lists."""
    valued = {name for action in PROMPT._actions if action.nargs is None for name in action.option_strings}
    pairs = zip(["", *typed.words], typed.words, strict=False)
    names = [word for before, word in pairs if before not in valued and not word.startswith("-") and "=" not in word]
    parameter, equals, value = typed.token.partition("=")
    if equals and names and parameter.isidentifier():
        return value, _choices(typed.session, names[0], parameter)
    return _of_parser(typed, PROMPT, lambda typed: _prompt_words(typed, names))


def _prompt_words(typed: _Typed, names: list[str]) -> Iterable[str]:
    if not names:
        return _versioned(typed)
    given = {word.partition("=")[0] for word in typed.words}
    return [f"{name}=" for name in _parameters(typed.session, names[0], typed.body) if name not in given]


def _parameters(session: Session, name: str, body: str, kinds: Sequence[PromptKind] = ALL_KINDS) -> list[str]:
    """The parameters of the template in a cell, or else of the prompt of that name."""
    from ..prompts.files import parse_prompt_text

    if body.strip():
        return session.renderer.get_parameters(parse_prompt_text(body, source_name=name), name=name)
    if name not in known_prompts(session, kinds):
        return []
    return list(usable_parameters(session, find_prompt(session, name, kinds)))


def _chat(typed: _Typed) -> tuple[str, Iterable[str]]:
    """Options and their values; behind ``--param``, the parameters of the system prompt."""
    if typed.words[-1:] != ["--param"]:
        return _of_parser(typed, CHAT, _no_words)
    system = next((after for word, after in pairwise(typed.words) if word == "--system"), None)
    if system is None:
        return "", []
    parameter, equals, value = typed.token.partition("=")
    if equals:
        return value, _choices(typed.session, system, parameter, _OF_SYSTEM)
    given = {word.partition("=")[0] for before, word in pairwise(typed.words) if before == "--param"}
    names = _parameters(typed.session, system, "", _OF_SYSTEM)
    return typed.token, [f"{name}=" for name in names if name not in given]


def _choices(session: Session, name: str, parameter: str, kinds: Sequence[PromptKind] = ALL_KINDS) -> list[str]:
    if name not in known_prompts(session, kinds):
        return []
    spec = usable_parameters(session, find_prompt(session, name, kinds)).get(parameter)
    if spec is None:
        return []
    return ["true", "false"] if spec.type == "boolean" else [str(choice) for choice in spec.choices]


def _commands(
    commands: dict[str, tuple[LineParser, Any]], words: dict[str, Callable[[_Typed], Iterable[str]]]
) -> Callable[[_Typed], tuple[str, Iterable[str]]]:
    """The commands of a magic, then what each of them takes."""

    def complete(typed: _Typed) -> tuple[str, Iterable[str]]:
        if not typed.words:
            return typed.token, commands
        command = typed.words[0]
        if command not in commands:
            return "", []
        values = words.get(command, _no_words)
        return _of_parser(typed, commands[command][0], values)

    return complete


def _no_words(_: _Typed) -> Iterable[str]:
    return []


def _of_session(values: Callable[[Session], Iterable[str]]) -> Callable[[_Typed], Iterable[str]]:
    return lambda typed: values(typed.session)


def _experiments(typed: _Typed) -> Iterable[str]:
    from ..experiments.loading import stored_experiments

    return [] if typed.words else [each.name for each in stored_experiments(typed.session.storage)]


#: The commands of ``%branch`` whose words may be branches.
_WITH_BRANCHES = ("switch", "diff", "delete", "rename", "star", "unstar", "label", "unlabel", "edit", "pick")

_ON_LINE: dict[str, Callable[[_Typed], tuple[str, Iterable[str]]]] = {
    "%%prompt": _prompt,
    "%prompt": _prompt,
    "%%chat": _chat,
    "%chat": lambda typed: _of_parser(typed, RESUME, _no_words),
    "%%flow": _flow,
    "%flow": lambda typed: _of_parser(typed, FLOWS, lambda typed: [] if typed.words else known_flows(typed.session)),
    "%%experiment": lambda typed: _of_parser(typed, EXPERIMENT, _experiments),
    "%experiment": lambda typed: _of_parser(typed, EXPERIMENTS, _experiments),
    "%prompts": _commands(PROMPTS_COMMANDS, dict.fromkeys(("show", "diff", "edit", "promote", "ab"), _versioned)),
    "%branch": _commands(BRANCH_COMMANDS, {"export": _files, **dict.fromkeys(_WITH_BRANCHES, _of_session(_branches))}),
    "%dknb": _commands(
        CONTROL_COMMANDS,
        {"model": _of_session(_specs), "library": _places, **dict.fromkeys(("record", "replay", "auto"), _files)},
    ),
}
