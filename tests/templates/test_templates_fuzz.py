"""Any text, any values, in every mode: an end within the bounds, and no error but ours.

If something hangs all the same, a clock ends the run and shows where.
"""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from templates_fuzz_help import FUZZ, PARAMS, TEMPLATES

from dknb.errors import TemplateError
from dknb.templates import Compiler, Limits, TemplateMode, TemplateRenderer, TemplateStrategy

LIMITS = Limits(output=20_000, steps=2_000, seconds=1.0)
COMPILER = Compiler(limits=LIMITS)
PATIENCE = 600  # seconds for a test that takes some twenty


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def ending(template: str, mode: TemplateMode | TemplateStrategy, params: dict[str, Any]) -> str:
    """The text of a render, or what the error says."""
    try:
        return COMPILER.compile(template, mode).render(params).text
    except TemplateError as error:
        return error.message


@FUZZ
@given(template=TEMPLATES, params=PARAMS)
def test_any_template_with_any_values_ends_well_in_every_mode(template: str, params: dict[str, Any]) -> None:
    """It is a text within the bound, or an error of ours; nothing private is in either."""
    for mode in (*TemplateMode, *TemplateStrategy):
        text = ending(template, mode, params)
        assert isinstance(text, str)
        assert "private" not in text
        assert len(text) <= LIMITS.output or isinstance(mode, TemplateStrategy)
    if not TemplateRenderer.validate_template_syntax(template):
        COMPILER.compile(template, TemplateMode.MIXED)


@settings(FUZZ, max_examples=200)
@given(template=TEMPLATES, params=PARAMS)
def test_a_renderer_with_a_filter_that_raises_ends_well(template: str, params: dict[str, Any]) -> None:
    """What somebody's own filter raises is an error of ours."""
    renderer = TemplateRenderer(limits=LIMITS)
    renderer.add_custom_filter("e", lambda value: value.no_such_attribute)
    with pytest.raises(TemplateError, match="no_such_attribute"):
        renderer.render("{{ 'x'|e }}", params)
    try:
        text = renderer.render(template, params).content
    except TemplateError as error:
        text = error.message
    assert isinstance(text, str)
