"""Labels that people give: blind, in a shuffled order, written at once."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from run_help import Model, experiment

from dknb.errors import ConfigError, StorageError
from dknb.experiments.scoring import HumanLabels, MetricKind, score_frame


@pytest.fixture
def frame():
    """Trials of two variants, one of them without an answer."""
    rows = [
        {"item": str(item), "variant": variant, "repeat": 0, "output": f"{variant}{item}", "request": f"q{item}"}
        for item in range(10)
        for variant in ("plain", "fancy")
    ]
    return pd.DataFrame([*rows, {"item": "10", "variant": "plain", "repeat": 0, "output": None, "request": "q"}])


def test_tasks_are_shuffled_blind_and_always_the_same(frame):
    """Whatever order the frame has; a task does not say its variant, and what has no answer is none."""
    labels = HumanLabels(frame)
    again = HumanLabels(frame.iloc[::-1])
    assert len(labels) == 20
    assert labels.tasks == again.tasks
    assert labels.tasks != HumanLabels(frame, seed=1).tasks
    assert [task.output for task in labels.tasks] != sorted(task.output for task in labels.tasks)
    assert not hasattr(labels.tasks[0], "variant")
    assert {task.question for task in labels.tasks} == {f"q{item}" for item in range(10)}


def test_what_was_asked_comes_from_the_data_of_the_run():
    """The column ``question``, or the one that is named; what was sent would tell the prompt."""
    data = [{"text": "t0", "question": "q0"}, {"text": "t1", "question": "q1"}]
    result = experiment(Model(), data=data, scorers=[]).run()
    assert {task.question for task in HumanLabels(result).tasks} == {"q0", "q1"}
    assert {task.question for task in HumanLabels(result, question="text").tasks} == {"t0", "t1"}
    assert "question" not in result.frame


def test_a_label_is_written_when_it_is_given(frame, tmp_path):
    """Made again, it goes on with the next task."""
    path = tmp_path / "deep" / "labels.jsonl"
    labels = HumanLabels(frame, path)
    first = labels.current
    labels.set(4)
    assert json.loads(path.read_text())["label"] == 4.0
    again = HumanLabels(frame, path)
    assert (again.labelled, again.label_of(first), again.current) == (1, 4.0, labels.tasks[1])
    assert repr(again) == "HumanLabels(1 of 20 labelled)"


def test_a_line_that_broke_off_loses_nothing_else(frame, tmp_path):
    """A process was killed while it wrote: the next label has a line of its own."""
    path = tmp_path / "labels.jsonl"
    labels = HumanLabels(frame, path)
    labels.set(4)
    labels.set(2)
    path.write_text(path.read_text()[:-20])
    again = HumanLabels(frame, path)
    assert again.labelled == 1
    again.set(3)
    last = HumanLabels(frame, path)
    assert [last.label_of(task) for task in last.tasks[:3]] == [4.0, 3.0, None]


def test_a_label_can_be_changed_and_taken_back(frame, tmp_path):
    """The file keeps what happened; the last word counts."""
    labels = HumanLabels(frame, tmp_path / "l.jsonl")
    task = labels.tasks[3]
    labels.set(1, number=3)
    labels.set(5, number=3)
    assert labels.label_of(task) == 5.0
    assert labels.undo() == task
    assert labels.label_of(task) is None
    assert labels.undo() == task
    assert labels.undo() is None
    assert HumanLabels(frame, tmp_path / "l.jsonl").labelled == 0


def test_another_answer_is_another_trial(frame, tmp_path):
    """A label belongs to what was read, also where the trial was run again."""
    labels = HumanLabels(frame, tmp_path / "l.jsonl")
    labels.set(4, item="3", variant="plain")
    frame.loc[frame["output"] == "plain3", "output"] = "new"
    assert HumanLabels(frame, tmp_path / "l.jsonl").labelled == 0


async def test_labels_are_a_metric(frame):
    """The mean over annotators; without a label there is no score."""
    labels = HumanLabels(frame, annotator="ann")
    labels.set(4, item="3", variant="plain")
    labels.annotator = "bob"
    labels.set(5, item="3", variant="plain")
    scorer = labels.scorer()
    assert scorer.kinds == {"human": MetricKind("ordinal", bounds=(1.0, 5.0))}
    human = (await score_frame([scorer], frame)).values["human"]
    assert human[frame["output"] == "plain3"].tolist() == [4.5]
    assert human.notna().sum() == 1


def test_a_csv_file_has_labels(frame, tmp_path):
    """With annotators, where it names them."""
    path = tmp_path / "given.csv"
    path.write_text("item,variant,label,annotator\n1,plain,3,ann\n1,fancy,5,\n2,plain,,ann\n")
    labels = HumanLabels(frame)
    assert labels.read_csv(path) == 2
    assert labels.to_frame()[["item", "variant", "annotator", "label"]].to_numpy().tolist() == [
        ["1", "plain", "ann", 3.0],
        ["1", "fancy", "", 5.0],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item,variant,label\n1,plain,3\n99,plain,3\n", "0 trials have the item '99'"),
        ("item,variant,label\n1,plain,3\n1,fancy,7\n", "7 is no label"),
        ("item,label\n1,3\n", "2 trials have the item '1'"),
        ("item,rating\n1,3\n", "The file has no column 'label'"),
    ],
)
def test_a_csv_file_that_is_wrong_gives_nothing(frame, tmp_path, text, message):
    """Not even its first rows."""
    path = tmp_path / "given.csv"
    path.write_text(text)
    labels = HumanLabels(frame)
    with pytest.raises(ConfigError, match=message):
        labels.read_csv(path)
    assert labels.to_frame().empty


@pytest.mark.parametrize("label", [0, 6, 2.5, "3", True, None])
def test_what_is_no_label_is_refused(frame, label):
    """Only whole numbers of the scale."""
    with pytest.raises(ConfigError, match="is no label"):
        HumanLabels(frame).set(label)


def test_what_has_no_trials_is_refused(frame, tmp_path):
    """And a file that is something else, and a scale that is none."""
    with pytest.raises(ConfigError, match="has no trials"):
        HumanLabels(3)
    with pytest.raises(ConfigError, match="no column 'output'"):
        HumanLabels(pd.DataFrame({"item": ["1"]}))
    with pytest.raises(ConfigError, match="scale cannot be 1"):
        HumanLabels(frame, scale=1)
    (tmp_path / "notes.txt").write_text("my\nnotes\n")
    with pytest.raises(ConfigError, match=r"notes\.txt holds no labels"):
        HumanLabels(frame, tmp_path / "notes.txt")
    with pytest.raises(StorageError, match="cannot be read"):
        HumanLabels(frame, tmp_path)


def test_when_all_are_labelled_there_is_no_next(frame):
    """A task may still be changed by its number."""
    labels = HumanLabels(frame, most=2)
    labels.set(1)
    labels.set(2)
    assert labels.current is None
    with pytest.raises(ConfigError, match="All are labelled"):
        labels.set(3)
    labels.set(3, number=0)
    assert labels.label_of(labels.tasks[0]) == 3.0
