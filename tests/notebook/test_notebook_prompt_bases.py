"""What lists say of a prompt that extends another: what it says itself, and nothing of who its base is."""

from __future__ import annotations

import pytest


@pytest.fixture
def library(project):
    """A base that says which version it is and what for, and a child that says neither."""
    folder = project / "prompts" / "user"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "base.yaml").write_text('metadata: {version: "1.2.0", description: deep}\ntemplate: "{{x}}"\n')
    (folder / "child.yaml").write_text("extends: base\n")


def test_a_child_is_not_listed_as_its_base(notebook, library):
    """Neither with its version nor with its description."""
    ran = notebook.shell.run_cell("%prompts", store_history=False)
    rows = {row.name: (row.version, row.description) for row in ran.result.itertuples(index=False)}
    assert rows["base"] == ("1.2.0", "deep")
    assert rows["child"] == (None, "")


def test_leave_one_out_names_the_prompt(notebook, library):
    """The one that retrieves nothing, as it is called in the library."""
    ran = notebook.shell.run_cell("import dknb\ndknb.leave_one_out('base', {'x': 1})", store_history=False)
    assert str(ran.error_in_exec).startswith("'base' retrieves nothing")
