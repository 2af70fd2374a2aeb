"""promptfoo's configurations and results: in, out, and what has no equal is told."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dknb.errors import BridgeError
from dknb.experiments import Experiment, export_experiment, import_experiment, import_trials

#: The main.js of a real promptfoo, where there is one.
PROMPTFOO = os.environ.get("DKNB_TEST_PROMPTFOO", "")

CONFIG = """
description: small
prompts:
  - 'Say {{text}}'
  - {label: other, raw: 'Tell {{ text | upper }}'}
  - file://chat.json
providers:
  - echo
  - {id: 'openai:chat:gpt-5.4-mini', label: mini, config: {temperature: 0, max_tokens: 9, apiBaseUrl: 'http://127.0.0.1:1/v1'}}
  - openrouter:some/model
defaultTest:
  assert: [{type: icontains, value: SAY, metric: polite}]
tests:
  - vars: {text: good}
    description: first
    assert:
      - {type: equals, value: Say good}
      - {type: not-contains, value: bad}
      - {type: llm-rubric, value: is nice}
  - vars: {text: [bad, worse]}
    assert: [{type: regex, value: '^Say'}, {type: equals, value: 'Say {{text}}'}]
  - file://more.csv
evaluateOptions: {repeat: 2, cache: false}
outputPath: out.json
"""
CHAT = [{"role": "system", "content": "be {{text}}"}, {"role": "user", "content": "{{text}}?"}]
CSV = 'text,__expected,__expected2,__description\nugly,Say ugly,"contains-any: x, ugly",last\n'


@pytest.fixture
def config(project: Path) -> Path:
    (project / "chat.json").write_text(json.dumps(CHAT))
    (project / "more.csv").write_text(CSV)
    path = project / "promptfooconfig.yaml"
    path.write_text(CONFIG)
    return path


def by_item(frame: Any, prompt: str, metric: str) -> dict[str, float]:
    rows = frame[(frame.prompt == prompt) & (frame.repeat == 0)]
    return dict(zip(rows["item"], rows[metric], strict=True))


def test_a_configuration_becomes_an_experiment_that_runs(config: Path) -> None:
    """Prompts, models, items with lists of values unfolded, and each assertion a metric of the items that have it."""
    read = import_experiment(config)
    assert list(read.prompts) == ["prompt 1", "other", "chat"]
    assert list(read.models) == ["echo", "mini"]
    assert read.models["mini"]["temperature"] == 0
    assert [item["item"] for item in read.data] == ["first", "1", "2", "last"]
    frame = read.experiment(models={"echo": read.models["echo"]}, store="memory", progress=False).run().frame
    assert len(frame) == 4 * 3 * 2
    assert by_item(frame, "prompt 1", "equals") == {"first": 1.0, "1": 1.0, "2": 1.0, "last": 1.0}
    assert by_item(frame, "other", "equals") == {"first": 0.0, "1": 0.0, "2": 0.0, "last": 0.0}
    assert by_item(frame, "prompt 1", "polite")["1"] == 1.0
    assert by_item(frame, "prompt 1", "not-contains")["first"] == 1.0
    assert frame[(frame["item"] == "1")]["not-contains"].isna().all()
    assert by_item(frame, "prompt 1", "contains-any")["last"] == 1.0
    assert frame[(frame.prompt == "chat") & (frame["item"] == "1")].output.iloc[0] == "bad?"


def test_what_has_no_equal_is_told(config: Path) -> None:
    """A provider, an assertion and options that are not known here are in the notes, each once or more."""
    notes = "\n".join(import_experiment(config).notes)
    for word in ("openrouter:some/model", "'llm-rubric'", "'cache'", "'outputPath'"):
        assert word in notes


def test_a_round_trip_keeps_prompts_items_and_scores(config: Path, project: Path) -> None:
    """What was read, written and read again gives the same frame."""
    first = import_experiment(config)
    one = first.experiment(models={"echo": first.models["echo"]}, store="memory", progress=False)
    assert export_experiment(one, project / "again.yaml") == []
    second = import_experiment(project / "again.yaml")
    assert second.notes == []
    two = second.experiment(store="memory", progress=False)
    columns = ["item", "prompt", "repeat", "output", *one._setup.scoring.metrics]
    assert two.run().frame[columns].equals(one.run().frame[columns])


def test_our_scorers_are_written_as_assertions_and_the_others_are_told(project: Path) -> None:
    """`exact` and `contains` become assertions of each item; a function and a budget are named as left out."""

    def mine(row: Any) -> float:
        return 1.0

    data = [{"text": "good", "answer": "Say good"}, {"text": "bad", "answer": None}]
    scorers = ["exact", {"contains": {"value": ["a", "o"], "ignore_case": True}}, mine]
    model = {"provider": "openai", "model": "gpt-5.4-mini", "api_key": "secret-key-of-mine", "temperature": 0.5}
    experiment = Experiment(
        {"p": "Say {{text}}"},
        {"mini": model},
        data,
        scorers=scorers,
        store="memory",
        progress=False,
        name="n",
        budget=1.0,
    )
    notes = export_experiment(experiment, project / "out.yaml")
    text = (project / "out.yaml").read_text()
    written = yaml.safe_load(text)
    assert "secret-key" not in text
    assert written["providers"] == [{"id": "openai:chat:gpt-5.4-mini", "label": "mini", "config": {"temperature": 0.5}}]
    assert written["tests"][0]["assert"][0] == {"type": "equals", "value": "Say good", "metric": "exact"}
    assert [each["type"] for each in written["tests"][1]["assert"]] == ["icontains-any"]
    assert any("'mine'" in note for note in notes)
    assert any("budget" in note for note in notes)
    assert text.startswith("# not written: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompts: [file:///etc/hostname]", "outside"),
        ("prompts: ['file://../secret.txt']", "outside"),
        ("prompts: ['x']\ntests: [{vars: {a: 'file://../../etc/passwd'}}]", "outside"),
        ("prompts: ['file://absent.txt']", "not there"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "\n".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]" for n in range(8)
        ), "alias"),
        ("prompts: [!!python/object/apply:os.system [ls]]", "line 1"),
        ("prompts: [a\ntests: 3", "line 2"),
        ("tests: []", "no prompts"),
        ("prompts: [3]", "Prompt 1"),
        ("prompts: [x]\ntests: [3]", "Test 1"),
        ("prompts: [x]\ntests: [{vars: {a: " + str(list(range(1000))) + ", b: " + str(list(range(1000))) + "}}]", "200,000"),
    ],
)  # fmt: skip
def test_hostile_and_broken_configurations_are_refused(project: Path, text: str, said: str) -> None:
    """Paths out of the folder, bombs, objects and nonsense are errors that name the file."""
    path = project / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BridgeError, match=said) as raised:
        import_experiment(path)
    assert "bad.yaml" in str(raised.value)


def test_a_link_out_of_the_folder_is_refused(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file that a link leads to lies where it lies."""
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("secret")
    (project / "innocent.txt").symlink_to(secret)
    (project / "c.yaml").write_text("prompts: [file://innocent.txt]")
    with pytest.raises(BridgeError, match="outside"):
        import_experiment(project / "c.yaml")


def test_code_is_not_run(project: Path) -> None:
    """Prompts, values and assertions that are code are told, and left out."""
    (project / "p.py").write_text("raise SystemExit")
    (project / "c.yaml").write_text(
        "prompts: [x, 'file://p.py']\ntests: [{vars: {a: 1}, assert: [{type: python, value: 'file://p.py'}]}]"
    )
    read = import_experiment(project / "c.yaml")
    assert list(read.prompts) == ["prompt 1"]
    assert read.scorers == []
    assert any("code" in note for note in read.notes)
    assert any("'python'" in note for note in read.notes)


RESULT = {
    "promptIdx": 0,
    "testIdx": 0,
    "testCase": {"description": "first", "vars": {"text": "good"}},
    "prompt": {"raw": "Say good", "label": "Say {{text}}"},
    "provider": {"id": "openai:gpt", "label": ""},
    "response": {"output": "Say good", "tokenUsage": {"prompt": 3, "completion": 2}, "cached": True},
    "vars": {"text": "good"},
    "score": 0.5,
    "success": False,
    "namedScores": {"right": 1, "cost_usd": 2},
    "cost": 0.25,
    "latencyMs": 1500,
    "failureReason": 1,
}


def results(path: Path, *told: Any) -> Path:
    path.write_text(json.dumps({"evalId": "e", "results": {"version": 3, "results": list(told)}, "config": {}}))
    return path


def test_results_become_trials(tmp_path: Path) -> None:
    """Scores, tokens, price and seconds; a repeat is numbered; a failed call is an error row without scores."""
    failed = {**RESULT, "failureReason": 2, "error": "API error", "response": {"error": "API error"}, "testIdx": 1}
    other = {**RESULT, "provider": {"id": "echo"}}
    result = import_trials(results(tmp_path / "r.json", RESULT, RESULT, failed, other))
    frame = result.frame
    assert result.metrics == ("score", "success", "right", "cost_usd (score)")
    assert list(frame.variant) == ["openai:gpt"] * 3 + ["echo"]
    assert list(frame.repeat) == [0, 1, 0, 0]
    assert frame.loc[0, ["item", "output", "score", "success", "right"]].tolist() == [
        "first (0)",
        "Say good",
        0.5,
        0,
        1,
    ]
    assert frame.loc[0, ["prompt_tokens", "completion_tokens", "cost_usd", "duration_s"]].tolist() == [3, 2, 0.25, 1.5]
    assert frame.error[2] == "API error"
    assert frame.score.isna().tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"results": 3}', '{"results": {"results": [3]}}', "[" * 100_000, '{"a": NaN}', "\udcff"],
)
def test_results_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    """Whatever the file holds, the error names it."""
    path = tmp_path / "r.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BridgeError, match=r"r\.json"):
        import_trials(path)


@pytest.mark.skipif(not PROMPTFOO, reason="DKNB_TEST_PROMPTFOO names no promptfoo (its main.js)")
def test_the_real_promptfoo_takes_what_is_written(config: Path, project: Path) -> None:
    """It validates the file, runs it, and its results say what our run says."""
    first = import_experiment(config)
    del first.prompts["chat"]  # promptfoo's echo gives back the whole JSON
    experiment = first.experiment(models={"echo": first.models["echo"]}, store="memory", progress=False, repeats=1)
    export_experiment(experiment, project / "again.yaml")
    quiet = {
        "PROMPTFOO_CONFIG_DIR": str(project / "home"),
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
    }
    command = ["node", PROMPTFOO]
    found = subprocess.run(
        [*command, "validate", "-c", "again.yaml"],
        cwd=project,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    subprocess.run(
        [*command, "eval", "-c", "again.yaml", "-o", "out.json", "--no-cache", "--no-progress-bar"],
        cwd=project,
        env={**os.environ, **quiet},
        capture_output=True,
    )
    theirs, ours = import_trials(project / "out.json").frame, experiment.run().frame
    assert len(theirs) == len(ours) == 8
    key = ["prompt", "output"]
    metrics = ["equals", "polite", "not-contains", "contains-any"]
    left = ours.sort_values(key)[metrics].fillna(-1).to_numpy().tolist()
    right = theirs.sort_values(key).reindex(columns=metrics).fillna(-1).to_numpy().tolist()
    assert left == right
