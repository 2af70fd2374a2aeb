"""The SIMPLE language and MessageTemplate."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dknb.errors import TemplateError
from dknb.templates import MessageTemplate, TemplateStrategy, compile_template

CASES = [
    ("plain", "Hello {name}, {n} new", {"name": "A", "n": 2}, "Hello A, 2 new"),
    ("none is printed", "{x}", {"x": None}, "None"),
    ("escaped braces", "{{a}} {b}", {"b": 1}, "{a} 1"),
    ("json", '{{"k": {x}}}', {"x": 1}, '{"k": 1}'),
    ("parentheses are text", "(({x}))", {"x": 1}, "((1))"),
    ("format spec", "{x:>5.1f}|", {"x": 3.14159}, "  3.1|"),
    ("date spec", "{d:%d.%m.%Y}", {"d": date(2026, 1, 2)}, "02.01.2026"),
    ("conversion", "{x!r} {x!s}", {"x": "a"}, "'a' a"),
    ("conversion and spec", "{x!r:>5}", {"x": "a"}, "  'a'"),
    ("field in a spec", "{x:{fill}>{w}}", {"x": 1, "fill": "*", "w": 4}, "***1"),
    ("values are data", "{x}{y}", {"x": "{y}", "y": "{{x}}"}, "{y}{{x}}"),
    ("a value in a spec is data", "{x:{s}}", {"x": 7, "s": ">3"}, "  7"),
    ("extra parameters are ignored", "{x}", {"x": 1, "y": 2}, "1"),
    ("nothing to fill", "text", {}, "text"),
    ("empty", "", {}, ""),
    ("repeated", "{x}{x}", {"x": 1}, "11"),
]

REFUSED = [
    ("a { b", 1, 3, "expected '}' before end of string"),
    ("a } b", 1, 3, "Single '}' encountered"),
    ("ok {x}\n  {", 2, 3, "Single '{' encountered"),
    ("{a.b}", 1, 1, "reaches into a value"),
    ("x {a[0]}", 1, 3, "reaches into a value"),
    ("{}", 1, 1, "is a position"),
    ("{x} {0}", 1, 5, "is a position"),
    ("{x!z}", 1, 1, "unknown conversion 'z'"),
    ("{x:{y:{z}}}", 1, 1, "nested"),
]


@pytest.mark.parametrize(("template", "params", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_simple_template_renders_as_str_format_does(template: str, params: dict[str, Any], expected: str) -> None:
    """Each line of the table is one rule of SIMPLE at work."""
    assert compile_template(template, "simple").render(params).text == expected


@pytest.mark.parametrize(("template", "line", "column", "message"), REFUSED)
def test_what_simple_does_not_have_is_refused_with_its_place(
    template: str, line: int, column: int, message: str
) -> None:
    """A template that is no SIMPLE one says what is wrong, where, and what to write."""
    with pytest.raises(TemplateError, match=message) as caught:
        compile_template(template, "simple", prompt_name="p")
    error = caught.value
    assert (error.prompt_name, error.line, error.column) == ("p", line, column)
    assert error.hint == "A variable is {name}; write a brace that is text twice: {{ or }}."


@pytest.mark.parametrize("spec", ["{x:>999999999}", "{x:.999999999f}", "{x:>{w}}", "{x:>3000000}{x:>3000000}"])
def test_formats_cannot_make_huge_texts(spec: str) -> None:
    """Widths are bounded, alone and together, written or given."""
    with pytest.raises(TemplateError, match="formats may make 5,000,000 characters"):
        compile_template(spec, "simple").render({"x": 1.5, "w": 10**9})


@pytest.mark.parametrize(("spec", "value"), [("{x:d}", "a"), ("{x:>3}", []), ("{x:%%}", 1)])
def test_a_value_that_does_not_fit_its_format_is_a_template_error(spec: str, value: object) -> None:
    """The error names the variable and its place."""
    with pytest.raises(TemplateError, match="'x' cannot be printed so") as caught:
        compile_template(f"a\n{spec}", "simple").render({"x": value})
    assert (caught.value.line, caught.value.column) == (2, 1)


def test_missing_variables_are_a_value_error_that_lists_them() -> None:
    """The message is fixed; several names are sorted."""
    template = compile_template("{b}{a}{c}", "simple")
    with pytest.raises(ValueError, match="variables") as caught:
        template.render({"c": 1})
    assert str(caught.value) == "Missing variables: {'a', 'b'}"


def test_variables_of_a_simple_template_come_once_in_order() -> None:
    """Names in format specs are variables too; escaped braces are not."""
    assert compile_template("{b}{{z}}{a:{w}}{b}", "simple").variables == ("b", "a", "w")


def test_message_template_is_simple_unless_told_otherwise() -> None:
    """The default strategy reads single braces."""
    template = MessageTemplate("Hi {name}, {name}")
    assert (template.strategy, template.variables) == (TemplateStrategy.SIMPLE, ["name"])
    assert template.format(name="Ann") == "Hi Ann, Ann"


def test_message_template_without_a_variable_says_which() -> None:
    """The text of the error is part of the contract."""
    with pytest.raises(ValueError, match="Missing") as caught:
        MessageTemplate("Hello {x}").format()
    assert str(caught.value) == "Missing variables: {'x'}"


def test_message_template_from_conditional_may_miss_variables() -> None:
    """The seed's example, with and without the optional part."""
    template = MessageTemplate.from_conditional("Hello {{name}}((, you have {{count}} messages))")
    assert template.variables == ["name", "count"]
    assert template.format(name="Alice", count=5) == "Hello Alice, you have 5 messages"
    assert template.format(name="Bob") == "Hello Bob"


@pytest.mark.parametrize("evil", ["{b}", "{{b}}", "((x))", "}", "%s"])
def test_partial_fixes_values_as_data(evil: str) -> None:
    """A fixed value is never read as template, in either strategy."""
    simple = MessageTemplate("{a}-{b}").partial(a=evil)
    conditional = MessageTemplate.from_conditional("{{a}}-((<{{b}}>))").partial(a=evil)
    assert simple.variables == conditional.variables == ["b"]
    assert simple.format(b=1) == f"{evil}-1"
    assert conditional.format(b=1) == f"{evil}-<1>"


def test_partial_leaves_the_original_alone_and_wins_over_later_values() -> None:
    """A partial template is a new one; what is fixed stays fixed."""
    template = MessageTemplate("{a}{b}")
    partial = template.partial(a=1, unknown=2).partial(b=3)
    assert (template.variables, partial.variables) == (["a", "b"], [])
    assert partial.format(a="later") == "13"


def test_a_fixed_value_decides_sections_like_a_given_one() -> None:
    """A blank fixed value drops a section."""
    template = MessageTemplate.from_conditional("a((b{{x}}))")
    assert [template.partial(x=value).format() for value in ("", 0)] == ["a", "ab0"]


def test_variables_given_by_hand_are_required() -> None:
    """A name that the text does not have can be required all the same."""
    with pytest.raises(ValueError, match=r"Missing variables: \{'b'\}"):
        MessageTemplate("{a}", ["a", "b"]).format(a=1)


def test_a_variable_may_be_called_self() -> None:
    """No name is taken by Python."""
    assert MessageTemplate("{self}").partial().format(self=1) == "1"
