"""Where the values of parameters come from, and whether they are what a prompt declares."""

from __future__ import annotations

import pytest

from dknb.errors import InvalidParameters, MissingParameters, PromptError
from dknb.prompts import ConfigPromptLibrary, PromptBuilder


class Values:
    """Has values, and notes what it was asked for."""

    def __init__(self, **values):
        self.values = values
        self.asked = []

    def get_value(self, key, default=None, context=None):
        self.asked.append((key, dict(context)))
        return self.values.get(key, default)


class AsyncValues(Values):
    async def get_value(self, key, default=None, context=None):
        return super().get_value(key, default, context)


ORDER = {"user": {"p": {"template": "{{a}}{{b}}{{c}}{{d}}{{e}}", "defaults": dict.fromkeys("abcd", "default ")}}}


@pytest.mark.parametrize("kind", [Values, AsyncValues])
def test_the_order_in_which_values_are_looked_up(make, kind):
    """Caller, adapters in order, notebook, defaults; the result says for each which it was."""
    first, second = kind(b="first "), kind(a="no", b="no", z="no")
    builder = make(ORDER, adapters={"one": first, "two": second})
    result = builder.render_user_prompt("p", params={"a": "caller "}, namespace={"b": "no", "c": "notebook "})
    assert result.content == "caller first notebook default {{e}}"
    assert result.metadata["param_origins"] == {"a": "caller", "b": "adapter:one", "c": "notebook", "d": "default"}
    assert result.params_missing == ["e"]
    assert sorted(key for key, _ in first.asked) == ["b", "c", "d", "e"]
    assert all(context == {"a": "caller "} for _, context in first.asked)


def test_adapters_are_not_asked_for_what_is_given(make):
    """When the caller gives everything nobody is asked, and nobody is asked for a placeholder of retrieval."""
    values = Values()
    prompt = {
        "template": "{{a}}{{DOCS}}",
        "rag_configs": [{"adapter_name": "x", "query": "{{b}}", "placeholder": "DOCS"}],
    }
    builder = make({"user": {"p": prompt}}, adapters={"v": values})
    builder.render_user_prompt("p", params={"a": 1, "b": 2})
    assert values.asked == []
    builder.render_user_prompt("p", params={"a": 1})
    assert values.asked == [("b", {"a": 1})]


def test_an_adapter_satisfies_a_requirement(make):
    """What an adapter has is not missing."""
    prompt = {"template": "{{a}}", "validation": {"level": "error", "required_params": ["a"]}}
    assert make({"user": {"p": prompt}}, adapters={"v": Values(a="x")}).render_user_prompt("p").content == "x"
    with pytest.raises(MissingParameters):
        make({"user": {"p": prompt}}, adapters={"v": Values()}).render_user_prompt("p")


def test_a_failing_adapter_is_named(make):
    """Who failed, and when asked for what, is told."""

    class Broken:
        def get_value(self, key, default=None, context=None):
            raise OSError("no disk")

    with pytest.raises(PromptError, match="Adapter 'v' failed when it was asked for 'a': OSError: no disk"):
        make({"user": {"p": "{{a}}"}}, adapters={"v": Broken()}).render_user_prompt("p")


def test_a_source_that_can_only_be_searched_gives_no_values(make):
    """An adapter needs not have both faces."""
    assert make({"user": {"p": "{{a}}"}}, adapters={"v": object()}).render_user_prompt("p").content == "{{a}}"


# Typed parameters


TYPED = {
    "template": "{{n}} {{tone}} {{tags}}",
    "parameters": {
        "n": {"type": "integer", "minimum": 1, "required": True},
        "tone": {"choices": ["kind", "frank"], "default": "kind"},
        "tags": {"type": "list", "items": "string", "default": []},
    },
}


def typed(level=None, **keys):
    return {"user": {"p": {**TYPED, **({"validation": {"level": level}} if level else {}), **keys}}}


def test_values_of_their_type_pass(make):
    """Values of the declared types are rendered, defaults of the declarations too."""
    result = make(typed("error")).render_user_prompt("p", params={"n": 3, "tags": ["a"]})
    assert (result.content, result.validation_warnings) == ("3 kind ['a']", [])


@pytest.mark.parametrize("level", ["error", "warn", "ignore"])
def test_values_of_another_type_are_a_problem_of_the_prompts_level(make, level):
    """ERROR raises with each name and problem, WARN says the same, IGNORE renders."""
    params = {"n": "three", "tone": "rude", "tags": [1]}
    builder = make(typed(level))
    if level == "error":
        with pytest.raises(InvalidParameters) as caught:
            builder.render_user_prompt("p", params=params)
        assert sorted(caught.value.problems) == ["n", "tags", "tone"]
        assert str(caught.value).startswith("Invalid parameters: n must be a whole number, not str 'three'; ")
        assert isinstance(caught.value, ValueError)
        return
    result = builder.render_user_prompt("p", params=params)
    assert result.content == "three rude [1]"
    assert len(result.validation_warnings) == (1 if level == "warn" else 0)


def test_values_from_anywhere_are_checked(make):
    """An adapter's value, the notebook's and one that a reference passes on are checked as the caller's is."""
    config = typed("error")
    config["user"]["ref"] = "{{ prompt_ref('p', n='x') }}"
    builder = make(config, adapters={"v": Values(n="x")})
    for call in (
        lambda: builder.render_user_prompt("p"),
        lambda: make(config).render_user_prompt("p", namespace={"n": "x"}),
        lambda: make(config).render_user_prompt("ref"),
    ):
        with pytest.raises(InvalidParameters, match="n must be"):
            call()


def test_a_required_parameter_of_a_declaration(make):
    """``required`` of a declaration is a required parameter like any other."""
    builder = make(typed("error"))
    assert builder.get_required_parameters("p") == ["n"]
    with pytest.raises(MissingParameters, match="Missing required parameters: n"):
        builder.render_user_prompt("p")


# Every mode


@pytest.mark.parametrize("mode", ["mixed", "jinja2"])
def test_bases_sections_and_references_work_in_every_mode(make, mode):
    """A child's section, its base's template and a reference with values compose, whatever the mode."""
    config = {
        "system": {"rules": {"template": "rule {{n}}", "template_mode": mode}},
        "user": {
            "base": {
                "template": "{{HEAD}}|{{ prompt_ref('rules', n=7) }}|{{BODY}}|((x{{nothing}}))",
                "sections": {"HEAD": "h", "BODY": "{{HEAD}} {{x}}"},
                "template_mode": mode,
            },
            "child": {"extends": "base", "sections": {"HEAD": "{{ prompt_ref('leaf') }}"}},
            "leaf": {"extends": "rules", "defaults": {"n": "leaf"}},
        },
    }
    result = make(config).render_user_prompt("child", params={"x": "X"})
    last = "" if mode == "mixed" else "((x{{nothing}}))"
    assert result.content == f"rule leaf|rule 7|rule leaf X|{last}"
    assert result.metadata["template_mode"] == mode


# Work that is done once


def test_no_template_is_compiled_twice(monkeypatch):
    """However often a prompt is rendered, each of its templates is compiled once, as text and as Jinja."""
    from dknb.templates import compile as compiling
    from dknb.templates.jinja import template as jinja

    texts = []
    for module, name in ((jinja, "JinjaTemplate"), (compiling, "PlainTemplate")):
        original = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda source, *rest, original=original: texts.append(source) or original(source, *rest)
        )
    mark = "only here: "
    config = {
        "user": {
            "p": {
                "template": mark + "{{S}}{% if a %}{{a}}{% endif %}{{RAG_CONTENT}}{{ prompt_ref('r', b=a) }}",
                "sections": {"S": mark + "section {{a}}"},
                "rag_configs": [
                    {"adapter_name": "docs", "query": mark + "{{a|upper}}", "item_template": mark + "{{content}}"}
                ],
            },
            "r": mark + "referred {{b}}",
        },
        "messages": {"m": {"messages": [{"role": "user", "content": mark + "message {{a|upper}}"}]}},
    }

    class Docs:
        def search(self, query, k=5, filters=None):
            return ["x", "y"]

    builder = PromptBuilder(ConfigPromptLibrary(config), {"docs": Docs()})
    for number in range(3):
        builder.render_user_prompt("p", params={"a": f"value {number}"}, return_rag_metadata=True)
        builder.render_inline(config["user"]["p"], {"a": number})
        builder.render_message_index("m", params={"a": f"value {number}"})
    ours = [text for text in texts if mark in text]
    assert len(ours) == len(set(ours)) == 5
