"""Trials out of other tools' files, and into them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...errors import ConfigError, did_you_mean
from .files import read_json, refused

if TYPE_CHECKING:
    from ..result import ExperimentResult

__all__ = ["export_trials", "import_trials"]

TrialsFormat = Literal["csv", "parquet", "long", "promptfoo", "inspect", "batch"]

_IN = ("csv", "parquet", "long", "promptfoo", "inspect", "batch")
_OUT = ("csv", "parquet", "long", "inspect")


def import_trials(path: str | Path, format: TrialsFormat | None = None) -> ExperimentResult:
    """The trials in a file that another tool wrote, or dknb.

    Args:
        path: A table (``.csv``, ``.parquet``; long or a row a trial), results of promptfoo (``.json``), a log of inspect_ai
            (``.json``, ``.eval``) or a folder of them, or results of a batch of OpenAI or Anthropic (``.jsonl``).
        format: Which of these it is: ``"csv"``, ``"parquet"``, ``"long"``, ``"promptfoo"``, ``"inspect"``, ``"batch"``; seen
            from the file where it is not given.

    Raises:
        BridgeError: It is none of these, or broken; the message has the line or the item.
        ConfigError: A table does not hold trials.
        MissingExtra: A package is missing that reads it.
    """
    file = Path(path)
    form = _checked(format, _IN)
    if not file.exists():
        raise refused(file, "It is not there.")
    if form in ("csv", "parquet", "long") or (form is None and file.suffix in (".csv", ".gz", ".parquet")):
        return _table(file, None if form is None else "long" if form == "long" else "wide")
    if form == "batch" or (form is None and file.suffix in (".jsonl", ".ndjson")):
        from .batch_results import read_batch

        return read_batch(file)
    if form == "promptfoo":
        from .promptfoo_results import read_results

        return read_results(file)
    if form == "inspect" or file.is_dir() or file.suffix == ".eval":
        from .inspect_log import read_logs

        return read_logs(file)
    return _json(file)


def export_trials(result: ExperimentResult, path: str | Path, format: TrialsFormat | None = None) -> None:
    """Write the trials of a result for other tools.

    Args:
        result: The result.
        path: The file, or for several logs the folder.
        format: ``"csv"`` and ``"parquet"`` have a row a trial, ``"long"`` a row a trial and metric (in a ``.csv`` or
            ``.parquet``), ``"inspect"`` is a log of inspect_ai for each variant; by the file's suffix where it is not
            given. In a CSV a text that a spreadsheet would calculate has ``'`` before it, which `import_trials` takes
            away.

    Raises:
        BridgeError: It cannot be written so.
        ConfigError: There is no such format.
        MissingExtra: Parquet needs pyarrow.
    """
    file = Path(path)
    form = _checked(format, _OUT)
    if form == "inspect" or (form is None and file.suffix == ".json"):
        from .inspect_write import write_logs

        write_logs(result, file)
        return
    from .tables import long_form, write_table

    if form in ("csv", "parquet") and file.suffix != f".{form}":
        raise refused(file, f"The format is {form!r}, and the name does not end so.", hint=f"Name it .{form}")
    write_table(long_form(result) if form == "long" else result.frame, file)


def _table(file: Path, form: str | None) -> ExperimentResult:
    from ..result import ExperimentResult
    from .tables import read_table

    frame, metrics = read_table(file, form)
    return ExperimentResult(frame, metrics, name=file.stem)


def _json(file: Path) -> ExperimentResult:
    from .inspect_log import is_inspect, read_logs
    from .promptfoo_results import is_promptfoo, read_results

    if file.suffix != ".json":
        raise refused(file, "The file's kind is not known.", hint=f"Formats: {', '.join(_IN)}")
    data = read_json(file)
    if is_promptfoo(data):
        return read_results(file, data)
    if is_inspect(data):
        return read_logs(file, data)
    raise refused(file, "This is neither a result of promptfoo nor a log of inspect_ai.")


def _checked(format: str | None, known: tuple[str, ...]) -> str | None:
    if format is not None and format not in known:
        raise ConfigError(
            f"There is no format {format!r}.{did_you_mean(format, known)}", hint=f"Formats: {', '.join(known)}"
        )
    return format
