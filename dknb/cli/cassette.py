"""``dknb cassette``: what is in a recording, from the command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from ..llm.recordings.check import check_secrets
from ..llm.recordings.reader import RecordingReader

__all__ = ["check_recordings", "list_recording", "stale_entries"]


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
