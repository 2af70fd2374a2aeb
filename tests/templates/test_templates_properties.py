"""What holds for any text and any value."""

from __future__ import annotations

import re
import string
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dknb.errors import TemplateError
from dknb.templates import (
    Limits,
    MessageTemplate,
    TemplateMode,
    TemplateRenderer,
    TemplateStrategy,
    compile_template,
    render_conditional_template,
)
from dknb.templates.compile import COMPILER
from dknb.templates.jinja.template import JinjaTemplate
from dknb.templates.plain import is_plain

examples = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text() | st.text(alphabet="(){}%# xy\n|'\"")
PIECES = [
    *("((", "))", "(", ")", "{{", "}}", "{%", "%}", "{#", "#}", "{", "}", " ", "\n", "\r\n", "'", '"', "|", ".", "~"),
    *("x", "y", "1", "é", "if x", "endif", "else", "for i in x", "endfor", "set a = 1", "raw", "endraw", "macro m(a)"),
    *("endmacro", "|upper", "{{x}}", "{{ y }}", "((a {{x}}))", "{% if x %}", "{% endif %}", "{{{x}}}", "\\", "\x00"),
]
TEMPLATE = st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | TEXT
VALUE = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(st.integers(), max_size=2)
PARAMS = st.dictionaries(st.sampled_from(["x", "y", "i"]), VALUE)
MODES = [*TemplateStrategy, *TemplateMode]


@examples
@given(template=TEMPLATE, params=PARAMS)
def test_conditional_never_raises(template: str, params: dict[str, object]) -> None:
    """Every text is a CONDITIONAL template."""
    assert isinstance(render_conditional_template(template, params), str)


@pytest.mark.parametrize("mode", MODES)
@examples
@given(template=TEMPLATE, params=PARAMS)
def test_nothing_but_template_errors_comes_out(
    mode: TemplateStrategy | TemplateMode, template: str, params: dict[str, object]
) -> None:
    """A text is rendered, or refused with an error of ours."""
    with suppress(TemplateError):
        assert isinstance(compile_template(template, mode).render(params).text, str)


@examples
@given(template=TEMPLATE, params=PARAMS)
def test_every_error_has_a_place_in_the_template(template: str, params: dict[str, object]) -> None:
    """Line, column and the line itself fit the source."""
    error = _error(template, params)
    if error is not None:
        lines = re.split(r"\r\n|\r|\n", template)
        assert error.source_line == lines[(error.line or 0) - 1]
        assert 1 <= (error.column or 0) <= len(error.source_line) + 1


def _error(template: str, params: dict[str, object]) -> TemplateError | None:
    try:
        compile_template(template, "mixed").render(params)
    except TemplateError as error:
        return error
    return None


@examples
@given(template=TEMPLATE)
def test_the_syntax_check_never_raises_and_agrees_with_the_compiler(template: str) -> None:
    """What it finds nothing wrong with compiles."""
    if not TemplateRenderer.validate_template_syntax(template):
        compile_template(template, "mixed")


@examples
@given(value=TEXT)
def test_values_are_data(value: str) -> None:
    """A value is printed as it is, in all modes, inside and outside sections."""
    kept = "a" + value
    expected = f"[{kept}]<{kept}>"
    for mode in ("conditional", "mixed"):
        assert compile_template("[{{x}}]((<{{x}}>))", mode).render({"x": kept, "y": "!"}).text == expected
    assert compile_template("{# #}[{{x}}]((<{{x|string}}>))", "mixed").render({"x": kept}).text == expected
    assert compile_template("[{{x}}]<{{ x|string }}>", "jinja2").render({"x": kept}).text == expected
    assert compile_template("[{x}]<{x!s}>", "simple").render({"x": kept}).text == expected


@examples
@given(value=TEXT)
def test_fixed_values_are_data(value: str) -> None:
    """A partial template prints what it was given."""
    assert MessageTemplate("{x}{y}").partial(x=value).format(y="{x}") == value + "{x}"
    conditional = MessageTemplate.from_conditional("{{x}}{{y}}").partial(x=value)
    assert conditional.format(y="{{x}}") == value + "{{x}}"


@examples
@given(text=st.text(alphabet=string.printable.translate({ord(each): None for each in "(){}\r"}) + "éя"))
def test_text_without_marks_is_itself_in_every_mode(text: str) -> None:
    """Only braces and parentheses mean anything."""
    assert [compile_template(text, mode).render({}).text for mode in MODES] == [text] * len(MODES)


SIMPLE_PIECES = ["((", "))", "(", ")", "{{x}}", "{{y}}", "{{i}}", "{", "}", "a", " ", "\n", "{{{x}}}"]


@examples
@given(template=st.lists(st.sampled_from(SIMPLE_PIECES), max_size=20).map("".join), params=PARAMS)
def test_templates_without_jinja_mean_the_same_on_all_ways(template: str, params: dict[str, object]) -> None:
    """CONDITIONAL, MIXED without Jinja2, and MIXED with it agree on text, variables, used and missing."""
    conditional = compile_template(template, "conditional")
    expected = conditional.render(params)
    if is_plain(template):
        plain = compile_template(template, "mixed")
        assert (plain.variables, plain.render(params)) == (conditional.variables, expected)
    try:
        full = JinjaTemplate(template, COMPILER.environment(TemplateMode.MIXED), Limits())
        found = full.render(params)
    except TemplateError:
        assert not is_plain(template)
        return
    assert (full.variables, found.text, found.used) == (conditional.variables, expected.text, expected.used)
    assert found.missing == expected.missing


@examples
@given(template=st.lists(st.sampled_from(["((", "))", "(", ")", "a", "{{x}}"]), max_size=20).map("".join))
def test_parentheses_are_kept_unless_they_mark_sections(template: str) -> None:
    """With a value for its variable nothing but marks disappears, and those in pairs."""
    text = render_conditional_template(template, {"x": "x"})
    before, after = template.replace("{{x}}", "x"), text
    opened, closed = before.count("(") - after.count("("), before.count(")") - after.count(")")
    assert before.translate({40: None, 41: None}) == after.translate({40: None, 41: None})
    assert opened == closed
    assert opened % 2 == 0
