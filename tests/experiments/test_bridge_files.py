"""Trials and items in tables, logs of inspect_ai, and batch files: round trips, and what hostile files do."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dknb.errors import BridgeError, ConfigError
from dknb.experiments import Experiment, ExperimentResult, export_items, export_trials, import_items, import_trials

EVIL = ["=cmd|'/C calc'!A0", "+1+1", "@SUM(A1)", "-2", "'=kept", "\ttab", "plain", 'a "quote", and\nlines']


@pytest.fixture(scope="module")
def result() -> ExperimentResult:
    """Two variants, two repeats, texts that spreadsheets would calculate, a missing score and an error."""
    data = [{"text": text, "answer": text if place else None} for place, text in enumerate(EVIL)]
    model = {"provider": "echo", "model": "echo", "options": {"echo_prefix": ""}}
    made = Experiment(
        {"a": "{{text}}", "b": "{{text}}!"},
        model,
        data,
        scorers=[{"exact": {"whitespace": "keep"}}, "length"],
        repeats=2,
        store="memory",
        progress=False,
        name="evil",
    ).run()
    made.frame.loc[3, "error"] = "RuntimeError: nothing came"
    made.frame.loc[3, ["exact", "length"]] = float("nan")
    made.frame.loc[3, "output"] = None
    return made


KEPT = ["item", "variant", "prompt", "version", "model", "repeat", "output", "error", "exact", "length"]


def same(one: pd.DataFrame, other: pd.DataFrame, columns: list[str]) -> None:
    left, right = (frame[columns].astype(object).where(frame[columns].notna(), None) for frame in (one, other))
    assert left.to_numpy().tolist() == right.to_numpy().tolist()


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_table_comes_back_as_it_was(result: ExperimentResult, tmp_path: Path, name: str) -> None:
    """Texts, scores, errors and tokens are the same, whatever the texts begin with."""
    export_trials(result, tmp_path / name)
    again = import_trials(tmp_path / name)
    assert set(again.metrics) == {"exact", "length"}
    same(again.frame, result.frame, [*KEPT, "prompt_tokens", "completion_tokens", "node_id"])


def test_no_cell_of_a_csv_is_a_formula(result: ExperimentResult, tmp_path: Path) -> None:
    """A spreadsheet calculates what begins with = + - @; numbers may."""
    export_trials(result, tmp_path / "s.csv")
    export_trials(import_trials(tmp_path / "s.csv"), tmp_path / "t.csv")  # also of a table that was read
    with (tmp_path / "t.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t")] == []
    assert "'=cmd|'/C calc'!A0" in cells
    assert "''=kept" in cells
    assert "-2" in cells


@pytest.mark.parametrize("name", ["long.csv", "long.parquet"])
def test_long_form_has_a_row_for_each_trial_and_metric(result: ExperimentResult, tmp_path: Path, name: str) -> None:
    """And comes back as trials with the same scores, missing ones too."""
    export_trials(result, tmp_path / name, "long")
    again = import_trials(tmp_path / name)
    assert again.metrics == ("exact", "length")
    keys = ["item", "variant", "repeat"]
    one, other = (each.frame.sort_values(keys) for each in (again, result))
    same(one, other, [*keys, "prompt", "model", "exact", "length"])
    if name.endswith("csv"):
        assert len(pd.read_csv(tmp_path / name)) == len(result.frame) * 2


def test_a_metric_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """The item is named."""
    path = tmp_path / "l.csv"
    path.write_text("item,variant,metric,value\na,x,m,1\na,x,m,2\n")
    with pytest.raises(BridgeError, match=r"item 'a'.*twice"):
        import_trials(path)


def test_logs_of_inspect_come_back_as_they_were(result: ExperimentResult, tmp_path: Path) -> None:
    """A folder with a log for each variant: outputs, scores, epochs, tokens, errors, prices."""
    export_trials(result, tmp_path / "logs", "inspect")
    assert len(list((tmp_path / "logs").iterdir())) == 2
    again = import_trials(tmp_path / "logs")
    keys = ["item", "variant", "repeat"]
    one, other = (each.frame.sort_values(keys) for each in (again, result))
    same(one, other, [*KEPT, "prompt_tokens", "completion_tokens", "cost_usd", "duration_s", "node_id"])
    with pytest.raises(BridgeError, match="a log has one"):
        export_trials(result, tmp_path / "one.json")


LOG = {
    "eval": {"task": "sums", "model": "openai/gpt"},
    "samples": [
        {"id": 1, "epoch": 1, "output": {"choices": [{"message": {"content": "42"}}], "time": 0.5}},
        {"id": 1, "epoch": 2, "output": {"choices": []}, "error": {"message": "TimeoutError()"}},
    ],
}
LOG["samples"][0]["scores"] = {  # type: ignore[index]
    "match": {"value": "C"},
    "half": {"value": "P"},
    "number": {"value": "0.25"},
    "yes": {"value": True},
    "words": {"value": {"a": 1, "b": "I"}},
    "odd": {"value": "what?"},
    "output": {"value": 1},
}


@pytest.mark.parametrize("method", [None, zipfile.ZIP_DEFLATED, "zstd"])
def test_a_log_becomes_trials_with_scores_as_numbers(tmp_path: Path, method: Any) -> None:
    """JSON, and the packed form as older and newer versions of inspect_ai pack it."""
    path = tmp_path / ("log.json" if method is None else "log.eval")
    if method is None:
        path.write_text(json.dumps(LOG))
    else:
        pack(path, method)
    frame = import_trials(path).frame
    assert frame[["match", "half", "number", "yes", "words.a", "words.b", "output (score)"]].loc[0].tolist() == [
        1.0,
        0.5,
        0.25,
        1.0,
        1.0,
        0.0,
        1.0,
    ]
    assert pd.isna(frame.odd[0])
    assert list(frame.repeat) == [0, 1]
    assert frame.variant[0] == "openai/gpt"
    assert frame.output[0] == "42"
    assert frame.error[1] == "TimeoutError()"
    assert frame.output[1] is None


def pack(path: Path, method: Any) -> None:
    whole = {"header.json": {"eval": LOG["eval"]}}
    whole |= {f"samples/1_epoch_{each['epoch']}.json": each for each in LOG["samples"]}  # type: ignore[index, misc]
    if method != "zstd":
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in whole.items():
                archive.writestr(name, json.dumps(data))
        return
    zstandard = pytest.importorskip("zstandard")
    with zipfile.ZipFile(path, "w") as archive:  # stored, then marked as what it is
        for name, data in whole.items():
            archive.writestr(name, zstandard.ZstdCompressor().compress(json.dumps(data).encode()))
    content = path.read_bytes().replace(b"PK\x03\x04\x14\x00\x00\x00\x00\x00", b"PK\x03\x04\x14\x00\x00\x00\x5d\x00")
    content = content.replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x5d\x00"
    )
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.eval", b"PK no zip"),
        ("x.eval", b""),
        ("x.json", b'{"eval": {"task": "t"}, "samples": [3]}'),
        ("x.json", b'{"eval": {"task": "t"}, "samples": []}'),
        ("x.json", b'{"a": 1}'),
        ("x.jsonl", b'{"custom_id": "a"'),
        ("x.jsonl", b'{"a": 1}'),
        ("x.jsonl", b""),
        ("x.odd", b"?"),
        ("absent.csv", None),
    ],
)
def test_files_that_are_none_of_these_are_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    """The error names the file."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BridgeError, match=name):
        import_trials(tmp_path / name)


def test_a_packed_bomb_is_refused(tmp_path: Path) -> None:
    """What it would unpack to is known before it is unpacked."""
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", b"0" * 10)
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(BridgeError, match="more than"):
        import_trials(path)


def test_a_format_that_is_none_is_refused_with_the_nearest(result: ExperimentResult, tmp_path: Path) -> None:
    """So is one that is only read."""
    with pytest.raises(ConfigError, match="Did you mean 'parquet'"):
        export_trials(result, tmp_path / "x", "parquett")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no format 'promptfoo'"):
        export_trials(result, tmp_path / "x", "promptfoo")
    with pytest.raises(BridgeError, match="does not end so"):
        export_trials(result, tmp_path / "x.parquet", "csv")


@pytest.mark.parametrize("name", ["d.jsonl", "d.json", "d.csv"])
def test_items_go_out_and_come_back(tmp_path: Path, name: str) -> None:
    """Input, target (also several), choices, ids and the rest as metadata."""
    data = [
        {"id": "a", "text": "=1+1", "answer": "2", "level": 1},
        {"id": "b", "text": "pick", "answer": ["A", "B"], "choices": ["x", "y"], "level": 2},
    ]
    export_items(data, tmp_path / name)
    frame = import_items(tmp_path / name)
    assert frame[["id", "text", "answer", "level"]].to_numpy().tolist() == [
        ["a", "=1+1", "2", 1],
        ["b", "pick", ["A", "B"], 2],
    ]
    assert frame.choices[1] == ["x", "y"]
    model = {"provider": "echo", "model": "echo", "options": {"echo_prefix": ""}}
    made = Experiment("{{text}}", model, frame, item="id", store="memory", progress=False, name="n").run()
    assert list(made.frame.output) == ["=1+1", "pick"]


def test_samples_without_ids_or_inputs(tmp_path: Path) -> None:
    """Those without ids are numbered from 1; one without an input is refused with its line."""
    path = tmp_path / "d.jsonl"
    path.write_text('{"input": "x"}\n\n{"input": [{"role": "user", "content": "y"}]}\n')
    assert list(import_items(path)["id"]) == [1, 2]
    path.write_text('{"input": "x"}\n{"target": "y"}\n')
    with pytest.raises(BridgeError, match="line 2"):
        import_items(path)
    with pytest.raises(ConfigError, match="no column 'test'"):
        export_items([{"text": "x"}], path, input="test")


def test_batch_results_are_trials_by_their_ids(tmp_path: Path) -> None:
    """Of either vendor, priced as batches; errors are rows."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}
    body = {
        "model": "gpt-5.4-mini",
        "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
        "usage": usage,
    }
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    lines = [
        {"custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None},
        {"custom_id": "b", "result": {"type": "errored", "error": error}},
    ]
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    frame = import_trials(path).frame
    assert frame.loc[0, ["item", "variant", "output", "cost_usd"]].tolist() == [
        "a",
        "openai/gpt-5.4-mini",
        "yes",
        0.002625,
    ]
    assert "busy" in frame.error[1]


CHECK = """
import json, sys
from inspect_ai.dataset import json_dataset, csv_dataset
from inspect_ai.log import read_eval_log
from pathlib import Path
for file in sorted(Path(sys.argv[1]).iterdir()):
    log = read_eval_log(str(file))
    print(json.dumps([log.eval.model, [[s.id, s.epoch, s.output.completion, {n: v.value for n, v in s.scores.items()}]
                      for s in log.samples]]))
print(json.dumps([[s.id, s.input, s.target, s.choices, s.metadata] for s in json_dataset(sys.argv[2])]))
print(json.dumps([[str(s.id), s.target] for s in csv_dataset(sys.argv[3])]))
"""


@pytest.mark.skipif("DKNB_TEST_INSPECT" not in os.environ, reason="DKNB_TEST_INSPECT names no Python with inspect_ai")
def test_the_real_inspect_reads_what_is_written(result: ExperimentResult, tmp_path: Path) -> None:
    """Its own readers take our logs and data sets, with the same values."""
    export_trials(result, tmp_path / "logs", "inspect")
    data = [{"id": "a", "text": "pick", "answer": "A", "choices": ["x", "y"], "level": 2}]
    export_items(data, tmp_path / "d.jsonl")
    export_items(data, tmp_path / "d.csv")
    arguments = [str(tmp_path / "logs"), str(tmp_path / "d.jsonl"), str(tmp_path / "d.csv")]
    found = subprocess.run([os.environ["DKNB_TEST_INSPECT"], "-c", CHECK, *arguments], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    *logs, samples, rows = map(json.loads, found.stdout.strip().splitlines())
    assert len(logs) == 2
    trials = logs[0][1]
    own = result.frame[result.frame.variant == "a"]
    assert len(trials) == len(own) == 16
    assert trials[0][:3] == [own["item"].iloc[0], 1, own.output.iloc[0]]
    assert samples == [["a", "pick", "A", ["x", "y"], {"level": 2}]]
    assert rows == [["a", "A"]]
