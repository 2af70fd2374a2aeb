"""Tests of prompts: what they find, how they are read, and what the report says."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from prompts_help import write

from dknb.errors import PromptFileError
from dknb.prompts import ConfigPromptLibrary, PromptTest, read_prompt_tests, run_prompt_tests
from dknb.prompts.testing.cases import Expectation, read_well_formed
from dknb.prompts.testing.runs import report, untested

LIBRARY = ConfigPromptLibrary(
    {
        "system": {"plain": "Be kind."},
        "user": {
            "greet": {"template": "Hello {{name}}!", "parameters": {"name": {"type": "string", "required": True}}},
            "strict": {"template": "{{n}}", "parameters": {"n": "integer"}, "validation": {"level": "error"}},
            "two": ["first {{x}}", "second {{x}}"],
            "docs": {"template": "{{RAG_CONTENT}}", "rag_configs": [{"adapter_name": "a", "query": "q", "k": 1}]},
        },
        "messages": {"talk": {"messages": [{"role": "user", "content": "Say {{x}}"}]}},
    }
)
SCHEMA = json.loads(resources.files("dknb.prompts").joinpath("schemas/prompt-tests.schema.json").read_text())


def read_in(tmp_path, text):
    return read_prompt_tests(write(tmp_path / "tests.yaml", text))


def failures(tmp_path, test):
    (result,) = run_prompt_tests(LIBRARY, read_in(tmp_path, f"- {{name: n, {test}}}"))
    return result.failures


PASSING = [
    "prompt: greet, params: {name: Ada}, expect: {equals: Hello Ada!}",
    "prompt: greet, params: {name: Ada}, expect: {contains: [Hello, Ada], not_contains: Bob, max_tokens: 2}",
    "prompt: greet, expect: {missing: [name]}",
    "prompt: strict, params: {n: many}, expect: {error: n must be a whole number}",
    "prompt: nowhere, expect: {error: There is no user prompt}",
    "prompt: two, variant: 1, params: {x: 1}, expect: {equals: second 1}",
    "prompt: plain, kind: system, expect: {equals: Be kind.}",
    "prompt: talk, kind: messages, params: {x: hi}, expect: {contains: Say hi}",
    "prompt: docs, expect: {equals: ''}",
    "prompt: docs, results: {a: [{content: one}, {content: two}]}, expect: {equals: one}",
]

FAILING = [
    ("prompt: greet, params: {name: Ada}, expect: {equals: Hello}", "it is not equal to 'Hello'"),
    ("prompt: greet, params: {name: Ada}, expect: {contains: [Hello, Bob]}", "it does not contain 'Bob'"),
    ("prompt: greet, params: {name: Ada}, expect: {not_contains: Ada}", "it contains 'Ada'"),
    ("prompt: greet, params: {name: Ada}, expect: {max_tokens: 1}", "it has about 2 tokens, more than 1"),
    ("prompt: greet, params: {name: Ada}, expect: {missing: [name]}", "missing is nothing, not name"),
    ("prompt: two, expect: {contains: first}", "missing is x"),
    ("prompt: greet, params: {name: Ada}, expect: {error: x}", "it was rendered, and not an error with 'x'"),
    ("prompt: nowhere, expect: {contains: x}", "it failed: There is no user prompt 'nowhere'."),
    ("prompt: nowhere, expect: {error: on strike}", "it failed with other words than 'on strike': There is no"),
    ("prompt: docs, results: {}, expect: {equals: ''}", "it failed: "),
]


@pytest.mark.parametrize("test", PASSING)
def test_what_is_as_expected_passes(tmp_path, test):
    """Each key of an expectation, each kind of prompt, with retrieval and without."""
    assert failures(tmp_path, test) == ()


@pytest.mark.parametrize(("test", "said"), FAILING)
def test_what_is_not_as_expected_is_said(tmp_path, test, said):
    """One sentence for each thing that differs."""
    (failure,) = failures(tmp_path, test)
    assert failure.startswith(said)


def test_the_report_names_file_line_prompt_and_text(tmp_path, monkeypatch):
    """And at the end how many passed, and what has no test."""
    monkeypatch.chdir(tmp_path)
    text = "# the tests\n- {name: fine, prompt: plain, kind: system, expect: {contains: kind}}\n\n- name: wrong\n"
    tests = read_in(tmp_path, text + "  prompt: greet\n  params: {name: Ada}\n  expect: {contains: Bob}\n")
    assert report(run_prompt_tests(LIBRARY, tests), untested(LIBRARY, tests)).split("\n") == [
        "tests.yaml:4: wrong (user/greet)",
        "    it does not contain 'Bob'",
        "    | Hello Ada!",
        "",
        "2 tests of prompts: 1 passed, 1 failed",
        "without a test: user/docs, user/strict, user/two, messages/talk",
    ]


BROKEN = [
    (
        "- {name: n, prompt: p, expect: {contain: x}}",
        1,
        33,
        "An expectation has no key 'contain'. Did you mean 'contains'?",
    ),
    ("- {name: n, prompt: p}", 1, 3, "A test needs the key 'expect'."),
    ("- {name: n, prompt: p, expect: {}}", 1, 32, "A test needs something to expect."),
    (
        "-\n  name: n\n  prompt: p\n  kind: usr\n  expect: {missing: []}",
        4,
        9,
        "0.kind cannot be 'usr'. Did you mean 'user'?",
    ),
    ("- {name: n, prompt: p, variant: -1, expect: {missing: []}}", 1, 33, "0.variant must be a whole number from 0."),
    (
        "- {name: n, prompt: p, expect: {error: e, equals: x}}",
        1,
        33,
        "A render that ends with an error has nothing else",
    ),
    (
        "- {name: n, prompt: p, results: {a: [{score: 1}]}, expect: {missing: []}}",
        1,
        38,
        "A result needs the key 'content'.",
    ),
    ("- {name: n, name: m}", 1, 13, "The key 'name' is there twice."),
    ("name: n", 1, 1, "it must be a list"),
]


@pytest.mark.parametrize(("text", "line", "column", "said"), BROKEN)
def test_a_broken_file_is_an_error_with_a_place(tmp_path, text, line, column, said):
    """With the nearest right key where one is misspelt."""
    with pytest.raises(PromptFileError, match=r"tests\.yaml, line") as caught:
        read_in(tmp_path, text)
    assert (caught.value.line, caught.value.message[: len(said)]) == (line, said)
    assert caught.value.column == column


def test_an_empty_file_has_no_tests(tmp_path):
    """It is not broken."""
    assert read_in(tmp_path, "# none yet\n") == []
    assert report([]) == "no tests of prompts were run"


def test_a_malformed_test_hides_no_other(tmp_path):
    """What is right is there to be run, and each mistake has its place."""
    path = write(
        tmp_path / "tests.yaml",
        "- {name: bad, promt: a, expect: {equals: x}}\n- {name: good, prompt: a, expect: {equals: x}}\n- 3\n",
    )
    tests, errors = read_well_formed(path)
    assert [test.name for test in tests] == ["good"]
    assert [error.line for error in errors] == [1, 3]


def test_a_test_may_name_a_version():
    """The version that the metadata tell, and no other."""
    library = ConfigPromptLibrary({"user": {"a": {"template": "x", "metadata": {"version": "1.0.0"}}}})
    right = PromptTest("n", "a@1.0.0", Expectation(equals="x"))
    wrong = PromptTest("n", "a@2.0.0", Expectation(equals="x"))
    assert [result.passed for result in run_prompt_tests(library, [right, wrong])] == [True, False]
    assert untested(library, [right]) == []


KEYS = st.sampled_from([*SCHEMA["items"]["properties"], "nmae"])
EXPECTED = st.dictionaries(
    st.sampled_from([*SCHEMA["items"]["properties"]["expect"]["properties"], "x"]),
    st.sampled_from(["a", 1, 0, True, None, ["a"], [1], {}]),
    max_size=2,
)
RESULTS = st.sampled_from([{"a": [{"content": "c", "score": 1}]}, {"a": [{}]}, {"a": "x"}, {"a": [{"content": 1}]}])
DATA = st.lists(
    st.builds(
        lambda extra, expect: {"name": "n", "prompt": "p", "expect": expect, **extra},
        st.dictionaries(KEYS, EXPECTED | RESULTS | st.sampled_from(["user", 1, -1, "x", None, {"a": 1}]), max_size=2),
        EXPECTED,
    ),
    max_size=2,
)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(data=DATA)
def test_the_schema_for_editors_and_the_reader_agree(tmp_path_factory, data):
    """What an editor marks is what the reader refuses, and nothing else."""
    path = write(tmp_path_factory.getbasetemp() / "agree.yaml", json.dumps(data))
    is_valid = Draft202012Validator(SCHEMA).is_valid(data)
    try:
        read_prompt_tests(path)
    except PromptFileError:
        assert not is_valid
    else:
        assert is_valid
