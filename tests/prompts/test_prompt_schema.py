"""The JSON Schema of prompt files: the same for editors, for ``validate`` and for whoever renders."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from prompts_help import write

from dknb.prompts import FileSystemPromptLibrary, link_schemas
from dknb.prompts.checking.schema import SCHEMA_FILES, schema_errors, schema_text
from dknb.prompts.checks import FieldError
from dknb.prompts.fields import READERS
from dknb.prompts.types import KINDS

# What the readers refuse beyond the schema: rules about two keys at once.
BEYOND = (
    "Only a ",
    "The minimum ",
    "An enum needs the key",
    "A choice ",
    "The choice ",
    "Items have no default",
    " has two defaults",
    "must be a whole number from 1, not float",
    "must be a number of seconds above 0",
    "variants must hold",
    "it must be a mapping",
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_schemas_are_schemas(kind):
    """Each is a schema of its draft, and needs nothing from elsewhere."""
    schema = json.loads(schema_text(kind))
    Draft202012Validator.check_schema(schema)
    assert '"$ref": "http' not in schema_text(kind)


def test_prompts_and_messages_declare_parameters_alike():
    """What a parameter may say is one thing, in two files."""
    prompts, messages = (json.loads(schema_text(kind))["$defs"]["parameter"] for kind in ("user", "messages"))
    assert prompts == messages


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["a", "string", "enum", "MIXED", "warn"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "type", "x y"]), inner, max_size=2)
    ),
    max_leaves=4,
)
TYPE = st.sampled_from(["string", "integer", "list", "enum", "any", "strin"])
PARAMETER = TYPE | st.fixed_dictionaries(
    {},
    optional={
        "type": TYPE,
        "description": VALUES,
        "default": VALUES,
        "required": VALUES,
        "choices": VALUES,
        "items": VALUES,
        "min_items": VALUES,
        "minimum": VALUES,
        "maximum": VALUES,
        "defualt": VALUES,
    },
)
RAG = st.fixed_dictionaries(
    {"adapter_name": st.just("d")},
    optional={"query": VALUES, "k": VALUES, "filters": VALUES, "timeout": VALUES, "max_tokens": VALUES, "kk": VALUES},
)
PROMPT = st.fixed_dictionaries(
    {},
    optional={
        "template": VALUES,
        "parameters": VALUES | st.dictionaries(st.sampled_from(["a", "b", "1c", "é"]), PARAMETER, max_size=2),
        "defaults": VALUES,
        "validation": VALUES | st.fixed_dictionaries({}, optional={"level": VALUES, "required_params": VALUES}),
        "metadata": VALUES,
        "sections": VALUES,
        "extends": VALUES,
        "rag_config_refs": VALUES,
        "rag_configs": VALUES | st.lists(RAG, max_size=2),
        "template_mode": VALUES,
        "mode": VALUES,
        "tmplate": VALUES,
        "$schema": VALUES,
    },
)
MESSAGE = VALUES | st.fixed_dictionaries(
    {}, optional={"role": VALUES, "content": VALUES, "examples": VALUES, "messages": VALUES, "rol": VALUES}
)
MESSAGES = st.builds(
    lambda shared, messages: {**{k: v for k, v in shared.items() if k != "template"}, "messages": messages},
    PROMPT,
    VALUES | st.lists(MESSAGE, max_size=2),
)
ENTRIES = {"system": PROMPT | VALUES, "user": PROMPT | st.lists(PROMPT, max_size=2), "messages": MESSAGES, "rag": RAG}


def refusal(kind: Any, data: Any) -> FieldError | None:
    try:
        READERS[kind](data)
    except FieldError as error:
        return error
    return None


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_schema_and_readers_refuse_the_same(data):
    """Nothing that an editor marks can be rendered, and nothing that it accepts is refused but for rules across keys."""
    kind = data.draw(st.sampled_from(KINDS))
    entry = data.draw(ENTRIES[kind])
    by_schema, by_reader = schema_errors(kind, entry), refusal(kind, entry)
    if by_schema and not (kind == "system" and isinstance(entry, list)):
        assert by_reader is not None, by_schema
    if by_reader is not None and not by_schema:
        assert any(each in by_reader.message for each in BEYOND), by_reader


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("user", {"tmplate": "x"}),
        ("user", {"template": 3}),
        ("user", {"template": "x", "defaults": [1]}),
        ("user", {"template": "x", "template_mode": "mixd"}),
        ("user", {"template": "x", "validation": {"level": "warm"}}),
        ("user", {"template": "x", "validation": {"required_params": "a"}}),
        ("user", {"template": "x", "validation": "warn"}),
        ("user", {"template": "x", "parameters": {"a": {"choices": []}}}),
        ("user", {"template": "x", "metadata": {True: 1}}),
        ("user", {"template": "x", "parameters": {"a": {"type": "strin"}}}),
        ("user", {"template": "x", "parameters": {"1a": "string"}}),
        ("user", {"template": "x", "mode": "mixed", "template_mode": "mixed"}),
        ("rag", {"adapter_name": "d", "query": "q", "k": 0}),
        ("rag", {"adapter_name": "d"}),
        ("messages", {"messages": [{"role": "user"}]}),
    ],
)
def test_schema_and_readers_say_the_same(kind, entry):
    """One fault has one message and one place, whoever finds it."""
    [by_schema] = schema_errors(kind, entry)
    by_reader = refusal(kind, entry)
    assert by_reader is not None
    assert (by_schema.message, by_schema.path, by_schema.at_key) == (
        by_reader.message,
        by_reader.path,
        by_reader.at_key,
    )


def test_a_saved_file_names_its_schema(tmp_path):
    """The first line leads from the file to the schema beside it, also out of a sub-folder."""
    path = FileSystemPromptLibrary(tmp_path).save("user", "mail/reply", {"template": "x"})
    first = path.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../.schemas/prompt-file.schema.json"
    assert (path.parent / first.partition("=")[2]).resolve().read_text() == schema_text("user")


def test_link_schemas_adds_the_line_once(tmp_path):
    """YAML and Markdown files get the line; what they say stays, and a second run changes nothing."""
    write(tmp_path / "user" / "a.yaml", "template: x\n")
    write(tmp_path / "user" / "b.md", "---\ndefaults: {x: 1}\n---\n{{x}}")
    write(tmp_path / "user" / "c.md", "plain")
    write(tmp_path / "rag" / "d.yml", "adapter_name: d\nquery: q\n")
    write(tmp_path / "user" / "e.json", '{"template": "x"}')
    library = FileSystemPromptLibrary(tmp_path)
    before = [library.entry("user", name) for name in "abce"]
    assert sorted(path.name for path in link_schemas(tmp_path)) == ["a.yaml", "b.md", "d.yml"]
    assert (
        (tmp_path / "user" / "b.md").read_text().splitlines()[1].startswith("# yaml-language-server: $schema=../.sch")
    )
    assert [FileSystemPromptLibrary(tmp_path).entry("user", name) for name in "abce"] == before
    assert link_schemas(tmp_path) == []
    assert sorted(path.name for path in (tmp_path / ".schemas").iterdir()) == [
        SCHEMA_FILES["user"],
        SCHEMA_FILES["rag"],
    ]
    assert FileSystemPromptLibrary(tmp_path).validate() == []
