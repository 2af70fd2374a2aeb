"""How two prompts differ, and what is told to be gone when one replaces another."""

from __future__ import annotations

import pytest

from dknb.notebook.prompting.comparing import difference

CRITIQUE = """metadata: {version: '1.1', description: Finds what is weak.}
parameters:
  text: {type: string, required: true}
  tone: {choices: [kind, plain], default: plain}
template: 'Critique {{text}} in a {{tone}} way.'
"""
TESTS = """- {name: it holds the text, prompt: critique, params: {text: abc}, expect: {contains: abc}}
- {name: another, prompt: other, params: {text: abc}, expect: {contains: abc}}
"""


def _runs(left, right):
    (found,) = difference({"template": left}, {"template": right})
    return [(run.side, run.text) for run in found.words]


def test_what_stands_in_braces_is_one_word():
    """A placeholder, a tag and the brackets of an optional part are not torn."""
    assert _runs("Write {{length}}((, in {{tone}})) for me.", "Write {% if length %}{{length}}{% endif %} for me.") == [
        ("both", "Write "),
        ("right", "{% if length %}"),
        ("both", "{{length}}"),
        ("left", "((, in {{tone}}))"),
        ("right", "{% endif %}"),
        ("both", " for me."),
    ]
    assert _runs("a b c {{x.y}}", "a b c {{x.z}}") == [("both", "a b c "), ("left", "{{x.y}}"), ("right", "{{x.z}}")]


def test_lines_are_compared_before_words():
    """A line that both have stays whole, and a line that is new is told as one."""
    left = "Be brief.\nSay what is weak in {{text}}.\nEnd.\n"
    right = "Be brief.\nName the city in one sentence, please.\nSay what is weak in {{text}}.\nEnd here.\n"
    assert _runs(left, right) == [
        ("both", "Be brief.\n"),
        ("right", "Name the city in one sentence, please.\n"),
        ("both", "Say what is weak in {{text}}.\n"),
        ("both", "End"),
        ("right", " here"),
        ("both", ".\n"),
    ]


def test_the_number_that_a_kept_version_was_given_is_no_difference(notebook):
    """A version is compared with the prompt as it is; neither text told a number."""
    notebook.ok("%%prompt d --save\nOne {{a}} two.")
    notebook.ok("%%prompt d --save\nOne {{a}} three.")
    told = notebook.ok("%prompts diff d")
    assert "One {{a}} [-two-]{+three+}." in told
    assert "metadata" not in told
    assert "d@1.0.0 → d\n" in notebook.ok("%prompts diff d@1.0.0")


@pytest.fixture
def shipped(notebook, project):
    """A library with a typed, tested prompt."""
    file = project / "prompts" / "user" / "critique.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(CRITIQUE)
    (project / "prompts" / "tests.yaml").write_text(TESTS)


def test_saving_over_a_declared_prompt_says_what_is_gone(notebook, shipped):
    """Types, defaults, what is required, metadata, its tests; and which line has it all."""
    told = notebook.ok("%%prompt critique --save\nCritique {{text}}.")
    assert "types of text, tone; defaults of tone; the demand for text; metadata version, description" in told
    assert "(1 test of it: dknb prompts test)" in told
    assert "%prompts edit critique@1.1  has it all" in told
    notebook.ok("%prompts edit critique@1.1")
    assert "choices:" in notebook.shell.rl_next_input


def test_saving_with_all_that_was_declared_says_nothing_is_gone(notebook, shipped):
    """As an edited cell does, and as one does that inherits it."""
    notebook.ok("%prompts edit critique")
    cell = notebook.shell.rl_next_input.replace("Critique", "Judge")
    first, _, body = cell.partition("\n")
    told = notebook.ok(f"{first} --save\n{body}")
    assert "kept as" in told
    assert "gone with" not in told
