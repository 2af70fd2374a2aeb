"""Values, names and files that nobody expects end in our errors, and nothing that is given out changes a library."""

from __future__ import annotations

import os
from decimal import Decimal

import pytest
from prompts_help import write

from dknb.errors import PromptError
from dknb.prompts import (
    CompositePromptLibrary,
    ConfigPromptLibrary,
    FileSystemPromptLibrary,
    ParameterSpec,
    PromptBuilder,
    VersionedPromptLibrary,
    import_prompts,
)
from dknb.prompts.parameters import check_value, coerce


class Shy:
    def __repr__(self):
        raise RuntimeError("no")


def test_a_spec_of_no_type_is_refused():
    """The nearest type is named, before any value is looked at."""
    with pytest.raises(PromptError, match=r"'integr'. Did you mean 'integer'\?"):
        ParameterSpec("integr")


@pytest.mark.parametrize(
    ("spec", "value", "told"),
    [
        (ParameterSpec("number"), Decimal("1.5"), None),
        (ParameterSpec("number", minimum=2), Decimal("1.5"), "must be at least 2, not Decimal Decimal('1.5')"),
        (ParameterSpec("number", minimum=2), Decimal("sNaN"), "must be at least 2, not Decimal Decimal('sNaN')"),
        (ParameterSpec("string"), Decimal("1.5"), "must be text, not Decimal Decimal('1.5')"),
        (ParameterSpec("integer"), Shy(), "must be a whole number, not a Shy that cannot be shown"),
        (ParameterSpec("enum", choices=("a",)), Shy(), "must be one of 'a', not a Shy that cannot be shown"),
        pytest.param(
            ParameterSpec("string"), 10**5000, "must be text, not a int that cannot be shown", id="a long number"
        ),
    ],
)
def test_odd_values(spec, value, told):
    """A Decimal is a number; what cannot be shown is named by its class."""
    assert check_value(spec, value) == told


@pytest.mark.parametrize("kind", ["object", "list"])
def test_a_typed_abyss_is_no_value(kind):
    """Nesting without end is refused, and not shown whole."""
    with pytest.raises(PromptError) as caught:
        coerce(ParameterSpec(kind), "[" * 100_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", [None, 5, [1]])
def test_a_name_is_text(folder, name):
    """Whichever library is asked, for whatever."""
    config = ConfigPromptLibrary({"user": {"a": "x"}})
    for library in (
        config,
        FileSystemPromptLibrary(folder),
        VersionedPromptLibrary(config),
        CompositePromptLibrary([config]),
    ):
        for ask in (
            library.get_user_prompt,
            library.get_system_prompt,
            library.get_message_index,
            library.get_rag_config,
        ):
            with pytest.raises(PromptError, match="by its name, a text"):
                ask(name)


@pytest.mark.parametrize("given", [ConfigPromptLibrary(), 5, ["prompts"], "prompts"])
def test_a_composite_takes_libraries(given):
    """One alone, or a name, is told what to give."""
    with pytest.raises(PromptError, match="A composite takes a list of prompt libraries"):
        CompositePromptLibrary(given)


def test_changing_a_result_changes_no_library():
    """Defaults and metadata in a result are the caller's; what the caller gave stays the caller's own."""
    library = ConfigPromptLibrary(
        {"user": {"a": {"template": "{{y}} {{z}}", "defaults": {"y": [1]}, "metadata": {"tags": ["t"]}}}}
    )
    mine = {"k": 1}
    result = PromptBuilder(library).render_user_prompt("a", params={"z": mine})
    result.params_used["y"].append(9)
    result.metadata["tags"].append("u")
    assert result.params_used["z"] is mine
    again = PromptBuilder(library).render_user_prompt("a", params={"z": mine})
    assert (again.params_used["y"], again.metadata["tags"]) == ([1], ["t"])


def test_a_file_rewritten_in_place_with_an_old_time_is_seen(folder):
    """Equal size and time of change do not hide another text."""
    path = write(folder / "user" / "a.yaml", "template: one")
    library = FileSystemPromptLibrary(folder)
    for text in ("one", "two", "six"):
        path.write_text(f"template: {text}")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert library.get_user_prompt("a") == {"template": text}


PROMPTY = """\
---
model:
  id: gpt
  parameters:
    max_tokens: 5
    headers: {api-key: s3cret}
    nested: [{Authorization: s3cret, x: 1}, {sessionCookie: s3cret}]
    my_password: s3cret
    accessToken: s3cret
metadata: {client_secret: s3cret, topic: t}
sample: ${file:sample.json}
---
system:
Be kind to {{name}}.
"""


def test_no_secret_of_a_prompty_file_is_taken_over(tmp_path):
    """Any name that may be one's, at any depth, is left out with a note; so is a sample that lies elsewhere."""
    [found] = import_prompts(write(tmp_path / "a.prompty", PROMPTY))
    assert "s3cret" not in str(found.data)
    assert found.data["metadata"] == {
        "topic": "t",
        "model": {"id": "gpt", "parameters": {"max_tokens": 5, "nested": [{"x": 1}, {}]}},
    }
    assert sum("may hold a secret" in note for note in found.notes) == 6
    assert any("${file:sample.json}" in note for note in found.notes)


def test_json_schema_of_a_dotprompt_file_loses_nothing(tmp_path):
    """Defaults in it are defaults, null is what every parameter takes, and a type that is none is noted."""
    text = (
        "---\nconfig: {nested: {X-API-Key: s3cret, maxOutputTokens: 9}}\ninput:\n  schema:\n    type: object\n"
        "    properties:\n      n: {type: integer, default: 5}\n      s: {type: [string, 'null']}\n"
        "      u: {type: [string, integer]}\n---\n{{n}} {{s}} {{u}}\n"
    )
    [found] = import_prompts(write(tmp_path / "a.prompt", text))
    assert found.data["parameters"] == {"n": {"type": "integer"}, "s": {"type": "string"}, "u": {}}
    assert found.data["defaults"] == {"n": 5}
    assert found.data["metadata"] == {"config": {"nested": {"maxOutputTokens": 9}}}
    assert any("['string', 'integer'] of the input 'u'" in note for note in found.notes)


def test_a_long_field_of_a_table_is_read(tmp_path):
    """A prompt in a table may be as long as one in a file."""
    [found] = import_prompts(write(tmp_path / "a.csv", "name,prompt\nlong," + "x" * 200_000 + "\n"))
    assert len(found.data["template"]) == 200_000
