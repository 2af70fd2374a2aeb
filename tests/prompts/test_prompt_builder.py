"""Builders: every key of a prompt is applied, values are data, and errors say where."""

from __future__ import annotations

import asyncio
import inspect
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dknb import _sync
from dknb.errors import MissingParameters, PromptError, PromptFileError, PromptNotFound, TemplateError
from dknb.prompts import (
    AbstractPromptLibrary,
    AsyncPromptBuilder,
    CompositePromptLibrary,
    ConfigPromptLibrary,
    FileSystemPromptLibrary,
    PromptBuilder,
    RenderResult,
    ValidationLevel,
)
from dknb.prompts.compose import compose


class Awaited:
    """An async builder with the face of the sync one, so that each test runs on both."""

    def __init__(self, *args, **kwargs):
        self.builder = AsyncPromptBuilder(*args, **kwargs)

    def __getattr__(self, name):
        method = getattr(self.builder, name)
        if not inspect.iscoroutinefunction(method):
            return method
        return lambda *args, **kwargs: asyncio.run(method(*args, **kwargs))


@pytest.fixture(params=[PromptBuilder, Awaited], ids=["sync", "async"])
def make(request):
    """Makes a builder on a library that is given as a dict."""

    def made(config=None, **options):
        library = config if isinstance(config, AbstractPromptLibrary) else ConfigPromptLibrary(config)
        return request.param(library, **options)

    return made


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
    with pytest.raises(PromptError, match=r"a whole number, not \{'x': 1\}"):
        builder.render_user_prompt("a", {"x": 1})
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


BASES = {
    "system": {
        "root": {
            "template": "{{HEAD}} {{BODY}}",
            "sections": {"HEAD": "root head", "BODY": "root {{x}}"},
            "defaults": {"x": "rx", "y": "ry"},
            "metadata": {"author": "root", "version": "1"},
            "validation": {"level": "error", "required_params": ["x"]},
            "template_mode": "jinja2",
        }
    },
    "user": {
        "root": "never: system comes first",
        "middle": {"extends": "root", "sections": {"BODY": "middle {{x}} {{y}}"}, "defaults": {"x": "mx"}},
        "leaf": {
            "extends": "middle",
            "defaults": {"y": "ly"},
            "metadata": {"version": "2"},
            "validation": {"required_params": ["z"]},
        },
    },
}


def test_extends_merges_along_the_chain(make):
    """Sections, defaults and metadata merge by name, validation is replaced, the mode inherited."""
    result = make(BASES).render_user_prompt("leaf")
    assert result.content == "root head middle mx ly"
    assert result.metadata["author"] == "root"
    assert result.metadata["version"] == "2"
    assert result.metadata["template_mode"] == "jinja2"
    assert result.validation_warnings == ["Missing required parameters: z"]
    assert make(BASES).get_required_parameters("leaf") == ["z"]
    assert make(BASES).get_required_parameters("middle") == ["x"]


def test_extends_joins_rag_references_without_doubles(make):
    """A child retrieves what its base does and what it adds, each once."""
    config = {
        "user": {
            "base": {"template": "{{A}}{{B}}{{C}}.", "rag_config_refs": ["a", "b"]},
            "child": {"extends": "base", "rag_config_refs": ["b", "c"]},
        },
        "rag": {name: {"adapter_name": "x", "query": "q", "placeholder": name.upper()} for name in "abc"},
    }
    with pytest.raises(PromptError, match="retrieves text for A, B, C, which"):
        make(config).render_user_prompt("child")
    assert make(config).render_user_prompt("child", include_rag=False).content == "."


def test_a_child_may_have_its_own_template(make):
    """A child's template replaces the base's, and uses its sections."""
    builder = make(
        {"user": {"base": {"template": "b", "sections": {"S": "s"}}, "c": {"extends": "base", "template": "<{{S}}>"}}}
    )
    assert builder.render_user_prompt("c").content == "<s>"


@pytest.mark.parametrize(
    ("prompts", "name", "chain"),
    [
        ({"a": {"extends": "a"}}, "a", "a -> a"),
        ({"a": {"extends": "b"}, "b": {"extends": "c"}, "c": {"extends": "b"}}, "a", "a -> b -> c -> b"),
    ],
)
def test_a_cycle_of_bases_is_an_error_with_its_chain(make, prompts, name, chain):
    """A chain that comes back names its way."""
    with pytest.raises(PromptError, match="inherits without end") as caught:
        make({"user": prompts}).render_user_prompt(name)
    assert chain in str(caught.value)


def test_a_missing_base_is_an_error_with_its_chain(make):
    """A base that is not there is named with who wanted it, and the nearest name."""
    builder = make({"user": {"a": {"extends": "b"}, "b": {"extends": "bsae"}}, "system": {"base": "x"}})
    with pytest.raises(PromptNotFound) as caught:
        builder.render_user_prompt("a")
    assert str(caught.value) == (
        "Prompt 'b' extends 'bsae', which does not exist (a -> b -> bsae). Did you mean 'base'?"
    )


def test_a_prompt_without_template_is_an_error(make):
    """Nothing to render is not an empty text."""
    with pytest.raises(PromptError, match="Prompt 'a' has no template"):
        make({"user": {"a": {"defaults": {"x": 1}}}}).render_user_prompt("a")


def test_sections_are_placed_recursively(make):
    """A section may place others, in optional sections and blocks too, with its variables."""
    prompt = {
        "template": "{{A}}{{-B-}} {% if x %}{{ C }}{% endif %}(({{D}}!))(({{E}}))",
        "sections": {"A": "a({{B}}) ", "B": "b", "C": "{{x}}", "D": "d{{y}}", "E": "{{none}}"},
    }
    result = make({"user": {"p": prompt}}).render_user_prompt("p", params={"x": 1, "y": 2})
    assert result.content == "a(b)b1d2!"


def test_sections_leave_strings_comments_and_raw_blocks_alone(make):
    """What only looks like a placement is none."""
    prompt = {"template": "{{ '{{A}}' }}{# {{A}} #}{% raw %}{{A}}{% endraw %}{{{A}}}", "sections": {"A": "a"}}
    assert make({"user": {"p": prompt}}).render_user_prompt("p").content == "{{A}}{{A}}{a}"


def test_a_section_comes_before_a_parameter_of_its_name(make):
    """The author's section is not replaced by a value."""
    prompt = {"template": "{{A}}", "sections": {"A": "section"}, "defaults": {"A": "default"}}
    assert make({"user": {"p": prompt}}).render_user_prompt("p", params={"A": "param"}).content == "section"


def test_a_cycle_of_sections_is_an_error_with_its_chain(make):
    """Sections that place each other are an error that says where."""
    prompt = {"template": "x\n {{A}}", "sections": {"A": "{{B}}", "B": "1\n2 {{A}}"}}
    with pytest.raises(TemplateError) as caught:
        make({"user": {"p": prompt}}).render_user_prompt("p")
    assert str(caught.value).startswith("Prompt 'p', line 2, column 3: Section 'A' contains itself: A -> B -> A.")


@pytest.mark.parametrize("leaf", ["", "text"])
def test_sections_that_double_stop(make, leaf):
    """Sections that place the next one twice are refused before they fill memory or time."""
    sections = {f"S{n}": f"{{{{S{n + 1}}}}}{{{{S{n + 1}}}}}" for n in range(40)} | {"S40": leaf}
    with pytest.raises(TemplateError, match="a template that is too long"):
        make({"user": {"p": {"template": "{{S0}}", "sections": sections}}}).render_user_prompt("p")


def test_an_error_in_a_section_says_which(make):
    """An error has the place in the section it stands in, not in the composed text."""
    prompt = {"template": "one\n{{A}}\nthree {{ x.y }}", "sections": {"A": "first\nsecond {{ 1 / zero }}"}}
    builder = make({"user": {"p": prompt}})
    with pytest.raises(TemplateError) as caught:
        builder.render_user_prompt("p", params={"zero": 0, "x": {"y": 1}})
    assert (caught.value.prompt_name, caught.value.line) == ("p", 2)
    assert "(in its section 'A')" in str(caught.value)
    assert caught.value.source_line == "second {{ 1 / zero }}"
    with pytest.raises(TemplateError) as caught:
        builder.render_user_prompt("p", params={"zero": 1})
    assert (caught.value.prompt_name, caught.value.line, caught.value.source_line) == ("p", 3, "three {{ x.y }}")


def test_a_syntax_error_names_the_prompt(make):
    """A template that does not parse is an error with the prompt's name, line and column."""
    with pytest.raises(TemplateError) as caught:
        make({"user": {"p": "fine\n{% if x %}"}}).render_user_prompt("p")
    assert str(caught.value).startswith("Prompt 'p', line 2")


def test_prompt_ref_renders_another_prompt(make):
    """A reference sees the parameters, takes more, keeps its own defaults below, and may be filtered."""
    builder = make(
        {
            "user": {
                "main": "{{ prompt_ref('sign', end='!') }} {{ prompt_ref(\"loud\") | upper }}",
                "sign": {"template": "{{greeting}} {{name}}{{end}}", "defaults": {"greeting": "Yours,", "end": "."}},
            },
            "system": {"loud": "for {{name}}"},
        }
    )
    result = builder.render_user_prompt("main", params={"name": "Ada"})
    assert result.content == "Yours, Ada! FOR ADA"
    assert result.params_used == {"greeting": "Yours,", "name": "Ada"}
    assert result.metadata["param_origins"] == {"greeting": "default", "name": "caller"}


def test_prompt_ref_places_sections(make):
    """A section of the prompt itself can be placed by reference, with values of its own."""
    prompt = {"template": "{% for n in [1, 2] %}{{ prompt_ref('S', n=n) }}{% endfor %}", "sections": {"S": "<{{n}}>"}}
    assert make({"user": {"p": prompt, "S": "never"}}).render_user_prompt("p").content == "<1><2>"


def test_prompt_ref_brings_validation_of_its_prompt(make):
    """What a referred prompt lacks is reported with the whole, at its own level."""
    config = {
        "user": {
            "main": "{{ prompt_ref('part') }}{{ prompt_ref('part') }}",
            "part": {
                "template": "{{y}}{{ prompt_ref('S') }}",
                "sections": {"S": ""},
                "validation": {"required_params": ["x"]},
            },
        }
    }
    result = make(config).render_user_prompt("main")
    assert result.params_missing == ["x", "y"]
    assert result.validation_warnings == ["Missing required parameters: x"]
    with pytest.raises(MissingParameters, match="Missing required parameters: x"):
        make(config).render_user_prompt("main", validation_override=ValidationLevel.ERROR)


@pytest.mark.parametrize(
    ("prompts", "error", "words"),
    [
        ({"p": "{{ prompt_ref('q') }}"}, PromptNotFound, "Prompt 'p' refers to 'q', which does not exist."),
        ({"p": "{{ prompt_ref('p') }}"}, PromptError, "Prompt 'p' refers to itself: p -> p."),
        ({"p": "{{ prompt_ref('q') }}", "q": "{{ prompt_ref('p') }}"}, PromptError, "itself: p -> q -> p."),
        ({"p": {"template": "{{S}}", "sections": {"S": "{{ prompt_ref('S') }}"}}}, PromptError, "p -> p.S -> p.S."),
        ({"p": "{{ prompt_ref(7) }}"}, TemplateError, "prompt_ref wants the name of a prompt"),
        ({"p": "{{ prompt_ref('q') }}", "q": "{% if %}"}, TemplateError, "Prompt 'q', line 1"),
        ({"p": "{{ prompt_ref('q') }}", "q": "a\n{{ 1 / 0 }}"}, TemplateError, "Prompt 'q', line 2"),
        (
            {"p": "{% for n in range(2000) %}{{ prompt_ref('q') }}{% endfor %}", "q": ""},
            PromptError,
            "too many prompts",
        ),
    ],
)
def test_references_that_fail_say_which(make, prompts, error, words):
    """A reference that leads nowhere, to itself, or to a broken prompt is an error that names it."""
    with pytest.raises(error) as caught:
        make({"user": prompts}).render_user_prompt("p")
    assert words in str(caught.value)


def test_references_that_double_stop(make):
    """Prompts that refer twice to the next are refused before they take all time."""
    prompts = {f"p{n}": f"{{{{ prompt_ref('p{n + 1}') }}}}{{{{ prompt_ref('p{n + 1}') }}}}" for n in range(25)}
    with pytest.raises(PromptError, match="too many prompts"):
        make({"user": prompts | {"p25": ""}}).render_user_prompt("p0")


@settings(max_examples=100, deadline=None)
@given(value=st.text(alphabet=st.sampled_from("{}()%#ab '\"x|-\n")) | st.sampled_from(["{{A}}", "{{x}}", "((x))"]))
def test_values_are_never_read_as_template(value):
    """A value comes out as it went in: through sections, references, optional sections and defaults."""
    prompt = {
        "template": "{{x}}|{{A}}|{{ prompt_ref('q') }}|{{d}}|((<{{y}}>))",
        "sections": {"A": "{{x}}"},
        "defaults": {"d": value},
    }
    builder = PromptBuilder(ConfigPromptLibrary({"user": {"p": prompt, "q": "{{x}}"}}))
    result = builder.render_user_prompt("p", params={"x": value, "y": f"y{value}"})
    assert result.content == f"{value}|{value}|{value}|{value}|<y{value}>"


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(st.sampled_from(["{{A}}", "{{ B }}", "{{\nC }}", "{{x}}", "((", "))", "\n", "}", "text", "'"])))
def test_sections_are_placed_where_their_names_stand(pieces):
    """Placing sections is replacing each placement in the text by the section's text, as deep as it goes."""
    sections = {"A": "<{{B}}|{{ C }}>", "B": "{{ C}}\n{{x}}", "C": "c"}
    template = "".join(pieces)

    def model(text):
        return re.sub(r"\{\{\s*([ABC])\s*\}\}", lambda found: model(sections[found[1]]), text)

    assert compose(template, tuple(sections.items())).text == model(template)


@settings(max_examples=200, deadline=None)
@given(
    template=st.text(alphabet=st.sampled_from("{}%#()ABx '\"|-\n")),
    section=st.sampled_from(["{{B}}", "x{{x}}", "((", "{%", "{{ 1 /", "{% if x %}", "{{A}}"]),
)
def test_rendering_raises_only_our_errors(template, section):
    """Whatever stands in a template and its sections, it renders or is an error of ours that names the prompt."""
    prompt = {"template": f"{template}{{{{A}}}}", "sections": {"A": section, "B": template}}
    builder = PromptBuilder(ConfigPromptLibrary({"user": {"p": prompt}}))
    try:
        result = builder.render_user_prompt("p", params={"x": "value"})
    except TemplateError as error:
        assert error.prompt_name == "p"  # noqa: PT017  (either outcome is right)
    else:
        assert isinstance(result.content, str)


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


@pytest.mark.parametrize("name", ["p", "child", "main"])
def test_retrieval_says_that_it_is_not_there(make, name):
    """A prompt that retrieves is not rendered as if it had."""
    with pytest.raises(PromptError, match=r"Prompt '\w+' retrieves text for DOCS, RAG_CONTENT") as caught:
        make(RAG).render_user_prompt(name, params={"q": "why?"})
    assert caught.value.hint == "Render it with include_rag=False."


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


def test_the_namespace_is_between_caller_and_defaults(make):
    """Names that the caller did not give come from the namespace before the defaults, also in references."""
    config = {
        "user": {
            "p": {
                "template": "{{a}} {{b}} {{c}} {{d}} {{ prompt_ref('q') }}",
                "defaults": {"b": "db", "c": "dc"},
                "validation": {"required_params": ["e"]},
            },
            "q": {"template": "{{f}}", "defaults": {"f": "df"}},
        }
    }
    names = {"a": "na", "b": "nb", "e": "ne", "f": "nf", "unused": object()}
    result = make(config).render_user_prompt("p", params={"a": "ca", "d": None}, namespace=names)
    assert result.content == "ca nb dc  nf"
    assert result.validation_warnings == []
    assert result.metadata["param_origins"] == {
        "a": "caller",
        "b": "notebook",
        "c": "default",
        "d": "caller",
        "f": "notebook",
    }


class Values:
    """A source of values with a plain ``get_value``."""

    def __init__(self, **values):
        self.values = values
        self.asked = []
        self.threads = set()

    def get_value(self, key, default=None, context=None):
        self.asked.append((key, context))
        self.threads.add(threading.get_ident())
        return self.values.get(key, default)


class AsyncValues(Values):
    """A source of values with an async ``get_value``."""

    async def get_value(self, key, default=None, context=None):
        await asyncio.sleep(0)
        return super().get_value(key, default, context)


@pytest.mark.parametrize("source", [Values, AsyncValues])
def test_adapters_give_what_the_caller_did_not(make, source):
    """Adapters are asked in their order for names that are used and not given, before the namespace and defaults."""
    first, second = source(b=None, c="1c"), source(b="2b", c="2c", r="2r")
    config = {
        "user": {
            "p": {"template": "{{a}} {{b}} {{c}} {{d}} {{ prompt_ref('q') }}", "defaults": {"b": "db", "d": "dd"}},
            "q": "{{r}}{% if false %}{{ prompt_ref('nowhere') }}{% endif %}",
        }
    }
    builder = make(config, adapters={"one": first, "two": second})
    result = builder.render_user_prompt("p", params={"a": "ca"}, namespace={"c": "nc"})
    assert result.content == "ca 2b 1c dd 2r"
    assert result.metadata["param_origins"] == {
        "a": "caller",
        "b": "adapter:two",
        "c": "adapter:one",
        "d": "default",
        "r": "adapter:two",
    }
    assert [key for key, _ in first.asked] == ["b", "c", "d", "r"]
    assert first.asked[0][1] == {"a": "ca"}


async def test_the_async_builder_does_not_work_on_the_loop(tmp_path, monkeypatch):
    """Files are read, templates rendered and plain adapters asked in another thread than the loop's."""
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "p.yaml").write_text("template: '{{x}}'")
    here, readers = threading.get_ident(), set()
    read_bytes = Path.read_bytes

    def watched(path):
        readers.add(threading.get_ident())
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", watched)
    source = Values(x="value")
    builder = AsyncPromptBuilder(FileSystemPromptLibrary(tmp_path), adapters={"s": source})
    assert (await builder.render_user_prompt("p")).content == "value"
    assert len(readers) == 1
    assert here not in readers | source.threads


async def test_the_sync_builder_works_where_a_loop_runs():
    """In a notebook's cell a loop runs already; the plain methods work there, adapters included."""
    builder = PromptBuilder(ConfigPromptLibrary({"user": {"p": "{{x}}"}}), adapters={"s": AsyncValues(x=1)})
    assert builder.render_user_prompt("p").content == "1"


def test_the_sync_builder_is_not_for_the_background_loop():
    """With adapters it would wait for itself there, and says so."""
    builder = PromptBuilder(ConfigPromptLibrary({"user": {"p": "{{x}}"}}), adapters={"s": Values(x=1)})

    async def wrongly():
        return builder.render_user_prompt("p")

    with pytest.raises(RuntimeError, match="await the async one"):
        _sync.run(wrongly())


async def test_many_renders_at_once_give_each_its_own():
    """Renders of one builder that run side by side do not mix their values."""
    builder = AsyncPromptBuilder(ConfigPromptLibrary({"user": {"p": "{{x}}{{ prompt_ref('q', y=x) }}", "q": "-{{y}}"}}))
    results = await asyncio.gather(*(builder.render_user_prompt("p", params={"x": n}) for n in range(200)))
    assert [result.content for result in results] == [f"{n}-{n}" for n in range(200)]


def edits() -> Iterator[tuple[str, str, str]]:
    """File, its new text, and the text that the leaf has then."""
    yield "user/leaf.yaml", "extends: middle\nsections: {S: mine}\n", "mine"
    yield "user/leaf.yaml", "extends: middle\n", "base"
    yield "user/middle.yaml", "extends: base\nsections: {S: middle}\n", "middle"
    yield "user/base.yaml", "template: '<{{S}}>'\n", "<middle>"
    yield "system/base.yaml", "template: 'system {{S}}'\n", "system middle"


def test_an_edit_of_any_file_in_the_chain_is_used(make, tmp_path):
    """The next render uses the new text of a prompt, of its bases, and of a base that comes first now."""
    for kind in ("system", "user"):
        (tmp_path / kind).mkdir()
    (tmp_path / "user" / "base.yaml").write_text("template: '{{S}}'\nsections: {S: base}\n")
    (tmp_path / "user" / "middle.yaml").write_text("extends: base\n")
    (tmp_path / "user" / "leaf.yaml").write_text("extends: middle\n")
    builder = make(FileSystemPromptLibrary(tmp_path))
    assert builder.render_user_prompt("leaf").content == "base"
    for file, text, expected in edits():
        (tmp_path / file).write_text(text)
        assert builder.render_user_prompt("leaf").content == expected


def test_a_broken_file_is_the_error_of_whoever_renders_it(make, tmp_path):
    """The error of a file reaches the one who asks for its prompt, or for one that extends it."""
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "bad.yaml").write_text("template: x\ndefaults: [")
    (tmp_path / "user" / "child.yaml").write_text("extends: bad")
    builder = make(FileSystemPromptLibrary(tmp_path))
    for name in ("bad", "child"):
        with pytest.raises(PromptFileError, match=r"bad\.yaml, line 2"):
            builder.render_user_prompt(name)


def test_a_composite_library_composes_across_its_libraries(make):
    """A prompt of one library extends and refers to prompts of another."""
    mine = ConfigPromptLibrary({"user": {"p": {"extends": "base", "sections": {"S": "{{ prompt_ref('q') }}"}}}})
    theirs = ConfigPromptLibrary({"user": {"base": "<{{S}}>", "q": "theirs"}})
    assert make(CompositePromptLibrary([mine, theirs])).render_user_prompt("p").content == "<theirs>"


class Mutable(AbstractPromptLibrary):
    """Somebody's library, which gives the same dict every time."""

    def __init__(self):
        self.prompt = {"template": "one"}

    def get_system_prompt(self, name):
        return None

    def get_user_prompts(self, name):
        return [self.prompt]

    def get_message_index(self, name):
        return None


def test_a_foreign_library_may_change_its_dicts(make):
    """What another library gives is taken as it is at each render."""
    library = Mutable()
    builder = make(library)
    assert builder.render_user_prompt("p").content == "one"
    library.prompt["template"] = "two"
    assert builder.render_user_prompt("p").content == "two"


def test_rendering_changes_nothing_that_was_given(make):
    """Neither the caller's values nor the library's prompt are touched."""
    library = ConfigPromptLibrary({"user": {"p": {"template": "{{x}}{{y}}", "defaults": {"y": [1]}}}})
    params = {"x": [2]}
    result = make(library).render_user_prompt("p", params=params)
    result.params_used["x"].append(3)
    assert make(library).render_user_prompt("p", params={"x": 0}).content == "0[1]"
    assert library.get_user_prompt("p")["defaults"] == {"y": [1]}
    assert list(params) == ["x"]


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
