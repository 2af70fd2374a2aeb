"""``%dknb cassette``: what is in a recording, what of it is still needed, and whether a secret is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .._sync import run
from ..errors import MagicError, RecordingError, did_you_mean
from .arguments import LineParser
from .views.text import counted, note

if TYPE_CHECKING:
    from ..llm.base import AsyncLLMProvider
    from ..llm.recordings.reader import EntryPlace, RecordedEntry, RecordingReader
    from .session import Session

__all__ = ["CASSETTE", "cassette", "days", "entries_table", "imported", "pruned"]

Bundle: TypeAlias = dict[str, Any]
#: Requests that a table shows at most.
_MOST = 50
#: A hundred years.
_MOST_DAYS = 36_500


def _parser(name: str, description: str, *file: str) -> LineParser:
    """A parser of a command; the recording is its word, or the option ``file`` where that is given."""
    parser = LineParser(f"%dknb cassette {name}".rstrip(), description)
    told: Any = {"metavar": "FILE", "help": "the recording; the one in use by default"}
    if file:
        parser.add_argument(*file, dest="file", **told)
    else:
        parser.add_argument("file", nargs="?", **told)
    parser.set_defaults(example=" ".join([parser.prog, *file[:1], "answers.jsonl"]))
    return parser


def days(text: str) -> float:
    """A number of days, as ``--older`` takes it.

    Raises:
        argparse.ArgumentTypeError: It is none, or none of a life.
    """
    try:
        number = float(text)
    except ValueError:
        number = nan
    if not 0 <= number <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 0 to {_MOST_DAYS:,}")
    return number


_LIST = _parser("", "List the entries of the recording, the latest last.")
_STALE = _parser("stale", "List the entries that this kernel has not asked for: run all cells first.")
_CHECK = _parser("check", "Look for secrets in the recording.")
_DIFF = _parser("diff", "Ask the model again, and show what has changed against an entry.", "--file")
_DIFF.add_argument("entry", metavar="ENTRY")
_DIFF.set_defaults(example="%dknb cassette diff ENTRY --file answers.jsonl")
_PRUNE = _parser("prune", "Take entries out: those named, those that are old, or else the stale ones.", "--file")
_PRUNE.add_argument("entries", nargs="*", metavar="ENTRY")
_PRUNE.add_argument("--older", type=days, metavar="DAYS", help="those that were recorded so many days ago")
_PRUNE.add_argument("--yes", action="store_true", help="really do it")
_IMPORT = _parser("import", "Add what a VCR file (YAML or JSON) has recorded.", "--into", "--file")
_IMPORT.add_argument("source", metavar="VCR_FILE")
_IMPORT.set_defaults(example="%dknb cassette import VCR_FILE --into answers.jsonl")
_IMPORT.add_argument("--provider", metavar="NAME", help="whose calls they are, if the address does not say so")


class _Commands(LineParser):
    """Chooses the parser of the command that a line begins with."""

    def parse(self, line: str) -> argparse.Namespace:
        """The options of the command, which is ``do``."""
        word, _, rest = line.strip().partition(" ")
        if word in _COMMANDS:
            parser, do = _COMMANDS[word]
            options = parser.parse(rest)
        else:
            if word and not Path(word).suffix and not Path(word).expanduser().exists():
                raise MagicError(
                    f"%dknb cassette: no command {word!r}.{did_you_mean(word, _COMMANDS)}",
                    hint=f"Commands: {', '.join(_COMMANDS)}; or the name of a recording",
                )
            options, do = _LIST.parse(line), _list
        options.do = do
        return options


def cassette(session: Session, options: argparse.Namespace) -> Bundle:
    """Run a command that `CASSETTE` has parsed.

    Raises:
        RecordingError: The recording cannot be read or written, or has no such entry.
    """
    shown: Bundle = options.do(session, options)
    return shown


def _path(options: Any) -> Path:
    """The file that is meant: the one that is named, or the one that is in use, or was last."""
    from ..llm.recordings.recording import active, latest_path

    if options.file is not None:
        return Path(options.file).expanduser().absolute()
    recording = active()
    path = latest_path() if recording is None else recording.path
    if path is None:
        raise RecordingError(
            "No recording is in use in this kernel.",
            hint=f"Name its file:  {options.example}  or begin with  %dknb auto answers.jsonl",
        )
    return path


def _reader(options: Any) -> RecordingReader:
    from ..llm.recordings.reader import RecordingReader

    return RecordingReader(_path(options))


def _list(_: Session, options: Any) -> Bundle:
    with _reader(options) as reader:
        return entries_table(reader, reader.places())


def entries_table(reader: RecordingReader, places: Sequence[EntryPlace], what: str = "") -> Bundle:
    """Entries as a table, a row for each request."""
    from .views.cassette import entries_bundle, size_shown

    grouped: dict[str, list[EntryPlace]] = {}
    for place in places:
        grouped.setdefault(place.which[0], []).append(place)
    latest = list(grouped.values())[-_MOST:]
    left_out = f", the latest {_MOST} requests" if len(grouped) > _MOST else ""
    size = size_shown(sum(place.size for place in places))
    title = f"{reader.path.name}: {counted(len(places), f'{what}entry')}, {size}{left_out}"
    entries = {entry.place: entry for entry in reader.read(group[0] for group in latest)}
    return entries_bundle(title, [(entries[group[0]], group) for group in latest if group[0] in entries])


def _unused(reader: RecordingReader) -> list[EntryPlace]:
    """The entries that this kernel has not used.

    Raises:
        RecordingError: It has used none, so that nothing can be said.
    """
    from ..llm.recordings.recording import used_here

    unused = reader.unused(used_here(reader.path))
    if unused and len(unused) == len(reader.places()):
        raise RecordingError(
            f"This kernel has asked nothing of {reader.path.name} yet, so it cannot say what is stale.",
            hint=f"Run all cells with  %dknb auto {reader.path.name}  or  %dknb replay {reader.path.name}  first",
        )
    return unused


def _named(options: Any) -> str:
    """The words that name the file again, where one was named."""
    from ..llm.recordings.disk import as_typed

    return "" if options.file is None else f" --file {as_typed(_path(options))}"


def _stale(_: Session, options: Any) -> Bundle:
    from .views.cassette import with_note

    with _reader(options) as reader:
        places = _unused(reader)
        total = len(reader.places())
        if not places:
            return note(
                f"{reader.path.name}: this kernel has asked for everything in it ({counted(total, 'entry')}); nothing is stale"
            )
        table = entries_table(reader, places, "stale ")
    told = (
        f"{total - len(places):,} of {total:,} entries were asked for in this kernel. That says something only after a "
        "whole run (Restart, Run All), and nothing of other notebooks that replay from this file. "
        f"Take them out with  %dknb cassette prune{_named(options)}"
    )
    return with_note(table, told)


def _diff(session: Session, options: Any) -> Bundle:
    from ..llm.recordings.asked_again import ask_again
    from .views.cassette import changes_bundle

    with _reader(options) as reader:
        entry = reader.find(options.entry)
    fresh = run(ask_again(entry, lambda spec: _provider(session, spec)))
    return changes_bundle(entry, fresh)


def _provider(session: Session, spec: str) -> AsyncLLMProvider:
    """The provider of a spec, where this kernel's model is: a recording says nothing of addresses and keys."""
    from ..llm.config import parse_spec

    config, here = parse_spec(spec), session.config
    if here.provider == config.provider:
        config = config.with_settings(api_base=here.api_base, api_key=here.api_key, timeout=here.timeout)
    return session.provider(config)


def _prune(_: Session, options: Any) -> Bundle:
    command = f"%dknb cassette prune{_named(options)}"
    return pruned(_path(options), options.entries, options.older, yes=options.yes, command=command)


def pruned(path: Path, entries: Sequence[str], older: float | None, *, yes: bool, command: str) -> Bundle:
    """Take entries out, or show which ones that would be; ``command`` is what was typed, up to the entries.

    Raises:
        MagicError: Both entries and an age are given.
        RecordingError: The recording cannot be read or written, or has no such entry.
    """
    from ..llm.recordings.pruning import prune
    from ..llm.recordings.reader import RecordingReader
    from .views.cassette import size_shown, with_note

    with RecordingReader(path) as reader:
        places, what = _chosen(reader, entries, older, command)
        if not places:
            return note(f"{path.name}: nothing to take out")
        if not yes:
            again = " ".join([command, *entries, *([] if older is None else [f"--older {older:g}"]), "--yes"])
            return with_note(entries_table(reader, places, what), f"nothing was taken out yet; do it with  {again}")
    done = prune(path, {place.which for place in places})
    sizes = f"{size_shown(done.before)} before, {size_shown(done.after)} now"
    return note(f"{path.name}: {counted(done.removed, 'entry')} taken out; {sizes}")


def _chosen(
    reader: RecordingReader, entries: Sequence[str], older: float | None, command: str
) -> tuple[Sequence[EntryPlace], str]:
    """The entries that are meant, and a word for them."""
    if entries:
        if older is not None:
            raise MagicError(f"{command}: entries and --older exclude each other.", hint="Give one of them")
        found: Iterable[RecordedEntry] = [reader.find(name) for name in entries]
        return [entry.place for entry in found], "named "
    if older is not None:
        return reader.older(older), "old "
    return _unused(reader), "stale "


def _check(_: Session, options: Any) -> Bundle:
    from ..llm.recordings.check import check_secrets
    from .views.cassette import suspects_bundle, with_note

    path = _path(options)
    suspects = check_secrets(path, os.environ)
    if not suspects:
        return note(
            f"{path.name}: no key of this environment, nothing of the shape of a known key, nothing named like one"
        )
    title = f"{path.name}: {counted(len(suspects), 'place')} that may be secret"
    return with_note(
        suspects_bundle(title, suspects),
        "A key that was ever committed is no longer secret: make a new one, then take the entry out.",
    )


def _import(_: Session, options: Any) -> Bundle:
    return imported(Path(options.source), _path(options), options.provider)


def imported(source: Path, into: Path, provider: str | None) -> Bundle:
    """Add the exchanges of a VCR file to a recording; what was added, and what was left out and why.

    Raises:
        RecordingError: One of them cannot be read or written.
    """
    from ..llm.recordings.vcr_import import import_vcr
    from .views.table import table_bundle

    report = run(import_vcr(source.expanduser().absolute(), into, provider))
    were = "was" if report.known == 1 else "were"
    known = f", {report.known:,} {were} there already" if report.known else ""
    told = f"{into.name}: {counted(report.added, 'entry')} added{known}"
    if not report.left_out:
        return note(told)
    rows = [(str(number), what, why) for number, what, why in report.left_out]
    return table_bundle(("number", "request", "why"), rows, title=f"{told}; left out:")


_Command: TypeAlias = Callable[["Session", Any], Bundle]
_COMMANDS: dict[str, tuple[LineParser, _Command]] = {
    "list": (_LIST, _list),
    "stale": (_STALE, _stale),
    "diff": (_DIFF, _diff),
    "prune": (_PRUNE, _prune),
    "check": (_CHECK, _check),
    "import": (_IMPORT, _import),
}

CASSETTE = _Commands("%dknb cassette", "Say what is in a recording: FILE, or  stale, diff, prune, check, import.")
CASSETTE.usage = "%(prog)s [FILE | stale | diff ENTRY | prune [ENTRY ...] | check | import VCR_FILE]"
