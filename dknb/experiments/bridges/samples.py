"""Data sets of inspect_ai, as items, and items as such data sets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, did_you_mean
from .cells import escaped, plain
from .files import read_json, read_lines, read_text, refused, written_whole

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = ["export_items", "import_items"]

_FIELDS = ("input", "target", "choices", "id", "metadata")


def import_items(path: str | Path) -> DataFrame:
    """The samples of a data set of inspect_ai: JSON, JSON Lines or CSV.

    Columns: ``id`` (numbers from 1 where there are none), ``text`` (the input; messages stay a list), ``answer`` (the
    target), ``choices``, and a column for each entry of ``metadata`` and each further field.

    Raises:
        BridgeError: It cannot be read, or a sample has no input.
    """
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    file = Path(path)
    rows = [_item(sample, place, file) for place, sample in _samples(file)]
    if not rows:
        raise refused(file, "It has no samples.")
    columns = dict.fromkeys(name for row in rows for name in row)
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})
    if frame["id"].isna().any():
        frame["id"] = [place if told is None else told for place, told in enumerate(frame["id"], 1)]
    return frame


def export_items(
    data: Any, path: str | Path, *, input: str = "text", target: str | None = "answer", item: str | None = None
) -> None:
    """Write items as a data set of inspect_ai: ``.jsonl``, ``.json`` or ``.csv``.

    What is neither input nor target, ``id`` nor ``choices`` goes into ``metadata``.

    Args:
        data: As of `Experiment`.
        path: The file.
        input: The column with the input.
        target: The column with the right answer; None, or one that is not there, leaves it out.
        item: The column with the labels; else ``id``, or the index.

    Raises:
        ConfigError: There is no such column.
        DesignError: The data is none.
        BridgeError: It cannot be written.
    """
    from ..design.items import read_items

    file, items = Path(path), read_items(data, item)
    columns = list(items[0].row)
    if input not in columns:
        raise ConfigError(f"There is no column {input!r}.{did_you_mean(input, columns)}", hint=f"Columns: {columns}")
    samples = [_sample(each.label, each.row, input, target) for each in items]
    written_whole(file, _written(samples, file))


def _written(samples: Sequence[dict[str, Any]], file: Path) -> bytes:
    if file.suffix == ".jsonl":
        return b"".join(_json(sample) + b"\n" for sample in samples)
    if file.suffix == ".json":
        return _json(list(samples))
    if file.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, [name for name in _FIELDS if any(name in sample for sample in samples)])
        writer.writeheader()
        writer.writerows({name: escaped(_cell(value)) for name, value in sample.items()} for sample in samples)
        return text.getvalue().encode("utf-8", "replace")
    raise refused(file, "The file's kind is not known.", hint="Name it .jsonl, .json or .csv")


def _sample(label: str, row: Mapping[str, Any], input: str, target: str | None) -> dict[str, Any]:
    sample: dict[str, Any] = {
        "input": row[input] if isinstance(row[input], list) else str(row[input]),
        "id": row.get("id", label),
    }
    wanted = row.get(target) if target is not None else None
    if wanted is not None:
        sample["target"] = [str(each) for each in wanted] if isinstance(wanted, list | tuple) else str(wanted)
    if row.get("choices") is not None:
        sample["choices"] = list(row["choices"])
    rest = {
        name: value for name, value in row.items() if name not in (input, target, "id", "choices") and value is not None
    }
    return sample | ({"metadata": rest} if rest else {})


def _samples(file: Path) -> list[tuple[int, Any]]:
    if file.suffix in (".jsonl", ".ndjson"):
        return list(read_lines(file))
    if file.suffix == ".json":
        data = read_json(file)
        if not isinstance(data, list):
            raise refused(file, "A data set in JSON is a list of samples.")
        return list(enumerate(data, 1))
    if file.suffix == ".csv":
        reader = csv.DictReader(io.StringIO(read_text(file), newline=""))
        return [(reader.line_num, {key: plain(value) for key, value in row.items() if key}) for row in reader]
    raise refused(file, "The file's kind is not known.", hint="A data set is .jsonl, .json or .csv")


def _item(sample: Any, place: int, file: Path) -> dict[str, Any]:
    if not isinstance(sample, Mapping) or sample.get("input") in (None, ""):
        raise refused(file, f"This sample has no input: {sample!r:.80}", line=place if file.suffix != ".json" else None)
    metadata = _data(sample.get("metadata"))
    further = {name: value for name, value in sample.items() if name not in _FIELDS}
    if isinstance(metadata, Mapping):
        further |= {str(name): value for name, value in metadata.items()}
    item = {"id": sample.get("id") or None, "text": sample["input"], "answer": _data(sample.get("target"))}
    if (choices := _data(sample.get("choices"))) is not None:
        item["choices"] = choices
    return item | {name: value for name, value in further.items() if name not in item}


def _data(value: Any) -> Any:
    """A list or mapping that a table holds as text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return None if value == "" else value


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else value


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace")
