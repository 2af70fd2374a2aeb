"""The example library of the repository: sound, tested, and each prompt says when to use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dknb.errors import MissingParameters
from dknb.prompts import FileSystemPromptLibrary, PromptBuilder, read_prompt_tests, run_prompt_tests
from dknb.prompts.testing.cases import file_of_tests
from dknb.prompts.testing.runs import untested

FOLDER = Path(__file__).parents[2] / "prompts"
LIBRARY = FileSystemPromptLibrary(FOLDER)
TESTS = read_prompt_tests(file_of_tests(FOLDER))
PROMPTS = [
    *(("system", name) for name in LIBRARY.list_system_prompts()),
    *(("user", name) for name in LIBRARY.list_user_prompts()),
]


def test_the_library_has_no_problem():
    """validate() is quiet: no error, no undeclared and no unused parameter."""
    assert LIBRARY.validate() == []


def test_it_is_a_real_library():
    """There are more than 15 prompts, and no prompt without a test."""
    assert len(PROMPTS) >= 15
    assert untested(LIBRARY, TESTS) == []


@pytest.mark.parametrize("test", TESTS, ids=lambda test: f"{test.kind}/{test.prompt}: {test.name}")
def test_each_test_of_a_prompt_passes(test):
    """Those of prompts/tests.yaml, as `dknb prompts test` runs them."""
    (result,) = run_prompt_tests(LIBRARY, [test])
    assert result.failures == ()


@pytest.mark.parametrize(("kind", "name"), PROMPTS)
def test_each_prompt_says_what_it_is_and_when_to_use_it(kind, name):
    """Metadata has a version, a description and a line on when to use it."""
    prompt = LIBRARY.require_prompt(name, kind)
    assert sorted(prompt["metadata"]) == ["description", "version", "when_to_use"]
    assert all(isinstance(value, str) and value.strip() for value in prompt["metadata"].values())


@pytest.mark.parametrize(("kind", "name"), PROMPTS)
def test_each_parameter_has_a_type_and_says_what_it_is(kind, name):
    """A form can be made of them, and a reader needs no source."""
    parameters = LIBRARY.require_prompt(name, kind)["parameters"]
    assert parameters
    assert all(spec.description for spec in parameters.values())


@pytest.mark.parametrize("name", LIBRARY.list_user_prompts())
def test_required_parameters_are_required(name):
    """A user prompt without its required parameters is an error before anything is rendered."""
    builder = PromptBuilder(LIBRARY)
    with pytest.raises(MissingParameters) as caught:
        builder.render_user_prompt(name, include_rag=False)
    assert caught.value.names == builder.get_required_parameters(name)
