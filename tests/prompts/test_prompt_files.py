"""Prompt files and cell bodies: what they hold, and how they fail."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dknb.errors import PromptError, PromptFileError
from dknb.prompts import PromptTemplateDict, ValidationConfig, ValidationLevel, dump_prompt, parse_prompt_text
from dknb.prompts._yaml import load
from dknb.prompts.files import parse_file_text


def parse(text: str, suffix: str = ".yaml", kind: str = "user"):
    return parse_file_text(kind, text, suffix=suffix, source_name="p" + suffix)


def test_yaml_holds_every_key_of_a_prompt():
    """A YAML file gives the prompt with its validation as ValidationConfig."""
    text = """\
template: |
  Dear {{name}},
defaults: {name: Ada, age: 36}
validation:
  level: Error
  required_params: [name]
  optional_params: [age]
metadata: {version: "1.0"}
sections: {SIGN: "Yours"}
extends: letter
rag_config_refs: [docs]
rag_configs: [{adapter_name: a, query: "{{name}}", k: 2}]
template_mode: JINJA2
"""
    assert parse(text) == (
        {
            "template": "Dear {{name}},\n",
            "defaults": {"name": "Ada", "age": 36},
            "validation": ValidationConfig(
                level=ValidationLevel.ERROR, required_params=["name"], optional_params=["age"]
            ),
            "metadata": {"version": "1.0"},
            "sections": {"SIGN": "Yours"},
            "extends": "letter",
            "rag_config_refs": ["docs"],
            "rag_configs": [{"adapter_name": "a", "query": "{{name}}", "k": 2}],
            "template_mode": "jinja2",
        },
    )


def test_json_and_plain_text_are_prompts_too():
    """JSON with escapes that YAML does not know is read as JSON; a document that is one text is a template."""
    assert parse('{"template": "a\\/b \\ud83d\\ude00"}', ".json") == ({"template": "a/b \U0001f600"},)
    assert parse("just text with {{x}} in it") == ({"template": "just text with {{x}} in it"},)


def test_a_list_gives_variants_of_a_user_prompt_only():
    """A user file may hold a list of prompts; a system file may not."""
    assert parse("- template: a\n- b\n") == ({"template": "a"}, {"template": "b"})
    with pytest.raises(PromptFileError, match="line 1, column 1: it must be a mapping"):
        parse("- template: a\n", kind="system")
    with pytest.raises(PromptFileError, match="one prompt at least"):
        parse("[]")


def test_front_matter_and_body():
    """Markdown is front matter and a template; the template keeps every character."""
    text = "---\ndefaults:\n  tone: kind\nmode: jinja2\n---\n\n# Review\n{{ tone }}  \n---\nend"
    assert parse_prompt_text(text, source_name="cell") == {
        "defaults": {"tone": "kind"},
        "template_mode": "jinja2",
        "template": "\n# Review\n{{ tone }}  \n---\nend",
    }


@pytest.mark.parametrize("body", ["plain {{x}}\n", "\n---\nnot front matter\n", "--- no\n", "----\n", "", "((a)) {% x"])
def test_a_body_without_front_matter_is_all_template(body):
    """Dashes that are not a line of their own at the very top belong to the text."""
    assert parse_prompt_text(body, source_name="cell") == ({"template": body} if body else {})


def test_an_empty_body_below_extends_leaves_the_template_to_the_base():
    """No text below the front matter means no template of its own."""
    assert parse_prompt_text("---\nextends: base\n---\n\n", source_name="cell") == {"extends": "base"}


def test_front_matter_with_windows_line_ends_is_front_matter():
    r"""Lines of front matter may end with \r\n; the body keeps its own ends."""
    parsed = parse_prompt_text("---\r\nextends: a\r\n---\r\nx\r\n", source_name="cell")
    assert parsed == {"extends": "a", "template": "x\r\n"}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("---\ndefaults: [1, 2\n---\nx", "line 3, column 1", "This is not YAML"),
        ("---\na: b: c\n---\nx", "line 2, column 5", "mapping values are not allowed"),
        ("---\ntamplate: x\n---\nx", "line 2, column 1", "no key 'tamplate'. Did you mean 'template'?"),
        ("---\nx: 1\nx: 2\n---\nb", "line 3, column 1", "'x' is there twice"),
        ("---\nvalidation:\n  level: warning\n---\nx", "line 3, column 10", "Did you mean 'warn'?"),
        ("---\nvalidation:\n  requird_params: [a]\n---\nx", "line 3, column 3", "Did you mean 'required_params'?"),
        ("---\nvalidation: {required_params: text}\n---\nx", "line 2, column 31", "must be a list, not text"),
        ("---\ndefaults: 5\n---\nx", "line 2, column 11", "defaults must be a mapping of names to values, not int 5"),
        ("---\ndefaults: {1: a}\n---\nx", "line 2, column 12", "The key 1 is not text."),
        ("---\ndefaults: {no: a}\n---\nx", "line 2, column 12", "The key False is not text."),
        ("---\nmode: jinja3\n---\nx", "line 2, column 7", "Did you mean 'jinja2'?"),
        ("---\nmode: mixed\ntemplate_mode: mixed\n---\nx", "line 2, column 1", "say the same"),
        ("---\nsections:\n  A: 1.5\n---\nx", "line 3, column 6", "sections.A must be text, not float 1.5"),
        ("---\nrag_configs: [{query: x}]\n---\nx", "line 2, column 15", "needs the key 'adapter_name'"),
        (
            "---\nrag_configs: [{query: x, adapter_name: a, k: 0}]\n---\nx",
            "line 2, column 46",
            "must be a whole number from 1, not int 0",
        ),
        ("---\ntemplate: x\n---\nx", "line 2, column 1", "is the template already"),
        ("---\njust words\n---\nx", "line 2, column 1", "lines of the form 'key: value'"),
        ("---\ndefaults: {}\nx", "line 1, column 1", "does not end"),
        (
            "---\na: !!python/object/apply:os.system [x]\n---\nx",
            "line 2, column 4",
            "could not determine a constructor",
        ),
        ("---\na: x\x07\n---\nx", "line 2, column 5", "does not allow the character"),
    ],
)
def test_front_matter_errors_say_where(text, place, words):
    """An error of the front matter has the line and column in the whole text, and what is wrong."""
    with pytest.raises(PromptFileError) as caught:
        parse_prompt_text(text, source_name="cell 3")
    assert f"cell 3, {place}: " in str(caught.value)
    assert words in str(caught.value)


def test_an_unknown_key_hints_at_metadata():
    """Whoever writes a key of his own is told where such keys go."""
    with pytest.raises(PromptFileError) as caught:
        parse("description: x\ntemplate: y\n")
    assert str(caught.value) == "p.yaml, line 1, column 1: A prompt has no key 'description'."
    assert "Anything else goes under metadata." in caught.value.hint


@pytest.mark.parametrize(
    ("text", "suffix", "words"),
    [
        ("", ".yaml", "p.yaml: The file is empty."),
        ("# nothing\n", ".yaml", "The file is empty."),
        ("a: 1\n---\nb: 2\n", ".yaml", "line 2, column 1: This is not YAML: expected a single document"),
        ("a: 2024-13-45\n", ".yaml", "This is not YAML: month must be in 1..12"),
        ("[" * 5000, ".yaml", "line 1, column 101: It is nested deeper than 100 levels"),
        ("- " * 500 + "x", ".yaml", "nested deeper than 100 levels"),
        ('{"template": "a",}', ".json", "p.json, line 1, column 18: This is not JSON"),
        (
            '{"template": "a", "template": "b"}',
            ".json",
            "p.json, line 1, column 19: The key 'template' is there twice.",
        ),
        ("[" * 100_000, ".json", "This is not JSON"),
        ('{"template": 5}', ".json", "p.json, line 1, column 14: template must be text, not int 5."),
        ("x: \udc80", ".yaml", "This is not text"),
        ('{"tmplate": "\\ud83d\\ude00"}', ".json", "p.json, line 1, column 2: A prompt has no key 'tmplate'."),
        ("a: &a {k: [1]}\nrag_configs:\n- {<<: *a}\n", ".yaml", "p.yaml, line 1, column 1: A prompt has no key 'a'"),
        ("defaults: &a {x: 1}\nsections: {<<: *a}", ".yaml", "p.yaml, line 2, column 11: sections.x must be text"),
    ],
)
def test_broken_files_say_where(text, suffix, words):
    """A broken file is one error of ours, whatever broke the parser."""
    with pytest.raises(PromptFileError) as caught:
        parse(text, suffix)
    assert words in str(caught.value)


@pytest.mark.parametrize("line", ["b{n}: &b{n} [{refs}]", "b{n}: &b{n} {{<<: [{refs}], k{n}: 1}}"])
def test_alias_bombs_are_refused_before_they_grow(line):
    """Aliases of aliases, in lists or merged, stop at the limit."""
    start = ["b0: &b0 {x: 1}"]
    bomb = "\n".join(start + [line.format(n=n, refs=", ".join([f"*b{n - 1}"] * 9)) for n in range(1, 12)])
    with pytest.raises(PromptFileError, match="aliases stand for too much"):
        load(bomb, "bomb.yaml")


def test_an_alias_of_itself_is_refused():
    """A document that contains itself has no end."""
    with pytest.raises(PromptFileError, match="aliases stand for too much"):
        load("a: &a [*a]", "loop.yaml")


def test_ordinary_aliases_work():
    """A few anchors and merges are what YAML is for."""
    assert load("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a\n", "f") == {
        "a": {"x": 1},
        "b": {"x": 1, "y": 2},
        "c": {"x": 1},
    }


def test_dump_is_readable():
    """Texts of several lines are blocks, in the order in which people read."""
    prompt: PromptTemplateDict = {
        "template": "Dear {{name}},\n\n\tthank you.  \n---\nBye\n",
        "validation": ValidationConfig(level=ValidationLevel.WARN, required_params=["name", "a"]),
        "metadata": {"version": "1.0", "when": "no"},
        "defaults": {"n": 3, "note": "a\nb"},
    }
    assert dump_prompt(prompt) == (
        "metadata:\n  version: '1.0'\n  when: 'no'\n"
        "defaults:\n  n: 3\n  note: |-\n    a\n    b\n"
        "validation:\n  level: warn\n  required_params:\n  - a\n  - name\n"
        "template: |\n  Dear {{name}},\n\n  \tthank you.  \n  ---\n  Bye\n"
    )


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ({"template": "x", "defaults": {"df": object()}}, "cannot hold a object"),
        ({"template": "x\ud800"}, "half a character"),
        ({"tamplate": "x"}, "Did you mean 'template'?"),
    ],
)
def test_what_no_file_holds_is_refused(prompt, words):
    """An object, half a character or an unknown key is an error that says so."""
    with pytest.raises(PromptError, match=words.replace("?", r"\?")):
        dump_prompt(prompt)


def test_a_value_that_contains_itself_is_refused():
    """A list in itself has no end."""
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(PromptError, match="contains itself"):
        dump_prompt({"template": "x", "defaults": {"loop": loop}})


AWKWARD = st.text(alphabet=st.sampled_from("ab {}()\n\t\r-:#'\"|>%&*!?,\\.0\x00\x85\u2028\ufeffé\U0001f600~=<[]"))
TEXTS = st.one_of(
    AWKWARD, st.text(), st.sampled_from(["---", "yes", "1.0", "2024-01-01", "~", "a\n---\nb", " a\n b\n\n"])
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.dates()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
PROMPTS = st.fixed_dictionaries(
    {},
    optional={
        "template": TEXTS,
        "defaults": st.dictionaries(TEXTS, VALUES, max_size=3),
        "metadata": st.dictionaries(TEXTS, VALUES, max_size=3),
        "sections": st.dictionaries(TEXTS, TEXTS, max_size=3),
        "extends": TEXTS,
        "rag_config_refs": st.lists(TEXTS, max_size=3),
        "template_mode": st.sampled_from(["mixed", "jinja2"]),
        "validation": st.builds(
            ValidationConfig,
            level=st.sampled_from([None, *ValidationLevel]),
            required_params=st.sets(TEXTS, max_size=3),
            optional_params=st.sets(TEXTS, max_size=3),
        ),
    },
).filter(bool)


@settings(max_examples=400, deadline=None)
@given(prompt=PROMPTS)
def test_what_is_dumped_is_read_back_exactly(prompt):
    """Blanks at line ends, tabs, line ends of every kind, dashes and control characters survive the file."""
    assert parse(dump_prompt(prompt)) == (prompt,)


@settings(max_examples=400, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("-\n a:{}[]&*!|>'\"#,<\t\r1e\x00é")).map(lambda body: "---\n" + body))
def test_front_matter_raises_only_our_errors(text):
    """Whatever stands in front, it is a prompt or a PromptFileError."""
    with contextlib.suppress(PromptFileError):
        parsed = parse_prompt_text(text, source_name="cell")
        assert set(parsed) <= set(PromptTemplateDict.__annotations__)
