"""Numbers in texts, and whether they are right."""

from __future__ import annotations

import pytest
from scoring_help import scored, value

from dknb.errors import ConfigError
from dknb.experiments.scoring import scorers_of
from dknb.experiments.scoring.checks.numbers import numbers_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.5", [1234.5]),
        ("12,34,567", [1234567.0]),
        ("1\u202f234 and 1'234 and 1_234", [1234.0, 1234.0, 1234.0]),
        ("1.234.567", [1234567.0]),
        ("\u22123 and -4 and +5", [-3.0, -4.0, 5.0]),
        ("10-20 and 10\u201320", [10.0, 20.0, 10.0, 20.0]),
        ("x=-5", [-5.0]),
        ("6.02e23, 1E+05", [6.02e23, 1e5]),
        ("1.5 \u00d7 10^6 or 2x10**3", [1.5e6, 2e3]),
        ("$1,200, -$5, $-7", [1200.0, -5.0, -7.0]),
        ("12 km, 5%, 3rd", [12.0, 5.0, 3.0]),
        ("1.5 million", [1.5e6]),
        ("3/4 and .5", [0.75, 0.5]),
        ("GPT-4, H2O, v2.1, 1.2.3, 2024-05-01, 10:30, 0x1F, item_5", []),
        (r"\boxed{42} **43** _44_ [45, 46]", [42.0, 43.0, 44.0, 45.0, 46.0]),
        ("the answer is 42.", [42.0]),
        ("1/0 and " + "9" * 400, []),
        ("\u0661\u0662\u0663", [123.0]),
        ("none at all", []),
    ],
)
def test_numbers_are_read_as_people_write_them(text, expected):
    """Separators, signs, units and names with digits in them are told apart."""
    assert [number.value for number in numbers_in(text)] == pytest.approx(expected, rel=1e-15)


def test_with_a_decimal_comma_points_stand_between_thousands():
    """As much of Europe writes."""
    text = "1 234,5 und 3,14 und 1.234.567,8"
    assert [number.value for number in numbers_in(text, ",")] == [1234.5, 3.14, 1234567.8]


@pytest.mark.parametrize(
    "text", ["1," * 50_000, "1." * 50_000, "-" * 50_000, "1/" * 50_000, "a-1" * 50_000, "9" * 100_000]
)
def test_a_hostile_text_is_read_to_its_end(text):
    """No pattern here goes back over what it has read."""
    assert len(list(numbers_in(text))) <= len(text)


@pytest.mark.parametrize(
    ("options", "output", "answer", "expected"),
    [
        ({}, "It is 42.", 42, 1.0),
        ({}, "It is 42.", "42", 1.0),
        ({}, "First 41, then 42", 42, 1.0),
        ({"which": "first"}, "First 41, then 42", 42, 0.0),
        ({"which": "any"}, "42 of 100", 42, 1.0),
        ({}, "0.30000000000000004", 0.3, 1.0),
        ({"tolerance": 0.5}, "42.5", 42, 1.0),
        ({"tolerance": 0.5}, "42.51", 42, 0.0),
        ({"relative": 0.01}, "101", 100, 1.0),
        ({"relative": 0.01}, "-101", 100, 0.0),
        ({"tolerance": 2, "relative": 0.01}, "102", 100, 1.0),
        ({"unit": "km"}, "5 h for 12 km", 12, 1.0),
        ({"unit": "$"}, "3 for $5 each, 7", 5, 1.0),
        ({"unit": "m"}, "12 million m", 12e6, 1.0),
        ({"decimal": ","}, "1.234,5", "1.234,5", 1.0),
        ({"no_number": 0}, "I do not know", 5, 0.0),
        ({}, "0", [1, 0], 1.0),
        ({"value": 7}, "7", None, 1.0),
    ],
)
async def test_a_number_is_right_within_its_tolerance(options, output, answer, expected):
    """Absolute or relative, of both the wider one; a negative number is not a positive one."""
    assert await value({"numeric": options}, output, answer) == expected


async def test_no_number_is_wrong_and_not_zero():
    """Who refuses half of the questions is not better than who answers them; where the right answer is 0, no less."""
    assert await value("numeric", "I do not know", 5) == 0.0
    assert await value("numeric", "I do not know", 0) == 0.0


async def test_no_number_may_be_left_out():
    """With its reason."""
    done = await scored({"numeric": {"no_number": None}}, "I do not know", {"answer": 0})
    assert (done.values, done.errors) == ({"numeric": None}, {"numeric": "there is no number in the output"})


async def test_only_refuses_several():
    """The same number twice is one; several are wrong, or left out, as no number is."""
    assert await value({"numeric": {"which": "only"}}, "5, so 5", 5) == 1.0
    assert await value({"numeric": {"which": "only"}}, "5 or 6", 5) == 0.0
    done = await scored({"numeric": {"which": "only", "no_number": None}}, "5 or 6", {"answer": 5})
    assert done.errors == {"numeric": "there are 2 numbers in the output, not only one"}


async def test_a_target_without_a_number_is_no_wrong_answer():
    """The reason shows the target."""
    done = await scored("numeric", "5", {"answer": "unknown"})
    assert done.errors == {"numeric": "there is no number in the target 'unknown'"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": -1}, "tolerance cannot be -1"),
        ({"relative": "1%"}, "relative cannot be '1%'"),
        ({"which": "lats"}, "which cannot be 'lats'. Did you mean 'last'?"),
        ({"tolerence": 1}, "The scorer 'numeric' has no option 'tolerence'. Did you mean 'tolerance'?"),
        ({"unit": " "}, "is no unit"),
        ({"value": "none"}, "There is no number in value='none'"),
    ],
)
def test_wrong_options_are_said_at_once(options, message):
    """With the nearest name."""
    with pytest.raises(ConfigError) as caught:
        scorers_of({"numeric": options})
    assert message in str(caught.value)
