"""A template is turned into Python at its first render, if it is sure that it can be."""

from __future__ import annotations

import pytest

from dknb.errors import TemplateError
from dknb.templates import compile_template
from dknb.templates.compile import Compiler
from dknb.templates.types import TemplateMode

LATER = [
    "{% for x in xs %}{{x|upper}}{% endfor %}",
    "{% if a is defined %}{{a.b[0]}}{% endif %}",
    "{% set y = 1 %}{{y + z}}",
]
NOW = ["{% macro m(a) %}{{a}}{% endmacro %}{{m(1)}}", "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ns.a}}"]


@pytest.mark.parametrize("source", LATER)
def test_what_surely_compiles_waits(source):
    """Checking a template does not pay for running it; the first render makes what runs, once."""
    template = Compiler().compile(source, TemplateMode.MIXED)
    assert "_template" not in vars(template)
    template.render({"xs": ["a"], "a": {"b": [1]}, "z": 1})
    made = vars(template)["_template"]
    template.render({"xs": ["a"], "a": {"b": [1]}, "z": 1})
    assert vars(template)["_template"] is made


@pytest.mark.parametrize("source", NOW)
def test_what_may_fail_does_not_wait(source):
    """Constructs with rules of their own are turned into Python at once."""
    assert "_template" in vars(Compiler().compile(source, TemplateMode.MIXED))


@pytest.mark.parametrize(
    "source",
    [
        "{{ x|nofilter }}",
        "{{ x is notest }}",
        "{% for loop in x %}{% endfor %}",
        "{% block a %}{% endblock %}{% block a %}{% endblock %}",
        "{% for a in x %}" * 30 + "{% endfor %}" * 30,
        "{{ " + "(" * 300 + "x" + ")" * 300 + " }}",
    ],
)
def test_errors_do_not_wait(source):
    """Whatever cannot run is an error when it is compiled, not when it is rendered."""
    with pytest.raises(TemplateError):
        compile_template(source, "jinja2")
