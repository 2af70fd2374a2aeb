"""Experiments out of other tools' descriptions, and into them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .files import refused, written_whole

if TYPE_CHECKING:
    from ..experiment import Experiment
    from .imported import ImportedExperiment

__all__ = ["export_experiment", "import_experiment"]


def import_experiment(path: str | Path) -> ImportedExperiment:
    """The experiment that a configuration of promptfoo describes: ``.experiment()`` makes it one that runs.

    Prompts, tests and values in other files are read where these lie in the configuration's folder; code is not run.
    What has no equal is in ``notes``.

    Args:
        path: ``promptfooconfig.yaml``, or the same as JSON.

    Raises:
        BridgeError: It cannot be read, or is none; the message has the line.
    """
    from .promptfoo_read import read_promptfoo

    file = Path(path)
    if file.suffix not in (".yaml", ".yml", ".json"):
        raise refused(file, "The file's kind is not known.", hint="A configuration of promptfoo is .yaml or .json")
    return read_promptfoo(file)


def export_experiment(experiment: Experiment, path: str | Path) -> list[str]:
    """Write an experiment as a configuration of promptfoo; what of it has no equal there, a sentence each.

    The sentences are comments in the file too. Keys are left out.

    Raises:
        BridgeError: It cannot be written.
    """
    from .promptfoo_write import promptfoo_text

    text, notes = promptfoo_text(experiment)
    written_whole(Path(path), text.encode())
    return notes
