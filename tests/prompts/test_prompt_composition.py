"""Prompts made of others: bases, sections, references; values are data, and errors say where."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dknb.errors import MissingParameters, PromptError, PromptNotFound, TemplateError
from dknb.prompts import ConfigPromptLibrary, PromptBuilder, ValidationLevel
from dknb.prompts.compose import compose

# Bases


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
    asked = []

    class Source:
        def search(self, query, k=5, filters=None):
            asked.append(query)
            return [{"content": "x"}]

    result = make(config, adapters={"x": Source()}).render_user_prompt("child", return_rag_metadata=True)
    assert result.content == "xxx."
    assert list(result.rag_metadata) == ["A", "B", "C"]
    assert asked == ["q"]
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


# Sections


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


# References


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


# Whatever is written


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
