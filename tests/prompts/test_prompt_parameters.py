"""Typed parameters: how they are declared, what fits them, and what people type for them."""

from __future__ import annotations

import pytest

from dknb.errors import PromptError, PromptFileError
from dknb.prompts import (
    ConfigPromptLibrary,
    ParameterSpec,
    PromptBuilder,
    check_value,
    coerce,
    dump_prompt,
    parse_prompt_text,
)

FRONT = """\
---
parameters:
  text: {type: string, description: What to read, required: true}
  words: {type: integer, minimum: 10, maximum: 500, default: 100}
  tone: {choices: [kind, frank], default: kind}
  tags: {type: list, items: string, min_items: 1}
  loose: {description: anything}
  short: number
---
{{text}} {{words}} {{tone}} {{tags}} {{loose}} {{short}}
"""


def test_front_matter_declares_types():
    """A parameter is a type or a mapping; its default lies where all defaults lie."""
    prompt = parse_prompt_text(FRONT, source_name="p.md")
    assert prompt["parameters"] == {
        "text": ParameterSpec("string", "What to read", required=True),
        "words": ParameterSpec("integer", minimum=10, maximum=500),
        "tone": ParameterSpec("enum", choices=("kind", "frank")),
        "tags": ParameterSpec("list", items=ParameterSpec("string"), min_items=1),
        "loose": ParameterSpec("any", "anything"),
        "short": ParameterSpec("number"),
    }
    assert prompt["defaults"] == {"words": 100, "tone": "kind"}


def test_a_dumped_prompt_keeps_its_types():
    """What is written is read back the same."""
    prompt = parse_prompt_text(FRONT, source_name="p.md")
    library = ConfigPromptLibrary({"user": {"p": prompt}})
    assert library.get_user_prompt("p") == prompt
    assert "short: number" in dump_prompt(prompt)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("{type: sting}", "parameters.x.type cannot be 'sting'. Did you mean 'string'?"),
        ("{type: enum}", "An enum needs the key 'choices'."),
        ("{choices: [yes, no]}", "The choice True is not text."),
        ("{type: integer, choices: [1, two]}", "A choice must be a whole number, not str 'two'."),
        ("{type: string, minimum: 3}", "Only a number has 'minimum'."),
        ("{type: string, min_items: 3}", "Only a list or an object has 'min_items'."),
        ("{type: list, min_items: 0}", "parameters.x.min_items must be a whole number from 1, not int 0."),
        ("{type: string, items: string}", "Only a list has 'items'."),
        ("{type: string, requird: true}", "A parameter has no key 'requird'. Did you mean 'required'?"),
        ("[string]", "parameters.x must be a type or a mapping, not a list."),
    ],
)
def test_a_declaration_that_says_nothing_is_refused(declared, told):
    """What no value could be held against is an error with its place."""
    with pytest.raises(PromptFileError) as caught:
        parse_prompt_text(f"---\nparameters:\n  x: {declared}\n---\n{{{{x}}}}", source_name="p.md")
    assert caught.value.message == told
    assert caught.value.line == 3


def test_two_defaults_are_refused():
    """A default in both places would leave one of them without effect."""
    with pytest.raises(PromptFileError, match="'x' has two defaults"):
        parse_prompt_text("---\nparameters: {x: {default: 1}}\ndefaults: {x: 2}\n---\n{{x}}", source_name="p.md")


@pytest.mark.parametrize(
    ("spec", "value", "problem"),
    [
        (ParameterSpec("string"), "a", None),
        (ParameterSpec("string"), 3, "must be text, not int 3"),
        (ParameterSpec("string"), True, "must be text, not bool True"),
        (ParameterSpec("integer"), True, "must be a whole number, not bool True"),
        (ParameterSpec("integer"), 3.0, "must be a whole number, not float 3.0"),
        (ParameterSpec("integer", minimum=3), 2, "must be at least 3, not int 2"),
        (ParameterSpec("list", min_items=2), ["a"], "must hold 2 or more, not 1"),
        (ParameterSpec("list", min_items=2), ["a", "b"], None),
        (ParameterSpec("object", min_items=1), {}, "must hold 1 or more, not 0"),
        (ParameterSpec("number", maximum=1), 1.5, "must be at most 1, not float 1.5"),
        (ParameterSpec("number"), float("nan"), None),
        (ParameterSpec("boolean"), "yes", "must be true or false, not str 'yes'"),
        (ParameterSpec("list"), ("a",), None),
        (ParameterSpec("list"), "a", "must be a list, not str 'a'"),
        (ParameterSpec("list", items=ParameterSpec("integer")), [1, "b"], "is wrong at item 1: it must be a whole"),
        (ParameterSpec("object"), {"a": 1}, None),
        (ParameterSpec("object"), [1], "must be an object (names and values), not list [1]"),
        (ParameterSpec("enum", choices=("kind", "frank")), "kid", "must be one of 'kind', 'frank', not str 'kid'"),
        (ParameterSpec("enum", choices=(1, 2)), "2", None),
        (ParameterSpec("integer"), None, None),
        (ParameterSpec(), object(), None),
    ],
)
def test_a_value_fits_its_type_or_is_told_why_not(spec, value, problem):
    """The problem is the end of a sentence that begins with the name."""
    found = check_value(spec, value)
    assert found is None if problem is None else found.startswith(problem)


def test_an_answer_of_a_model_is_text():
    """What says itself as text may be given where text is wanted."""

    class Answer:
        def __str__(self) -> str:
            return "yes"

    assert check_value(ParameterSpec("string"), Answer()) is None


def test_numpy_values_are_numbers():
    """A cell of a DataFrame fits the type that it looks like."""
    numpy = pytest.importorskip("numpy")
    assert check_value(ParameterSpec("integer"), numpy.int64(3)) is None
    assert check_value(ParameterSpec("number"), numpy.float32(3)) is None
    assert check_value(ParameterSpec("boolean"), numpy.bool_(True)) is None
    assert check_value(ParameterSpec("integer"), numpy.bool_(True)) is not None
    assert check_value(ParameterSpec("list"), numpy.array([1, 2])) is None


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        (ParameterSpec("string"), " 3 ", " 3 "),
        (ParameterSpec("integer"), " 3 ", 3),
        (ParameterSpec("number"), "3", 3),
        (ParameterSpec("number"), "2.5", 2.5),
        (ParameterSpec("boolean"), "No", False),
        (ParameterSpec("list"), "a, b", ["a", "b"]),
        (ParameterSpec("list", items=ParameterSpec("integer")), "1,2", [1, 2]),
        (ParameterSpec("list"), "[1, [2]]", [1, [2]]),
        (ParameterSpec("list"), '{"a": 1}, {"a": 2}', [{"a": 1}, {"a": 2}]),
        (ParameterSpec("object"), '{"a": 1}', {"a": 1}),
        (ParameterSpec("enum", choices=(1, 2)), "2", 2),
    ],
)
def test_typed_text_becomes_a_value(spec, text, value):
    """A form and a magic's line give text; the type says what it means."""
    assert coerce(spec, text) == value


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (ParameterSpec("integer"), "3.5"),
        (ParameterSpec("boolean"), "maybe"),
        (ParameterSpec("object"), "{"),
        (ParameterSpec("object"), "[1]"),
        (ParameterSpec("list"), "[1"),
        (ParameterSpec("list"), '{"q": 1, bad'),
        (ParameterSpec("enum", choices=("a",)), "b"),
        (ParameterSpec("integer", minimum=3), "2"),
    ],
)
def test_text_that_is_no_such_value_is_an_error(spec, text):
    """It names the value and an example."""
    with pytest.raises(PromptError) as caught:
        coerce(spec, text)
    assert caught.value.hint


def test_a_required_parameter_stays_required_in_a_child():
    """Declarations are inherited name by name; a child that requires more does not drop what its base requires."""
    library = ConfigPromptLibrary(
        {
            "user": {
                "base": {"template": "{{a}} {{b}}", "parameters": {"a": {"type": "string", "required": True}}},
                "child": {"extends": "base", "parameters": {"b": {"type": "integer", "required": True}}},
                "free": {"extends": "base", "parameters": {"a": {"required": False}}},
            }
        }
    )
    builder = PromptBuilder(library)
    assert builder.get_required_parameters("child") == ["a", "b"]
    assert builder.get_required_parameters("free") == []
