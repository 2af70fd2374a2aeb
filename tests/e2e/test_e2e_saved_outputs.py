"""A saved notebook in JupyterLab, with no kernel and not trusted: its trees, prompts and comparisons are alive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

PAYLOADS = Path(__file__).parents[1] / "labextension" / "payloads"


def _bundle(name: str, **changes: object) -> dict[str, object]:
    payload = {**json.loads((PAYLOADS / f"{name}.json").read_text()), **changes}
    return {
        f"application/vnd.dknb.{name}+json": payload,
        "text/html": f"<p>the HTML of a {name}</p>",
        "text/plain": f"the text of a {name}",
    }


def _talk(turns: int, samples: int) -> dict[str, list[object]]:
    """The columns of a talk in which each question was asked several times."""
    parent, last = [-1], 0
    for _ in range(turns):
        parent.append(last)
        question = len(parent) - 1
        parent += [question] * samples
        last = len(parent) - 1
    count = len(parent)
    return {
        "parent": parent,
        "ordinal": [parent[:node].count(above) for node, above in enumerate(parent)],
        "number": list(range(count)),
        "role": ["system", *["user", *["assistant"] * samples] * turns],
        "text": [f"message {node}" for node in range(count)],
        "branch": [None] * count,
        "system": [None] * count,
        "state": ["complete"] * count,
        "model": [None] * count,
        "tokens": [None] * count,
        "cost_usd": [None] * count,
    }


@pytest.fixture
def notebook(lab, page):
    """The page on a notebook that holds one output of each type, and a conversation of 251 nodes."""
    talk = _talk(50, 4)
    large = _bundle("conversation", nodes=talk, current=250, branches=[], truncated=0, conversation_id="large")
    lab.save_outputs("saved.ipynb", [_bundle("prompt"), _bundle("conversation"), _bundle("comparison"), large])
    lab.open_without_kernel(page, "saved.ipynb")
    page.locator(".dknb-conversation").nth(1).wait_for()
    return page


def test_each_type_is_drawn_by_us_and_not_as_html(notebook, keep):
    """Our renderers win over the HTML twin, data are text, and both themes can be looked at."""
    prompt, comparison = notebook.locator(".dknb-prompt"), notebook.locator(".dknb-comparison")
    said = prompt.locator(".dknb-text").inner_text()
    assert said.startswith("You are a kind reviewer. 🧐\nReview <b>this</b> text.\n")
    assert said.endswith("Tides follow <i>the moon</i>.")
    assert "fild\tmissing · did you mean field?" in [row.inner_text() for row in prompt.locator("tr").all()]
    assert comparison.locator("tbody tr").nth(1).locator("td").last.inner_text() == "▲ better"
    assert comparison.locator("caption").all_inner_texts() == ["accuracy higher is better", "price lower is better"]
    widths = [bar.bounding_box()["width"] for bar in comparison.locator("table").first.locator(".dknb-interval").all()]
    assert widths[0] / widths[1] == pytest.approx(0.4 / 0.3, rel=0.05)
    assert notebook.get_by_text("the HTML of a").count() == 0
    keep(notebook, "light")
    notebook.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    notebook.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    keep(notebook, "dark")


def test_a_tree_is_one_for_a_screen_reader_too(notebook):
    """Roles, levels, what is open and where one is can be told without seeing it."""
    tree = notebook.get_by_role("tree", name="Conversation notebooks/talk")
    snapshot = tree.aria_snapshot()
    assert "- treeitem " in snapshot
    assert '"▾' not in snapshot
    assert "[level=1] [expanded]" in snapshot.replace("[expanded] [level=1]", "[level=1] [expanded]")
    assert tree.get_by_role("treeitem", level=2).count() == 5
    assert "Leek." in tree.locator("[aria-current=true]").inner_text()


def test_a_tree_is_used_with_the_keyboard_and_the_notebook_stays_as_it_is(notebook):
    """Keys move and fold in the tree, and JupyterLab's own `dd` and `b` do nothing to the cells."""
    cells = notebook.locator(".jp-Notebook .jp-Cell").count()
    tree = notebook.get_by_role("tree", name="Conversation notebooks/talk")
    tree.focus()
    notebook.keyboard.press("Home")
    notebook.keyboard.type("ddbb")
    assert notebook.locator(".jp-Notebook .jp-Cell").count() == cells
    notebook.keyboard.press("ArrowDown")
    notebook.keyboard.press("ArrowDown")
    notebook.keyboard.press("ArrowLeft")
    assert tree.locator("[aria-selected=true]").inner_text().split()[-1] == "+2"
    assert tree.get_by_role("treeitem").count() == 6
    detail = notebook.locator(".dknb-conversation").first.locator(".dknb-detail .dknb-text")
    assert detail.inner_text() == "Apple."


def test_a_large_tree_opens_at_the_place_where_one_is(notebook):
    """251 nodes: beside the line they are folded, the current node is in sight, and a click opens a fork."""
    tree = notebook.get_by_role("tree", name="Conversation large")
    assert tree.get_by_role("treeitem").count() == 101
    frame, here = tree.bounding_box(), tree.locator("[aria-current=true]").bounding_box()
    assert frame["y"] <= here["y"]
    assert here["y"] + here["height"] <= frame["y"] + frame["height"]
    tree.locator("[aria-expanded=false] .dknb-twisty").last.click()
    assert tree.get_by_role("treeitem").count() == 104
