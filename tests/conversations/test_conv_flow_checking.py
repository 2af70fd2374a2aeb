"""What would stop a flow in the middle is found before: when its file is read, checked, or run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flow_help import state, talk

from dknb.conversations.flow import (
    CompositeCondition,
    ConversationFlow,
    FlowLibrary,
    JSONCondition,
    LLMClassifierCondition,
    always,
    parse_flow,
)
from dknb.conversations.flow.checking import AnyFunction
from dknb.conversations.flow.conditions import value_at
from dknb.errors import ConfigError, PromptFileError


def written(text: str, line: int) -> PromptFileError:
    """The error of a flow's text, which points at that line."""
    with pytest.raises(PromptFileError) as caught:
        parse_flow(text)
    assert caught.value.line == line
    return caught.value


@pytest.mark.parametrize("template", ["{{ x", "{% for %}", "{{ x | nofilter }}"])
def test_a_template_that_is_none_is_refused_where_it_stands(template: str) -> None:
    """The file is refused when it is read, not when the state is reached."""
    error = written(f"initial_state: a\nstates:\n  a:\n    max_loops: 1\n    template: '{template}'\n", 5)
    assert "The template is none" in str(error)


def classified(**more: Any) -> ConversationFlow:
    judge = LLMClassifierCondition(**{"classifier_prompt": "Good? {{response}}", "expected_value": "yes", **more})
    both = CompositeCondition([judge, always()])
    return ConversationFlow("f", states={"a": state("A", ("good", both, "end"))}, initial_state="a")


async def test_a_model_that_nobody_knows_is_told_before_anything_is_asked() -> None:
    """The check says it, and a run does not begin."""
    flow = classified(llm_config="bogus/z")
    (line,) = flow.validate_flow()
    assert line == "The condition 'good' of the state 'a' has no model to ask: There is no provider 'bogus'."
    manager = await talk()
    with pytest.raises(ConfigError, match=r"cannot run: .*bogus"):
        flow.start(manager)
    assert classified(llm_config="echo/x").validate_flow() == []


async def test_a_template_made_in_python_is_checked_too() -> None:
    """A flow with a broken template does not run."""
    flow = ConversationFlow("f", states={"a": state("{{ x")}, initial_state="a")
    assert flow.validate_flow()[0].startswith("The template of the state 'a' is none: ")
    manager = await talk()
    with pytest.raises(ConfigError, match="cannot run"):
        flow.start(manager)


@pytest.mark.parametrize("prompt", ["Is {{ x good?", "{% if response %}Good?{% endif %}"])
def test_a_classifiers_prompt_that_is_sent_as_it_stands_is_doubted(prompt: str) -> None:
    """It does not fail, and the model would see the braces."""
    assert any("classifier_prompt" in line for line in classified(classifier_prompt=prompt).validate_flow())


def test_a_count_written_as_a_float_is_a_count() -> None:
    """JSON Schema calls 2.0 an integer, and so do editors."""
    flow = parse_flow("initial_state: a\nmax_total_loops: 2.0\nstates: {a: {template: x, max_loops: 3.0}}")
    assert (flow.max_total_loops, flow.states["a"].max_loops) == (2, 3)
    assert type(flow.max_total_loops) is int


@pytest.mark.parametrize("seconds", [".inf", ".nan"])
def test_a_time_without_an_end_is_no_limit(seconds: str) -> None:
    """It is refused where it stands."""
    error = written(f"initial_state: a\nstates: {{a: {{template: x}}}}\ntimeout_seconds: {seconds}\n", 3)
    assert "timeout_seconds is" in str(error)
    with pytest.raises(ConfigError, match="timeout_seconds is inf"):
        ConversationFlow("f", states={"a": state("A")}, initial_state="a", timeout_seconds=float("inf"))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"not": {"$ref": "#"}},
        {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
        {
            "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}},
            "items": {"$ref": "#/$defs/a"},
        },
        {"dependentSchemas": {"x": {"$ref": "#"}}},
    ],
)
def test_a_schema_that_leads_in_a_circle_is_refused(schema: dict[str, Any]) -> None:
    """Nothing can be checked by it: it would fail after the answer was paid for."""
    with pytest.raises(ConfigError, match="leads in a circle by"):
        JSONCondition(schema=schema)


async def test_a_schema_may_refer_to_itself_below() -> None:
    """A tree is a tree of trees; what is nested too deep to be looked at does not fit."""
    tree = JSONCondition(schema={"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}})
    assert await tree.evaluate("[[], [[null]]]", {})
    assert not await tree.evaluate("[[], [[1]]]", {})
    assert not await tree.evaluate("[" * 3000 + "]" * 3000, {})


def test_an_index_in_a_path_is_made_of_our_digits() -> None:
    """An Arabic three is a key, not the number 3."""
    assert value_at({"a": [0, 1, 2, 3]}, "a.3") == (True, 3)
    assert value_at({"a": [0, 1, 2, 3]}, "a.\u0663") == (False, None)


def test_a_library_says_what_is_wrong_in_its_flows(tmp_path: Path) -> None:
    """Prompts that are not there are errors, states that nothing leads to are warnings; functions are the program's."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "a.yaml").write_text(
        "initial_state: a\nstates:\n  a: {prompt_name: ask, on_enter: hook, transitions: [{to: b}]}\n"
        "  b: {prompt_name: asks}\n  c: {template: x}\n"
    )
    library = FlowLibrary(tmp_path, AnyFunction())
    problems = library.validate(["ask"])
    assert [(each.severity, each.file) for each in problems] == [
        ("error", "flows/a.yaml"),
        ("warning", "flows/a.yaml"),
    ]
    assert "no user prompt of that name. Did you mean 'ask'?" in problems[0]
    assert [each.severity for each in library.validate()] == ["warning"]
