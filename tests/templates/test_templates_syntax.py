"""validate_template_syntax: all mistakes, and nothing else."""

from __future__ import annotations

import pytest

from dknb.templates import SyntaxProblem, TemplateRenderer

GOOD = [
    "",
    "plain text",
    "Hello {{name}}((, you have {{count}} messages))",
    "((a ((b {{x}})) (c) ))",
    '{"a": {"b": 1}, "c": [1, {"d": {}}]}',
    '{"a": {"b": {{x}}}}',
    '{"a": "}", "b": "{{x}}", "c": "{"}',
    "function f(a) { return g({}); }",
    "f(g(x)) and f((1, 2), 3) and ((lambda: 0)())",
    "1) first\n2) second :)",
    "{% for i in range((3)) %}{{ d[i]|join(', ') }}{% endfor %}",
    "{% if x %}((a {{y}})){% endif %}",
    "((a {% for i in xs %}{{i.name|upper}}{% endfor %}))",
    "{# (( {{ {% #}{% raw %}{{ (( {% endraw %}",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{{x}}}",
    "{{ 'it }} is' }}{{ \"((\" }}{% set a = '%}' %}",
    "{{ x.y }} {{ x['a'] }} {{ x or 'd' }} {{ prompt_ref('x', a=1) }}",
    "{{x}}\r\n{{y|upper}}",
    '{{% if x %}"a": {{{x}}}{% endif %}}',
]

BAD: list[tuple[str, list[tuple[int, int, str]]]] = [
    ("Hello {{name", [(1, 7, "unmatched_brace")]),
    ("Hello {{name}", [(1, 7, "unmatched_brace")]),
    ("Hello name}}", [(1, 11, "unmatched_brace")]),
    ("a\n{b", [(2, 1, "unmatched_brace")]),
    ("{{a}} {{b {{c}}", [(1, 7, "unmatched_brace")]),
    ("a {% if x", [(1, 3, "unmatched_brace")]),
    ("a {# b", [(1, 3, "unmatched_brace")]),
    ("{% raw %} {{x}}", [(1, 1, "unmatched_brace")]),
    ("a ((b {{x}}", [(1, 3, "unmatched_conditional")]),
    ("a {{x}})) b", [(1, 8, "unmatched_conditional")]),
    ("((a {{x}} ((b))", [(1, 1, "unmatched_conditional")]),
    ("((see ( {{x}}))", [(1, 1, "unmatched_conditional")]),
    ("x {{}}", [(1, 3, "malformed_variable")]),
    ("{{ user name }}", [(1, 1, "malformed_variable")]),
    ("{{1x}} {{ x! }}", [(1, 1, "malformed_variable"), (1, 8, "malformed_variable")]),
    ("{{ it's }} {{x}}", [(1, 1, "malformed_variable")]),
    ("{% if %}", [(1, 1, "invalid_block")]),
    ("a\n{% if x %}", [(2, 1, "invalid_block")]),
    ("a\n b {{ x|nope }}", [(2, 4, "invalid_block")]),
    ("(({% if x %}a{% endif %}))", [(1, 1, "invalid_block")]),
    (
        "a\nb {{ c d }}\n((e\n}}f",
        [(2, 3, "malformed_variable"), (3, 1, "unmatched_conditional"), (4, 1, "unmatched_brace")],
    ),
]


@pytest.mark.parametrize("template", GOOD)
def test_good_templates_have_no_problems(template: str) -> None:
    """Valid Jinja, JSON, code and calls are none of the checker's business."""
    assert TemplateRenderer.validate_template_syntax(template) == []


@pytest.mark.parametrize(("template", "expected"), BAD)
def test_every_mistake_is_listed_with_its_place(template: str, expected: list[tuple[int, int, str]]) -> None:
    """Mistakes come in the order of the text, each once."""
    problems = TemplateRenderer.validate_template_syntax_detailed(template)
    assert [(problem.line, problem.column, problem.error_type) for problem in problems] == expected


def test_a_problem_reads_as_one_sentence_and_its_line() -> None:
    """What a person sees: place, mistake, and the text there."""
    assert TemplateRenderer.validate_template_syntax("a\nsay ((b {{x}}") == [
        "line 2, column 5: '((' without its '))'\n    say ((b {{x}}"
    ]


def test_the_snippet_of_a_long_line_shows_the_place() -> None:
    """At most eighty characters around the mistake."""
    (problem,) = TemplateRenderer.validate_template_syntax_detailed("x" * 200 + "{{" + "y" * 200)
    assert isinstance(problem, SyntaxProblem)
    assert (problem.column, len(problem.snippet)) == (201, 80)
    assert "x{{y" in problem.snippet
