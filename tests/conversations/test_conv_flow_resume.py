"""Flows that stop in the middle: waiting, cancelled, out of time, killed; and go on where they were."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest
from conversations_help import ScriptedModel
from flow_help import HangingModel, line, said, state, support, talk

from dknb.conversations import ConversationManager, SQLConversationStorage
from dknb.conversations.flow import ConversationFlow, always
from dknb.errors import FlowError, FlowTimeout, ServerError
from dknb.llm import EchoProvider


async def resumed(storage: SQLConversationStorage, *answers: str) -> ConversationManager:
    return await ConversationManager.resume("talk", EchoProvider().set_responses(list(answers)), None, storage)


async def test_step_goes_through_one_state() -> None:
    """It gives what came of it; nothing where words of the user are missing, or the flow has ended."""
    manager = await talk("hello", "solved", "bye")
    run = support().start(manager, {"customer": "Ann"})
    first = await run.step()
    assert first is not None
    assert (first.state, first.response, first.target, run.state) == ("greet", "hello", "ask", "ask")
    assert await run.step() is None
    assert (run.status, run.needs_words, len(said(manager))) == ("waiting", True, 2)
    second = await run.step("it works")
    assert second is not None
    assert (second.user_input, second.target) == ("it works", "bye")
    assert await run.step() is not None
    assert (run.status, await run.step()) == ("ended", None)


async def test_stream_tells_what_happens() -> None:
    """States entered and left, pieces of answers between, and that it waits."""
    run = support().start(await talk("hello dear Ann"), {"customer": "Ann"})
    events = [event async for event in run.stream()]
    kinds = [event.kind for event in events]
    assert (kinds[0], kinds[-2:], set(kinds[1:-2])) == ("entered", ["left", "waiting"], {"piece"})
    assert (events[0].prompt, "".join(event.text for event in events)) == ("Greet Ann.", "hello dear Ann")
    assert [event.state for event in events[-2:]] == ["greet", "ask"]
    events = [event async for event in run.stream("solved")]
    assert [event.kind for event in events if event.kind != "piece"] == ["entered", "left"] * 2 + ["ended"]


async def test_the_whole_flow_streams() -> None:
    """`ConversationFlow.stream` begins a run of its own."""
    async with aclosing(line("a", "b").stream(await talk())) as events:
        told = [(event.kind, event.state) async for event in events if event.kind != "piece"]
    assert told == [("entered", "a"), ("left", "a"), ("entered", "b"), ("left", "b"), ("ended", "b")]


async def test_another_kernel_goes_on(tmp_path: Path) -> None:
    """From the store alone: the state, the loops, the context and the steps are as they were."""
    async with SQLConversationStorage(tmp_path / "store.db") as storage:
        manager = await talk("hello", "not yet", storage=storage)
        before = support().start(manager, {"customer": "Ann", "ticket": 7})
        await before.run(["it broke"])
        assert before.status == "waiting"

    async with SQLConversationStorage(tmp_path / "store.db") as storage:
        manager = await resumed(storage, "solved")
        run = await support().resume(manager)
        assert (run.run_id, run.context) == (before.run_id, {"customer": "Ann", "ticket": 7})
        result = await run.run(["it works"])
        assert result.states == ["greet", "ask", "ask", "bye"]
        assert [row["transition"] for row in result.rows()] == ["on", "again", "solved", None]
        assert [row["loop"] for row in result.rows()] == [1, 1, 2, 1]


async def test_an_ended_run_stays_ended(tmp_path: Path) -> None:
    """Nothing is asked again, and no hook is called."""
    async with SQLConversationStorage(tmp_path / "store.db") as storage:
        await line("a", "b").execute(await talk(storage=storage))
        flow = ConversationFlow(
            "line", states={"a": state("A", ("next", always(), "b")), "b": state("B")}, initial_state="a"
        )
        manager = await resumed(storage)
        run = await flow.resume(manager)
        assert (run.status, (await run.run()).states, len(said(manager))) == ("ended", ["a", "b"], 4)


async def test_loops_are_counted_across_kernels(tmp_path: Path) -> None:
    """A limit is one for the whole run."""
    flow = line("a", "b", "c", max_total_loops=2)
    async with SQLConversationStorage(tmp_path / "store.db") as storage:
        run = flow.start(await talk(storage=storage))
        await run.step()
        run = await flow.resume(await resumed(storage))
        with pytest.raises(FlowError, match="2 states were entered"):
            await run.run()


async def test_the_last_of_several_runs_is_resumed() -> None:
    """Another one by its id."""
    manager = await talk()
    first = await line("a").execute(manager)
    second = await line("a").execute(manager)
    assert (await line("a").resume(manager)).run_id == second.run_id
    assert (await line("a").resume(manager, first.run_id)).run_id == first.run_id


async def test_what_cannot_be_resumed_is_told() -> None:
    """No run here, none of that id, or a state that is gone."""
    manager = await talk()
    with pytest.raises(FlowError, match="holds no run of it"):
        await line("a").resume(manager)
    await line("old").execute(manager)
    with pytest.raises(FlowError, match="holds no run 'x' of it"):
        await line("old").resume(manager, "x")
    with pytest.raises(FlowError, match=r"no state 'old' any more. Did you mean 'olds'"):
        await line("olds").resume(manager)


async def test_a_question_without_an_answer_is_asked_again() -> None:
    """After a failed call, in the same run and in another one; the limits count it once."""
    model = ScriptedModel(ServerError("down"), ServerError("still down"), "up")
    manager = await talk(llm=model)
    flow = line("a", max_total_loops=1)
    run = flow.start(manager)
    for go_on in (run, run):
        with pytest.raises(ServerError):
            await go_on.run()
    result = await (await flow.resume(manager)).run()
    assert (result.states, said(manager)) == (["a"], [("I am a", "a"), ("up ", "a")])


async def test_time_runs_out() -> None:
    """The call is cancelled, what had arrived is kept with its state's name, and the run can go on."""
    model = HangingModel("half ", "an ", "answer")
    manager = await talk(llm=model)
    flow = line("a", "b", timeout_seconds=0.3)
    with pytest.raises(FlowTimeout, match=r"stopped in the state 'a': it took longer than 0.3 s") as caught:
        await flow.execute(manager)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.reason, model.cancelled) == ("timeout", 1)
    partial = manager.state.current.data
    assert (partial.message.content, partial.state, partial.metadata["state"]) == ("half an answer", "incomplete", "a")
    manager.llm = EchoProvider()
    result = await (await flow.resume(manager)).run()
    assert result.states == ["a", "b"]
    assert [child.data.state for child in manager.state.message_tree.children[0].children] == ["incomplete", "complete"]


async def test_time_runs_out_where_nothing_waits() -> None:
    """A flow that goes round without waiting for anything is stopped too."""
    flow = ConversationFlow(
        "f",
        states={"a": state("A", ("again", always(), "a"))},
        initial_state="a",
        max_total_loops=10**6,
        timeout_seconds=0.2,
    )
    with pytest.raises(FlowTimeout):
        await flow.execute(await talk())


async def test_waiting_for_the_user_takes_no_time() -> None:
    """Only what the run itself takes is counted."""
    run = support(timeout_seconds=0.5).start(await talk("hello", "solved"), {"customer": "Ann"})
    await run.run()
    await asyncio.sleep(0.6)
    assert (await run.run("works")).status == "ended"


async def test_who_is_cancelled_keeps_what_arrived() -> None:
    """The task ends, the call is cancelled, and the answer's beginning is there."""
    model = HangingModel("so ", "far")
    manager = await talk(llm=model)
    task = asyncio.create_task(line("a").execute(manager))
    await model.silent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (model.cancelled, said(manager)) == (1, [("I am a", "a"), ("so far", "a")])


async def test_who_leaves_a_stream_keeps_what_arrived() -> None:
    """Closing the events cancels the call."""
    model = HangingModel("so ", "far")
    manager = await talk(llm=model)
    async with aclosing(line("a").stream(manager)) as events:
        async for event in events:
            if event.text == "far":
                break
    assert said(manager) == [("I am a", "a"), ("so far", "a")]


CHILD = """
import asyncio, os, sys
from dknb.conversations import ConversationManager, SQLConversationStorage
from dknb.conversations.flow import parse_flow
from dknb.llm import EchoProvider

async def main():
    storage = SQLConversationStorage(sys.argv[1])
    manager = await ConversationManager.create(EchoProvider(), None, storage, conversation_id="talk")
    run = parse_flow(sys.argv[2]).start(manager, {"customer": "Ann"})
    async for event in run.stream():
        if event.kind == "entered" and event.state == "two":
            os._exit(9)

asyncio.run(main())
"""

FLOW = """
name: killed
initial_state: one
states:
  one: {template: "First, {{customer}}", transitions: [{to: two}]}
  two: {template: "Second, {{customer}}", transitions: [{to: three}]}
  three: {template: "Third, {{customer}}"}
"""


async def test_a_process_that_dies_is_followed_by_another(tmp_path: Path) -> None:
    """The question that it had asked is answered, and the flow goes on with its context."""
    from dknb.conversations.flow import parse_flow

    path = tmp_path / "store.db"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", CHILD, str(path), FLOW], env=environment, timeout=60, check=False
    )
    assert child.returncode == 9
    async with SQLConversationStorage(path) as storage:
        manager = await resumed(storage)
        run = await parse_flow(FLOW).resume(manager)
        assert (run.state, run.loops.total(), len(run.steps)) == ("two", 2, 1)
        result = await run.run()
        assert [row["prompt"] for row in result.rows()] == ["First, Ann", "Second, Ann", "Third, Ann"]
