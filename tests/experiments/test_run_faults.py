"""Items that a prompt cannot be rendered for: told before, kept as errors, and no reason to ask nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_help import ITEMS, Model, experiment

from dknb.errors import DesignError


def some(row: Any) -> str:
    """A prompt that is a function, and knows nothing of ugly things."""
    return {"good": "f good", "bad": "f bad"}[row["text"]]


def test_a_row_without_a_value_is_an_error_row_and_the_others_are_asked(tmp_path: Path) -> None:
    """The plan says so before; no call is made for it; when the value is there, it is asked."""
    holed = [{"text": None, "answer": "x"}, *ITEMS]
    model, store = Model(), tmp_path / "s.db"
    run = experiment(model, store, data=holed)
    told = str(run.plan())
    assert "2 that cannot be rendered, 6 calls to make" in told
    assert "Prompt 'a' has no value for 'text' in item '0'." in told
    result = run.run()
    assert len(model.asked) == 6
    lacks = [f"DesignError: Prompt {prompt!r} has no value for text" for prompt in ("a", "b")]
    assert result.frame["error"].tolist()[:3] == [*lacks, None]
    assert not result.frame["cached"].any()
    assert result.note is not None
    assert "2 trials could not be asked: Prompt 'a' has no value" in result.note
    assert len(run.retry_errors().frame) == 8
    assert len(model.asked) == 6
    whole = experiment(model, store, data=[{"text": "new", "answer": "x"}, *ITEMS]).run()
    assert model.asked[6:] == ["A new", "B new"]
    assert whole.frame["error"].isna().all()


def test_a_function_that_raises_for_a_row_is_told_with_prompt_and_item(tmp_path: Path) -> None:
    """The other rows are asked; the same run again does not ask it anew, and says the same."""
    model = Model()
    result = experiment(model, tmp_path / "s.db", prompts={"f": some}).run()
    assert model.asked == ["f good", "f bad"]
    assert result.frame["error"].tolist()[2] == "DesignError: Prompt 'f' cannot be rendered: KeyError: 'ugly'"
    again = experiment(model, tmp_path / "s.db", prompts={"f": some}).run()
    assert again.frame["error"].tolist() == result.frame["error"].tolist()
    assert "for item '2': KeyError: 'ugly'." in str(again.note)
    assert len(model.asked) == 2


def test_a_prompt_that_no_row_can_be_rendered_for_is_refused() -> None:
    """A function that fails for all, and one of two prompts that lacks a column."""
    with pytest.raises(DesignError, match="Prompt 'f' cannot be rendered for all items: KeyError: 'nope'"):
        experiment(Model(), prompts={"f": lambda row: row["nope"]})
    with pytest.raises(DesignError, match="Prompt 'b' needs 'txt', which the data does not have") as caught:
        experiment(Model(), prompts={"a": "{{text}}", "b": "{{txt}}"})
    assert len(caught.value.problems) == 1


def test_many_different_problems_are_not_all_told() -> None:
    """The first ones, and how many there are more."""
    data = [{"text": str(number)} for number in range(200)]
    prompts = {"f": lambda row: row["text"] if row["text"] == "199" else row[f"no {row['text']}"]}
    plan = experiment(Model(), prompts=prompts, data=data, scorers=[]).plan()
    assert plan.faulty == 199
    assert len(plan.faults) == 21
    assert plan.faults[-1] == "And so on: 179 more."


def test_long_requests_are_held_packed() -> None:
    """They are what was written, and take less than that."""
    data = [{"text": f"{number} " + "lorem ipsum " * 500} for number in range(3)]
    design = experiment(Model(), data=data, scorers=[])._setup.design
    assert [request.messages[0].content for request in design.requests[::2]] == [f"A {row['text']}" for row in data]
    assert all(len(request.sent) < 1_000 for request in design.requests)
