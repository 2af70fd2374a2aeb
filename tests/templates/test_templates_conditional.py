"""The CONDITIONAL language, rule by rule."""

from __future__ import annotations

import sys
from collections import UserDict
from datetime import date
from typing import Any

import pytest

from dknb.templates import compile_template, has_value, render_conditional_template

VARIABLES = [
    ("plain", "a{{x}}b", {"x": 1}, "a1b"),
    ("str is used", "{{x}}", {"x": date(2026, 1, 2)}, "2026-01-02"),
    ("zero", "{{x}}", {"x": 0}, "0"),
    ("false outside a section", "{{x}}", {"x": False}, "False"),
    ("empty text", "a{{x}}b", {"x": ""}, "ab"),
    ("empty list", "{{x}}", {"x": []}, "[]"),
    ("none", "a{{x}}b", {"x": None}, "ab"),
    ("none takes its space along", "a{{ x }}b", {"x": None}, "ab"),
    ("missing", "a{{x}}b", {}, "a{{x}}b"),
    ("missing: space moves outside", "a{{ x\t}}b", {}, "a {{x}}\tb"),
    ("space belongs to the variable", "a{{  x\n}}b", {"x": 1}, "a  1\nb"),
    ("space before only", "a{{ x}}b", {"x": 1}, "a 1b"),
    ("space around empty text", "a{{ x }}b", {"x": ""}, "a  b"),
    ("one name, two spacings", "{{x}}{{ x }}{{x }}", {"x": 1}, "1 1 1 "),
    ("no-break space", "a{{\u00a0x}}b", {"x": 1}, "a\u00a01b"),
    ("digits are a name", "{{1}}", {"1": "one"}, "one"),
    ("underscore and letters", "{{_a1}}", {"_a1": "v"}, "v"),
    ("cyrillic name", "{{имя}}", {"имя": "v"}, "v"),
    ("three braces", "{{{x}}}", {"x": 1}, "{1}"),
    ("four braces", "{{{{x}}}}", {"x": 1}, "{{1}}"),
    ("missing in three braces", "{{{x}}}", {}, "{{{x}}}"),
    ("repeated", "{{x}}{{x}}{{y}}", {"x": 1, "y": 2}, "112"),
    ("tuple value", "{{x}}", {"x": (1, 2)}, "(1, 2)"),
    ("percent in the text", "100% {{x}} %s %%", {"x": 1}, "100% 1 %s %%"),
    ("carriage return stays", "a\r\n{{x}}", {"x": 1}, "a\r\n1"),
]

TEXT = [
    ("dotted name", "{{x.y}}", {"x": 1}, "{{x.y}}"),
    ("filter", "{{x|upper}}", {"x": "a"}, "{{x|upper}}"),
    ("two words", "{{x y}}", {"x": 1}, "{{x y}}"),
    ("empty braces", "{{}} {{ }}", {}, "{{}} {{ }}"),
    ("one brace", "{x}", {"x": 1}, "{x}"),
    ("unclosed braces then a variable", "{{ {{x}}", {"x": 1}, "{{ 1"),
    ("jinja block", "{% if x %}", {"x": 1}, "{% if x %}"),
    ("json", '{"a": {"b": "{{x}}"}}', {"x": 1}, '{"a": {"b": "1"}}'),
    ("parentheses inside braces", "{{((x))}}", {"x": 1}, "{{x}}"),
]

SECTIONS = [
    ("kept", "a(( {{x}}))b", {"x": 1}, "a 1b"),
    ("gone, space around stays", "a (({{x}})) b", {}, "a  b"),
    ("gone with a line around it", "1\n((2 {{x}}\n))3", {}, "1\n3"),
    ("no variables", "a((note))b", {}, "anoteb"),
    ("empty", "a(())b", {}, "ab"),
    ("one of two has a value", "(({{x}}-{{y}}))", {"y": 1}, "-1"),
    ("zero is a value", "(({{x}}))", {"x": 0}, "0"),
    ("zero point zero is a value", "(({{x}}))", {"x": 0.0}, "0.0"),
    ("'False' as text is a value", "(({{x}}))", {"x": "False"}, "False"),
    ("none", "((a{{x}}))", {"x": None}, ""),
    ("false", "((a{{x}}))", {"x": False}, ""),
    ("blank", "((a{{x}}))", {"x": " \t\n"}, ""),
    ("empty dict", "((a{{x}}))", {"x": {}}, ""),
    ("empty set", "((a{{x}}))", {"x": set()}, ""),
    ("empty bytes", "((a{{x}}))", {"x": b""}, ""),
    ("empty mapping of another class", "((a{{x}}))", {"x": UserDict()}, ""),
    ("false prints nothing in a kept one", "(({{x}}|{{y}}))", {"x": False, "y": 1}, "|1"),
    ("blank prints nothing in a kept one", "(({{x}}|{{y}}))", {"x": "  ", "y": 1}, "|1"),
    ("empty list prints nothing in a kept one", "(({{x}}|{{y}}))", {"x": [], "y": 1}, "|1"),
    ("missing prints no space in a kept one", "((a{{ x }}b{{y}}))", {"y": 1}, "ab1"),
    ("space of a value in a kept one", "((a{{ x }}b))", {"x": 1}, "a 1 b"),
    ("inside and outside differ", "{{x}}((-{{x}}{{y}}))", {"x": False, "y": 1}, "False-1"),
    ("missing outside, decisive inside", "{{x}}((-{{x}}))", {}, "{{x}}"),
    ("several lines", "((a\n{{x}}\nb))", {"x": 1}, "a\n1\nb"),
    ("two in a row", "(({{x}}))(({{y}}))", {"y": 1}, "1"),
]

NESTED = [
    ("inner gone", "((a{{x}}((b{{y}}))))", {"x": 1}, "a1"),
    ("inner decides the outer", "((a{{x}}((b{{y}}))))", {"y": 1}, "ab1"),
    ("both gone", "((a{{x}}((b{{y}}))))", {}, ""),
    ("same variable", "((a{{x}}((b{{x}}))))", {"x": 1}, "a1b1"),
    ("without variables in a kept one", "((a{{x}}((b))c))", {"x": 1}, "a1bc"),
    ("without variables in one that goes", "((a{{x}}((b))c))", {}, ""),
    ("variables only inside", "((a((b{{x}}))c))", {"x": 1}, "ab1c"),
    ("variables only inside, gone", "((a((b{{x}}))c))", {}, ""),
    ("siblings", "((({{x}})((b{{y}}))((c{{z}}))))", {"z": 1}, "()c1"),
    ("four marks", "((((a{{x}}))))", {"x": 1}, "a1"),
    ("three levels, middle", "((1{{a}}((2{{b}}((3{{c}}))))))", {"b": "B"}, "12B"),
    ("text after the inner one", "((a((b{{y}}))c{{x}}d))", {"x": 1}, "ac1d"),
]

PARENTHESES = [
    ("nested text", "((a (b)))", {}, "a (b)"),
    ("twice nested text", "((a (b (c)) {{x}}))", {"x": 1}, "a (b (c)) 1"),
    ("three marks", "(((a)))", {}, "(a)"),
    ("three marks, gone", "((({{x}})))", {}, ""),
    ("five marks", "(((((a)))))", {}, "(a)"),
    ("call in a section", "((f(g({{x}}))))", {"x": 1}, "f(g(1))"),
    ("lone closing one", "((a) {{x}}))", {"x": 1}, "a) 1"),
    ("smiley", "((:) {{x}}))", {"x": 1}, ":) 1"),
    ("section between single ones", "((a ( ((b)) )))", {}, "a ( b )"),
    ("single around a section", "(((a{{x}})) b)", {"x": 1}, "(a1 b)"),
    ("single around a section that goes", "(((a{{x}})) b)", {}, "( b)"),
    ("apart", "( ( {{x}} ) )", {"x": 1}, "( ( 1 ) )"),
    ("stray closing", "a)) {{x}}", {"x": 1}, "a)) 1"),
    ("closing first", "))a((", {}, "))a(("),
    ("unclosed", "((a {{x}}", {"x": 1}, "((a 1"),
    ("unclosed: missing stays visible", "((a {{x}}", {}, "((a {{x}}"),
    ("unclosed before a complete one", "((a ((b {{x}}))", {}, "((a "),
    ("complete before an unclosed one", "((a {{x}})) ((b", {"x": 1}, "a 1 ((b"),
    ("single one keeps it open", "((see ( {{x}}))", {"x": 1}, "((see ( 1))"),
    ("closes, then a lone one", "((a)))", {}, "a)"),
    ("one too many before", "(((a))", {}, "(a"),
    ("one too many before two", "(((((a)))) b", {}, "(a b"),
    ("odd and unclosed either way", "(((a) b", {}, "(((a) b"),
    ("inner of an odd run closes", "((((({{x}}))) b", {"x": 1}, "(((1) b"),
    ("none in between", "()()(())", {}, "()()"),
]

INJECTION = [
    ("braces", "{{x}}", {"x": "{{y}}", "y": 2}, "{{y}}"),
    ("section", "{{x}}", {"x": "a ((b)) c"}, "a ((b)) c"),
    ("section in a section", "((Q: {{x}}))", {"x": "f((1)) {{z}}"}, "Q: f((1)) {{z}}"),
    ("half a mark each", "({{x}}{{y}}))", {"x": "(", "y": "a"}, "((a))"),
    ("half a variable each", "{{{x}}}}", {"x": "{y", "y": "no"}, "{{y}}"),
    ("format codes", "{{x}} {{y}}", {"x": "%s %(a)s", "y": "{0}"}, "%s %(a)s {0}"),
    ("placeholder of itself", "{{x}}", {"x": "{{x}}"}, "{{x}}"),
]

TABLES = [VARIABLES, TEXT, SECTIONS, NESTED, PARENTHESES, INJECTION]
CASES = [case for table in TABLES for case in table]


@pytest.mark.parametrize(("template", "params", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_conditional_template_renders_as_the_language_says(
    template: str, params: dict[str, Any], expected: str
) -> None:
    """Each line of the tables above is one rule of the language at work."""
    assert render_conditional_template(template, params) == expected


def test_render_reports_what_was_used_and_what_stays_visible() -> None:
    """Used are given names that occur; missing are absent ones outside sections, each once, in order."""
    template = compile_template("{{b}}{{a}}{{n}}{{b}}((x{{c}}{{d}}))", "conditional")
    rendered = template.render({"n": None, "d": 1, "unknown": 2})
    assert (rendered.text, rendered.used, rendered.missing) == ("{{b}}{{a}}{{b}}x1", {"n": None, "d": 1}, ["b", "a"])


def test_variables_are_listed_once_in_order_of_appearance() -> None:
    """The parameters of a template are its names, sections included."""
    template = compile_template("{{b}}((a{{c}}((x{{a}}))))(({{b}}))((note))", "conditional")
    assert template.variables == ("b", "c", "a")


def test_extra_names_are_weaker_than_parameters() -> None:
    """What comes as extra fills in where the parameters have nothing."""
    rendered = compile_template("{{x}}{{y}}", "conditional").render({"x": 1}, extra={"x": 2, "y": 3})
    assert (rendered.text, rendered.used, rendered.missing) == ("13", {"x": 1}, [])


def test_a_value_that_prints_as_nothing_still_keeps_its_section() -> None:
    """A section asks whether there is a value, not whether its text is empty."""

    class Quiet:
        def __str__(self) -> str:
            return ""

    assert render_conditional_template("((a{{x}}b))", {"x": Quiet()}) == "ab"


def test_a_text_of_another_class_prints_as_its_str() -> None:
    """``str(value)`` is what is printed, also when the value is a kind of text."""

    class Shout(str):
        def __str__(self) -> str:
            return self.upper()

    assert render_conditional_template("{{x}}((-{{x}}))", {"x": Shout("a")}) == "A-A"


def test_numpy_false_is_no_value_and_zero_dimensional_arrays_are() -> None:
    """Values from a DataFrame count as their Python likes."""
    numpy = pytest.importorskip("numpy")
    values = [numpy.bool_(False), numpy.bool_(True), numpy.int64(0), numpy.array([]), numpy.array(0)]
    assert [has_value(value) for value in values] == [False, True, True, False, True]


def test_a_hundred_thousand_nested_sections_render() -> None:
    """Depth costs no stack."""
    depth = 100_000
    template = "((" * depth + "a{{x}}" + "))" * depth
    assert [render_conditional_template(template, params) for params in ({"x": 1}, {})] == ["a1", ""]


def _lines_run(template: str) -> int:
    """How many lines of Python it takes to compile and render a template."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        render_conditional_template(template, {"x": 1})
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "piece",
    ["((", "(", "))", "((a", "((a ( ", "{{ ", "{{x ", "((a{{x}}))", "(((a)) ", "{{x}} ((", "((a{{x}}", ")(", "(({{y}}"],
)
def test_work_is_linear_in_the_template(piece: str) -> None:
    """Twice the template takes at most about twice the steps, whatever it repeats."""
    once, twice = _lines_run(piece * 2_000), _lines_run(piece * 4_000)
    assert twice <= 2.1 * once + 200
