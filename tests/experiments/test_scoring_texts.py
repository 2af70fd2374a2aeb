"""Exact, contains and regex."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scoring_help import scored, trial, value

from dknb.errors import ConfigError
from dknb.experiments.scoring import score_trial, scorers_of


@pytest.mark.parametrize(
    ("options", "output", "answer", "expected"),
    [
        ({}, " Paris\n", "Paris", 1.0),
        ({}, "paris", "Paris", 0.0),
        ({"ignore_case": True}, "STRASSE", "straße", 1.0),
        ({}, "cafe\u0301", "caf\u00e9", 1.0),
        ({"unicode": "keep"}, "cafe\u0301", "caf\u00e9", 0.0),
        ({"unicode": "NFKC"}, "\ufb01n", "fin", 1.0),
        ({"whitespace": "collapse"}, "a \n b", "a b", 1.0),
        ({"whitespace": "keep"}, "a ", "a", 0.0),
        ({"ignore_punctuation": True}, "Yes!", "Yes", 1.0),
        ({}, "b", ["a", "b"], 1.0),
        ({}, "b", np.array(["a", "b"]), 1.0),
        ({}, "42", 42.0, 1.0),
        ({}, "42", np.int64(42), 1.0),
        ({}, "true", True, 1.0),
        ({}, "", "Paris", 0.0),
        ({"value": "x", "target": "nowhere"}, "x", None, 1.0),
    ],
)
async def test_exact_says_what_does_not_count(options, output, answer, expected):
    """Each kind of difference counts unless it is said that it does not."""
    assert await value({"exact": options}, output, answer) == expected


@pytest.mark.parametrize("missing", [None, float("nan")])
async def test_an_item_without_a_target_has_no_score(missing):
    """It is not a wrong answer; the reason says what is missing."""
    done = await scored("exact", "x", {"answer": missing})
    assert (done.values, done.errors) == ({"exact": None}, {"exact": "the item has no 'answer'"})


async def test_a_column_that_is_not_there_names_the_nearest():
    """The reason says which column was probably meant."""
    done = await scored({"exact": {"target": "answr"}}, "x", {"answer": "x"})
    assert done.errors == {"exact": "the data has no column 'answr'. Did you mean 'answer'?"}


@pytest.mark.parametrize(
    ("options", "output", "answer", "expected"),
    [
        ({}, "It is Paris, I think.", "Paris", 1.0),
        ({}, "Par\nis", "Par is", 1.0),
        ({"words": True}, "category", "cat", 0.0),
        ({"words": True}, "category cat", "cat", 1.0),
        ({}, "a b", ["a", "c"], 0.0),
        ({"which": "any"}, "a b", ["a", "c"], 1.0),
        ("Rome", "Rome!", None, 1.0),
        ({"value": ["a", "b"]}, "b and a", None, 1.0),
    ],
)
async def test_contains_finds_texts(options, output, answer, expected):
    """All of several must be there, or any of them."""
    assert await value({"contains": options}, output, answer) == expected


def test_everything_contains_nothing():
    """An empty text is refused, since it would always be there."""
    with pytest.raises(ConfigError, match="Every text contains"):
        scorers_of({"contains": ""})


@pytest.mark.parametrize(
    ("options", "output", "answer", "expected"),
    [
        (r"\d+", "a1", None, 1.0),
        (r"\d+", "a", None, 0.0),
        ({"pattern": r"\d+", "full": True}, "1a", None, 0.0),
        ({"pattern": "^b$", "multiline": True}, "a\nb", None, 1.0),
        ({"pattern": r"Answer: (\w+)", "target": "answer"}, "Answer: B", "B", 1.0),
        ({"pattern": r"Answer: (\w+)", "target": "answer"}, "Answer: C", "B", 0.0),
        ({"pattern": "YES", "ignore_case": True}, "yes", None, 1.0),
    ],
)
async def test_regex_finds_patterns(options, output, answer, expected):
    """With a target, what was found is compared with it."""
    assert await value({"regex": options}, output, answer) == expected


async def test_a_catastrophic_pattern_ends():
    """It is given up after a second, in a thread, and the trial has no score."""
    (scorer,) = scorers_of({"regex": r"^(?:(a|aa|aaa)+)+\1\1b$"})
    began = time.perf_counter()
    done = await score_trial([scorer], trial("a" * 3_000 + "c"))
    assert time.perf_counter() - began < 20
    assert done.values == {"regex": None}
    assert "took longer than 1 s" in done.errors["regex"]


def test_a_wrong_pattern_is_said_before_the_run():
    """The message has the pattern, and what is wrong with it."""
    with pytest.raises(ConfigError, match=r"The pattern '\(' is wrong: missing \)"):
        scorers_of({"regex": "("})


@pytest.mark.parametrize(
    ("spec", "answer"),
    [("exact", []), ("exact", [None]), ("contains", ""), ("contains", []), ("contains", ["", " "]), ("rouge_l", [])],
)
async def test_a_target_with_nothing_in_it_is_no_wrong_answer(spec, answer):
    """There is nothing to compare with, and it says so."""
    done = await scored(spec, "x", {"answer": answer})
    assert list(done.values.values()) == [None]
    assert "target" in next(iter(done.errors.values()))
    assert not done.failed


async def test_of_several_targets_empty_ones_do_not_count():
    """The others do."""
    assert await value("contains", "a b", ["", "b"]) == 1.0
    assert await value("contains", "a b", ["", "c"]) == 0.0
