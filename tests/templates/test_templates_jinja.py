"""The MIXED and JINJA2 languages, rule by rule."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dknb.errors import TemplateError
from dknb.templates import compile_template

ERROR = object()

# (what it shows, template, parameters, MIXED, JINJA2)
BOTH: list[tuple[str, str, dict[str, Any], Any, Any]] = [
    ("plain", "a{{x}}b", {"x": 1}, "a1b", "a1b"),
    ("space inside braces is Jinja's", "a{{ x }}b", {"x": 1}, "a1b", "a1b"),
    ("missing", "a{{ x }}b", {}, "a{{x}}b", "a{{x}}b"),
    ("none", "a{{ x }}b", {"x": None}, "ab", "aNoneb"),
    ("none literal", "{{ none }}", {}, "", "None"),
    ("false", "{{x}}", {"x": False}, "False", "False"),
    ("list", "{{xs}}", {"xs": [1, "a"]}, "[1, 'a']", "[1, 'a']"),
    ("nothing is escaped", "<{{x}}>", {"x": "<&>"}, "<<&>>", "<<&>>"),
    ("last line end stays", "{{x}}\n", {"x": 1}, "1\n", "1\n"),
    ("line ends become unix", "a\r\n{{x|string}}\r", {"x": 1}, "a\n1\n", "a\n1\n"),
    ("filter", "{{x|upper}}", {"x": "a"}, "A", "A"),
    ("filter on a missing one", "{{x|upper}}", {}, ERROR, ERROR),
    ("filter on none", "{{x|upper}}", {"x": None}, "NONE", "NONE"),
    ("default", "{{x|default('d')}}{{y|d('e')}}", {}, "de", "de"),
    ("default of none", "{{x|default('d')}}", {"x": None}, "", "None"),
    ("default, blank too", "{{x|default('d', true)}}", {"x": ""}, "d", "d"),
    ("default, then another filter", "{{x|default('d')|upper}}", {}, "D", "D"),
    ("default is a missing one", "{{x|default(y)}}", {}, "{{y}}", "{{y}}"),
    ("or", "{{ x or 'd' }}", {}, "d", "d"),
    ("conditional expression", "{{ 'a' if x else 'b' }}", {}, "b", "b"),
    ("conditional without else", "{{ 'a' if x }}", {}, "", ""),
    ("concatenation", "{{ 'a' ~ x ~ 1 }}", {"x": "b"}, "ab1", "ab1"),
    ("concatenation with a missing one", "{{ 'a' ~ x }}", {}, "a{{x}}", "a{{x}}"),
    ("arithmetic", "{{ 2 + 3 * 4 // 5 - 1 }}", {}, "3", "3"),
    ("arithmetic on a missing one", "{{ x + 1 }}", {}, ERROR, ERROR),
    ("comparison", "{{ 1 < 2 <= 2 }}", {}, "True", "True"),
    ("attribute", "{{x.y}}", {"x": {"y": 1}}, "1", "1"),
    ("attribute of an object", "{{x.y}}", {"x": SimpleNamespace(y=1)}, "1", "1"),
    ("item", "{{x['y']}}{{x.z[0]}}", {"x": {"y": 1, "z": [2]}}, "12", "12"),
    ("attribute of a missing one", "{{x.y}}", {}, ERROR, ERROR),
    ("item of a missing one", "{{x[0]}}", {}, ERROR, ERROR),
    ("call of a missing one", "{{x()}}", {}, ERROR, ERROR),
    ("missing attribute", "{{x.y}}", {"x": {}}, "{{x.y}}", "{{x.y}}"),
    ("missing attribute, deeper", "{{x.y.z}}", {"x": {"y": {}}}, "{{x.y.z}}", "{{x.y.z}}"),
    ("missing item", "{{x['y']}}{{x[0]}}{{x[k]}}", {"x": {}, "k": 1}, *["{{x.y}}{{x[0]}}{{x[k]}}"] * 2),
    ("attribute of a missing attribute", "{{x.y.z}}", {"x": {}}, ERROR, ERROR),
    ("filter on a missing attribute", "{{x.y|upper}}", {"x": {}}, ERROR, ERROR),
    ("missing in a list", "{{ [x] }}", {}, "[{{x}}]", "[{{x}}]"),
    ("if", "{% if x %}yes{% else %}no{% endif %}", {}, "no", "no"),
    ("if defined", "{% if x is defined %}d{% else %}u{% endif %}", {"x": None}, "d", "d"),
    ("if undefined", "{% if x is undefined %}u{% endif %}", {}, "u", "u"),
    ("elif", "{% if a %}1{% elif b %}2{% endif %}", {"b": 1}, "2", "2"),
    ("for", "{% for i in xs %}{{i}},{% endfor %}", {"xs": [1, 2]}, "1,2,", "1,2,"),
    ("for over a missing one", "{% for i in xs %}{{i}}{% else %}-{% endfor %}", {}, "-", "-"),
    ("for shadows", "{% for i in xs %}{{i}}{% endfor %}{{i}}", {"xs": [1], "i": "I"}, "1I", "1I"),
    ("loop", "{% for i in 'ab' %}{{loop.index}}{{loop.last}}{% endfor %}", {}, "1False2True", "1False2True"),
    (
        "loop length of a generator",
        "{% for i in xs|map('upper') %}{{loop.length}}{% endfor %}",
        {"xs": "ab"},
        "22",
        "22",
    ),
    ("for with a condition", "{% for i in xs if i > 1 %}{{i}}{% endfor %}", {"xs": [1, 2]}, "2", "2"),
    (
        "recursive for",
        "{% for i in t recursive %}{{i.n}}{{ loop(i.c) }}{% endfor %}",
        {"t": [{"n": 1, "c": []}]},
        "1",
        "1",
    ),
    ("set", "{% set x = 2 %}{{x}}", {"x": 1}, "2", "2"),
    ("block set", "{% set x %}a{{y}}{% endset %}{{x}}", {"y": 1}, "a1", "a1"),
    (
        "namespace",
        "{% set n = namespace(a=0) %}{% for i in [1,2] %}{% set n.a = n.a + i %}{% endfor %}{{n.a}}",
        {},
        "3",
        "3",
    ),
    ("with", "{% with a = 1 %}{{a}}{% endwith %}{{a}}", {}, "1{{a}}", "1{{a}}"),
    ("macro", "{% macro m(a, b=2) %}<{{a}}{{b}}>{% endmacro %}{{ m('q') }}", {}, "<q2>", "<q2>"),
    ("call block", "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}x{% endcall %}", {}, "<x>", "<x>"),
    ("filter block", "{% filter upper %}a{{x}}{% endfilter %}", {"x": "b"}, "AB", "AB"),
    ("raw", "{% raw %}{{x}} ((a)){% endraw %}", {"x": 1}, "{{x}} ((a))", "{{x}} ((a))"),
    ("comment", "a{# {{x}} (( #}b", {"x": 1}, "ab", "ab"),
    ("line of a block vanishes", "a\n  {% if x %}\nb\n  {% endif %}\nc", {"x": 1}, "a\nb\nc", "a\nb\nc"),
    ("white space control", "a {{- x -}} b", {"x": 1}, "a1b", "a1b"),
    ("tests", "{{ x is number }}{{ x is sameas 1 }}", {"x": 1}, "TrueTrue", "TrueTrue"),
    ("string with tags", "{{ '{{x}} {% (( ))' }}", {}, "{{x}} {% (( ))", "{{x}} {% (( ))"),
    ("parentheses in expressions", "{{ range((3))|list }}", {}, "[0, 1, 2]", "[0, 1, 2]"),
    ("parentheses in tags", "{% if ((x)) %}a{% endif %}", {"x": 1}, "a", "a"),
    ("count_tokens", "{{x|count_tokens}}", {"x": "12345678"}, "2", "2"),
    ("count_tokens of a number", "{{x|count_tokens}}", {"x": 12345}, "1", "1"),
    ("format_code", "{{x|format_code('js')}}", {"x": "p"}, "```js\np\n```", "```js\np\n```"),
    ("format_code of python", "{{x|format_code}}", {"x": "p"}, "```python\np\n```", "```python\np\n```"),
    ("dict function", "{{ dict(a=1)['a'] }}", {}, "1", "1"),
    ("joiner", "{% set c = joiner(', ') %}{% for i in 'ab' %}{{c()}}{{i}}{% endfor %}", {}, "a, b", "a, b"),
    ("str.format", "{{ '{:>3}|{a}'.format(x, a=2) }}", {"x": 1}, "  1|2", "  1|2"),
    ("percent format", "{{ '%03d %s' % (x, 'a') }}", {"x": 7}, "007 a", "007 a"),
    ("methods", "{{ 'a,b'.split(',')|join('-') }}", {}, "a-b", "a-b"),
    ("map and select", "{{ xs|selectattr('a')|map(attribute='b')|join }}", {"xs": [{"a": 1, "b": "y"}]}, "y", "y"),
    ("slices", "{{ x[1:3] }}", {"x": "abcd"}, "bc", "bc"),
    ("unpacking", "{% for k, v in d.items() %}{{k}}{{v}}{% endfor %}", {"d": {"a": 1}}, "a1", "a1"),
    ("three braces", "{{{x}}}", {"x": 1}, "{1}", ERROR),
    ("three braces, a filter", "{{{x|upper}}}", {"x": "a"}, "{A}", ERROR),
    ("three braces, two close", "{{{x}}", {"x": 1}, "{1", ERROR),
    ("four braces", "{{{{x}}}}", {"x": 1}, "{{1}}", ERROR),
    ("three braces in a loop", "{% for i in [1] %}{{{i}}}{% endfor %}", {}, "{1}", ERROR),
    ("a dict", "{{{'a': x}}}", {"x": 1}, "{'a': 1}", "{'a': 1}"),
    ("an empty dict", "{{{}}}", {}, "{}", "{}"),
    ("a brace before a tag", '{{% if x %}"a": 1{% endif %}}', {"x": 1}, '{"a": 1}', ERROR),
    ("json around a variable", '{"a": {"b": {{x}}}}', {"x": 1}, '{"a": {"b": 1}}', '{"a": {"b": 1}}'),
    ("two words", "{{ a b }}", {}, ERROR, ERROR),
    ("empty braces", "{{}}", {}, ERROR, ERROR),
    ("empty if", "{% if %}", {}, ERROR, ERROR),
    ("unclosed if", "{% if x %}", {}, ERROR, ERROR),
    ("unclosed braces", "a {{ x", {"x": 1}, ERROR, ERROR),
    ("unknown tag", "{% do x %}", {"x": 1}, ERROR, ERROR),
    ("unknown filter", "{{ x|nope }}", {"x": 1}, ERROR, ERROR),
    ("unknown test", "{{ x is nope }}", {"x": 1}, ERROR, ERROR),
    ("include", "{% include 'f' %}", {}, ERROR, ERROR),
    ("import", "{% import 'f' as f %}", {}, ERROR, ERROR),
    ("from import", "{% from 'f' import f %}", {}, ERROR, ERROR),
    ("extends", "{% extends 'f' %}", {}, ERROR, ERROR),
    ("division by zero", "{{ 1 / x }}", {"x": 0}, ERROR, ERROR),
]

# (what it shows, template, parameters, MIXED); in JINJA2 the marks are text
SECTIONS: list[tuple[str, str, dict[str, Any], Any]] = [
    ("kept", "Hi {{a}}((, {{b}} new))", {"a": 1, "b": 2}, "Hi 1, 2 new"),
    ("gone", "Hi {{a}}((, {{b}} new))", {"a": 1}, "Hi 1"),
    ("kept, in Jinja's company", "{{a|string}}((, {{b}} new))", {"a": 1, "b": 2}, "1, 2 new"),
    ("gone, in Jinja's company", "{{a|string}}((, {{b}} new))", {"a": 1}, "1"),
    ("no variables", "{# #}((note))", {}, "note"),
    ("zero", "{# #}((a{{x}}))", {"x": 0}, "a0"),
    ("none, false, blank, empty", "{# #}((a{{w}}{{x}}{{y}}{{z}}))", {"w": None, "x": False, "y": " ", "z": []}, ""),
    ("without a value in a kept one", "{# #}(({{x}}|{{y}}|{{z}}))", {"x": False, "y": 1}, "|1|"),
    ("nested", "{# #}((a{{x}}((b{{y}}))))", {"y": 1}, "ab1"),
    ("nested, all gone", "{# #}((a{{x}}((b{{y}}((c))))))", {}, ""),
    ("parentheses are text", "{# #}((a (b{{x}}) c)))", {"x": 1}, "a (b1) c)"),
    ("unclosed", "{# #}((a {{x}} ((b {{y}}))", {"x": 1}, "((a 1 "),
    ("stray", "{# #}a)) {{x}}", {"x": 1}, "a)) 1"),
    ("single before it", "{# #}(((a{{x}})) b)", {"x": 1}, "(a1 b)"),
    ("marks split by a tag are none", "({# #}({{x}}))", {"x": 1}, "((1))"),
    ("line end after it stays", "{# #}((a{{x}}))\nb", {"x": 1}, "a1\nb"),
    ("line end after a gone one stays", "{# #}1\n((a{{x}}))\nb", {}, "1\n\nb"),
    ("line end inside", "{# #}((\na{{x}}\n))\nb", {"x": 1}, "\na1\n\nb"),
    ("filter inside", "((A {{x|upper}}))", {"x": "a"}, "A A"),
    ("filter inside, gone", "((A {{x|upper}}))", {}, ""),
    ("filter inside on a missing one", "((A {{x|upper}} {{y}}))", {"y": 1}, ERROR),
    ("default inside keeps nothing", "((A {{x|default('d')}}))", {}, ""),
    ("default inside", "((A {{x|default('d')}} {{y}}))", {"y": 1}, "A d 1"),
    ("attribute decides by its variable", "((A {{x.y}}))", {"x": {"y": 1}}, "A 1"),
    ("attribute of an empty one", "((A {{x.y}}))", {"x": {}}, ""),
    ("for inside", "((Items: {% for i in xs %}{{i}} {% endfor %}))", {"xs": [1, 2]}, "Items: 1 2 "),
    ("for inside, gone", "((Items: {% for i in xs %}{{i}} {% endfor %}))", {}, ""),
    ("a loop's variable does not decide outside it", "((a{% for x in ys %}{{x}}{% endfor %}))", {"x": 1}, ""),
    ("a loop's values print as in Jinja", "(({% for i in xs %}{{i}},{% endfor %}))", {"xs": [False, 0]}, "False,0,"),
    ("if inside", "((A{% if x %}{{y}}{% endif %}))", {"x": 1, "y": 2}, "A2"),
    ("if inside decides too", "((A{% if x %}b{% endif %}))", {"x": 1}, "Ab"),
    ("if inside, gone", "((A{% if x %}b{% endif %}))", {}, ""),
    ("nothing but an if", "(({% if x %}a{% endif %}))", {"x": 1}, ERROR),
    ("nothing but an if and space", "(( {% if x %}a{% else %}b{% endif %}\n))", {"x": 1}, ERROR),
    ("two ifs", "(({% if x %}a{% endif %}{% if y %}b{% endif %}))", {"x": 1}, "a"),
    ("comment inside", "((a{# )) #}{{x}}))", {"x": 1}, "a1"),
    ("raw inside", "((a{% raw %})) {{y}}{% endraw %}{{x}}))", {"x": 1}, "a)) {{y}}1"),
    ("string inside", "((a{{ '))' }}{{x}}))", {"x": 1}, "a))1"),
    ("call in an expression", "((a{{ '(' ~ ((x)) ~ ')' }}))", {"x": 1}, "a(1)"),
    ("set inside", "((a{{x}}{% set y = 2 %}{{y}}))", {"x": 1}, "a12"),
    ("set inside does not decide", "((a{% set y = 2 %}{{y}}))", {}, "a2"),
    ("in an if", "{% if x %}((a{{y}})){% endif %}", {"x": 1, "y": 2}, "a2"),
    ("in an if, gone", "{% if x %}((a{{y}})){% else %}b{% endif %}", {"x": 1}, ""),
    ("in a loop, by its variable", "{% for i in xs %}((<{{i}}>)){% endfor %}", {"xs": [1, None, 0, ""]}, "<1><0>"),
    ("loop is no variable", "{% for i in xs %}(({{loop.index}}{{i}})){% endfor %}", {"xs": [None, 1]}, "21"),
    ("in a macro, by its argument", "{% macro m(a) %}((<{{a}}>)){% endmacro %}{{m(1)}}{{m('')}}", {"a": 5}, "<1>"),
    ("a macro is no variable", "{% macro m() %}m{% endmacro %}((a{{m()}}{{x}}))", {}, ""),
    ("a function is no variable", "((a{{ range(n or 0)|list }}))", {}, ""),
    ("a function of the caller is one", "((a{{ f() }}))", {"f": lambda: 1}, "a1"),
    ("by what set made", "{% set x = 1 %}((a{{x}}))", {}, "a1"),
    ("clock", "((now {{current_year is defined}}))", {}, "now True"),
    ("block begun outside", "{% if x %}((a {% endif %}))", {"x": 1}, ERROR),
    ("block ended outside", "((a {% if x %} b)) {% endif %}", {"x": 1}, ERROR),
    ("else outside", "{% if x %}((a {% else %} b)){% endif %}", {"x": 1}, ERROR),
    ("values are data", "((a{{x}}{{y|string}}))", {"x": "((b))", "y": "{{z}}{% if %}"}, "a((b)){{z}}{% if %}"),
]

CASES = [(*case[:3], "mixed", case[3]) for case in BOTH]
CASES += [(*case[:3], "jinja2", case[4]) for case in BOTH]
CASES += [(*case[:3], "mixed", case[3]) for case in SECTIONS]


@pytest.mark.parametrize(
    ("template", "params", "mode", "expected"), [pytest.param(*case[1:], id=f"{case[3]}: {case[0]}") for case in CASES]
)
def test_template_renders_as_the_language_says(template: str, params: dict[str, Any], mode: str, expected: Any) -> None:
    """Each line of the tables above is one rule of the language at work."""
    if expected is ERROR:
        with pytest.raises(TemplateError):
            compile_template(template, mode).render(params)
    else:
        assert compile_template(template, mode).render(params).text == expected


@pytest.mark.parametrize(
    "template", ["((A {{x}}))", "(({% if x %}a{% endif %}))", "{# #}(((a)))", "((", "(({{x}} (b)))", "{{x}}))"]
)
def test_marks_are_text_in_jinja2(template: str) -> None:
    """Without sections a template prints its parentheses."""
    plain = template.replace("{{x}}", "1").replace("{% if x %}a{% endif %}", "a").replace("{# #}", "")
    assert compile_template(template, "jinja2").render({"x": 1}).text == plain


@pytest.mark.parametrize(
    ("template", "variables"),
    [
        ("{{b}}{{a}}{{b}}", ("b", "a")),
        ("{{ c if a else b }}{{ d|default(e) }}", ("c", "a", "b", "d", "e")),
        ("{{x.y.z}}{{d[k]}}{{f(g)}}", ("x", "d", "k", "f", "g")),
        ("{% for i in xs %}{{i}}{{loop.index}}{{o}}{% else %}{{e}}{% endfor %}{{i}}", ("xs", "o", "e", "i")),
        ("{% set a = b %}{{a}}{% if c %}{% set d = 1 %}{% endif %}{{d}}", ("b", "c", "d")),
        ("{% if c %}{% set d = 1 %}{% else %}{% set d = 2 %}{% endif %}{{d}}", ("c",)),
        ("{% macro m(a, b=z) %}{{a}}{{b}}{{o}}{{m(1)}}{% endmacro %}{{m(q)}}", ("z", "o", "q")),
        ("{% with a = b %}{{a}}{{c}}{% endwith %}{{a}}", ("b", "c", "a")),
        ("{% set s %}{{a}}{% endset %}{{s}}{% filter upper %}{{f}}{% endfilter %}", ("a", "f")),
        ("{{ range(3)|list }}{{ dict(a=b) }}{{current_date}}{{ prompt_ref('p', x=y) }}", ("b", "y")),
        ("((a{{x}}((b{{y|upper}}))){{z}}", ("x", "y", "z")),
        ("{{x}}((a{{y}})){{{z}}}", ("x", "y", "z")),
        ("{% raw %}{{no}}{% endraw %}{# {{no}} #}{{ '{{no}}' }}{{yes}}", ("yes",)),
        ("text", ()),
    ],
)
def test_variables_are_what_the_template_takes_from_outside(template: str, variables: tuple[str, ...]) -> None:
    """Names bound by loops, set, with and macros, and globals, are no parameters; the rest comes in order."""
    assert compile_template(template, "mixed").variables == variables


def test_render_reports_what_was_used_and_what_was_missed() -> None:
    """Missing are names that were printed or looped over without a value, not those that are guarded."""
    template = compile_template(
        "{{b}}{{x.y}}{% for i in xs %}{% endfor %}{{c or 1}}{% if d %}{% endif %}{{a}}", "mixed"
    )
    rendered = template.render({"x": {}, "d": None, "unused": 1})
    assert rendered.text == "{{b}}{{x.y}}1{{a}}"
    assert (rendered.used, rendered.missing) == ({"x": {}, "d": None}, ["b", "x.y", "xs", "a"])


def test_a_variable_that_prints_nothing_in_a_section_is_not_missing() -> None:
    """A section's variables are optional."""
    rendered = compile_template("{# #}((a{{x}}{{y}}))((b{{z}}))", "mixed").render({"x": 1})
    assert (rendered.text, rendered.missing) == ("a1", [])


def test_parameters_are_stronger_than_extra_names_and_those_than_globals() -> None:
    """The clock is the weakest of all."""
    template = compile_template("{{current_date}}{{x}}{{y}}", "jinja2")
    rendered = template.render({"x": 1}, extra={"x": 2, "y": 3, "current_date": "today "})
    assert (rendered.text, rendered.used) == ("today 13", {"x": 1})
    assert template.render({"current_date": "d", "x": "", "y": ""}).text == "d"


def test_clock_tells_the_local_date_in_three_forms() -> None:
    """Date, time and year agree with each other."""
    text = compile_template("{{current_datetime}} {{current_date}} {{current_year}}", "mixed").render({}).text
    moment, day, year = text.split()
    assert moment.startswith(f"{day}T")
    assert day.startswith(f"{year}-")


def test_prompt_ref_calls_what_the_caller_supplies_and_its_text_is_data() -> None:
    """The function gets the name and the extra parameters that have a value."""
    calls = []

    def prompt_ref(name: str, **extra: object) -> str:
        calls.append((name, extra))
        return "{{x}} ((a))"

    template = compile_template("<{{ prompt_ref('rules', a=x, b=missing) }}>", "mixed")
    assert template.render({"x": 1}, extra={"prompt_ref": prompt_ref}).text == "<{{x}} ((a))>"
    assert calls == [("rules", {"a": 1})]


def test_prompt_ref_without_a_library_says_so() -> None:
    """A template on its own has no other prompts."""
    with pytest.raises(TemplateError, match="prompt_ref has no library") as caught:
        compile_template("{{ prompt_ref('rules') }}", "mixed").render({})
    assert caught.value.hint == "Render the prompt by its name, through a prompt builder."


def test_a_template_can_be_rendered_inside_another_ones_render() -> None:
    """What the inner one misses is not the outer one's."""
    inner = compile_template("[{{a}}{{x|upper}}]", "mixed")
    outer = compile_template("{{b}}{{ prompt_ref('inner', x=x) }}", "mixed")
    rendered = outer.render({"x": "v"}, extra={"prompt_ref": lambda name, **extra: inner.render(extra).text})
    assert (rendered.text, rendered.missing) == ("{{b}}[{{a}}V]", ["b"])
