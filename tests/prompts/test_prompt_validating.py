"""``validate`` tells every problem of a library, with file, line and column."""

from __future__ import annotations

import copy
import pickle

import pytest
from prompts_help import write

from dknb.errors import PromptFileError
from dknb.prompts import CompositePromptLibrary, ConfigPromptLibrary, FileSystemPromptLibrary, Problem

CASES = {
    "syntax of YAML": ("a.yaml", "template: [", "1:12", "This is not YAML"),
    "syntax of JSON": ("a.json", '{\n "template": }', "2:14", "This is not JSON"),
    "front matter": ("a.md", "---\na: b\n", "1:1", "does not end"),
    "a template in a block": ("a.yaml", "template: |\n  fine\n   {{ x|\n", "3:4", "xpected"),
    "a template in quotes": ("a.yaml", 'template: "{{ x|"', "1:12", "unexpected end"),
    "a template in Markdown": ("a.md", "---\ndefaults: {x: 1}\n---\n{{x}}\n {{ x| }}", "5:2", "xpected"),
    "a template in JSON": ("a.json", '{"template":\n  "{{ x|"}', "2:4", "unexpected end"),
    "a section": ("a.yaml", "template: '{{S}}'\nsections:\n  S: |\n    {% if %}\n", "4:5", "Expected an expression"),
    "an unknown key": ("a.yaml", "template: x\ndefalts: {}", "2:1", "no key 'defalts'. Did you mean 'defaults'?"),
    "an unknown key in JSON": ("a.json", '{"template": "\\u00e9\\/",\n\t"defalts": {}}', "2:2", "'defaults'?"),
    "an unknown key below": ("a.yaml", "template: x\nvalidation:\n  levl: warn", "3:3", "Did you mean 'level'?"),
    "a key twice": ("a.yaml", "template: x\ntemplate: y", "2:1", "The key 'template' is there twice."),
    "a key twice in JSON": ("a.json", '{"template": "x",\n "template": "y"}', "2:2", "'template' is there twice."),
    "a wrong mode": ("a.yaml", "template: x\nmode: jinja", "2:7", "mode cannot be 'jinja'. Did you mean 'jinja2'?"),
    "a missing base": ("a.yaml", "extends: nobody\ntemplate: x", "1:10", "extends 'nobody', which does not exist"),
    "a cycle": ("a.yaml", "template: x\nextends: a", "2:10", "extends 'a'|inherits without end: a -> a"),
    "a section that holds itself": ("a.yaml", "template: '{{S}}'\nsections: {S: 'x {{S}}'}", "2:18", "contains itself"),
    "a reference to no RAG": ("a.yaml", "template: x\nrag_config_refs:\n- docs", "3:3", "'docs', which is not there"),
    "a query": (
        "a.yaml",
        "template: '{{RAG_CONTENT}}'\nrag_configs:\n- adapter_name: d\n  query: '{{ x|'",
        "4:11",
        "unexpected end",
    ),
    "a prompt_ref": ("a.yaml", "template: |\n  x {{ prompt_ref('sign') }}", "2:20", "'sign') refers to a prompt that"),
    "a default": ("a.yaml", "parameters:\n  n: {type: integer, default: x}\ntemplate: '{{n}}'", "2:31", "whole number"),
    "another default": (
        "a.yaml",
        "parameters: {n: integer}\ndefaults:\n  n: x\ntemplate: '{{n}}'",
        "3:6",
        "'n' must be",
    ),
    "an undeclared name": (
        "a.yaml",
        "parameters: {name: string}\ntemplate: |\n  {{name}}\n  {{nam}}",
        "4:5",
        "'name'?",
    ),
    "an unused name": ("a.yaml", "parameters:\n  x: string\n  y: string\ntemplate: '{{x}}'", "3:3", "never used"),
    "an unused default": ("a.yaml", "defaults:\n  y: 1\ntemplate: '{{x}}'", "2:3", "'y' is declared and never used"),
    "a nested name": ("mail/a.yaml", "tmplate: x", "1:1", "Did you mean 'template'?"),
    "a variant": ("a.yaml", "- template: x\n- template: '{{ x|'", "2:14", "unexpected end"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_problem_has_its_place(folder, case):
    """Each kind of problem points at the file, the line and the column where one mends it."""
    file, text, place, told = CASES[case]
    write(folder / "user" / file, text)
    [problem] = FileSystemPromptLibrary(folder).validate()
    assert f"{problem.line}:{problem.column}" == place
    assert any(each in problem.message for each in told.split("|"))
    assert problem.file.endswith(file)
    assert problem == f"{problem.file}, line {problem.line}, column {problem.column}: {problem.message}"


def test_all_problems_of_all_files_are_told(folder):
    """One broken file hides nothing in itself nor in others; entries come by kind, name and line."""
    write(folder / "user" / "b.yaml", "template: '{{ x|'\nmetdata: {}\nvalidation: {level: loud}\n")
    write(folder / "user" / "a.yaml", "nothing: 1\n")
    write(folder / "system" / "z.md", "---\nextends: gone\n---\n{{ x| }}")
    write(
        folder / "messages" / "m.yaml",
        "messages:\n- {role: user, content: '{% if %}'}\n- {role: user, content: '{{ x|'}\n",
    )
    write(folder / "rag" / "r.yaml", "adapter_name: d\nk: 0\n")
    problems = FileSystemPromptLibrary(folder).validate()
    assert [(each.kind, each.name, each.line) for each in problems] == [
        ("system", "z", 2),
        ("system", "z", 4),
        ("user", "a", 1),
        ("user", "b", 1),
        ("user", "b", 2),
        ("user", "b", 3),
        ("messages", "m", 2),
        ("messages", "m", 3),
        ("rag", "r", 1),
        ("rag", "r", 2),
    ]


def test_severities(folder):
    """What cannot be rendered is an error; what was probably not meant is a warning, with what to do."""
    write(folder / "user" / "a.yaml", "parameters: {x: string}\ntemplate: '{{y}}'")
    write(folder / "user" / "b.yaml", "extends: gone")
    problems = FileSystemPromptLibrary(folder).validate()
    assert [each.severity for each in problems] == ["warning", "warning", "error"]
    assert problems[1].hint == "Declare it under 'parameters', for example as  y: string"


def test_what_is_declared_elsewhere_is_no_problem(folder):
    """Names of sections, placeholders, loops, the clock, and parameters that only a child, query or reference uses."""
    write(
        folder / "user" / "base.yaml",
        "parameters: {topic: string, tone: string, who: string, deep: string}\n"
        "sections: {S: 'x {{who}}'}\n"
        "rag_configs: [{adapter_name: d, query: '{{topic}}'}]\n"
        "template: \"{{S}} {{RAG_CONTENT}} {{current_date}} {% for i in [1] %}{{i}}{% endfor %} {{prompt_ref('sign')}}\"\n",
    )
    write(folder / "user" / "child.yaml", "extends: base\ntemplate: 'as {{tone}} {{topic}} {{S}}'\n")
    write(folder / "user" / "sign.yaml", "template: '{{deep}}'\n")
    write(folder / "user" / "untyped.yaml", "template: '{{anything}} {{goes}}'\n")
    write(folder / "user" / "half.yaml", "defaults: {anything: 1}\ntemplate: '{{anything}} {{goes}}'\n")
    assert FileSystemPromptLibrary(folder).validate() == []


def test_a_base_in_another_library_is_found(folder):
    """In a composite a base, its heirs and RAG configurations may lie anywhere."""
    write(folder / "user" / "child.yaml", "extends: base\nrag_config_refs: [docs]\ntemplate: '{{x}} {{RAG_CONTENT}}'\n")
    below = ConfigPromptLibrary(
        {
            "user": {"base": {"template": "b", "defaults": {"x": 1}}},
            "rag": {"docs": {"adapter_name": "d", "query": "q"}},
        }
    )
    assert CompositePromptLibrary([FileSystemPromptLibrary(folder), below]).validate() == []
    assert len(below.validate()) == 1


def test_an_error_has_its_place_too(folder):
    """Whoever asks for a broken prompt gets file, line and column as attributes."""
    write(folder / "user" / "a.yaml", "template: x\ndefalts: {}")
    with pytest.raises(PromptFileError) as caught:
        FileSystemPromptLibrary(folder).get_user_prompt("a")
    assert (caught.value.line, caught.value.column) == (2, 1)
    assert caught.value.file.endswith("a.yaml")
    assert copy.copy(caught.value).line == 2


def test_a_problem_is_text_that_can_be_passed_on():
    """It compares as its line, and keeps its facts when it is pickled."""
    problem = Problem(
        "It is wrong.", kind="user", name="a", file="a.yaml", place=(2, 3), severity="warning", hint="Mend."
    )
    again = pickle.loads(pickle.dumps(problem))
    assert again == "a.yaml, line 2, column 3: It is wrong."
    assert vars(again) == vars(problem)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
            + "".join(
                f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("bcdef", "cdefg", strict=True)
            ),
            "aliases stand for too much",
        ),
        ("a: " + "[" * 200 + "]" * 200, "nested deeper than 100 levels"),
        ("template: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("template: x\n\tdefaults: {}", "found a tab character"),
        ("metadata:\n  no: x\ntemplate: x", "The key False is not text."),
        ("template: no", "template must be text, not yes or no"),
    ],
)
def test_traps_of_yaml_are_refused(folder, text, told):
    """What would take memory, run code or mean something else is one problem with its place."""
    write(folder / "user" / "a.yaml", text)
    [problem] = FileSystemPromptLibrary(folder).validate()
    assert told in problem
    assert problem.line is not None


def test_deep_json_and_long_files_are_refused(folder):
    """Bounds hold for JSON too, and for the length of a file."""
    write(folder / "user" / "deep.json", '{"metadata": ' + '{"a": ' * 300 + "1" + "}" * 301)
    (folder / "user" / "long.md").write_bytes(b"x" * 10_000_001)
    deep, long = FileSystemPromptLibrary(folder).validate()
    assert "nested deeper than 100 levels" in deep
    assert "longer than 10 MB" in long


def test_a_mark_and_windows_line_ends_do_not_matter(folder):
    """Files of other systems' editors are read alike, with the same places."""
    (folder / "user" / "a.yaml").write_bytes(b"\xef\xbb\xbftemplate: |\r\n  one\r\n  two\r\ndefalts: 1\r\n")
    [problem] = FileSystemPromptLibrary(folder).validate()
    assert (problem.line, problem.column) == (4, 1)


def test_a_loop_of_links_is_a_problem(folder):
    """A link that leads to itself neither hangs nor is silent."""
    (folder / "user" / "a.yaml").symlink_to("b.yaml")
    (folder / "user" / "b.yaml").symlink_to("a.yaml")
    problems = FileSystemPromptLibrary(folder).validate()
    assert [each.name for each in problems] == ["a", "b"]


def test_a_message_index_is_checked_like_a_prompt(folder):
    """Its base, sections, defaults and parameters have their places; what a group's examples name is used."""
    write(
        folder / "messages" / "m.yaml",
        "extends: gone\nparameters:\n  n: {type: integer, default: x}\n  shots: list\n  spare: string\n"
        "sections: {S: '{% if %}'}\nmessages:\n- {role: user, content: '{{n}} {{S}}'}\n"
        "- examples: shots\n  messages: [{role: user, content: '{{q}}'}]\n",
    )
    problems = FileSystemPromptLibrary(folder).validate()
    assert [(each.line, each.column) for each in problems] == [(1, 10), (3, 31), (6, 16)]
    write(folder / "system" / "gone.yaml", "template: x")
    write(
        folder / "messages" / "m.yaml",
        "parameters: {n: integer, shots: list, spare: string}\nmessages:\n"
        "- {role: user, content: '{{n}}'}\n- examples: shots\n  messages: [{role: user, content: '{{q}}'}]\n",
    )
    [problem] = FileSystemPromptLibrary(folder).validate()
    assert problem.message == "'spare' is declared and never used."
