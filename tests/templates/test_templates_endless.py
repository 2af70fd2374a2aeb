"""What runs on without a loop, and what piles up without being printed, is bounded as well."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np
import pytest

from dknb.errors import TemplateError
from dknb.templates import Compiler, Limits, TemplateMode, compile_template

COPIES = {
    "slice of a text": "s[1:]",
    "slice of a list": "xs[1:]",
    "trim": "(s ~ ' ')|trim",
    "lower": "s|lower",
    "reverse": "s|reverse",
    "safe": "s|safe",
    "method": "s.upper()",
    "method through attr": "(s|attr('upper'))()",
    "list": "range(10000)|list",
    "sort": "xs|sort",
    "copy": "d.copy()",
    "dict": "dict(d)",
}

TAKES_TIME = [
    "{{ 'a' in xs }}",
    "{{ 'a' not in xs }}",
    "{{ xs == ys }}",
    "{{ xs < ys }}",
    "{{ xs is eq ys }}",
    "{{ 1 is in xs }}",
    "{{ xs|select('in', xs)|first }}",
    "{{ xs|rejectattr('a', 'in', xs)|first }}",
    "{{ xs|map('upper')|first }}",
    "{{ s|title }}",
    "{{ s|wordcount }}",
    "{{ s.split() }}",
    "{{ s.count('a') }}",
    "{{ s[1:] }}",
    "{{ [s, s] }}",
    "{{ f() }}",
    "{{ '{}'.format(s) }}",
    "{% for x in xs if false %}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m() }}",
]

ENDLESS = [
    "{% for x in i %}{% endfor %}",
    "{% for x in i if x < 0 %}{% endfor %}",
    "{% for x in i %}{{ loop.length }}{% endfor %}",
    "{% for x in [1] recursive %}{{ loop(i) if loop.first and loop.depth0 == 0 }}{% endfor %}",
    "{{ i|list }}",
    "{{ i|sum }}",
    "{{ i|max }}",
    "{{ i|sort }}",
    "{{ i|join }}",
    "{{ i|batch(3)|list }}",
    "{{ i|slice(3)|list }}",
    "{{ i|unique|list }}",
    "{{ i|groupby('real') }}",
    "{{ i|map('string')|list }}",
    "{{ i|select('lt', 0)|first }}",
    "{{ i|reverse|list }}",
    "{{ -1 in i }}",
    "{{ 1 not in i|select('lt', 0) }}",
    "{{ -1 is in i }}",
    "{{ [1]|select('in', i|select('lt', 0))|list }}",
    "{{ ''.join(i|map('string')) }}",
    "{{ dict(i|batch(2)) }}",
    "{{ dict.fromkeys(i) }}",
    "{% macro m() %}{{ varargs }}{% endmacro %}{{ m(*i) }}",
    "{{ f(*i) }}",
    "{{ 'a'|replace(*i) }}",
    "{{ 1 is eq(*i) }}",
]


class Forever:
    """Something to go through that is no iterator, and has no end."""

    def __iter__(self) -> Iterator[int]:
        return count()


def render(template: str, values: dict[str, Any], mode: TemplateMode = TemplateMode.MIXED, **limits: Any) -> str:
    return Compiler(limits=Limits(**limits)).compile(template, mode).render(values).text


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copies_pile_up_to_a_bound(copy: str) -> None:
    """Each is short enough; all of them together would fill the memory."""
    values = {"s": "a" * 40_000, "xs": list(range(10_000)), "d": dict.fromkeys(range(10_000), 1)}
    template = "".join(f"{{% set a{number} = {copy} %}}" for number in range(80))
    with pytest.raises(TemplateError, match="made more than 2,000,000 characters of values on its way"):
        render(template, values, output=100_000)


@pytest.mark.parametrize("template", TAKES_TIME)
def test_every_operation_that_may_take_long_looks_at_the_clock(template: str) -> None:
    """Comparisons, tests, filters, methods and conditions of loops, not only passes through loops."""
    values = {"s": "a b" * 1_000, "xs": ["a"], "ys": ["b"], "f": lambda: 1}
    with pytest.raises(TemplateError, match="stopped after 0 seconds"):
        render(template, values, seconds=0.0)


@pytest.mark.parametrize("endless", [count, Forever])
@pytest.mark.parametrize("template", ENDLESS)
def test_what_has_no_end_is_not_gone_through_for_ever(template: str, endless: Any) -> None:
    """Wherever a template goes through a value of the caller."""
    with pytest.raises(TemplateError, match="stopped after 500 passes"):
        render(template, {"i": endless(), "f": lambda *_: 1}, steps=500)


def test_the_beginning_of_what_has_no_end_can_be_taken() -> None:
    """It is gone through as far as it is needed."""
    assert render("{{ i|first }}{{ 3 in j }}", {"i": count(7), "j": count()}) == "7True"


def test_a_prompt_in_a_prompt_spends_what_is_left_to_the_outer_one() -> None:
    """Steps, time and what was made count together, or a loop around prompt_ref would have them a thousand times."""
    compiler = Compiler(limits=Limits(steps=100, output=3_000))
    inner = compiler.compile("{% for i in range(30) %}{% endfor %}{{ 'a' * 1500 }}", TemplateMode.MIXED)

    def prompt_ref(name: str, **_: Any) -> str:
        return inner.render({}).text

    once = compiler.compile("{{ prompt_ref('p') }}", TemplateMode.MIXED)
    assert once.render({}, extra={"prompt_ref": prompt_ref}).text == "a" * 1500
    often = compiler.compile("{% for i in range(9) %}{% set a = prompt_ref('p') %}{% endfor %}", TemplateMode.MIXED)
    with pytest.raises(TemplateError, match="stopped after 100 passes"):
        often.render({}, extra={"prompt_ref": prompt_ref})
    assert once.render({}, extra={"prompt_ref": prompt_ref}).text == "a" * 1500


def test_a_prompt_in_a_prompt_has_no_clock_of_its_own() -> None:
    """The outer deadline holds inside, also where the inner one is later."""
    late = Compiler(limits=Limits(seconds=60)).compile("{# #}{{ x|upper }}", TemplateMode.MIXED)
    outer = Compiler(limits=Limits(seconds=0)).compile("{{ prompt_ref('p') }}", TemplateMode.JINJA2)
    with pytest.raises(TemplateError, match="stopped after 0 seconds"):
        outer.render({}, extra={"prompt_ref": lambda name: late.render({"x": "a"}).text})


def test_a_format_is_measured_as_a_whole() -> None:
    """Many fields that are short each make a long text."""
    with pytest.raises(TemplateError, match="more than 1,000 characters"):
        render("{{ f.format(x) }}", {"f": "{0}" * 200, "x": "ten chars."}, output=1_000)


def test_slices_of_slices_keep_their_names() -> None:
    """A slice in a chain does not lose the name of what is missing."""
    template = compile_template("{{ x[1:].y }}{{ x[0:2][5] }}{{ x[1:][0] }}{{ missing.a }}", "jinja2")
    with pytest.raises(TemplateError, match="'missing' is undefined"):
        template.render({"x": [1, 2]})
    kept = compile_template("{{ x[1:].y }}{{ x[0:2][5] }}{{ x[1:][0] }}", "jinja2").render({"x": [1, 2]})
    assert kept.text == "{{x[...].y}}{{x[...][5]}}2"


LAZY = [
    *(
        "{{ r|sum }}",
        "{{ r|max }}",
        "{{ r|min }}",
        "{{ r|sort }}",
        "{{ r|list }}",
        "{{ r|join }}",
        "{{ r|unique|list }}",
    ),
    *("{{ 1.5 in r }}", "{{ 1.5 not in r }}", "{{ 1.5 is in r }}", "{{ [1.5]|select('in', r)|list }}"),
    *("{{ r|batch(2)|list }}", "{{ r|map('string')|list }}", "{% for x in r %}{% endfor %}", "{{ f(*r) }}"),
    *("{{ huge|sum }}", "{{ 1.5 in huge }}", "{{ made|sum }}", "{{ -1 in made }}", "{{ made|list }}"),
]


class Made(Sequence[int]):
    """A sequence that makes its items when it is asked for them."""

    def __len__(self) -> int:
        return 10**12

    def __getitem__(self, at: Any) -> Any:
        return at


@pytest.mark.parametrize("template", LAZY)
def test_what_makes_its_items_as_it_goes_is_bounded_by_its_length(template: str) -> None:
    """No C function goes through a million million numbers; what takes one of them is free."""
    values = {"r": range(10**12), "huge": range(10**30), "made": Made(), "f": lambda *_: 1}
    with pytest.raises(TemplateError, match="passes through loops"):
        render(template, values)
    assert render("{{ r|first }} {{ r|last }} {{ r|length }} {{ r[5] }}", values) == f"0 {10**12 - 1} {10**12} 5"


@pytest.mark.parametrize(
    "template",
    [
        *(
            "{{ f ** 9999999 }}",
            "{{ f ** -9999999 }}",
            "{{ 7 ** n }}",
            "{{ n * 'ab' }}",
            "{{ 'ab' * n }}",
            "{{ 'a'.ljust(n) }}",
        ),
        *("{{ '%*d' % (n, 1) }}", "{{ 'a'|center(n) }}", "{{ (f ** 20000) * (f ** 20000) + (f ** 30000) }}"),
        *("{{ d|int }}", "{{ d|round }}", "{{ '{:f}'.format(d) }}", "{{ d.as_integer_ratio() }}", "{{ '%d' % d }}"),
        *("{{ a[none] }}", "{{ a + column }}", "{{ a[many] + 1 }}", "{{ day.strftime('%1000000000d') }}"),
        *("{{ day.strftime(many_years) }}", "{{ '{:%1000000000d}'.format(day) }}"),
    ],
)
def test_numbers_of_every_kind_are_bounded(template: str) -> None:
    """Fractions, decimals, NumPy's integers and arrays, and the texts of dates."""
    values = {
        "f": Fraction(3, 7),
        "n": np.int64(10**9),
        "d": Decimal("1e99999999"),
        "a": np.arange(10_000).reshape(10, 1000),
        "column": np.arange(10_000_000).reshape(-1, 1, 1),
        "many": [0] * 1_000_000,
        "day": datetime.date(2024, 1, 2),
        "many_years": "%Y" * 3_000_000,
    }
    with pytest.raises(TemplateError, match=r"more than|dimension|number above"):
        render(template, values)
