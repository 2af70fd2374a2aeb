"""A prompt of 150 kB in the notebook: the picture is as long as the text makes it, and holds all of it."""

from __future__ import annotations

import html
import json

import pytest

from dknb.notebook.views.prompt import RenderedPrompt, prompt_bundle
from dknb.prompts import ConfigPromptLibrary, PromptBuilder

PIECES = {
    "prose": "Some words & <tags>, {{name}}. ",
    "sections": "((with {{name}} (and more))) ",
    "filters": "{{ name|upper }} and {{ name }} ",
    "markup": "<<<&&&\"\"\"'''>>> ",
    "lines": "{{name}}\n",
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_the_preview_of_a_long_prompt_holds_it_once_in_each_form(piece):
    """As data, as HTML and as text; markup in it grows by what its characters need, and nothing is cut or doubled."""
    builder = PromptBuilder(ConfigPromptLibrary())
    result = builder.render_inline(piece * (150_000 // len(piece)), {"name": "Ada <L>"})
    assert len(result.content) > 30_000
    bundle = prompt_bundle(RenderedPrompt(result.content, "large", used=result.params_used))
    escaped = html.escape(result.content)
    assert bundle["application/vnd.dknb.prompt+json"]["text"] == result.content
    assert bundle["text/html"].count(escaped) == 1
    assert len(bundle["text/html"]) < len(escaped) + 3_000
    assert bundle["text/plain"].startswith(result.content)
    assert len(json.dumps(bundle["application/vnd.dknb.prompt+json"])) < len(json.dumps(result.content)) + 2_000


def test_a_long_value_is_shortened_in_the_table_of_values():
    """It stands in the text already."""
    bundle = prompt_bundle(RenderedPrompt("x" * 150_000, "large", used={"text": "x" * 150_000}))
    assert len(bundle["text/html"]) < 153_000
    assert len(bundle["application/vnd.dknb.prompt+json"]["params_used"][0]["value"]) == 500
