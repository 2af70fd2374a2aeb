"""The widget for labels, without a browser: what its fields and buttons do."""

from __future__ import annotations

import pandas as pd
import pytest
from ipywidgets import Button, Textarea

import dknb
from dknb.errors import ConfigError
from dknb.experiments.scoring import HumanLabels
from dknb.notebook.labelling.label import Labelling, label
from dknb.notebook.views.labels import labels_bundle

FRAME = pd.DataFrame(
    [
        {
            "item": str(item),
            "variant": variant,
            "repeat": 0,
            "output": f"<b>{item}</b>{len(variant)}",
            "request": f"q{item}",
        }
        for item in range(5)
        for variant in ("secret", "hidden one")
    ]
)


@pytest.fixture
def shown(notebook, project):
    """A widget whose labels lie in the project."""
    return label(FRAME)


def _fields(widget, kind):
    return [
        each for row in (widget, *widget.children) for each in getattr(row, "children", ()) if isinstance(each, kind)
    ]


def test_label_is_a_name_of_dknb(notebook, project):
    """``dknb.label(result)`` is the widget."""
    assert "label" in dknb.__all__
    assert isinstance(dknb.label(FRAME), Labelling)


def test_an_answer_is_shown_as_text(shown):
    """In a field of text, which knows no HTML, and without its variant."""
    question, answer = _fields(shown.widget, Textarea)
    assert (question.value, answer.value) == (shown.task.question, shown.task.output)
    assert answer.value.startswith("<b>")
    everything = repr([each.get_state() for each in (shown.widget, question, answer, shown._note, shown._keys)])
    assert "secret" not in everything
    assert "hidden one" not in everything


def test_keys_label_and_take_back(shown):
    """Each key that is typed counts once; others are passed over."""
    keys, first = shown._keys, shown.task
    for typed in ("4", "49", "49x2", "49x2u", "49x2us"):
        keys.value = typed
    assert shown.labels.label_of(first) == 4.0
    assert shown.labels.labelled == 1
    assert shown.task == shown.labels.tasks[2]  # the second was taken back, and then left for later
    assert shown._note.value == "1 of 10 labelled"
    keys.value = "4"
    assert shown.labels.labelled == 1


def test_buttons_do_the_same(shown):
    """One for each label, and two more."""
    buttons = {each.description: each for each in _fields(shown.widget, Button)}
    assert list(buttons) == ["1", "2", "3", "4", "5", "Undo", "Skip"]
    buttons["3"].click()
    buttons["5"].click()
    buttons["Undo"].click()
    buttons["Skip"].click()
    assert [shown.labels.label_of(task) for task in shown.labels.tasks[:3]] == [3.0, None, None]
    assert shown.task == shown.labels.tasks[2]


def test_what_was_left_for_later_comes_back(shown):
    """When nothing else is left; and then it is said that all are labelled."""
    later = shown.task
    shown.skip()
    for _ in range(9):
        shown.give(3)
    assert shown.task == later
    shown.give(1)
    assert shown.task is None
    assert _fields(shown.widget, Textarea)[1].value == "All are labelled."
    shown.give(1)
    assert shown.labels.labelled == 10


def test_the_same_call_goes_on(shown, project):
    """The labels lie in the project, where they were written as they were given."""
    shown.give(2)
    assert (project / ".dknb" / "labels" / "labels.jsonl").read_text().count("\n") == 1
    assert label(FRAME).task == shown.labels.tasks[1]
    assert label(FRAME, "others").labels.labelled == 0


def test_a_label_that_cannot_be_written_is_not_lost_unseen(tmp_path):
    """The reason is shown, and the answer stays."""
    (tmp_path / "file").write_text("")
    shown = Labelling(HumanLabels(FRAME, tmp_path / "file" / "labels.jsonl"))
    first = shown.task
    shown.give(3)
    assert shown.task == first
    assert shown._note.value.startswith("The label was not written")


def test_its_static_twin_says_how_far_one_got(shown):
    """And neither answers nor variants."""
    shown.give(4)
    bundle = labels_bundle(shown.labels)
    assert bundle["text/plain"].splitlines()[0] == "1 of 10 answers are labelled"
    assert "4        1" in bundle["text/plain"]
    assert "secret" not in bundle["text/html"]
    assert repr(shown) == "Labelling(HumanLabels(1 of 10 labelled))"


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a b"])
def test_a_name_is_no_path(notebook, project, name):
    """It is part of a file's name."""
    with pytest.raises(ConfigError, match="is no name for labels"):
        label(FRAME, name)
