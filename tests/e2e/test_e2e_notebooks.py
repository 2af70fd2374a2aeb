"""The project's own notebooks, opened as a reader does: saved outputs, no kernel, not trusted."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.e2e

NOTEBOOKS = sorted(Path(__file__).parents[2].joinpath("notebooks").glob("*.ipynb"))
OURS = {f"application/vnd.dknb.{name}+json": f".dknb-{name}" for name in ("prompt", "conversation", "comparison")}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_output_of_ours_is_drawn(lab, page, keep, path):
    """What a notebook of this repository has saved, the renderers can draw."""
    notebook = nbformat.read(path, as_version=4)
    outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    expected = {selector: sum(mime in data for data in outputs) for mime, selector in OURS.items()}
    assert sum(expected.values()) > 0
    lab.save(path.name, notebook)
    lab.open_without_kernel(page, path.name)
    page.locator(".jp-Notebook .jp-Cell").nth(len(notebook.cells) - 1).wait_for()
    for selector, count in expected.items():
        if count:
            page.locator(selector).nth(count - 1).wait_for()
        assert page.locator(selector).count() == count
    assert page.get_by_text("dknb cannot draw this").count() == 0
    keep(page, "top")
    page.locator(", ".join(OURS.values())).last.scroll_into_view_if_needed()
    keep(page, "end")
