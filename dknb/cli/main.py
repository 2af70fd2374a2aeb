"""The command line: one parser, one function a command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from .. import __version__
from ..errors import DknbError, did_you_mean

__all__ = ["main"]

_COMMANDS = ("lab", "doctor", "prompts", "cassette", "store")
_ACTIONS = ("list", "check", "stale", "prune", "import")


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        end = "" if message.endswith((".", "?")) else "."
        self.exit(2, f"{self.prog}: {message}{end} Try:  {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dknb", description="A laboratory for prompts in Jupyter.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"dknb {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND", parser_class=_Parser)

    lab = commands.add_parser("lab", help="open a notebook in JupyterLab", allow_abbrev=False)
    lab.add_argument(
        "notebook",
        nargs="?",
        type=Path,
        help="the notebook (default: notebooks/00_quickstart.ipynb, if the project has one)",
    )
    lab.add_argument(
        "--execute",
        action="store_true",
        help="run it from top to bottom without a browser, and say where the result lies (so it is when CI=true)",
    )
    commands.add_parser("doctor", help="say what is installed, set and reachable", allow_abbrev=False)
    _add_prompts(
        commands.add_parser(
            "prompts", help="check and test the prompts of a library, and import others", allow_abbrev=False
        )
    )
    _add_cassette(commands.add_parser("cassette", help="look into a recording", allow_abbrev=False))
    _add_store(commands.add_parser("store", help="look after the conversations that are kept", allow_abbrev=False))
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    export = actions.add_parser("export", help="write conversations to a file of JSON Lines", allow_abbrev=False)
    export.add_argument(
        "file", nargs="?", type=_output, metavar="FILE", help="a new file (default, or -: standard output)"
    )
    export.add_argument(
        "--conversation", action="append", default=[], metavar="NAME", help="only this one; may be given several times"
    )
    export.add_argument("--format", default="dknb", help="dknb (the default, keeps all), dataknobs, openai or sharegpt")
    export.add_argument(
        "--incomplete",
        action="store_true",
        help="openai and sharegpt: with answers that were cut, and what is below them",
    )
    take = actions.add_parser("import", help="add the conversations of such a file", allow_abbrev=False)
    take.add_argument("file", type=Path, metavar="FILE", help="a file; - is standard input")
    take.add_argument("--format", help="dknb, dataknobs, openai, sharegpt or llm (default: what the file looks like)")
    take.add_argument("--rename", action="store_true", help="give a conversation whose name is taken another one")
    check = actions.add_parser("check", help="look whether the store is sound; fails if it is not", allow_abbrev=False)
    vacuum = actions.add_parser("vacuum", help="give unused space back, and index all words anew", allow_abbrev=False)
    for action in (export, take, check, vacuum):
        action.add_argument("--store", metavar="ADDRESS", help="a file or URL (default: the store of the project)")


def _output(text: str) -> Path | None:
    return None if text == "-" else Path(text)


def _add_prompts(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    check = actions.add_parser("check", help="say what is wrong in the files; fails on an error", allow_abbrev=False)
    test = actions.add_parser(
        "test", help="run the tests of its tests.yaml, without a model; fails if one does", allow_abbrev=False
    )
    check.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="LIBRARY",
        help="a folder, a .zip file or package:NAME; default: the project's library",
    )
    test.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="default: the project's library")
    test.add_argument("--only", metavar="WORDS", help="only tests with these words in their name or prompt")
    take = actions.add_parser(
        "import", help="add prompts of dotprompt, Prompty, CSV or TSV files to a library", allow_abbrev=False
    )
    take.add_argument("path", type=Path, metavar="PATH", help="a file, or a folder of such")
    take.add_argument("--into", type=Path, metavar="FOLDER", help="the library (default: the project's)")
    schema = actions.add_parser(
        "schema", help="name its schema in each file of a library, for editors", allow_abbrev=False
    )
    schema.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="default: the project's library")


def _add_cassette(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    listed = actions.add_parser("list", help="list its entries (so does FILE alone)", allow_abbrev=False)
    listed.add_argument("file", type=Path)
    check = actions.add_parser(
        "check", help="look for secrets in recordings; fails if one is found", allow_abbrev=False
    )
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    stale = actions.add_parser(
        "stale",
        help="run a notebook, and list what it did not ask for of the recording that it uses",
        allow_abbrev=False,
    )
    stale.add_argument("notebook", type=Path)
    prune = actions.add_parser("prune", help="take entries out: those named, or those that are old", allow_abbrev=False)
    prune.add_argument("file", type=Path)
    prune.add_argument("entries", nargs="*", metavar="ENTRY")
    prune.add_argument("--older", metavar="DAYS", help="those that were recorded so many days ago")
    prune.add_argument("--yes", action="store_true", help="really do it")
    take = actions.add_parser("import", help="add what a VCR file (YAML or JSON) has recorded", allow_abbrev=False)
    take.add_argument("source", type=Path, metavar="VCR_FILE")
    take.add_argument("file", type=Path)
    take.add_argument("--provider", metavar="NAME", help="whose calls they are, if the address does not say so")


def _lab(options: argparse.Namespace) -> int:
    from .lab import choose_notebook, open_lab

    in_ci = os.environ.get("CI", "").lower() in ("true", "1")
    if not (options.execute or in_ci):
        open_lab(choose_notebook(options.notebook))
    from .execute import execute

    result = execute(choose_notebook(options.notebook))
    print(f"ran without an error, the result is {result}")
    return 0


def _doctor() -> int:
    from .doctor import examine, report

    findings = examine()
    print(report(findings))
    return int(any(finding.is_broken for finding in findings))


def _prompts(options: argparse.Namespace) -> int:
    from .prompts import check_prompts, import_into, link_editors, test_prompts

    actions: dict[str, Callable[[], tuple[str, bool]]] = {
        "check": lambda: check_prompts(options.folder),
        "test": lambda: test_prompts(options.folder, options.only),
        "import": lambda: import_into(options.path, options.into),
        "schema": lambda: (link_editors(options.folder), True),
    }
    said, is_well = actions[options.action]()
    print(said)
    return int(not is_well)


def _cassette(options: argparse.Namespace) -> int:
    from .cassette import check_recordings, import_recording, list_recording, prune_recording, stale_entries

    if options.action == "check":
        found = check_recordings(options.files)
        print("\n".join(found) or "no secret was found")
        return int(bool(found))
    print(
        {
            "list": lambda: list_recording(options.file),
            "stale": lambda: stale_entries(options.notebook),
            "prune": lambda: prune_recording(options.file, options.entries, options.older, yes=options.yes),
            "import": lambda: import_recording(options.source, options.file, options.provider),
        }[options.action]()
    )
    return 0


def _store(options: argparse.Namespace) -> int:
    from .store import check_store, export_to, import_from, vacuum_store

    if options.action == "check":
        found = check_store(options.store)
        print("\n".join(found) or "the store is sound")
        return int(bool(found))
    if options.action == "export":
        done = export_to(
            options.file, options.conversation, options.store, options.format, incomplete=options.incomplete
        )
        print(done, file=sys.stderr if options.file is None else sys.stdout)
    elif options.action == "import":
        print(import_from(options.file, options.store, options.format, rename=options.rename))
    else:
        print(vacuum_store(options.store))
    return 0


def _with_action(words: list[str]) -> list[str]:
    """The words, with ``list`` before a recording that ``dknb cassette`` is given alone."""
    is_recording = words[:1] == ["cassette"] and len(words) > 1 and words[1] not in _ACTIONS
    if is_recording and not words[1].startswith("-") and (Path(words[1]).suffix or Path(words[1]).exists()):
        return ["cassette", "list", *words[1:]]
    return words


_RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "lab": _lab,
    "doctor": lambda _: _doctor(),
    "prompts": _prompts,
    "cassette": _cassette,
    "store": _store,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; what it returns is the exit status.

    Args:
        arguments: The words after ``dknb``; by default those of this process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    if words and not words[0].startswith("-") and words[0] not in _COMMANDS:
        parser.error(f"there is no command {words[0]!r}.{did_you_mean(words[0], _COMMANDS)}")
    options = parser.parse_args(_with_action(words))
    try:
        if options.command is not None:
            return _RUN[options.command](options)
    except DknbError as error:
        print(f"dknb: {error}", *([error.hint] if error.hint else []), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    parser.print_help()
    return 0
