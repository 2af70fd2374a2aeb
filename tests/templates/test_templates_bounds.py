"""What a template cannot do: leave the sandbox, run on, fill the memory."""

from __future__ import annotations

from typing import Any

import pytest

from dknb.errors import TemplateError
from dknb.templates import Compiler, Limits, TemplateMode, compile_template

TOO_LONG = "more than 5,000,000 characters"
_DOUBLE = "{% set x = 'a' %}" + "{% set x = OP %}" * 40 + "{{x}}"
_NEST = "{% set x = [1] %}{% set y = [1] %}" + "{% set x = NEW %}{% set y = NEW2 %}" * 40

SIZES = [
    ("{{ 'a' * 10**9 }}", TOO_LONG),
    ("{{ 10**9 * 'a' }}", TOO_LONG),
    ("{{ [1] * 10**8 }}", TOO_LONG),
    ("{{ 'a'.encode() * 10**9 }}", TOO_LONG),
    ("{{ [[[1] * 1000] * 1000] * 1000 }}", TOO_LONG),
    ("{{ 'a'|center(10**9) }}", TOO_LONG),
    ("{{ 'a'.center(10**9) }}", TOO_LONG),
    ("{{ 'a'.zfill(10**9) }}", TOO_LONG),
    ("{{ (1).to_bytes(10**9, 'big') }}", TOO_LONG),
    ("{{ ('\t' * 10**5).expandtabs(10**5) }}", TOO_LONG),
    ("{{ ('a' * 10**6).translate({97: 'b' * 10**6}) }}", TOO_LONG),
    ("{{ '%1000000000d' % 1 }}", TOO_LONG),
    ("{{ '%*d' % (10**9, 1) }}", TOO_LONG),
    ("{{ '%(a)s%(a)s' % {'a': 'a' * 3000000} }}", TOO_LONG),
    ("{{ '%1000000000d'|format(1) }}", TOO_LONG),
    ("{{ '{:>1000000000}'.format(1) }}", TOO_LONG),
    ("{{ '{:{w}}'.format(1, w=10**9) }}", TOO_LONG),
    ("{{ '{x:>1000000000}'.format_map({'x': 1}) }}", TOO_LONG),
    ("{{ ('a' * 10**6).replace('a', 'b' * 10**6) }}", TOO_LONG),
    ("{{ ('a' * 10**6)|replace('', 'b' * 10**6) }}", TOO_LONG),
    ("{{ ('b' * 10**6).join('a' * 10**6) }}", TOO_LONG),
    ("{{ range(100000)|join('b' * 10**6) }}", TOO_LONG),
    ("{{ 'a'|indent(10**9) }}", TOO_LONG),
    ("{{ ('a\n' * 10**5)|indent(10**5) }}", TOO_LONG),
    ("{{ range(9)|batch(10**8, 1)|list }}", TOO_LONG),
    ("{{ [1]|batch(10**5, 'a' * 10**6)|list }}", TOO_LONG),
    ("{{ {'a': 1}|tojson(indent=10**8) }}", TOO_LONG),
    (_DOUBLE.replace("OP", "x ~ x"), TOO_LONG),
    (_DOUBLE.replace("OP", "x + x"), TOO_LONG),
    (_DOUBLE.replace("OP", "[x, x]"), TOO_LONG),
    (_DOUBLE.replace("OP", "{'a': x, 'b': x}"), TOO_LONG),
    (_DOUBLE.replace("OP", "dict(a=x, b=x)"), TOO_LONG),
    (_NEST.replace("NEW2", "[y, y]").replace("NEW", "[x, x]") + "{{ x == y }}", TOO_LONG),
    ("{% set n = namespace(a='a') %}{% for i in range(99) %}{% set n.a = n.a ~ n.a %}{% endfor %}", TOO_LONG),
    ("{% set n = namespace() %}{% set n.a = n %}{{ n }}", "levels of lists"),
    ("{{ 'a' * 4000000 }}{{ 'a' * 4000000 }}", TOO_LONG),
    ("{% for i in range(1000) %}{{ long }}{% endfor %}", TOO_LONG),
    ("{% macro m() %}{% for i in range(1000) %}{{ long }}{% endfor %}{% endmacro %}{{ m() }}", TOO_LONG),
    ("{% set y %}{% for i in range(1000) %}{{ long }}{% endfor %}{% endset %}", TOO_LONG),
    ("{% filter upper %}{% for i in range(1000) %}{{ long }}{% endfor %}{% endfilter %}", TOO_LONG),
    ("{{ long * 400 ~ long * 400 }}", TOO_LONG),
    ("{% for i in range(1000) %}{% set x = 'a' * 1000000 %}{% endfor %}", "100,000,000 characters of values"),
    ("{{ 10**10**8 * (10**10000)**10 }}", "integer of more than 30,000 digits"),
    ("{{ (10**9999)**9999 }}", "integer of more than 30,000 digits"),
    ("{{ 1.5|round(10**6, 'ceil') }}", "filter 'round' takes no number above 1,000"),
    ("{{ range(9)|slice(10**6)|list }}", "filter 'slice' takes no number above 100,000"),
    ("{{ [[1] * 1000]|sum(start=[]) }}", "filter 'sum' adds numbers only"),
    ("{{ ('<!--' * 10**6)|striptags }}", "filter 'striptags' takes no more than 100,000 characters"),
    ("{{ ('a' * 10**6)|wordwrap(1) }}", "filter 'wordwrap' takes no more than 100,000 characters"),
    ("{{ range(10**9)|list }}", "Range too big"),
]

STEPS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% for x in [1] recursive %}{{ loop([1, 2]) if loop.depth0 < 60 }}{% endfor %}",
]

ENDLESS = [
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% block a %}{{ self.a() }}{% endblock %}",
]

DEEP = [
    "{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}",
    "{{ " + "[" * 50_000 + "]" * 50_000 + " }}",
    "{{ " + "-" * 50_000 + "1 }}",
    "{{ 1" + " + 1" * 50_000 + " }}",
    "{{ x" + ".a" * 50_000 + " }}",
    "{{ x" + "|upper" * 50_000 + " }}",
    "{% if x %}" * 10_000 + "{% endif %}" * 10_000,
    "{% for x in y %}" * 30 + "{% endfor %}" * 30,
    "{% if 1 %}" + "{% elif 2 %}" * 10_000 + "{% endif %}",
    "{# #}" + "((" * 10_000 + "{{x}}" + "))" * 10_000,
]

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'].__mro__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ xs|map(attribute='__class__')|list }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ x.upper.__self__ }}",
    "{{ range.__globals__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "{{ xs.append(1) }}",
    "{{ {}.update(a=1) }}",
    "{{ f.__code__ }}",
    "{{ f.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ cycler.__init__ }}",
    "{{ missing.path }}",
    "{{ missing._path }}",
    "{{ missing._undefined_name }}",
]


def render(template: str, **limits: Any) -> str:
    """The template in MIXED, with some values to work on."""
    params = {"x": "x", "xs": [1], "long": "a" * 10_000, "f": lambda: 1}
    return Compiler(limits=Limits(**limits)).compile(template, TemplateMode.MIXED).render(params).text


@pytest.mark.parametrize(("template", "message"), SIZES)
def test_no_value_outgrows_the_bound_on_output(template: str, message: str) -> None:
    """Whatever makes something long is stopped before it is made."""
    with pytest.raises(TemplateError, match=message) as caught:
        render(template)
    assert caught.value.line


@pytest.mark.parametrize("template", STEPS)
def test_loops_and_macros_are_counted(template: str) -> None:
    """The bound on steps holds for loops in loops and for what calls itself."""
    with pytest.raises(TemplateError, match="stopped after 10,000 passes through loops and macros"):
        render(template, steps=10_000)


def test_the_clock_stops_what_steps_do_not() -> None:
    """A bound on time holds inside expressions as well."""
    with pytest.raises(TemplateError, match="stopped after 0 seconds"):
        render("{{ xs|map('string')|join }}", seconds=0.0)


@pytest.mark.parametrize("template", ENDLESS)
def test_endless_recursion_is_a_template_error(template: str) -> None:
    """Python's limit on recursion does not come through."""
    with pytest.raises(TemplateError, match="calls itself too often"):
        render(template)


@pytest.mark.parametrize("template", DEEP, ids=lambda template: template[:12])
def test_deep_nesting_is_a_template_error_with_a_place(template: str) -> None:
    """Neither the parser's recursion nor Python's compiler shows."""
    with pytest.raises(TemplateError, match="nested too deeply") as caught:
        render(template)
    assert (caught.value.line, caught.value.hint) == (1, "Use fewer levels of blocks, brackets or loops.")


@pytest.mark.parametrize("template", ESCAPES)
def test_the_sandbox_holds(template: str) -> None:
    """Known ways out of a Jinja sandbox, and into our own placeholders, are errors."""
    with pytest.raises(TemplateError):
        render(template)


@pytest.mark.parametrize("name", ["lipsum", "cycler", "open", "__import__", "environment", "context", "__builtins__"])
def test_there_are_no_other_globals(name: str) -> None:
    """Jinja's and Python's names are as unknown as any other."""
    assert render("{{ " + name + " }}") == "{{" + name + "}}"


def test_bounds_leave_room_for_real_work() -> None:
    """A long list, a long text and many small steps are fine."""
    loop = "{% for i in range(50000) %}{{ i }},{% endfor %}"
    template = loop + "{{ (long * 100)|replace('a', 'bb')|length }}{{ range(100000)|list|length }}"
    assert render(template).endswith("49999,2000000100000")


def test_bounds_can_be_set() -> None:
    """A compiler has limits of its own, for templates with and without Jinja."""
    assert render("{{ x * 9 }}", output=9) == "xxxxxxxxx"
    for template in ("{{ x * 10 }}", "123456789{{x}}", "123456789{{x|lower}}"):
        with pytest.raises(TemplateError, match="more than 9 characters"):
            render(template, output=9)


def test_what_a_template_changes_is_gone_after_its_render() -> None:
    """Two renders of one template know nothing of each other."""
    template = compile_template("{% set x = x ~ 'b' %}{{x}}{{y}}", "mixed")
    first, second = template.render({"x": "a"}), template.render({"x": "a"})
    assert first == second
    assert (first.text, first.missing) == ("ab{{y}}", ["y"])
