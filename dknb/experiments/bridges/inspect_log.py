"""Logs of inspect_ai, as trials."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._lazy import extra
from .files import MOST_BYTES, parsed, read_json, refused
from .names import metric_named

if TYPE_CHECKING:
    from ..result import ExperimentResult

__all__ = ["is_inspect", "read_logs"]

#: inspect_ai's letters for a score.
_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
#: The method by which newer logs are packed, which Python reads from 3.14 on, and the head of an entry.
_ZSTD, _HEAD = 93, 30


def is_inspect(data: Any) -> bool:
    """Whether data is a log of inspect_ai."""
    return isinstance(data, Mapping) and isinstance(data.get("eval"), Mapping) and "task" in data["eval"]


def read_logs(path: Path, data: Any = None) -> ExperimentResult:
    """The trials in a log (``.json`` or ``.eval``), or in all logs of a folder.

    A sample is an item, an epoch a repeat, a task a prompt; a score of several values is several metrics.

    Raises:
        BridgeError: One cannot be read, or is none.
    """
    from .rows import result_of

    files = sorted(each for each in path.iterdir() if each.suffix in (".json", ".eval")) if path.is_dir() else [path]
    rows: list[dict[str, Any]] = []
    for file in files:
        log = data if data is not None else _packed(file) if file.suffix == ".eval" else read_json(file)
        if not is_inspect(log):
            raise refused(file, "This is no log of inspect_ai.")
        rows += _rows(log, file)
    if not rows:
        raise refused(path, "There is no log with samples.")
    _name_variants(rows)
    metrics = list(dict.fromkeys(name for row in rows for name in row["scores"]))
    for row in rows:
        row.update(row.pop("scores"))
    return result_of(rows, metrics, rows[0]["prompt"])


def _name_variants(rows: list[dict[str, Any]]) -> None:
    """Variants are called by what they differ in; our own logs have their labels."""
    tasks, models = {row["prompt"] for row in rows}, {row["model"] for row in rows}
    for row in rows:
        both = f"{row['prompt']} | {row['model']}"
        told = row.pop("told")
        row["variant"] = told or (row["model"] if len(tasks) == 1 else row["prompt"] if len(models) == 1 else both)


def _rows(log: Mapping[str, Any], file: Path) -> Iterator[dict[str, Any]]:
    about = log["eval"]
    for place, sample in enumerate(log.get("samples") or ()):
        if not isinstance(sample, Mapping) or sample.get("id") is None:
            raise refused(file, f"Sample {place} is {sample!r:.80}.")
        yield _row(sample, about)


def _row(sample: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    from .rows import number, whole

    output, ours = _mapping(sample.get("output")), _mapping(_mapping(sample.get("metadata")).get("dknb"))
    usage, error = _mapping(output.get("usage")), sample.get("error")
    epoch = sample.get("epoch")
    said = _said(output)
    return {
        "item": str(sample["id"]),
        "prompt": ours.get("prompt") or str(about.get("task")),
        "version": ours.get("version"),
        "model": str(about.get("model")),
        "told": ours.get("variant"),
        "repeat": epoch - 1 if isinstance(epoch, int) and epoch > 0 else 0,
        "output": None if error and not said else said,
        "parsed": ours.get("parsed"),
        "prompt_tokens": whole(usage.get("input_tokens")),
        "completion_tokens": whole(usage.get("output_tokens")),
        "cached": ours.get("cached"),
        "cost_usd": number(ours.get("cost_usd", usage.get("total_cost"))),
        "duration_s": number(output.get("time")),
        "error": None if not error else str(_mapping(error).get("message") or error),
        "node_id": ours.get("node_id"),
        "scores": dict(_scores(_mapping(sample.get("scores")))),
    }


def _said(output: Mapping[str, Any]) -> str:
    choices = output.get("choices")
    message = _mapping(_mapping(choices[0]).get("message")) if isinstance(choices, list) and choices else {}
    content = message.get("content", output.get("completion", ""))
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _scores(told: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for name, score in told.items():
        value = _mapping(score).get("value")
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", _score(each)) for key, each in value.items())
        elif isinstance(value, list):
            yield from ((f"{name}.{place}", _score(each)) for place, each in enumerate(value))
        else:
            yield metric_named(str(name)), _score(value)


def _score(value: Any) -> float | None:
    from .rows import number

    if isinstance(value, str):
        if value in _LETTERS:
            return _LETTERS[value]
        try:
            return number(float(value))
        except ValueError:
            return None
    return number(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


# The packed form


def _packed(path: Path) -> dict[str, Any]:
    """A ``.eval`` file: a ZIP of a header and a file for each sample."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {info.filename: info for info in archive.infolist()}
            if sum(info.file_size for info in names.values()) > MOST_BYTES:
                raise refused(path, f"Unpacked it has more than {MOST_BYTES:,} bytes.")
            head = names.get("header.json") or names.get("_journal/start.json")
            if head is None:
                raise refused(path, "This is no log of inspect_ai: it has no header.")
            log: dict[str, Any] = parsed(_entry(path, archive, head), path)
            samples = [info for name, info in names.items() if name.startswith("samples/")]
            return {**log, "samples": [parsed(_entry(path, archive, info), path) for info in samples]}
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, struct.error) as error:
        raise refused(path, f"It cannot be unpacked: {error}") from error


def _entry(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.compress_type != _ZSTD:
        with archive.open(info) as file:
            content = file.read(MOST_BYTES + 1)
    else:
        content = _zstd(path, info)
    if len(content) > MOST_BYTES:
        raise refused(path, f"{info.filename!r} has more than {MOST_BYTES:,} bytes.")
    return content


def _zstd(path: Path, info: zipfile.ZipInfo) -> bytes:
    with extra("bridges"):
        import zstandard
    with path.open("rb") as file:
        file.seek(info.header_offset)
        name, more = struct.unpack("<HH", file.read(_HEAD)[26:30])
        file.seek(info.header_offset + _HEAD + name + more)
        packed = file.read(info.compress_size)
    try:
        with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
            return bytes(reader.read(MOST_BYTES + 1))
    except zstandard.ZstdError as error:
        raise refused(path, f"{info.filename!r} cannot be unpacked: {error}") from error
