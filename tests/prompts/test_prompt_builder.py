"""Builders: every key of a prompt is applied, and what is missing is said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dknb.errors import MissingParameters, PromptError, PromptNotFound
from dknb.prompts import ConfigPromptLibrary, RenderResult, ValidationLevel


def test_a_render_says_what_it_did(make):
    """The result has the text, what was used and from where, and the facts of the render with the author's on top."""
    prompt = {
        "template": "Dear {{name}}((, age {{age}}))(( of {{city}})).",
        "defaults": {"age": 36},
        "validation": {"required_params": ["name"]},
        "metadata": {"version": "1.0"},
    }
    result = make({"user": {"letter": prompt}}).render_user_prompt("letter", params={"name": "Ada"})
    assert result == RenderResult(
        content="Dear Ada, age 36.",
        params_used={"name": "Ada", "age": 36},
        params_missing=[],
        validation_warnings=[],
        metadata={
            "prompt_name": "letter",
            "prompt_type": "user",
            "template_mode": "mixed",
            "validation_level": "warn",
            "include_rag": True,
            "used_cached_rag": False,
            "param_origins": {"name": "caller", "age": "default"},
            "version": "1.0",
        },
    )


def test_metadata_of_the_author_is_on_top(make):
    """What the author says in metadata is not overwritten by facts of the render."""
    builder = make({"user": {"a": {"template": "x", "metadata": {"prompt_type": "essay"}}}})
    assert builder.render_user_prompt("a").metadata["prompt_type"] == "essay"


def test_system_prompts_and_variants(make):
    """System and user prompts are apart, and a user prompt's variants are chosen by index."""
    builder = make({"system": {"a": "system"}, "user": {"a": ["zero", "one"]}})
    assert builder.render_system_prompt("a").content == "system"
    assert builder.render_system_prompt("a").metadata["prompt_type"] == "system"
    assert builder.render_user_prompt("a").content == "zero"
    assert builder.render_user_prompt("a", 1).content == "one"
    with pytest.raises(PromptNotFound, match="has no variant 2"):
        builder.render_user_prompt("a", 2)
    with pytest.raises(PromptError, match="a whole number, not '1'"):
        builder.render_user_prompt("a", "1")
    with pytest.raises(PromptNotFound, match="There is no user prompt 'b'"):
        builder.render_user_prompt("b")


@pytest.mark.parametrize(("given", "shown"), [({}, "d"), ({"x": None}, ""), ({"x": ""}, ""), ({"x": 0}, "0")])
def test_what_is_given_beats_the_default(make, given, shown):
    """An explicit None or empty text beats the default."""
    builder = make({"user": {"a": {"template": "[{{x}}]", "defaults": {"x": "d"}}}})
    assert builder.render_user_prompt("a", params=given).content == f"[{shown}]"


def test_template_mode_is_applied(make):
    """In jinja2 mode double parentheses are text."""
    prompt = {"template": "((a {{x}}))", "template_mode": "jinja2"}
    result = make({"user": {"a": prompt}}).render_user_prompt("a", params={"x": 1})
    assert (result.content, result.metadata["template_mode"]) == ("((a 1))", "jinja2")


def test_a_missing_parameter_stays_visible(make):
    """A variable outside sections without a value is shown and listed."""
    result = make({"user": {"a": "{{x}} and {{ y }}(( and {{z}}))"}}).render_user_prompt("a", params={"y": 1})
    assert result.content == "{{x}} and 1"
    assert result.params_missing == ["x"]


def test_rendering_changes_nothing_that_was_given(make):
    """Neither the caller's values nor the library's prompt are touched."""
    library = ConfigPromptLibrary({"user": {"p": {"template": "{{x}}{{y}}", "defaults": {"y": [1]}}}})
    params = {"x": [2]}
    result = make(library).render_user_prompt("p", params=params)
    result.params_used["x"].append(3)
    assert make(library).render_user_prompt("p", params={"x": 0}).content == "0[1]"
    assert library.get_user_prompt("p")["defaults"] == {"y": [1]}
    assert list(params) == ["x"]


# Validation


@pytest.mark.parametrize(("given", "missing"), [({}, ["a", "b"]), ({"a": 1, "b": None}, ["b"]), ({"b": ""}, ["a"])])
@pytest.mark.parametrize("level", list(ValidationLevel))
def test_validation(make, level, given, missing):
    """Absent and None are missing; ERROR raises, WARN says so, IGNORE only lists."""
    prompt = {"template": "x", "validation": {"level": level.value, "required_params": ["b", "a"]}}
    builder = make({"user": {"p": prompt}})
    text = f"Missing required parameters: {', '.join(missing)}"
    if level is ValidationLevel.ERROR:
        with pytest.raises(MissingParameters) as caught:
            builder.render_user_prompt("p", params=given)
        assert (str(caught.value), caught.value.names) == (text, missing)
        assert isinstance(caught.value, ValueError)
    else:
        result = builder.render_user_prompt("p", params=given)
        assert result.params_missing == missing
        assert result.validation_warnings == ([text] if level is ValidationLevel.WARN else [])
        assert result.metadata["validation_level"] == level.value


def test_validation_error_comes_before_any_render(make):
    """A template that would fail is not rendered when a parameter is missing."""
    prompt = {"template": "{{ 1 / 0 }}", "validation": {"level": "error", "required_params": ["a"]}}
    with pytest.raises(MissingParameters):
        make({"user": {"p": prompt}}).render_user_prompt("p")


def test_a_default_satisfies_validation(make):
    """A required parameter may have a default."""
    prompt = {"template": "{{a}}", "defaults": {"a": 1}, "validation": {"level": "error", "required_params": ["a"]}}
    assert make({"user": {"p": prompt}}).render_user_prompt("p").content == "1"


def test_an_override_counts_for_its_call_alone(make):
    """The validation level of one call does not stay."""
    builder = make({"user": {"p": {"template": "x", "validation": {"required_params": ["a"]}}}})
    with pytest.raises(MissingParameters):
        builder.render_user_prompt("p", validation_override=ValidationLevel.ERROR)
    assert builder.render_user_prompt("p").metadata["validation_level"] == "warn"
    result = builder.render_user_prompt("p", validation_override=ValidationLevel.IGNORE)
    assert (result.validation_warnings, result.params_missing) == ([], ["a"])


def test_the_builders_default_level(make):
    """A prompt that does not say takes the level of its builder."""
    config = {"user": {"p": {"template": "x", "validation": {"required_params": ["a"]}}}}
    with pytest.raises(MissingParameters):
        make(config, default_validation=ValidationLevel.ERROR).render_user_prompt("p")


# Retrieval


RAG = {
    "user": {
        "p": {
            "template": "Answer.((\nContext: {{DOCS}}))\n{{RAG_CONTENT}}{{q}}",
            "rag_configs": [{"adapter_name": "a", "query": "{{q}}", "placeholder": "DOCS", "header": "# Docs"}],
            "rag_config_refs": ["r"],
        },
        "child": {"extends": "p"},
        "main": "{{ prompt_ref('p') }}",
    },
    "rag": {"r": {"adapter_name": "a", "query": "q"}},
}


@pytest.mark.parametrize("name", ["p", "child", "main"])
def test_without_retrieval_nothing_of_it_remains(make, name):
    """With include_rag=False neither placeholder nor header is in the text, nor in what was used or missing."""
    result = make(RAG).render_user_prompt(name, params={"q": "why?"}, include_rag=False)
    assert result.content == "Answer.\nwhy?"
    assert result.params_used == {"q": "why?"}
    assert result.params_missing == []
    assert result.metadata["include_rag"] is False


def test_what_the_caller_gives_fills_a_placeholder(make):
    """Whoever has the text himself may give it."""
    result = make(RAG).render_user_prompt("p", params={"q": "?", "DOCS": "mine"}, include_rag=False)
    assert result.content == "Answer.\nContext: mine\n?"
    assert result.params_used == {"q": "?", "DOCS": "mine"}


def test_prompts_that_retrieve_nothing_have_no_rag_metadata(make):
    """Asking for rag_metadata, or giving some, changes nothing where nothing is retrieved."""
    result = make({"user": {"p": "x"}}).render_user_prompt(
        "p", return_rag_metadata=True, cached_rag={"RAG_CONTENT": {}}
    )
    assert (result.content, result.rag_metadata, result.metadata["used_cached_rag"]) == ("x", None, False)


# Inline prompts


def test_inline_prompts_use_the_library(make):
    """A prompt from a cell may extend and refer to the library's, even one of its own name."""
    builder = make({"user": {"critique": {"template": "{{S}}", "sections": {"S": "old {{x}}"}}, "sign": "-- {{x}}"}})
    result = builder.render_inline(
        {"extends": "critique", "sections": {"S": "new {{x}} {{ prompt_ref('sign') }}"}},
        params={"x": 1},
        name="critique",
    )
    assert result.content == "new 1 -- 1"
    assert result.metadata["prompt_name"] == "critique"


def test_an_inline_prompt_may_be_text(make):
    """A template alone is a prompt; it has a name that no library prompt has."""
    result = make().render_inline("Hello {{name}}", {"name": "Ada"}, prompt_type="system")
    assert result.content == "Hello Ada"
    assert result.metadata["prompt_name"] == "<inline:system>"
    assert result.metadata["prompt_type"] == "system"


def test_an_inline_prompt_is_checked(make):
    """Keys that no prompt has are refused with the nearest."""
    with pytest.raises(PromptError, match=r"cell: A prompt has no key 'tempalte'. Did you mean 'template'\?"):
        make().render_inline({"tempalte": "x"}, name="cell")


def test_the_parameters_of_a_prompt(make):
    """What a prompt can use: its variables, those of bases, sections and references, and what is declared."""
    builder = make({"user": {"base": {"template": "{{a}}{{S}}", "defaults": {"d": 1}}, "ref": "{{r}}"}})
    prompt = {
        "extends": "base",
        "sections": {"S": "((b {{b}})){% for i in items %}{{i}}{% endfor %}{{ prompt_ref('ref') }}{{current_year}}"},
        "validation": {"required_params": ["q"], "optional_params": ["o"]},
    }
    assert builder.get_parameters(prompt) == ["a", "b", "items", "q", "r", "o", "d"]
    assert builder.get_parameters("{{x}} {{ y }}") == ["x", "y"]


# The package


def test_importing_the_package_loads_no_parser():
    """``import dknb.prompts`` loads neither YAML nor Jinja nor pandas, and using a library in memory no YAML."""
    code = (
        "import sys, dknb.prompts\n"
        "print(sorted({'yaml', 'jinja2', 'pandas', 'IPython'} & set(sys.modules)))\n"
        "from dknb.prompts import ConfigPromptLibrary, RenderResult\n"
        "ConfigPromptLibrary({'user': {'a': 'x'}}).get_user_prompt('a')\n"
        "print(sorted({'yaml', 'jinja2', 'pandas', 'IPython'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


def test_the_package_exports_its_names():
    """Every name of the package can be imported from it, and nothing else."""
    import dknb.prompts

    assert all(getattr(dknb.prompts, name) is not None for name in dknb.prompts.__all__)
    assert set(dknb.prompts.__all__) <= set(dir(dknb.prompts))
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        dknb.prompts.Nothing  # noqa: B018  (the attribute access is the test)
