"""Errors of templates say which prompt, where, what, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from dknb.errors import ConfigError, PromptNotFound, TemplateError
from dknb.templates import compile_template

# template, parameters, line, column, source line, part of the message
PLACES: list[tuple[str, dict[str, Any], int, int, str, str]] = [
    ("a\n  b {{ c d }}", {}, 2, 5, "  b {{ c d }}", "got 'd'"),
    ("{{a}} {{b|upper}}", {"a": 1}, 1, 7, "{{a}} {{b|upper}}", "filter 'upper' got 'b', which has no value"),
    ("{{a}}\n{{a}} {{x.y}}\n", {"a": 1}, 2, 7, "{{a}} {{x.y}}", "'x' is undefined"),
    ("{{ {}.a.b }}", {}, 1, 1, "{{ {}.a.b }}", "has no attribute 'a'"),
    ("{{a.b|lower}}", {"a": {}}, 1, 1, "{{a.b|lower}}", "got 'a.b'"),
    ("\n\n{% if %}", {}, 3, 1, "{% if %}", "Expected an expression"),
    ("x\n{% if a %}\ny", {}, 3, 1, "y", "Unexpected end of template"),
    ("x {% endif %}", {}, 1, 3, "x {% endif %}", "unknown tag 'endif'"),
    ("a {{ b", {}, 1, 3, "a {{ b", "end of print statement"),
    ("a {# b", {}, 1, 3, "a {# b", "Missing end of comment"),
    ("{{a}} {{ 'b }}", {}, 1, 7, "{{a}} {{ 'b }}", "unexpected char"),
    ("{{a}} {{ b! }}", {}, 1, 7, "{{a}} {{ b! }}", "unexpected char '!'"),
    ("{{a}}\n {% include 'x' %}", {}, 2, 2, " {% include 'x' %}", "nothing to load from"),
    ("{{a}} {{ b|nope }}", {}, 1, 7, "{{a}} {{ b|nope }}", "No filter named 'nope'"),
    ("{% for i in [1] %}\n  {{ i }} {{ i / 0 }}\n{% endfor %}", {}, 2, 11, "  {{ i }} {{ i / 0 }}", "division by zero"),
    ("{% macro m() %}\n{{ 1 + x }}{% endmacro %}\n{{ m() }}", {}, 2, 1, "{{ 1 + x }}{% endmacro %}", "'x' is undef"),
    ("{{a}}\r\n{{b|upper}}", {}, 2, 1, "{{b|upper}}", "filter 'upper'"),
    ("{{\n  a b\n}}", {}, 2, 5, "  a b", "got 'b'"),
    ("{{a}} ((b {% if c %})) {% endif %}", {}, 1, 21, "{{a}} ((b {% if c %})) {% endif %}", "nesting mistake"),
    ("a\n ((\n{% if x %}a{% endif %}))", {"x": 1}, 2, 2, " ((", "decides twice"),
    ("{{ ''.__class__ }}", {}, 1, 1, "{{ ''.__class__ }}", "'__class__' of 'str' object is unsafe"),
    ("a\n{{x}}", {"x": 10**5000}, 2, 1, "{{x}}", "integer string conversion"),
    ("{{ 1" + "0" * 5000 + " }}", {}, 1, 1, "{{ 1" + "0" * 5000 + " }}", "not readable"),
    ("{{ ('a' if x).b.c }}", {}, 1, 1, "{{ ('a' if x).b.c }}", "inline if-expression evaluated to false"),
]


@pytest.mark.parametrize(("template", "params", "line", "column", "text", "message"), PLACES)
def test_an_error_names_prompt_line_column_and_the_line_itself(
    template: str, params: dict[str, Any], line: int, column: int, text: str, message: str
) -> None:
    """The column is where the tag starts; parse errors and failures at run time are placed alike."""
    with pytest.raises(TemplateError) as caught:
        compile_template(template, "mixed", prompt_name="greet").render(params, prompt_name="greet")
    error = caught.value
    assert (error.prompt_name, error.line, error.column, error.source_line) == ("greet", line, column, text)
    assert message in error.message
    assert str(error).startswith(f"Prompt 'greet', line {line}, column {column}: ")


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{{x|upper}}", "Give it a value, or say what to take instead: {{ x|default('...')|upper }}"),
        ("{{x.y}}", "Give it a value, or guard it with {% if %} or |default(...)."),
        (
            "((a {% if b %})){% endif %}",
            "A section (( )) must hold {% %} blocks whole, and a block must hold sections whole.",
        ),
    ],
)
def test_an_error_says_what_to_do(template: str, hint: str) -> None:
    """Frequent mistakes have a hint."""
    with pytest.raises(TemplateError) as caught:
        compile_template(template, "mixed").render({})
    assert caught.value.hint == hint


def test_braces_that_jinja2_misreads_have_a_hint() -> None:
    """In JINJA2 three braces begin a dict."""
    with pytest.raises(TemplateError) as caught:
        compile_template("{{{x}}}", "jinja2")
    assert caught.value.hint == "Put a space between a brace that is text and the braces of a variable."


def test_whatever_a_function_or_value_raises_is_a_template_error() -> None:
    """Functions and values of the caller fail as part of the template, with the cause attached."""

    class Broken:
        def __str__(self) -> str:
            raise OSError("disk on fire")

    def fail(*arguments: object) -> str:
        raise KeyError("k")

    for template, message in [("{{x}}", "OSError: disk on fire"), ("{{ f(1) }}", "KeyError: 'k'")]:
        with pytest.raises(TemplateError, match=message) as caught:
            compile_template(template, "mixed").render({"x": Broken(), "f": fail})
        assert caught.value.line == 1
        assert isinstance(caught.value.__cause__, OSError | KeyError)


def test_an_error_of_a_referenced_prompt_keeps_its_own_place() -> None:
    """The inner prompt is named, not the one that refers to it."""
    inner = compile_template("\n{{x|upper}}", "mixed")

    def prompt_ref(name: str) -> str:
        return inner.render({}, prompt_name=name).text

    with pytest.raises(TemplateError) as caught:
        compile_template("{{ prompt_ref('inner') }}", "mixed").render(
            {}, extra={"prompt_ref": prompt_ref}, prompt_name="outer"
        )
    assert (caught.value.prompt_name, caught.value.line) == ("inner", 2)


def test_a_referenced_prompt_that_does_not_exist_is_placed_in_the_template() -> None:
    """Errors of the library become errors of the place that asked, hint included."""

    def prompt_ref(name: str) -> str:
        raise PromptNotFound(f"There is no prompt {name!r}.", hint="Ask for another.")

    with pytest.raises(TemplateError, match="There is no prompt 'p'") as caught:
        compile_template("a {{ prompt_ref('p') }}", "mixed").render({}, extra={"prompt_ref": prompt_ref})
    assert (caught.value.column, caught.value.hint) == (3, "Ask for another.")


def test_an_unknown_mode_names_the_nearest() -> None:
    """A mode is one of four words."""
    with pytest.raises(ConfigError, match=r"'jinja' is no template mode\. Did you mean 'jinja2'\?") as caught:
        compile_template("a", "jinja")
    assert caught.value.hint == "Give one of: simple, conditional, mixed, jinja2"
