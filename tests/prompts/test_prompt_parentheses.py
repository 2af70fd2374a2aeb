"""Parentheses that a prompt loses because they look like an optional section: told where they stand."""

from __future__ import annotations

import pytest
from prompts_help import write

from dknb.prompts import ConfigPromptLibrary, FileSystemPromptLibrary
from dknb.prompts.checking.templates import lost_in_prompt
from dknb.templates import compile_template
from dknb.templates.syntax import constant_sections

KEPT = [
    "f((x {{y}}))",
    "f( (3, 4) ) and g(a, (b))",
    "{% raw %}f((3, 4)){% endraw %}",
    '{{ "((" }}',
    "(({% if x %}a{% endif %}))",
    "((a ((b {{x}})) c))",
]


@pytest.mark.parametrize("template", KEPT)
def test_sections_and_other_parentheses_are_quiet(template):
    """What has a variable is a section, and what stays is no matter."""
    assert constant_sections(template) == []


@pytest.mark.parametrize(
    ("template", "places"),
    [
        ("np.zeros((3,4))", [(1, 9)]),
        ("a\n  f((x)). ((y {{z}} ((w))))", [(2, 4), (2, 21)]),
        ("{{ f((x)) }}{# ((a)) #}((b))", [(1, 24)]),
        ("((" + "long " * 20 + "))", [(1, 1)]),
    ],
)
def test_what_loses_its_parentheses_is_found(template, places):
    """With line and column, and what stands in them, shortened."""
    found = constant_sections(template)
    assert [(each.line, each.column) for each in found] == places
    assert all("optional section without a variable: its parentheses go" in each.message for each in found)
    assert all(len(each.message) < 130 for each in found)


def test_the_hint_is_right():
    """What it proposes renders with both parentheses."""
    for text in ("f( (3, 4) )", "f{% raw %}((3, 4)){% endraw %}"):
        assert compile_template(text, "mixed").render({}).text.replace(" ", "") == "f((3,4))"


def test_check_tells_the_place_in_the_file(tmp_path):
    """Of a template, of a section that is placed, and of one that is not."""
    file = write(
        tmp_path / "user" / "a.yaml",
        "sections:\n  S: f((1))\n  T: g((2))\ntemplate: |-\n  Use `np.zeros((3,4))`.\n  {{S}}\n",
    )
    problems = [each for each in FileSystemPromptLibrary(tmp_path).validate() if "parentheses" in each.message]
    assert [(each.line, each.column, each.severity) for each in problems] == [
        (2, 7, "warning"),
        (3, 7, "warning"),
        (5, 16, "warning"),
    ]
    assert all("( (3, 4) )" in each.hint for each in problems)
    write(file, "template_mode: jinja2\ntemplate: np.zeros((3,4))\n")
    assert FileSystemPromptLibrary(tmp_path).validate() == []


def test_a_prompt_in_no_library_can_be_asked():
    """As a cell asks before it shows what it renders; with the sections of its base."""
    library = ConfigPromptLibrary({"user": {"base": {"sections": {"S": "one\nf((1))"}}}})
    [error] = lost_in_prompt({"extends": "base", "template": "a {{S}}"}, library, "cell")
    assert (error.line, error.column) == (2, 2)
    assert "in its section 'S'" in str(error)
    assert lost_in_prompt({"template": "f((1))", "template_mode": "jinja2"}, library, "cell") == []
