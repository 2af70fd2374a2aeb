"""Message indexes: a list of messages, with few-shot examples and retrieval."""

from __future__ import annotations

import pytest
from rag_help import Source, found

from dknb.errors import MissingParameters, PromptError, PromptNotFound, TemplateError
from dknb.llm import LLMMessage
from dknb.prompts import CompositePromptLibrary, ConfigPromptLibrary

EXAMPLES = [{"text": "Great!", "label": "positive"}, {"text": "Awful.", "label": "negative"}]
PAIR = [{"role": "user", "content": "Text: {{text}}"}, {"role": "assistant", "content": "{{label}}"}]


def index(*messages, **keys):
    return {"messages": {"m": {"messages": list(messages), **keys}}}


def say(messages):
    return [(message.role, message.content) for message in messages]


CLASSIFY = index(
    {"role": "system", "content": "Classify into {{labels}}((, kindly like {{name}}))."},
    {"examples": EXAMPLES, "messages": PAIR},
    {"role": "user", "content": "Text: {{text}}"},
    metadata={"version": "3"},
    defaults={"labels": "two"},
)


def test_an_index_is_a_list_of_messages(make):
    """Messages in order, examples spread out; an example's values count in its messages alone."""
    messages = make(CLASSIFY).render_message_index("m", params={"text": "Fine."})
    assert messages == [
        LLMMessage("system", "Classify into two."),
        LLMMessage("user", "Text: Great!"),
        LLMMessage("assistant", "positive"),
        LLMMessage("user", "Text: Awful."),
        LLMMessage("assistant", "negative"),
        LLMMessage("user", "Text: Fine."),
    ]


def test_the_list_says_what_the_render_did(make):
    """Beside being a list it has what the render of a prompt says."""
    result = make(CLASSIFY).render_message_index("m", params={"text": "Fine."}).result
    assert (result.params_used, result.params_missing) == ({"labels": "two", "text": "Fine."}, [])
    assert result.metadata == {
        "prompt_name": "m",
        "prompt_type": "messages",
        "template_mode": "mixed",
        "validation_level": "warn",
        "include_rag": True,
        "used_cached_rag": False,
        "param_origins": {"labels": "default", "text": "caller"},
        "version": "3",
    }


@pytest.mark.parametrize(("given", "labels"), [(EXAMPLES, ["positive", "negative"]), ([], []), (None, [])])
def test_examples_may_be_a_parameter(make, given, labels):
    """The examples of a group may come from the caller; without any there are no such messages."""
    builder = make(index({"examples": "shots", "messages": PAIR}, {"role": "user", "content": "{{text}}"}))
    messages = builder.render_message_index("m", params={"shots": given, "text": "x"})
    assert [message.content for message in messages if message.role == "assistant"] == labels
    assert messages[-1] == LLMMessage("user", "x")


def test_examples_may_come_from_the_notebook(make):
    """A parameter with examples is looked up like any other, and its origin is told."""
    messages = make(index({"examples": "shots", "messages": PAIR})).render_message_index(
        "m", namespace={"shots": EXAMPLES}
    )
    assert len(messages) == 4
    assert messages.result.metadata["param_origins"] == {"shots": "notebook"}


def test_examples_must_be_mappings(make):
    """What is no list of mappings is refused with the parameter's name."""
    with pytest.raises(PromptError, match="are a list of mappings, not shots = 'text'"):
        make(index({"examples": "shots", "messages": PAIR})).render_message_index("m", params={"shots": "text"})


def test_values_in_examples_are_data(make):
    """Nothing in an example is read as template."""
    examples = [{"text": "{{label}}((x))", "label": "{% raw %}"}]
    messages = make(index({"examples": examples, "messages": PAIR})).render_message_index("m")
    assert say(messages) == [("user", "Text: {{label}}((x))"), ("assistant", "{% raw %}")]


def test_all_keys_of_prompts_hold_for_all_messages(make):
    """Sections, bases, mode and references work in messages."""
    config = index(
        {"role": "system", "content": "{{RULES}} {{ prompt_ref('sign') }}"},
        {"role": "user", "content": "((a {{x}}))"},
        extends="base",
        sections={"RULES": "rules for {{who}}"},
        template_mode="jinja2",
    )
    config |= {
        "user": {"sign": "user sign", "base": {"template": "-", "defaults": {"who": "you"}}},
        "system": {"sign": "system sign"},
    }
    messages = make(config).render_message_index("m", params={"x": 1})
    assert say(messages) == [("system", "rules for you system sign"), ("user", "((a 1))")]


def test_required_parameters_of_an_index(make):
    """Validation is done once for all messages, before any of them."""
    config = index(
        {"role": "user", "content": "{{a}}"},
        {"role": "user", "content": "{{a}}"},
        validation={"required_params": ["a"]},
    )
    result = make(config).render_message_index("m").result
    assert (result.validation_warnings, result.params_missing) == (["Missing required parameters: a"], ["a"])
    with pytest.raises(MissingParameters):
        make(config).render_message_index("m", validation_override="error")


def test_an_index_retrieves_once_for_all_its_messages(make):
    """Examples change no query; spans tell the message; include_rag=False leaves nothing of it."""
    config = index(
        {"role": "system", "content": "Docs: {{RAG_CONTENT}}"},
        {"examples": EXAMPLES, "messages": PAIR},
        {"role": "user", "content": "{{text}}, says {{RAG_CONTENT}}"},
        rag_config_refs=["r"],
    )
    config["rag"] = {"r": {"adapter_name": "docs", "query": "{{text}}", "header": "# "}}
    source = Source(found("fact", source="s"))
    builder = make(config, adapters={"docs": source})
    messages = builder.render_message_index("m", params={"text": "why"}, return_rag_metadata=True)
    assert (messages[0].content, messages[-1].content) == ("Docs: # fact", "why, says # fact")
    assert source.asked == [("why", 5, None)]
    assert messages.result.rag_metadata["RAG_CONTENT"]["spans"] == [
        {"result": 0, "start": 8, "end": 12, "score": 1.0, "source": "s", "message": 0},
        {"result": 0, "start": 12, "end": 16, "score": 1.0, "source": "s", "message": 5},
    ]
    bare = builder.render_message_index("m", params={"text": "why"}, include_rag=False)
    assert (bare[0].content, bare[-1].content) == ("Docs: ", "why, says ")


def test_adapters_give_values_to_messages(make):
    """What the caller does not give, adapters may; the keys of an example are not asked for."""
    asked = []

    class Values:
        def get_value(self, key, default=None, context=None):
            asked.append(key)
            return {"labels": "three", "text": "it"}.get(key, default)

    config = index(*CLASSIFY["messages"]["m"]["messages"])
    messages = make(config, adapters={"v": Values()}).render_message_index("m")
    assert (messages[0].content, messages[-1].content) == ("Classify into three.", "Text: it")
    assert sorted(asked) == ["labels", "name", "text"]


def test_an_index_of_another_library(make):
    """In a composite, what an index refers to is looked up in its own library."""
    rag = {"r": {"adapter_name": "docs", "query": "second"}}
    own = ConfigPromptLibrary(
        index({"role": "user", "content": "{{RAG_CONTENT}}"}, rag_config_refs=["r"]) | {"rag": rag}
    )
    first = ConfigPromptLibrary({"rag": {"r": {"adapter_name": "docs", "query": "first"}}})
    source = Source("x")
    make(CompositePromptLibrary([first, own]), adapters={"docs": source}).render_message_index("m")
    assert source.asked == [("second", 5, None)]


def test_what_is_not_there_or_broken(make):
    """A missing index names the nearest, there are no variants, and errors name index, line and column."""
    builder = make(index({"role": "user", "content": "a\n{{ b c }}"}))
    with pytest.raises(PromptNotFound, match=r"There is no message index 'mm'. Did you mean 'm'\?"):
        builder.render_message_index("mm")
    with pytest.raises(PromptNotFound, match="has no variant 1"):
        builder.render_message_index("m", 1)
    with pytest.raises(TemplateError, match="Prompt 'm', line 2"):
        builder.render_message_index("m")
