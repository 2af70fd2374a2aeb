"""``dknb cassette``: what is in a recording, from the command line."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from ..llm.recordings.check import check_secrets
from ..llm.recordings.disk import as_typed
from ..llm.recordings.reader import RecordingReader

__all__ = ["check_recordings", "import_recording", "list_recording", "prune_recording", "stale_entries"]


def list_recording(path: Path) -> str:
    """The entries of a recording as text.

    Raises:
        RecordingError: It cannot be read.
    """
    from ..notebook.cassettes import entries_table

    with RecordingReader(path) as reader:
        return str(entries_table(reader, reader.places())["text/plain"])


def check_recordings(paths: Sequence[Path]) -> list[str]:
    """A line for each place in the recordings that looks like a secret, without the secret.

    Raises:
        RecordingError: One cannot be read.
    """
    return [
        f"{path}:{suspect.line}: {suspect.what}, in {suspect.where or 'a broken line'}"
        for path in paths
        for suspect in check_secrets(path, os.environ)
    ]


def prune_recording(path: Path, entries: Sequence[str], older: str | None, *, yes: bool) -> str:
    """Take entries out of a recording, or say which ones that would be.

    Args:
        path: The recording.
        entries: The names of entries, as the list shows them.
        older: Instead of names: a number of days.
        yes: Whether to do it.

    Raises:
        ConfigError: Neither entries nor an age are given, or the age is none.
        MagicError: Both are given.
        RecordingError: The recording cannot be read or written, or has no such entry.
    """
    from ..notebook.cassettes import days, pruned

    if not entries and older is None:
        raise ConfigError(
            "Which entries? Only a kernel knows which are stale.",
            hint=f"Name them, or give their age:  dknb cassette prune {as_typed(path.absolute())} --older DAYS",
        )
    try:
        age = None if older is None else days(older)
    except ArgumentTypeError as error:
        raise ConfigError(f"dknb cassette prune: {error}.") from None
    command = f"dknb cassette prune {as_typed(path.absolute())}"
    return str(pruned(path.absolute(), entries, age, yes=yes, command=command)["text/plain"])


def import_recording(source: Path, path: Path, provider: str | None) -> str:
    """Add the exchanges of a VCR file to a recording; what was added, and what was left out.

    Raises:
        RecordingError: One of them cannot be read or written.
    """
    from ..notebook.cassettes import imported

    return str(imported(source, path.absolute(), provider)["text/plain"])


def stale_entries(notebook: Path) -> str:
    """The entries that a notebook did not ask for when it was run from top to bottom, as text.

    Raises:
        ConfigError: The file is no notebook.
        DknbError: A cell failed.
        MissingExtra: What runs notebooks is not installed.
    """
    from .execute import execute

    if notebook.suffix != ".ipynb":
        raise ConfigError(f"{notebook} is no notebook.", hint="Name the notebook that replays from the recording")
    target = execute(notebook, then="%dknb cassette stale")
    import nbformat

    last = nbformat.read(target, as_version=4).cells[-1]
    return "\n".join(
        str(output.data.get("text/plain", "")) for output in last.outputs if output.output_type == "display_data"
    )
