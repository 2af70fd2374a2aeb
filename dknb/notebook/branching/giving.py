"""The conversation as a file, or as a DataFrame."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import ConfigError, StorageError
from ..asking import Talk
from ..places import Node
from ..views.text import counted, note
from ..views.tree import node_label
from .here import Command, Here, branch_parser

__all__ = ["COMMANDS"]

_EXPORT = branch_parser(
    "export", "Write the way to a node as FILE.md, as a notebook FILE.ipynb, or as messages FILE.jsonl."
)
_EXPORT.add_argument("file", metavar="FILE")
_EXPORT.add_argument("--at", metavar="NODE|BRANCH", help="where the way ends; here, if nothing is said")
_EXPORT.add_argument("--incomplete", action="store_true", help="FILE.jsonl: with answers that were cut, too")
_EXPORT.add_argument("--force", action="store_true", help="in the place of a file that is there")
_FRAME = branch_parser("frame", "Give the conversation as a DataFrame, one row a node.")
_FRAME.add_argument("--deleted", action="store_true", help="with what was deleted")
_FRAME.add_argument("--as", dest="bind", metavar="VAR", help="bind it to a variable (also: >> VAR)")


def _notebook(talk: Talk, node: Node) -> str:
    return json.dumps(talk.manager.to_notebook(node), ensure_ascii=False, indent=1) + "\n"


def _line(talk: Talk, node: Node) -> str:
    """The messages as OpenAI's fine-tuning takes them, one line."""
    from ...conversations.exchange.openai import line_of

    line = line_of(list(talk.manager.history_to(node)), talk.manager.metadata)
    return json.dumps(line, ensure_ascii=False, default=str) + "\n"


_FORMS: dict[str, Callable[[Talk, Node], str]] = {
    ".md": lambda talk, node: talk.manager.to_markdown(node),
    ".ipynb": _notebook,
    ".jsonl": _line,
}


def _export(here: Here, options: Any) -> dict[str, str]:
    path = Path(options.file).expanduser()
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise ConfigError(
            f"{options.file!r} has no ending that says what to write.", hint=f"Endings: {', '.join(_FORMS)}"
        )
    node = here.talk.places.position if options.at is None else here.talk.node(options.at)[0]
    left_out = ""
    if path.suffix.lower() == ".jsonl" and not options.incomplete:
        node, left_out = _trained(node)
    _write(path, form(here.talk, node).encode("utf-8", "replace"), force=options.force)
    number = sum(not above.data.is_empty for above in node.upward())
    return note(
        f"{counted(number, 'message')}, to node {node_label(node)}: {here.session.shown(path.resolve())}{left_out}"
    )


def _trained(node: Node) -> tuple[Node, str]:
    """Where the way ends that a model is to learn from: before an answer that was cut."""
    from ...conversations.exchange.giving import first_cut, last_answer

    if (cut := first_cut(node)) is None:
        return node, ""
    assert cut.parent is not None
    if (end := last_answer(cut.parent)) is None:
        raise ConfigError(
            f"The answer {node_label(cut)} was cut, and there is none before it: nothing is left to learn from.",
            hint="Write it all the same with --incomplete",
        )
    return end, f"; left out from {node_label(cut)} on, an answer that was cut (--incomplete writes it)"


def _write(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file; one that is there and says something else is not written over unasked."""
    try:
        if path.exists() and not force and path.read_bytes() != content:
            raise ConfigError(
                f"There is a file {path.name!r} already, which says something else.",
                hint="Take another name, or write over it with --force",
            )
        path.write_bytes(content)
    except OSError as error:
        raise StorageError(f"{path.name!r} cannot be written: {error.strerror}.", hint="Take another place") from error


def _frame(here: Here, options: Any) -> Any:
    frame = here.talk.manager.to_frame(deleted=options.deleted)
    if options.bind is None:
        return frame
    here.session.bind(options.bind, frame)
    return note(f"{options.bind}: {counted(len(frame), 'row')}, {counted(len(frame.columns), 'column')}")


COMMANDS: dict[str, tuple[Any, Command]] = {"export": (_EXPORT, _export), "frame": (_FRAME, _frame)}
