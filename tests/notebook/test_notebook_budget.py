"""What a kernel may spend, and what ``%dknb status`` says of it."""

from __future__ import annotations

import math

import pytest

from dknb.errors import BudgetExceeded, MagicError
from dknb.llm.calls.budget import process_budget


@pytest.fixture(autouse=True)
def unspent():
    """A kernel that has spent nothing."""
    budget = process_budget()
    before = budget.spent, budget.unpriced
    budget.spent, budget.unpriced = 0.0, 0
    yield budget
    budget.set(math.inf, unknown="allow")
    budget.spent, budget.unpriced = before


def test_a_kernel_begins_without_a_budget(notebook):
    """It says what was spent all the same; the status says nothing of it."""
    assert notebook.ok("%dknb budget").strip() == "budget: off; $0 spent by this kernel"
    assert "budget" not in notebook.ok("%dknb status")


def test_a_budget_is_set_shown_and_taken_away(notebook, unspent):
    """What was spent before counts, also when the cell runs again."""
    unspent.spent = 0.5
    for _ in range(2):
        said = notebook.ok("%dknb budget 2.50")
        assert said.strip() == "budget: $2.50; $0.5000 spent by this kernel, $2.00 left"
    assert "$2.00 left" in notebook.ok("%dknb status")
    assert "off" in notebook.ok("%dknb budget off")
    assert unspent.limit == math.inf
    assert "made all the same" in notebook.ok("%dknb budget 1 --unknown allow")


@pytest.mark.parametrize("amount", ["much", "-1", "nan", "inf"])
def test_what_is_no_amount_is_refused(notebook, unspent, amount):
    """And the budget stays what it was."""
    ran = notebook.run(f"%dknb budget {amount}")
    assert isinstance(ran.error, MagicError)
    assert unspent.limit == math.inf


def test_a_cell_that_may_cost_too_much_is_not_asked(notebook, monkeypatch):
    """It ends with one line that has the numbers; echo, which is free, goes on."""
    monkeypatch.setenv("OPENAI_API_KEY", "no-key")
    notebook.ok("%dknb budget 0.001")
    ran = notebook.run("%%chat --model openai/gpt-4o\nhi", cell="a")
    assert isinstance(ran.error, BudgetExceeded)
    assert ran.error.estimate > ran.error.limit == 0.001
    assert "Traceback" not in ran.printed
    assert "Echo: hi" in notebook.ok("%%chat\nhi", cell="b")


def test_a_busy_model_is_in_the_status(notebook):
    """How many calls it bears at a time, once it has refused one."""
    notebook.ok("%%chat\nhi", cell="a")
    assert "at a time" not in notebook.ok("%dknb status")
    (provider,) = notebook.session.open_providers()
    slots = provider._pipeline.limits.slots(provider.config)
    slots._refused, slots._limit = 3, 12.0
    assert "calls of echo/echo" in notebook.ok("%dknb status")
    assert "at most 12 at a time (3 were refused: too many)" in notebook.ok("%dknb status")
