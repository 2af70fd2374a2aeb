"""What a scorer is: another one with another helper, value or table; the same one however often it was called."""

from __future__ import annotations

import types

import numpy as np
import pandas as pd
import pytest

from dknb.experiments.scoring import scorers_of

_SCORE = """
{helper}
LIMIT = {limit}
SEEN = []
COUNTS = {{}}

def mine(output):
    SEEN.append(output)
    COUNTS[output] = COUNTS.get(output, 0) + 1
    return helped(output) < LIMIT
"""
_HELPER = "def helped(text):\n    return len(text) + {more}"


def _identity(function):
    (made,) = scorers_of({"mine": function})
    return made.identity


def _module(helper=None, limit=3):
    module = types.ModuleType("my_notebook")
    exec(_SCORE.format(helper=helper or _HELPER.format(more=0), limit=limit), vars(module))
    return module


def test_an_edited_helper_or_value_makes_another_scorer():
    """Those of the module of the function; the same text is the same scorer."""
    assert _identity(_module().mine) == _identity(_module().mine)
    assert _identity(_module(helper=_HELPER.format(more=1)).mine) != _identity(_module().mine)
    assert _identity(_module(limit=4).mine) != _identity(_module().mine)


def test_what_a_scorer_counts_up_is_not_what_it_is():
    """Lists, dicts and numbers that it changes itself, of its module, around it, or of its object."""
    module = _module()
    before = _identity(module.mine)
    module.mine("x")
    assert module.SEEN == ["x"]
    assert _identity(module.mine) == before

    def made():
        calls = 0

        def counted(output):
            nonlocal calls
            calls += 1
            return calls

        return counted

    counted = made()
    before = _identity(counted)
    counted("x")
    assert _identity(counted) == before

    class Counter:
        def __init__(self, least):
            self.calls, self.least = 0, least

        def __call__(self, output):
            self.calls += 1
            return self.calls >= self.least

    one = Counter(2)
    before = _identity(one)
    one("x")
    assert _identity(one) == before
    assert _identity(Counter(3)) != before


def _by(table):
    def mine(output):
        return output in table

    return mine


@pytest.mark.parametrize("make", [pd.DataFrame, lambda columns: np.array(columns["a"]), lambda columns: columns["a"]])
def test_all_of_a_table_counts(make):
    """Also what its text leaves out."""
    numbers = list(range(5_000))
    other = [*numbers[:2_500], -1, *numbers[2_501:]]
    assert _identity(_by(make({"a": numbers}))) == _identity(_by(make({"a": numbers})))
    assert _identity(_by(make({"a": numbers}))) != _identity(_by(make({"a": other})))


def test_a_schema_in_a_file_is_its_content(tmp_path):
    """The file may be edited."""
    path = tmp_path / "schema.json"
    found = []
    for kind in ("object", "array"):
        path.write_text(f'{{"type": "{kind}"}}')
        (made,) = scorers_of({"json_schema": str(path)})
        found.append(made.identity)
    assert found[0] != found[1]
