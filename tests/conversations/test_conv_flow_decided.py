"""The way that a run took from an answer: decided once, whoever resumes the run, and what models were paid for it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from conversations_help import ScriptedModel
from flow_help import said, state, support, talk

from dknb.conversations import ConversationManager, ConversationStorage, SQLConversationStorage
from dknb.conversations.flow import ConversationFlow, CustomCondition, LLMClassifierCondition, always, parse_flow
from dknb.errors import FlowError, ServerError
from dknb.llm import EchoProvider


def judged(target: str = "hear") -> ConversationFlow:
    """Ask; a model says whether the answer is good, and then somebody is heard, or it ends."""
    good = LLMClassifierCondition("Is it good? {{response}}", "yes")
    states = {
        "ask": state("Ask.", ("good", good, target), ("bad", always(), "sorry")),
        "hear": state("They say: {{user_input}}", waits=True),
        "sorry": state("Say sorry."),
    }
    return ConversationFlow("judged", states=states, initial_state="ask")


async def conditions(storage: ConversationStorage) -> int:
    return sum(call.kind == "condition" for call in await storage.list_calls("talk"))


@pytest.mark.parametrize("target", ["hear", "end"])
async def test_a_model_judges_an_answer_once(storage: ConversationStorage, target: str) -> None:
    """A run that waits, or has ended, is resumed where its way led, though the model would say otherwise now."""
    manager = await talk("an answer", "yes", "no", "no", storage=storage)
    await judged(target).execute(manager)
    for _ in range(2):
        manager = await ConversationManager.resume("talk", EchoProvider(), None, storage)
        result = await (await judged(target).resume(manager)).run()
        assert [(step.transition, step.target) for step in result.steps] == [("good", target)]
        assert result.status == ("ended" if target == "end" else "waiting")
    assert await conditions(storage) == 1


async def test_words_said_twice_go_the_same_way(storage: ConversationStorage) -> None:
    """A run gone on with twice from one answer takes, the second time too, the way that it took from there."""
    manager = await talk("an answer", "yes", storage=storage)
    answer = (await judged().execute(manager)).steps[0].answer
    for words in ("first", "second"):
        await manager.switch(answer)
        result = await (await judged().resume(manager)).run([words])
        assert result.states == ["ask", "hear"]
    assert await conditions(storage) == 1
    assert [child.data.metadata["user_input"] for child in answer.children] == ["first", "second"]


async def test_a_resumed_run_knows_what_its_judges_cost() -> None:
    """The price of a step has what models were paid for its way, also read back from the nodes."""
    model = ScriptedModel("an answer", "yes", "bye")
    manager = await talk(llm=model)
    flow = judged()
    await flow.execute(manager)
    result = await (await flow.resume(manager)).run(["thanks"])
    read = (await flow.resume(manager)).steps
    assert [step.cost_usd for step in result.steps] == [step.cost_usd for step in read] == [0.5, 0.25]


async def test_a_way_that_is_no_more_is_not_taken() -> None:
    """Where the flow's file was changed, its conditions are asked again."""
    manager = await talk("an answer", "yes", "no", "sorry")
    await judged().execute(manager)
    other = judged("sorry")
    result = await (await other.resume(manager)).run()
    assert [(step.transition, step.target) for step in result.steps] == [("bad", "sorry"), (None, "end")]


async def test_a_condition_that_fails_is_asked_again() -> None:
    """Nothing is kept of a way that was not found."""
    told: list[bool] = [False, True]
    flow = ConversationFlow(
        "f", states={"a": state("A", ("on", CustomCondition(lambda _: told.pop(0)), "end"))}, initial_state="a"
    )
    manager = await talk()
    with pytest.raises(FlowError, match="no transition"):
        await flow.execute(manager)
    assert (await (await flow.resume(manager)).run()).steps[0].transition == "on"


async def test_what_the_conversation_keeps_of_ended_runs_does_not_grow(storage: ConversationStorage) -> None:
    """A run that waited leaves nothing in the conversation's metadata when it has ended, unless a model judged it."""
    manager = await talk("hello", "solved", "bye", storage=storage)
    run = support().start(manager, {"customer": "Ann"})
    await run.run()
    assert [name for name in manager.metadata if name.startswith("flow_way:")] == [f"flow_way:{run.run_id}"]
    result = await run.run(["it works"])
    assert result.status == "ended"
    left = {"a": state("A", ("on", always(), "b")), "b": state("B", ("on", always(), "end"), waits=True)}
    run = ConversationFlow("left", states=left, initial_state="a").start(manager)
    await run.run(["x"])
    assert [name for name in manager.metadata if run.run_id in name] == []


DATED = """
initial_state: a
initial_context: {when: 2020-01-01, odd: [.nan], tags: [x]}
states:
  a: {template: "On {{when}}.", transitions: [{to: b}]}
  b: {template: "On {{when}} they say: {{user_input}}", waits: true}
"""


async def test_a_date_of_the_flow_itself_is_there_when_it_is_resumed(tmp_path: Path) -> None:
    """What a flow's file holds and JSON does not is not lost: the file has it still."""
    async with SQLConversationStorage(tmp_path / "store.db") as storage:
        await parse_flow(DATED, name="dated").execute(await talk(storage=storage))
        manager = await ConversationManager.resume("talk", EchoProvider(), None, storage)
        run = await parse_flow(DATED, name="dated").resume(manager)
        await run.run(["hello"])
        assert said(manager)[2][0] == "On 2020-01-01 they say: hello"
        assert (run.context["when"], run.context["tags"]) == (datetime.date(2020, 1, 1), ["x"])


async def test_another_date_in_its_place_must_be_given_anew() -> None:
    """A value that a caller or a hook put there is not taken for the flow's own."""
    flow = parse_flow(DATED, name="dated")
    for put in ({"when": datetime.date(1999, 9, 9)}, {"odd": [float("nan"), 1]}):
        manager = await talk()
        await flow.execute(manager, put)
        (name,) = put
        with pytest.raises(FlowError, match=f"its context held '{name}'") as caught:
            await flow.resume(manager)
        assert f"%%flow --go-on {name}=…" in str(caught.value.hint)
        assert (await flow.resume(manager, context={name: 1})).context[name] == 1


async def test_a_run_that_changes_a_list_of_the_flow_changes_its_own() -> None:
    """Lists and dicts of the initial context are each run's own."""

    def note(context: dict[str, Any]) -> None:
        context["seen"].append(1)

    flow = ConversationFlow(
        "f", states={"a": state("A", on_exit=note)}, initial_state="a", initial_context={"seen": []}
    )
    manager = await talk()
    assert [(await flow.execute(manager)).context["seen"] for _ in range(2)] == [[1], [1]]


async def test_a_failed_call_of_a_judge_keeps_the_answer() -> None:
    """The answer was paid for: the run goes on with it, and only the judge is asked again."""
    model = ScriptedModel("an answer", ServerError("down"), "yes")
    manager = await talk(llm=model)
    run = judged().start(manager)
    with pytest.raises(ServerError):
        await run.run()
    result = await (await judged().resume(manager)).run()
    assert [step.transition for step in result.steps] == ["good"]
    assert len(said(manager)) == 2
