"""Scores are those of what is there: another target, another scorer or another value is scored anew, the rest is kept."""

from __future__ import annotations

import pandas as pd
import pytest
from run_help import Model, experiment
from scoring_help import judge_that_says, trial

import dknb
from dknb.errors import DesignError
from dknb.experiments import Exact, Experiment, LLMJudge, Scorer
from dknb.experiments.scoring import score_trial, scorers_of

_FOUR = '{"scores": {"c": 4}}'


def _run(store, data, scorers, **told):
    return Experiment(
        {"a": "A {{text}}"}, Model().provider, data, scorers=scorers, name="s", store=store, progress=False, **told
    ).run()


@pytest.fixture
def store(tmp_path):
    """The path of a store."""
    return tmp_path / "s.db"


def test_a_corrected_target_is_scored_anew(store):
    """By a scorer of dknb, and by a function that names the column; the other row is left alone."""
    seen = []

    def same(output, answer):
        seen.append(answer)
        return output == answer

    data = [{"text": "x", "answer": "WRONG"}, {"text": "y", "answer": "A y"}]
    assert _run(store, data, ["exact", same]).frame["exact"].tolist() == [0.0, 1.0]
    data[0]["answer"] = "A x"
    frame = _run(store, data, ["exact", same]).frame
    assert frame["exact"].tolist() == frame["same"].tolist() == [1.0, 1.0]
    assert seen == ["WRONG", "A y", "A x"]
    assert dknb.load_experiment("s", store=store).frame["exact"].tolist() == [1.0, 1.0]


def test_rows_of_one_text_keep_their_own_scores(store):
    """Items that send the same may change places: an answer is scored by the target of its item."""
    data = pd.DataFrame({"text": ["x", "x"], "answer": ["A x", "no"]}, index=["i1", "i2"])
    for each in (data, data.iloc[::-1]):
        frame = _run(store, each, ["exact"]).frame.set_index("item")
        assert frame["exact"].to_dict() == {"i1": 1.0, "i2": 0.0}


def test_what_a_scorer_does_not_look_at_is_no_reason(store):
    """A judge is paid once: not again for another column, another label, or a table in the place of dicts."""
    asked = []
    judge = judge_that_says(lambda question: asked.append(question) or _FOUR)
    data = [{"text": "x", "answer": "A x", "n": 1}, {"text": "y", "answer": "A y", "n": 2}]
    _run(store, data, [LLMJudge(judge, criteria={"c": "Is it?"})])
    assert len(asked) == 2
    other = pd.DataFrame(data, index=["one", "two"]).assign(more="z")
    _run(store, other, [LLMJudge(judge, criteria={"c": "Is it?"})])
    assert len(asked) == 2
    other.loc["one", "answer"] = "A X"
    _run(store, other, [LLMJudge(judge, criteria={"c": "Is it?"})])
    assert len(asked) == 3


def test_a_score_of_before_is_not_shown_for_what_is_there_now(store):
    """Where nobody can score the corrected row, it has no score."""
    judge = judge_that_says(_FOUR)
    data = [{"text": "x", "answer": "WRONG"}]
    assert _run(store, data, [LLMJudge(judge, criteria={"c": "Is it?"})]).frame["judge"].tolist() == [4.0]
    data[0]["answer"] = "A x"
    judge.set_response_function(_refuse)
    frame = _run(store, data, [LLMJudge(judge, criteria={"c": "Is it?"})]).frame
    assert frame["judge"].isna().all()
    assert dknb.load_experiment("s", store=store).frame["judge"].isna().all()


def _refuse(messages):
    raise RuntimeError("away")


def test_a_scorer_that_is_what_it_was_scores_again(store):
    """Edited and edited back, its numbers are its own, not those of the version between."""
    data = [{"text": "x", "answer": "a x"}]
    for ignore_case, expected in ((False, 0.0), (True, 1.0), (False, 0.0)):
        frame = _run(store, data, [Exact(ignore_case=ignore_case)]).frame
        assert frame["exact"].tolist() == [expected]


def test_a_class_of_somebody_elses_is_asked_about_all_it_may_look_at(store):
    """Also one that is made of one of ours, which looks at less."""

    class Mine(Exact):
        def check(self, trial):
            return float(trial.row["other"])

    data = [{"text": "x", "answer": "A x", "other": 1}]
    assert _run(store, data, [Mine()]).frame["exact"].tolist() == [1.0]
    data[0]["other"] = 0
    assert _run(store, data, [Mine()]).frame["exact"].tolist() == [0.0]


def test_another_way_to_read_answers_is_scored_anew(store):
    """A function that names ``parsed`` sees what is read now."""

    def length(parsed):
        return len(parsed)

    data = [{"text": "x"}]
    assert _run(store, data, [length], parse=lambda output: output).frame["length"].tolist() == [3.0]
    assert _run(store, data, [length], parse=lambda output: output * 2).frame["length"].tolist() == [6.0]


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [("number", 0.5), ("sync", 0.25), ("nothing", None), ("several", None)],
)
async def test_a_scorer_gives_a_number_or_says_why_not(scorer, expected):
    """As a coroutine or not; of several metrics it must be a dict, and says so."""

    class Number(Scorer):
        async def score(self, trial):
            return 0.5

    class Sync(Scorer):
        def score(self, trial):
            return 0.25

    class Nothing(Scorer):
        async def score(self, trial):
            return None

    made = {
        "number": Number("mine"),
        "sync": Sync("mine"),
        "nothing": Nothing("mine"),
        "several": Number("mine", ["mine", "yours"]),
    }[scorer]
    done = await score_trial(scorers_of(made), trial("x"))
    assert done.values["mine"] == expected
    assert ("not a dict with mine, yours" in done.errors.get("mine", "")) is (scorer == "several")


def test_a_scorer_that_wants_to_exit_ends_no_run():
    """Its reason is kept, and the others score."""

    def leave(output):
        raise SystemExit(3)

    result = experiment(Model(), scorers=["exact", leave]).run()
    assert result.frame["leave"].isna().all()
    assert result.frame["exact"].notna().all()
    assert set(result.score_errors["reason"]) == {"SystemExit: 3"}


def test_a_label_that_no_store_keeps_is_the_same_everywhere(store):
    """What a run shows is what is loaded."""
    data = [{"id": "a\x00b", "text": "x", "answer": "A x"}, {"id": "c\ud800", "text": "y", "answer": "no"}]
    frame = _run(store, data, ["exact"], item="id").frame
    loaded = dknb.load_experiment("s", store=store).frame
    assert frame["item"].tolist() == loaded["item"].tolist() == ["a\N{REPLACEMENT CHARACTER}b", "c?"]
    assert frame["exact"].tolist() == loaded["exact"].tolist() == [1.0, 0.0]


def test_a_name_that_cannot_be_is_told_as_an_experiments():
    """It is no conversation that was named."""
    with pytest.raises(DesignError, match="The name of an experiment must not be blank"):
        experiment(Model(), name=" ")
