"""Any function as a scorer, and what a specification may be."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from scoring_help import only, scored, trial

from dknb.errors import BudgetExceeded, ConfigError
from dknb.experiments.scoring import (
    FrameScorer,
    MetricKind,
    NoScore,
    Scorer,
    check_columns,
    score_frame,
    score_trial,
    scorer,
    scorers_of,
)
from dknb.prompts import ConfigPromptLibrary

FRAME = pd.DataFrame({"item": ["1", "2"], "variant": ["a", "a"], "output": ["x", "yy"]}, index=[5, 9])


def of_row(row):
    return len(row["output"]) + row["bonus"]


def by_name(output, bonus, factor=2):
    return len(output) * factor + bonus


def of_trial(trial):
    return trial.repeat


async def waits(output):
    await asyncio.sleep(0)
    return len(output) > 1


@pytest.mark.parametrize(("function", "expected"), [(of_row, 13.0), (by_name, 16.0), (of_trial, 0.0), (waits, 1.0)])
async def test_a_function_gets_what_its_parameters_name(function, expected):
    """A row, fields of the trial and columns by name, or the trial; async ones are awaited."""
    done = await scored(function, "abc", {"bonus": 10})
    assert done.values == {function.__name__: expected}
    assert done.errors == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [(True, 1.0), (np.bool_(False), 0.0), (np.float32(0.5), 0.5), (None, None), (float("nan"), None), (pd.NA, None)],
)
async def test_what_a_function_gives_is_a_number_or_none(given, expected):
    """Truth is 1 or 0; what is missing is no score."""
    done = await scored({"f": lambda row: given}, "x")
    assert (done.values, done.errors) == ({"f": expected}, {})


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda row: "yes", "it gave 'yes', which is no number"),
        (lambda row: float("inf"), "it gave inf, which is not finite"),
        (lambda row: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda output, nowhere: 1, "f asks for 'nowhere', which is no column of the data"),
        (lambda row: {"g": 1}, "it gave g, which is not among its metrics: f"),
    ],
)
async def test_a_function_that_fails_is_a_reason(function, reason):
    """The others score all the same, and the answer is not lost."""
    done = await scored(["length", {"f": function}], "x")
    assert done.values == {"length": 1.0, "f": None}
    assert done.errors == {"f": reason}


async def test_a_slow_function_holds_up_nothing():
    """It runs in a thread of its own."""
    main = threading.get_ident()
    seen = []

    def slow(output):
        seen.append(threading.get_ident())
        time.sleep(0.05)
        return 1

    steps = 0

    async def meanwhile():
        nonlocal steps
        while True:
            await asyncio.sleep(0.005)
            steps += 1

    ticking = asyncio.create_task(meanwhile())
    await asyncio.gather(*[scored(slow, "x") for _ in range(4)])
    ticking.cancel()
    assert main not in seen
    assert steps >= 2


async def test_a_mark_says_what_a_function_gives():
    """Several metrics, their kind, and which way is better."""

    @scorer(name="both", metrics=["a", "b"], kind="ordinal", higher_is_better=False, bounds=(1, 5))
    def both(output):
        return {"a": 1, "b": None}

    made = only(both)
    assert made.metrics == ("a", "b")
    assert made.kinds == dict.fromkeys("ab", MetricKind("ordinal", False, (1, 5)))
    assert made.higher_is_better == {"a": False, "b": False}
    assert (await score_trial([made], trial("x"))).values == {"a": 1.0, "b": None}


async def test_a_function_may_score_the_frame():
    """At the end, with the frame's index; before, the trials have no number of it."""

    @scorer(over="frame")
    def rank(frame):
        return frame["output"].str.len().rank()

    scorers = scorers_of(["length", rank])
    assert (await score_trial(scorers, trial("x"))).values == {"length": 1.0, "rank": None}
    done = await score_frame(scorers, FRAME)
    assert done.values.to_dict() == {"rank": {5: 1.0, 9: 2.0}}
    assert (done.errors, done.cost_usd) == ({}, 0.0)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([1], "it gave 1 numbers for 2 rows"),
        ("ab", "not a number for each row"),
        (pd.Series([1], index=[7]), "another index"),
    ],
)
async def test_a_function_of_the_frame_that_fails_is_a_reason(given, reason):
    """All rows have none then."""

    @scorer(over="frame")
    async def wrong(frame):
        return given

    done = await score_frame([only(wrong)], FRAME)
    assert done.values["wrong"].isna().all()
    assert reason in done.errors["wrong"][0]


async def test_a_frame_scorer_may_be_a_class():
    """As its interface says."""

    class Place(FrameScorer):
        async def score_frame(self, frame):
            return pd.Series(range(len(frame)), index=frame.index)

    done = await score_frame([Place("place")], FRAME)
    assert done.values["place"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("given", [None, 3, [1.0], {"other": [1, 2]}, pd.DataFrame({"x": [1, 2]})])
async def test_a_frame_scorer_that_gives_something_else_is_a_reason(given):
    """It does not end the run."""

    class Odd(FrameScorer):
        async def score_frame(self, frame):
            return given

    done = await score_frame([Odd("odd")], FRAME)
    assert done.values["odd"].isna().all()
    assert done.errors["odd"][1].startswith("it gave")


async def test_a_scorer_may_be_a_class():
    """It raises what is missing; what it gives is checked."""

    class Mine(Scorer):
        async def score(self, trial):
            if trial.output == "?":
                raise NoScore("it asks")
            return {"other": 1.0} if trial.output == "!" else {"mine": 1}

    assert (await scored(Mine("mine"), "x")).values == {"mine": 1.0}
    assert (await scored(Mine("mine"), "?")).errors == {"mine": "it asks"}
    assert (await scored(Mine("mine"), "!")).errors == {"mine": "it gave other and not mine"}


async def test_a_trial_that_failed_has_no_scores():
    """And no reasons: its error is one."""
    done = await scored(["exact", "price"], None, error="RateLimited: ...")
    assert (done.values, done.errors) == ({"exact": None, "price": None}, {})


async def test_a_budget_that_is_used_up_ends_the_run():
    """It concerns the run, not one score."""

    def broke(output):
        raise BudgetExceeded("nothing is left", limit=1, spent=1, reserved=0, estimate=1)

    with pytest.raises(BudgetExceeded):
        await scored(broke, "x")


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ("exakt", "There is no scorer 'exakt'. Did you mean 'exact'?"),
        (["exact", "exact"], "Two scorers give the metric 'exact'."),
        ({"exact": {"name": "output"}}, "A metric cannot be called 'output'"),
        ({"exact": 3}, "The options of exact are 3."),
        ([3], "3 is no scorer."),
        ([lambda output: 1], "A lambda has no name"),
        ({"exact": {"ignore_case": "no"}}, "ignore_case of exact is 'no'."),
        ({"exact": {"name": 3}}, "name of exact is 3."),
        ({"json_field": {"field": "a", "tolerance": -1}}, "tolerance cannot be -1."),
        ({"regex": {}}, "The scorer 'regex' needs pattern."),
        ({"exact": {"target": 3}}, "target of exact is 3."),
    ],
)
def test_wrong_specifications_are_said_at_once(specs, message):
    """With what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        scorers_of(specs)
    assert message in str(caught.value)
    assert caught.value.hint


def test_a_mapping_may_hold_several():
    """As a YAML body writes them; options may be left out."""
    made = scorers_of({"exact": None, "regex": "x", "numeric": {"tolerance": 1}, "mine": of_row})
    assert [metric for each in made for metric in each.metrics] == ["exact", "regex", "numeric", "mine"]


def test_columns_that_are_missing_are_said_before_the_run():
    """With the nearest name."""
    scorers = scorers_of(["exact", by_name, "length"])
    check_columns(scorers, ["answer", "bonus"])
    with pytest.raises(ConfigError, match=r"needs the column 'answer'.* Did you mean 'answers'"):
        check_columns(scorers, ["answers", "bonus"])


def test_kinds_are_checked():
    """A kind that is none, and bounds that bound nothing."""
    with pytest.raises(ConfigError, match="Did you mean 'ordinal'"):
        MetricKind("ordnal")
    with pytest.raises(ConfigError, match="cannot be bounded"):
        MetricKind(bounds=(1, 1))


def test_an_identity_is_that_of_what_scores():
    """Another option, rubric or function's code is another one; made again, it is the same."""

    def same(output):
        return len(output)

    def other(output):
        return len(output) + 1

    def identity(spec, **options):
        return only(spec, **options).identity

    assert identity("exact") == identity("exact")
    assert identity("exact") != identity({"exact": {"ignore_case": True}})
    assert identity({"f": same}) == identity({"f": same})
    assert identity({"f": same}) != identity({"f": other})
    library = ConfigPromptLibrary(
        {"user": {"judge": {"template": "{{answer}} {{criteria}}", "defaults": {"criteria": {"q": "?"}}}}}
    )
    assert identity({"judge": "echo"}) != identity({"judge": "echo"}, library=library)


async def test_an_identity_stays_when_it_has_scored():
    """What a judge found out is no option of it."""
    judge = only({"pairwise": "echo"})
    before = judge.identity
    await score_frame([judge], pd.DataFrame({"item": ["1"], "variant": ["a"], "output": ["x"], "request": ["?"]}))
    assert judge.report is not None
    assert judge.identity == before


def test_scorers_load_nothing_heavy():
    """Neither pandas nor numpy, scipy or an SDK for what needs none of them."""
    heavy = ["pandas", "numpy", "scipy", "openai", "sqlalchemy", "matplotlib", "jsonschema", "ipywidgets"]
    program = (
        "import sys; from dknb.experiments.scoring import scorers_of; scorers_of(['exact', 'numeric', 'length', 'json_valid'])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
