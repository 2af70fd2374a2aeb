"""``validate`` tells what renders otherwise than its author meant, and what is silently not there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from prompts_help import write

from dknb.prompts import ConfigPromptLibrary, FileSystemPromptLibrary

RAG = "rag_configs:\n- {adapter_name: d, query: 'q'"

CASES = {
    "a prompt_ref to itself": ("template: \"{{ prompt_ref('a') }}\"", "1:15", "comes back to it: a -> a"),
    "a section's to itself": (
        "template: \"{{ prompt_ref('S') }}\"\nsections: {S: \"{{ prompt_ref('S') }}\"}",
        "1:15",
        "S -> S",
    ),
    "a filter in a branch": ("template: '{% if a %}{{ a|uppr }}{% endif %}'", "1:22", "'uppr'. Did you mean 'upper'?"),
    "a test in a branch": ("template: '{{ 1 if a is uper }}'", "1:12", "No test named 'uper'. Did you mean 'upper'?"),
    "a filter in a query": (
        "template: '{{RAG_CONTENT}}'\n" + RAG.replace("'q'", "'{{ x if y else x|nope }}'") + "}",
        "3:29",
        "No filter named 'nope'",
    ),
    "the results of a search": ("template: x\n" + RAG + ", placeholder: DOCS}", "3:3", "No template uses {{DOCS}}"),
    "results without a search": ("template: '{{RAG_CONTENT}}'", "1:14", "no RAG configuration fills it"),
    "a query's variable": (
        "parameters: {topic: string}\ntemplate: '{{RAG_CONTENT}} {{topic}}'\n" + RAG.replace("'q'", "'{{topc}}'") + "}",
        "4:31",
        "A query uses 'topc', which is not declared. Did you mean 'topic'?",
    ),
    "crossed bounds": (
        "template: '{{n}}'\nparameters:\n  n: {type: integer, minimum: 9, maximum: 7}",
        "3:31",
        "The minimum 9 is above the maximum 7.",
    ),
    "an open section": ("template: |\n  one ((two {{x}}\n  three", "2:7", "'((' without its '))': it is text."),
    "a section that closes": ("template: |\n  one {{x}} )) two", "2:13", "'))' without its '(('"),
}


def only(folder):
    [problem] = FileSystemPromptLibrary(folder).validate()
    return problem


@pytest.mark.parametrize("case", CASES)
def test_what_was_meant_otherwise_has_its_place(folder, case):
    """Each of them renders, or fails where nobody looked yet, and is told with line and column."""
    text, place, told = CASES[case]
    write(folder / "user" / "a.yaml", text)
    problem = only(folder)
    assert f"{problem.line}:{problem.column}" == place
    assert told in problem.message


def test_a_ring_of_references_is_told_at_each_of_its_prompts(folder):
    """A prompt that only leads to the ring is not part of it."""
    write(folder / "user" / "a.yaml", "template: \"{{ prompt_ref('b') }}\"")
    write(folder / "system" / "b.yaml", "template: \"{{ prompt_ref('a') }}\"")
    write(folder / "user" / "c.yaml", "template: \"{{ prompt_ref('a') }}\"")
    problems = FileSystemPromptLibrary(folder).validate()
    assert [(each.name, each.message) for each in problems] == [
        ("b", "Its prompt_ref comes back to it: b -> a -> b."),
        ("a", "Its prompt_ref comes back to it: a -> b -> a."),
    ]


def test_sections_that_nobody_places(folder):
    """A child's misspelt section has its right name; an unused one is read all the same; one that an heir places is used."""
    write(folder / "system" / "base.yaml", "template: 'x {{BODY}}'\nsections: {BODY: b, KEPT: k}\n")
    write(folder / "user" / "heir.yaml", "extends: base\ntemplate: '{{KEPT}}'\n")
    write(folder / "user" / "kid.yaml", "extends: base\nsections: {BDY: c, WORSE: '{{ x|'}\n")
    found = FileSystemPromptLibrary(folder).validate()
    assert [(each.name, each.line, each.column, each.severity) for each in found] == [
        ("kid", 2, 12, "warning"),
        ("kid", 2, 20, "warning"),
        ("kid", 2, 28, "error"),
    ]
    assert found[0].message == "The section 'BDY' is placed nowhere. Did you mean 'BODY'?"


def test_a_base_that_leaves_the_search_to_its_heirs_is_right(folder):
    """The placeholder of the base is filled by who extends it."""
    write(folder / "user" / "base.yaml", "template: '{{RAG_CONTENT}} {{ask}}'\nparameters: {ask: string}\n")
    write(folder / "user" / "kid.yaml", "extends: base\n" + RAG + "}")
    assert FileSystemPromptLibrary(folder).validate() == []


def test_a_missing_base_is_told_beside_other_mistakes(folder):
    """One mistake in a file hides no other."""
    write(folder / "user" / "a.yaml", "tmplate: x\nextends: gone\nrag_config_refs: [docs]\ntemplate: '{{ x|'\n")
    assert [each.line for each in FileSystemPromptLibrary(folder).validate()] == [1, 2, 3, 4]


def test_messages_are_checked_for_the_same(folder):
    """Roles, sections, placeholders and branches of a message index."""
    write(
        folder / "messages" / "m.yaml",
        "sections: {S: x}\n" + RAG + ", placeholder: DOCS}\nmessages:\n- {role: usr, content: '{{RAG_CONTENT}}'}\n"
        "- {role: user, content: '{% if a %}{{ a|nope }}{% endif %}'}\n",
    )
    told = "\n".join(FileSystemPromptLibrary(folder).validate())
    assert "No model knows the role 'usr'. Did you mean 'user'?" in told
    assert "The section 'S' is placed nowhere." in told
    assert "No template uses {{DOCS}}" in told
    assert "no RAG configuration fills it" in told
    assert "No filter named 'nope'" in told


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("user/Up.YAML", "write its ending '.YAML' as '.yaml'"),
        ("top.yaml", "prompts lie in system/, user/, messages/, rag/"),
        ("rag/r.md", "what lies in rag/ ends in .yaml, .yml, .json"),
        ("messages/x.md", "what lies in messages/ ends in"),
        ("user/a.prompty", "what lies in user/ ends in"),
        ("user/mail/a@1.yaml", "Behind an '@' in a name stands a version"),
        ("tests.yaml", "A test has no key"),
    ],
)
def test_files_that_are_silently_absent_are_told(folder, file, told):
    """Whoever wrote them thinks that they are there."""
    write(folder / file, "- {templte: x}" if file == "tests.yaml" else "template: x")
    problem = only(folder)
    assert told in problem.message
    assert problem.file.endswith(file)


def test_what_lies_beside_by_custom_is_no_problem(folder):
    """Tests, a README in any folder, hidden files and what has nothing to do with prompts."""
    write(folder / "tests.yaml", "[]")
    for name in ("README.md", "rag/README.md", "LICENSE", "user/notes", "user/.hidden.YAML", "flows/a.yaml"):
        write(folder / name, "text")
    assert FileSystemPromptLibrary(folder).validate() == []


def test_one_problem_is_one_printable_line(folder):
    """A file's name can hold line breaks and control characters, a problem cannot."""
    write(folder / "user" / "a\nb\x1b[31m.yaml", "template: x")
    problem = only(folder)
    assert problem.isprintable()
    assert "a\\nb\\x1b[31m.yaml" in problem


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in files here")
def test_a_pipe_is_no_link(folder):
    """What is no file is called what it is, and is not waited for."""
    os.mkfifo(folder / "user" / "a.yaml")
    assert "It is no file: a folder, a pipe or a device." in only(folder)


def test_a_name_of_two_files_has_a_file(folder):
    """The first of the two, which an editor can open."""
    write(folder / "user" / "a.yaml", "template: x")
    write(folder / "user" / "a.json", "{}")
    assert only(folder).file.endswith("a.yaml")


@pytest.mark.parametrize(
    "text",
    ["template: {{x}}", "template: Answer: {{x}}", "template: {{x}} and more", "template: {% if x %}a{% endif %}"],
)
def test_a_template_without_quotes_gets_a_hint(folder, text):
    """The likeliest mistakes in YAML say what to write."""
    write(folder / "user" / "a.yaml", text)
    assert only(folder).hint == 'Put the text in quotes,  template: "..."  or write it, indented, below  template: |'


def test_no_hint_where_it_would_be_wrong(folder):
    """A list that is not closed is no template without quotes."""
    write(folder / "user" / "a.yaml", "metadata: [a")
    assert only(folder).hint is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("validation: warn", "validation must be a mapping of names to values, not text."),
        ("parameters: {a: {choices: []}}", "parameters.a.choices must hold one value at least."),
    ],
)
def test_messages_say_what_is_wanted(folder, text, told):
    """Nothing must be what it is called."""
    write(folder / "user" / "a.yaml", f"template: '{{{{a}}}}'\n{text}")
    assert only(folder).message == told


def test_a_clean_library_does_not_load_the_slow_validator(folder):
    """jsonschema is for telling what is wrong: loading it takes longer than most libraries take to check."""
    write(folder / "user" / "a.yaml", "template: x")
    program = (
        "import sys; from dknb.prompts import FileSystemPromptLibrary as L; "
        f"assert L({str(folder)!r}).validate() == []; print('jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_a_library_in_memory_is_checked_alike():
    """No file is needed to be told."""
    library = ConfigPromptLibrary({"user": {"a": "{{ prompt_ref('a') }}"}})
    assert library.validate() == ["user/a: Its prompt_ref comes back to it: a -> a."]
