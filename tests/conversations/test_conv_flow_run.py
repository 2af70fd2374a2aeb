"""Flows that run: what is asked, what is kept, where they go and where they stop."""

from __future__ import annotations

from typing import Any

import pytest
from flow_help import line, said, state, support, talk

from dknb.conversations import ConversationManager, MemoryConversationStorage
from dknb.conversations.flow import (
    ConversationFlow,
    CustomCondition,
    FlowState,
    LLMClassifierCondition,
    always,
    context_condition,
    keyword_condition,
    regex_condition,
)
from dknb.errors import ConfigError, FlowError
from dknb.llm import EchoProvider
from dknb.prompts import AsyncPromptBuilder, ConfigPromptLibrary


async def test_each_state_asks_the_model() -> None:
    """The prompt of a state is sent with all that was said before, and its answer is what comes next."""
    manager = await talk("hello Ann", "is it solved?", "solved!", "bye")
    result = await support().execute(manager, {"customer": "Ann"}, inputs=["it broke", "it works"])
    assert result.states == ["greet", "ask", "bye"]
    assert said(manager) == [
        ("Greet Ann.", "greet"),
        ("hello Ann", "greet"),
        ("They say: it broke", "ask"),
        ("is it solved?", "ask"),
        ("Say good bye.", "bye"),
        ("solved!", "bye"),
    ]


async def test_what_came_of_it() -> None:
    """A result has the steps as rows, the answers, the context and the costs."""
    manager = await talk("hello", "solved")
    result = await support().execute(manager, {"customer": "Ann"}, inputs=["broken"])
    rows = result.rows()
    assert [(row["step"], row["state"], row["loop"], row["transition"], row["target"]) for row in rows] == [
        (1, "greet", 1, "on", "ask"),
        (2, "ask", 1, "solved", "bye"),
        (3, "bye", 1, None, "end"),
    ]
    assert [(row["question_id"], row["answer_id"]) for row in rows] == [
        ("0", "0.0"),
        ("0.0.0", "0.0.0.0"),
        ("0.0.0.0.0", "0.0.0.0.0.0"),
    ]
    assert (rows[1]["user_input"], rows[1]["prompt"], rows[1]["response"]) == (
        "broken",
        "They say: broken",
        "solved",
    )
    assert (result.status, result.state, result.cost_usd) == ("ended", "bye", 0.0)
    assert result.history[0] == ("greet", "hello")
    assert result.response == "Echo: Say good bye."
    assert result.context == {"customer": "Ann"}


async def test_every_node_says_which_state_it_is_of() -> None:
    """Questions and answers have flow, state, run and step in their metadata."""
    manager = await talk()
    result = await line("a", "b").execute(manager, cell="cell-1")
    nodes = [tree.data for tree in manager.state.message_tree.walk()][1:]
    marks = [(n.role, n.metadata["flow"], n.metadata["state"], n.metadata["flow_step"]) for n in nodes]
    assert marks == [
        ("user", "line", "a", 1),
        ("assistant", "line", "a", 1),
        ("user", "line", "b", 2),
        ("assistant", "line", "b", 2),
    ]
    assert {(node.metadata["flow_run"], node.cell) for node in nodes} == {(result.run_id, "cell-1")}


async def test_prompts_of_the_library_get_the_context() -> None:
    """The context is stronger than a state's own parameters, and what the run knows is weaker than both."""
    library = ConfigPromptLibrary(
        {"user": {"ask": {"template": "{{a}} {{b}} {{c}} after {{response}} in {{state}}, {{loop_count}}"}}}
    )
    states = {
        "one": FlowState(template="start", transitions={"go": "two"}, transition_conditions={"go": always()}),
        "two": FlowState("ask", prompt_params={"a": "state", "b": "state"}),
    }
    flow = ConversationFlow("f", states=states, initial_state="one", initial_context={"a": "flow", "c": "flow"})
    echo, storage = EchoProvider().set_responses(["first"]), MemoryConversationStorage()
    manager = await ConversationManager.create(echo, AsyncPromptBuilder(library), storage)
    await flow.execute(manager, {"c": "call"})
    question = manager.state.current.parent
    assert question is not None
    assert question.data.message.content == "flow state call after first in two, 1"
    assert question.data.prompt_name == "ask"


async def test_parameters_come_from_what_was_said() -> None:
    """By path: from JSON that a state was answered with, from answers, and from the transcript."""
    take = {"missing": "json.sort.missing", "first": "answers.0", "all": "transcript", "lost": "json.sort.nothing"}
    states = {
        "sort": state("{{user_input}}", ("on", always(), "ask"), waits=True),
        "ask": FlowState(template="{{missing|join('+')}} | {{first}} | {{all}} | {{lost}}", params_from=take),
    }
    flow = ConversationFlow("f", states=states, initial_state="sort")
    manager = await talk('{"missing": ["x", "y"]}')
    result = await flow.execute(manager, inputs=["help {{secret}}"])
    assert result.rows()[1]["prompt"] == (
        'x+y | {"missing": ["x", "y"]} | User: help {{secret}}\n\nAssistant: {"missing": ["x", "y"]} | {{lost}}'
    )


async def test_words_of_the_user_are_the_message_where_there_is_no_prompt() -> None:
    """As they are, never rendered."""
    flow = ConversationFlow("f", states={"a": FlowState(waits=True)}, initial_state="a")
    manager = await talk()
    result = await flow.execute(manager, inputs="{{ 7 * 7 }}")
    assert result.response == "Echo: {{ 7 * 7 }}"


async def test_the_first_true_transition_wins() -> None:
    """In the order in which they were written, and no condition after it is asked."""
    asked: list[str] = []

    def noting(name: str, answer: bool) -> CustomCondition:
        return CustomCondition(lambda response: asked.append(name) or answer)

    ways = [("x", noting("x", False), "end"), ("y", noting("y", True), "b"), ("z", noting("z", True), "end")]
    flow = ConversationFlow("f", states={"a": state("A", *ways), "b": state("B")}, initial_state="a")
    result = await flow.execute(await talk())
    assert (result.states, asked, result.steps[0].transition) == (["a", "b"], ["x", "y"], "y")


async def test_a_flow_that_nothing_takes_on_says_what_it_saw() -> None:
    """The error names the state and the answer; the answer is stored, and the run can go on when a way is there."""
    flow = ConversationFlow("f", states={"a": state("A", ("ok", keyword_condition(["ok"]), "end"))}, initial_state="a")
    manager = await talk("rather not")
    with pytest.raises(FlowError, match=r"'f' stops in the state 'a': no transition is true.*'rather not'") as caught:
        await flow.execute(manager)
    error = caught.value
    assert (error.flow, error.state, error.reason, error.response) == ("f", "a", "no_match", "rather not")
    assert said(manager) == [("A", "a"), ("rather not", "a")]
    flow.states["a"].transition_conditions["ok"] = always()  # type: ignore[index]
    assert (await (await flow.resume(manager)).run()).status == "ended"


@pytest.mark.parametrize("final", [True, False])
async def test_a_final_state_ends(final: bool) -> None:
    """After its own answer, whatever its transitions; so does one without any."""
    ways = [("back", always(), "a")] if final else []
    states = {"a": state("A", ("on", always(), "b")), "b": state("B", *ways)}
    flow = ConversationFlow("f", states=states, initial_state="a", final_states=["b"] if final else [])
    result = await flow.execute(await talk())
    assert (result.states, result.status) == (["a", "b"], "ended")


async def test_a_state_may_be_called_end() -> None:
    """Then a way to it leads there, and the flow ends after it."""
    states = {"a": state("A", ("on", always(), "end")), "end": state("Good bye")}
    flow = ConversationFlow("f", states=states, initial_state="a")
    result = await flow.execute(await talk())
    assert (result.states, result.status, flow.validate_flow()) == (["a", "end"], "ended", [])


async def test_max_loops_counts_each_state() -> None:
    """A state is entered so often, and not once more."""
    flow = ConversationFlow(
        "f", states={"a": state("A", ("again", always(), "a"), max_loops=3)}, initial_state="a", max_total_loops=100
    )
    manager = await talk()
    with pytest.raises(FlowError, match="entered 3 times, and max_loops is 3") as caught:
        await flow.execute(manager)
    assert caught.value.reason == "max_loops"
    assert len(said(manager)) == 6


async def test_max_total_loops_counts_all() -> None:
    """All states together."""
    states = {"a": state("A", ("b", always(), "b")), "b": state("B", ("a", always(), "a"))}
    flow = ConversationFlow("f", states=states, initial_state="a", max_total_loops=5)
    manager = await talk()
    with pytest.raises(FlowError, match="5 states were entered, and max_total_loops is 5") as caught:
        await flow.execute(manager)
    assert (caught.value.reason, caught.value.state, len(said(manager))) == ("max_total_loops", "b", 10)


async def test_hooks_are_sync_or_async_and_change_the_context() -> None:
    """With three arguments, two or one; what they put into the context is seen by prompts and conditions."""
    told: list[Any] = []

    def enter(name: str, data: dict[str, Any], context: dict[str, Any]) -> None:
        told.append((name, data["response"], data["loop_count"]))
        context["who"] = "Ann"

    async def leave(name: str, context: dict[str, Any]) -> None:
        told.append((name, sorted(context)))
        context["done"] = True

    def alone(context: dict[str, Any]) -> None:
        told.append(context["done"])

    states = {
        "a": state(
            "Hello {{who}}",
            ("no", context_condition(lambda context: not context.get("done")), "end"),
            ("yes", context_condition(lambda context: context["done"]), "b"),
            on_enter=enter,
            on_exit=leave,
        ),
        "b": state("B", on_enter=alone, on_exit=lambda: told.append("left")),
    }
    result = await ConversationFlow("f", states=states, initial_state="a").execute(await talk())
    assert told == [("a", None, 1), ("a", ["who"]), True, "left"]
    assert (result.rows()[0]["prompt"], result.context) == ("Hello Ann", {"who": "Ann", "done": True})


@pytest.mark.parametrize("which", ["on_enter", "on_exit"])
async def test_what_a_hook_raises_surfaces(which: str) -> None:
    """As it is, with a note that says where."""

    async def fails(context: dict[str, Any]) -> None:
        raise LookupError("no such ticket")

    flow = ConversationFlow("f", states={"a": state("A", **{which: fails})}, initial_state="a")
    with pytest.raises(LookupError, match="no such ticket") as caught:
        await flow.execute(await talk())
    assert caught.value.__notes__ == [f"In {which} of the state 'a' of the flow 'f'."]


async def test_what_a_condition_raises_surfaces() -> None:
    """As it is, with a note that says where."""
    broken = CustomCondition(lambda response, context: context["nothing"])
    flow = ConversationFlow("f", states={"a": state("A", ("x", broken, "end"))}, initial_state="a")
    with pytest.raises(KeyError) as caught:
        await flow.execute(await talk())
    assert caught.value.__notes__ == ["In the condition 'x' of the state 'a' of the flow 'f'."]


async def test_a_pattern_that_takes_for_ever_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow stops with an error, and the process does not."""
    monkeypatch.setattr("dknb.conversations.flow.conditions.PATTERN_SECONDS", 0.1)
    flow = ConversationFlow(
        "f", states={"a": state("A", ("x", regex_condition(r"^(a|aa)+$"), "end"))}, initial_state="a"
    )
    with pytest.raises(FlowError, match=r"took longer than 0.1 s") as caught:
        await flow.execute(await talk("a" * 60 + "!"))
    assert caught.value.reason == "condition"


async def test_a_classifier_asks_the_flows_model_and_is_booked() -> None:
    """What it says is not part of the conversation; its call is in the ledger."""
    asks = LLMClassifierCondition("Is this good? {{response}}", "Yes")
    flow = ConversationFlow("f", states={"a": state("A", ("good", asks, "end"))}, initial_state="a")
    storage = MemoryConversationStorage()
    manager = await talk("fine", "**yes.**", storage=storage)
    result = await flow.execute(manager)
    assert (result.steps[0].transition, len(said(manager))) == ("good", 2)
    assert [call.kind for call in await storage.list_calls()] == ["chat", "condition"]


async def test_a_way_to_nowhere_is_refused_before_anything_is_asked() -> None:
    """It can be written, and told by `validate_flow`; it does not run."""
    flow = ConversationFlow("f", states={"ask": state("A", ("x", always(), "resolve"))}, initial_state="ask")
    assert flow.validate_flow() == ["The state 'ask' leads to 'resolve', which is no state."]
    manager = await talk()
    with pytest.raises(ConfigError, match="leads to 'resolve'"):
        await flow.execute(manager)
    assert said(manager) == []


def test_what_is_wrong_with_a_flow_is_listed() -> None:
    """States that no way leads to, final states that are none, and dead ends."""
    states = {"a": state("A", ("x", always(), "b")), "b": state("B"), "c": state("C", ("x", always(), "end"))}
    flow = ConversationFlow("f", states=states, initial_state="a", final_states=["z"])
    assert flow.validate_flow() == [
        "The final state 'z' is no state.",
        "No way leads to the state 'c'.",
        "The state 'b' has no way on, and is no final state.",
    ]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: FlowState(), "needs a prompt"),
        (lambda: FlowState("p", template="t"), "both the prompt 'p' and a template"),
        (lambda: FlowState("p", transitions={"x": "end"}), "'x' has no condition"),
        (lambda: FlowState("p", max_loops=0), "max_loops is 0"),
        (lambda: ConversationFlow("", states={"a": FlowState("p")}, initial_state="a"), "needs a name"),
        (lambda: ConversationFlow("f", states={}, initial_state="a"), "a state at least"),
        (lambda: ConversationFlow("f", states={"a": FlowState("p")}, initial_state="b"), "begins in 'b'"),
        (lambda: line("a", max_total_loops=0), "max_total_loops is 0"),
        (lambda: line("a", timeout_seconds=0), "timeout_seconds is 0"),
        (lambda: keyword_condition("word"), "keywords of a condition"),
        (lambda: regex_condition("("), "no regular expression"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(make: Any, says: str) -> None:
    """With an error that is a ValueError too."""
    with pytest.raises(ConfigError, match=says):
        make()
