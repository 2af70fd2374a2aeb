"""Compiling once, from any thread, and the cases that others wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dknb.errors import TemplateError
from dknb.templates import TemplateMode, TemplateStrategy, compile_template

CASES = Path(__file__).parents[3] / "shared" / "cases" / "templates.json"


@pytest.mark.parametrize("mode", [*TemplateStrategy, *TemplateMode])
def test_a_text_is_compiled_once_for_each_mode(mode: TemplateStrategy | TemplateMode) -> None:
    """The same text and mode give the same object, by member or by name."""
    text = "once {# #}((a))"
    text = "once" if mode is TemplateStrategy.SIMPLE else text
    template = compile_template(text, mode)
    assert compile_template(text, mode.value) is template
    assert compile_template(text, "conditional" if mode.value != "conditional" else "mixed") is not template


def test_templates_are_not_kept_for_ever() -> None:
    """The cache is bounded."""
    first = compile_template("bounded", "jinja2")
    for number in range(2100):
        compile_template(f"{number}", "jinja2")
    assert compile_template("bounded", "jinja2") is not first


def test_many_threads_render_one_template_without_mixing_anything_up() -> None:
    """Each render has its own values, missing names and bounds."""
    template = compile_template("{% for i in range(200) %}{{x}}{% endfor %}{{y}}((a{{z}}))", "mixed")

    def render(number: int) -> tuple[str, list[str]]:
        rendered = template.render({"x": number} if number % 2 else {"x": number, "y": ""})
        return rendered.text, rendered.missing

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(render, range(200)))
    expected = [(f"{n}" * 200 + ("{{y}}" if n % 2 else ""), ["y"] if n % 2 else []) for n in range(200)]
    assert results == expected


def test_an_error_is_raised_anew_each_time_with_the_name_asked_for() -> None:
    """A template that does not parse is not remembered under the name of another prompt."""
    for name in ("one", "two", None):
        with pytest.raises(TemplateError) as caught:
            compile_template("{{ a b }}", "mixed", prompt_name=name)
        assert caught.value.prompt_name == name


def test_jinja2_is_imported_by_the_first_template_that_needs_it() -> None:
    """The package, CONDITIONAL, SIMPLE and plain MIXED templates do without."""
    program = """
import sys
from dknb.templates import compile_template
for mode, text in (("conditional", "{{x}}"), ("simple", "{x}"), ("mixed", "a{{ x }}((b{{y}}))")):
    compile_template(text, mode).render({"x": 1})
before = "jinja2" in sys.modules
compile_template("{{x|string}}", "mixed").render({"x": 1})
print(before, "jinja2" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "False True\n"


def _render(case: dict[str, Any]) -> object:
    try:
        return compile_template(case["template"], case["mode"]).render(case["params"]).text
    except ValueError:
        return ValueError


def test_shared_cases_render_as_expected() -> None:
    """Every case of the shared file, when it is there: its text, or an error."""
    if not CASES.exists():
        pytest.skip("needs ../shared/cases/templates.json, which is not here")
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    wrong = [
        (case["id"], found)
        for case in cases
        if (found := _render(case)) != (ValueError if case.get("error") else case.get("expected"))
    ]
    assert cases
    assert wrong == []
