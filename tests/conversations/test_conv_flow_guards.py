"""What a flow refuses, and what it says of what it cannot keep."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Any

import pytest
from conversations_help import ScriptedModel
from flow_help import line, state, support, talk

from dknb.conversations import ConversationManager, MemoryConversationStorage
from dknb.conversations.flow import (
    AlwaysCondition,
    CompositeCondition,
    ContextCondition,
    ConversationFlow,
    CustomCondition,
    FlowLibrary,
    FlowState,
    JSONCondition,
    KeywordCondition,
    LLMClassifierCondition,
    SentimentCondition,
    always,
    parse_flow,
)
from dknb.errors import ConfigError, FlowError, PromptFileError


def test_the_fields_stand_in_the_order_of_the_seed() -> None:
    """So that they can be given by place."""
    ask = FlowState("ask", {"on": "end"}, {"on": AlwaysCondition()}, 2, {"a": 1}, None, None, {"b": 2})
    assert (ask.max_loops, ask.prompt_params, ask.metadata) == (2, {"a": 1}, {"b": 2})
    flow = ConversationFlow("n", "what for", {"a": ask}, "a", ["a"], {"c": 3})
    assert (flow.description, flow.initial_state, flow.final_states, flow.metadata) == (
        "what for",
        "a",
        ["a"],
        {"c": 3},
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: state("A", ("on", lambda response: True, "end")),  # type: ignore[arg-type]
        lambda: CompositeCondition([None]),  # type: ignore[list-item]
        lambda: CustomCondition("name"),  # type: ignore[arg-type]
        lambda: ContextCondition(None),  # type: ignore[arg-type]
        lambda: KeywordCondition([]),
        lambda: JSONCondition(schema={"type": "objekt"}),
        lambda: JSONCondition(schema={"$ref": "file:///etc/passwd"}),
        lambda: JSONCondition(schema={"properties": {"a": {"$ref": "#/$defs/lost"}}}),
        lambda: state("A", max_loops=1.5),
        lambda: line("a", max_total_loops=True),
        lambda: line("a", timeout_seconds="3"),
        lambda: ConversationFlow("n", "a", {"a": state("A")}),
        lambda: ConversationFlow("n", states=["a"], initial_state="a"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_is_refused_at_once(make: Any) -> None:
    """Not when the flow has come there."""
    with pytest.raises(ConfigError):
        make()


async def test_a_schema_may_refer_to_itself() -> None:
    """To its definitions, and to what it names."""
    schema = {"$defs": {"n": {"$id": "https://x/n", "type": "integer"}}, "items": {"$ref": "https://x/n"}}
    for answer, fits in (("[1, 2]", True), ('["a"]', False)):
        assert await JSONCondition(schema=schema).evaluate(answer, {}) is fits
    assert await JSONCondition(schema={"$ref": "#/$defs/n", "$defs": {"n": {"type": "array"}}}).evaluate("[1]", {})


@pytest.mark.parametrize(
    "when", ["{keyword: []}", "{json: {schema: {type: objekt}}}", "{json: {schema: {$ref: 'file:///etc/passwd'}}}"]
)
def test_a_file_is_refused_where_it_is_read(when: str) -> None:
    """With the line."""
    text = (
        f"initial_state: a\nstates:\n  a:\n    template: A\n    transitions:\n      - to: end\n        when: {when}\n"
    )
    with pytest.raises(PromptFileError) as caught:
        parse_flow(text)
    assert caught.value.line == 7


def test_files_that_are_no_flows_by_their_names_are_told(tmp_path: Path) -> None:
    """Those that are left out, and why; also one behind another of its name."""
    folder = tmp_path / "flows"
    folder.mkdir()
    for name in ("ok.yaml", "ok.yml", "bad name.yaml", "t\xe4st.yaml", "X.YAML", "notes.txt"):
        (folder / name).write_text("initial_state: a\nstates: {a: {template: A}}\n")
    library = FlowLibrary(tmp_path)
    assert library.names() == ["ok"]
    told = library.validate()
    assert [line.split(":")[0] for line in told] == [
        "flows/X.YAML",
        "flows/bad name.yaml",
        "flows/ok.yml",
        "flows/t\xe4st.yaml",
    ]
    assert "hidden by 'ok.yaml'" in told[2]


async def test_two_steps_at_once_are_refused() -> None:
    """The second is told, and the first goes on."""
    model = ScriptedModel("one", "two")
    model.gate = asyncio.Event()
    run = line("a", "b").start(await talk(llm=model))
    first = asyncio.create_task(run.step())
    await asyncio.sleep(0)
    with pytest.raises(FlowError, match="in the middle of a step") as caught:
        await run.step()
    assert caught.value.reason == "busy"
    model.gate.set()
    await first
    assert [step.state for step in run.steps] == ["a"]
    assert (await run.run()).status == "ended"


async def test_what_could_not_be_kept_is_asked_for() -> None:
    """By name, when the run is resumed; an ended one needs it no more."""
    manager = await talk("hello")
    context = {"customer": "Ann", "day": datetime.date(2020, 1, 1), "deep": {1: "x"}, 2: "two", "pair": (1, 2)}
    await support().start(manager, context).run()  # type: ignore[arg-type]
    with pytest.raises(FlowError, match="held 'day', 'deep', '2', which is no JSON data"):
        await support().resume(manager)
    given = {"day": context["day"], "deep": {1: "x"}, 2: "two"}
    run = await support().resume(manager, context=given)  # type: ignore[arg-type]
    assert run.context == {"customer": "Ann", "pair": [1, 2], **given}
    manager = await talk()
    flow = ConversationFlow("short", states={"a": state("A")}, initial_state="a")
    await flow.execute(manager, {"day": context["day"]})
    assert (await flow.resume(manager)).status == "ended"


@pytest.mark.parametrize(
    "marks",
    [
        {},
        {"flow_step": 1},
        {"flow_step": 1, "state": ["ask"]},
        {"flow_step": 1, "state": "ask", "flow_context": [1]},
        {"flow_step": 1, "state": "ask", "user_input": 5},
        {"flow_step": 1, "state": "nowhere"},
    ],
)
async def test_marks_that_no_run_made_are_refused(marks: dict[str, Any]) -> None:
    """Metadata is data: whoever wrote it."""
    manager = await talk()
    await manager.add_message(content="x", metadata={"flow": "support", "flow_run": "z", **marks})
    with pytest.raises(FlowError, match="cannot be resumed here"):
        await support().resume(manager)


async def test_on_exit_is_called_once_for_an_answer() -> None:
    """Also where the answer is looked at again; a resumed run says that it may have been called."""
    told: list[dict[str, Any]] = []

    def flow(word: str) -> ConversationFlow:
        leave = state(
            "A", ("on", KeywordCondition([word]), "end"), on_exit=lambda name, data, context: told.append(data)
        )
        return ConversationFlow("exit", states={"a": leave}, initial_state="a")

    manager = await talk("hello")
    run = flow("bye").start(manager)
    for _ in range(2):
        with pytest.raises(FlowError, match="no transition is true"):
            await run.run()
    assert [data["resumed"] for data in told] == [False]
    assert (await (await flow("hello").resume(manager)).run()).status == "ended"
    assert [data["resumed"] for data in told] == [False, True]


async def test_a_classifier_and_a_sentiment_decide_a_run() -> None:
    """The classifier asks the flow's model, with the answer in its prompt; the sentiment asks nobody."""
    sort = LLMClassifierCondition("One word, bug or other: {{response}}", "bug")
    states = {
        "a": state(
            "A", ("bug", sort, "mend"), ("sad", SentimentCondition("negative"), "soothe"), ("on", always(), "end")
        ),
        "mend": state("M"),
        "soothe": state("S"),
    }
    flow = ConversationFlow("sort", states=states, initial_state="a")
    for answer, verdict, visited in (
        ("It crashes", '"Bug."', ["a", "mend"]),
        ("It is terrible", "other", ["a", "soothe"]),
        ("It is blue", "debug", ["a"]),
    ):
        model = ScriptedModel(answer, verdict)
        manager = await ConversationManager.create(model, None, MemoryConversationStorage())
        assert (await flow.execute(manager)).states == visited
        assert model.sent[1][-1].content.strip() == f"One word, bug or other: {answer}"
