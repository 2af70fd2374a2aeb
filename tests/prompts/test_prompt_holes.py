"""Values that are given but not whole, in the wrong place, too late, or with a secret in their error."""

from __future__ import annotations

import asyncio
import threading

import pytest
from rag_help import Source, found

from dknb.errors import ConfigError, MissingParameters, PromptError
from dknb.prompts import values as values_module

ITEMS = "{% for example in examples %}{{ example.text }}: {{ example.label }}\n{% endfor %}"
EXAMPLES = [{"text": "a", "label": "x"}, {"text": "b"}]

# Holes


@pytest.mark.parametrize(
    ("template", "params", "hole"),
    [
        (ITEMS, {"examples": EXAMPLES}, "example.label"),
        ("{{ article.text }}", {"article": {"title": "t"}}, "article.text"),
        ("{{ rows[1] }}", {"rows": [1]}, "rows[1]"),
    ],
)
def test_a_hole_in_a_given_value_counts(make, template, params, hole):
    """It is a warning or an error, as a missing parameter is."""
    builder = make({"user": {"p": template}})
    result = builder.render_user_prompt("p", params=params)
    assert result.params_missing == [hole]
    assert result.validation_warnings == [f"Missing required parameters: {hole}"]
    with pytest.raises(MissingParameters) as raised:
        builder.render_user_prompt("p", params=params, validation_override="error")
    assert raised.value.names == [hole]
    ignored = builder.render_user_prompt("p", params=params, validation_override="ignore")
    assert (ignored.params_missing, ignored.validation_warnings) == ([hole], [])


@pytest.mark.parametrize(
    "template",
    [
        "{{ article.text|default('') }}",
        "{% if article.text %}{{ article.text }}{% endif %}",
        "{% for each in article.tags %}{{ each }}{% endfor %}",
    ],
)
def test_what_shows_no_hole_is_none(make, template):
    """A default, a condition and a loop over nothing print nothing of the kind."""
    builder = make({"user": {"p": template}})
    result = builder.render_user_prompt("p", params={"article": {}}, validation_override="error")
    assert result.content == ""


def test_a_hole_in_a_prompt_that_is_referred_to_counts(make):
    """The whole text goes to the model."""
    builder = make({"user": {"p": "{{ prompt_ref('q') }}", "q": "{{ article.text }}"}})
    with pytest.raises(MissingParameters, match=r"article\.text"):
        builder.render_user_prompt("p", params={"article": {}}, validation_override="error")


@pytest.mark.parametrize("named", [True, False])
def test_an_example_that_lacks_a_key_counts(make, named):
    """Its place among the examples is named; what is not shown is no hole."""
    messages = [
        {"role": "user", "content": "{{text}}((, {{extra}}))"},
        {"role": "assistant", "content": "{{label}}{{tone}}"},
    ]
    step = {"examples": "shots" if named else EXAMPLES, "messages": messages}
    builder = make({"messages": {"m": {"messages": [step], "defaults": {"tone": "!"}}}})
    params = {"shots": EXAMPLES} if named else {}
    hole = "shots[1].label" if named else "examples[1].label"
    result = builder.render_message_index("m", params=params).result
    assert result.validation_warnings == [f"Missing required parameters: {hole}"]
    assert hole in result.params_missing
    with pytest.raises(MissingParameters) as raised:
        builder.render_message_index("m", params=params, validation_override="error")
    assert raised.value.names == [hole]


# Where parameters stand


def test_parameters_may_stand_second(make):
    """Where the index is left out; it is never taken for one."""
    messages = {"messages": [{"role": "user", "content": "{{a}}"}]}
    builder = make({"user": {"p": ["{{a}}", "1{{a}}"]}, "messages": {"m": messages}})
    assert builder.render_user_prompt("p", {"a": "x"}).content == "x"
    assert builder.render_user_prompt("p", 1, {"a": "x"}).content == "1x"
    assert builder.render_message_index("m", {"a": "x"})[0].content == "x"
    for render in (lambda: builder.render_user_prompt("p", {"a": 1}, {"a": 2}),):
        with pytest.raises(ConfigError, match="There are parameters twice"):
            render()
    with pytest.raises(ConfigError, match=r"The parameters are \['a'\], which is no mapping"):
        builder.render_user_prompt("p", 0, ["a"])


# Adapters that give values


class Hanging:
    """Gives no answer."""

    def __init__(self):
        self.end = threading.Event()

    def get_value(self, key, default=None, context=None):
        self.end.wait(60)
        return default


class AsyncHanging(Hanging):
    async def get_value(self, key, default=None, context=None):
        await asyncio.sleep(60)


@pytest.mark.parametrize("kind", [Hanging, AsyncHanging])
def test_an_adapter_that_hangs_is_an_error(make, monkeypatch, kind):
    """It names the adapter and what it was asked for; nothing waits for it."""
    monkeypatch.setattr(values_module, "TIMEOUT", 0.05)
    adapter = kind()
    builder = make({"user": {"p": "{{a}}"}}, adapters={"slow": adapter})
    with pytest.raises(PromptError, match=r"Adapter 'slow' gave no answer within 0\.05 seconds .* asked for 'a'"):
        builder.render_user_prompt("p")
    adapter.end.set()


def test_an_adapters_own_timeout_is_told_as_it_is(make):
    """It is not taken for ours."""

    class Late:
        def get_value(self, key, default=None, context=None):
            raise TimeoutError("the server is busy")

    with pytest.raises(PromptError, match=r"Adapter 'v' failed .*: TimeoutError: the server is busy"):
        make({"user": {"p": "{{a}}"}}, adapters={"v": Late()}).render_user_prompt("p")


# What goes into saved notebooks

SECRET = "sk-ant-" + "api03-" + "x1" * 12


class Broken(Source):
    def get_value(self, key, default=None, context=None):
        if key == "a":
            raise OSError(f"refused {SECRET} at postgres://ada:pw1234@host/db")


def test_secrets_in_an_adapters_error_are_not_told(make):
    """In neither the warnings, the metadata of retrieval, nor the error."""
    docs = Broken(error=RuntimeError(f"boom {SECRET} at postgres://ada:pw1234@host/db"))
    rag = {"adapter_name": "docs", "query": "q"}
    builder = make(
        {"user": {"p": {"template": "{{RAG_CONTENT}}", "rag_configs": [rag]}, "q": "{{a}}"}}, adapters={"docs": docs}
    )
    result = builder.render_user_prompt("p", return_rag_metadata=True)
    told = "RuntimeError: boom [removed] at postgres://[removed]@host/db"
    assert result.rag_metadata["RAG_CONTENT"]["error"] == told
    assert result.validation_warnings == [f"Retrieval for 'RAG_CONTENT' from 'docs' failed: {told}"]
    with pytest.raises(PromptError, match=r"OSError: refused \[removed\] at postgres://\[removed\]@host/db$"):
        builder.render_user_prompt("q")


# Retrieved texts


def rag(make, *results, **config):
    prompt = {"template": "{{RAG_CONTENT}}", "rag_configs": [{"adapter_name": "docs", "query": "q", **config}]}
    source = Source(*results)
    return make({"user": {"p": prompt}}, adapters={"docs": source}).render_user_prompt("p", return_rag_metadata=True)


def test_texts_do_not_run_together(make):
    """Unless somebody wrote a template for them; the places of the results are still right."""
    result = rag(make, found("It was 1901."), found("The cat sat."), found("\nA"), found("B "), found("C"))
    assert result.content == "It was 1901.\nThe cat sat.\nA\nB C"
    spans = result.rag_metadata["RAG_CONTENT"]["spans"]
    assert [result.content[each["start"] : each["end"]] for each in spans] == [
        "It was 1901.",
        "The cat sat.",
        "A",
        "B",
        "C",
    ]
    assert rag(make, found("a"), found("b"), item_template="{{content}}").content == "ab"
    assert rag(make, found("a"), found("b"), header="H: ").content == "H: a\nb"


def test_a_result_must_score_enough(make):
    """Where a configuration says so; one without a score cannot be told, and stays."""
    results = [found("a", 0.9), found("b", 0.03), {"content": "c"}, found("d", 0.5)]
    assert rag(make, *results, min_score=0.5).content == "a\nc\nd"
    assert rag(make, *results, min_score=0.5).rag_metadata["RAG_CONTENT"]["min_score"] == 0.5
    assert rag(make, *results, min_score=0.5, k=2).content == "a\nc"
    assert rag(make, found("b", 0.03), min_score=0.5).content == ""
    with pytest.raises(PromptError, match=r"rag_configs\.0\.min_score must be a number, not text"):
        rag(make, min_score="high")


def test_an_earlier_answer_is_not_taken_for_another_score(make):
    """It may lack what scores less."""
    source = Source(found("a", 0.9), found("b", 0.1))
    prompts = {
        name: {"template": "{{RAG_CONTENT}}", "rag_configs": [{"adapter_name": "docs", "query": "q", **config}]}
        for name, config in {"p": {"min_score": 0.5}, "q": {}}.items()
    }
    builder = make({"user": prompts}, adapters={"docs": source}, rag_cache_seconds=60)
    first = builder.render_user_prompt("p", return_rag_metadata=True)
    assert builder.render_user_prompt("q", cached_rag=first.rag_metadata).content == "a\nb"
    assert builder.render_user_prompt("p", cached_rag=first.rag_metadata).content == "a"
    assert len(source.asked) == 2
