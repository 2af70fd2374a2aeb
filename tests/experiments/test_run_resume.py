"""What is paid for is kept: runs go on, edited prompts are asked anew, errors are asked again on demand."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from pathlib import Path

import pytest
from run_help import ITEMS, Model, experiment

import dknb
from dknb._sync import run as wait_for
from dknb.conversations import ConversationManager, MemoryConversationStorage, SQLConversationStorage
from dknb.errors import ExperimentNotFound, StorageError
from dknb.experiments import list_experiments, scorer

#: What a scorer was asked about.
COUNTED: list[str] = []


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request, tmp_path):
    """Each kind of store, open for the whole test."""
    if request.param == "memory":
        opened = MemoryConversationStorage()
    elif request.param == "sqlite":
        opened = SQLConversationStorage(tmp_path / "s.db")
    else:
        opened = SQLConversationStorage(request.getfixturevalue("postgres").url())
    yield opened
    wait_for(opened.close())


def test_the_same_again_asks_nothing_and_gives_the_same(store):
    """All rows come out of the store, and say so."""
    first, second = Model(), Model()
    before = experiment(first, store, repeats=2).run().frame
    after = experiment(second, store, repeats=2).run().frame
    assert len(first.asked) == 12
    assert second.asked == []
    assert after["cached"].all()
    assert not before["cached"].any()
    assert before.drop(columns="cached").equals(after.drop(columns="cached"))
    assert dknb.load_experiment("few", store=store).frame.equals(after)


def test_only_what_is_new_is_asked(store):
    """More repeats, another item, an edited prompt: the rest is served."""
    experiment(Model(), store).run()
    model = Model()
    more = experiment(model, store, repeats=2).run()
    assert sorted(model.asked) == sorted(f"{name} {each['text']}" for name in "AB" for each in ITEMS)
    assert more.frame["cached"].sum() == 6
    model = Model()
    edited = experiment(
        model, store, prompts={"a": "A {{text}}", "b": "Better {{text}}"}, data=[*ITEMS, {"text": "new", "answer": ""}]
    )
    told = edited.plan()
    assert (told.trials, told.cached, told.calls) == (8, 3, 5)
    assert any("1 new item" in line for line in told.changes)
    edited.run()
    assert sorted(model.asked) == ["A new", "Better bad", "Better good", "Better new", "Better ugly"]


def test_going_back_to_an_earlier_prompt_pays_nothing(store):
    """Trials of an earlier design stay in the store; a result has those of its own design alone."""
    experiment(Model(), store).run()
    experiment(Model(), store, prompts={"a": "A {{text}}", "b": "Other {{text}}"}).run()
    assert dknb.load_experiment("few", store=store).frame["output"].tolist()[1] == "Other good"
    model = Model()
    back = experiment(model, store).run()
    assert model.asked == []
    assert back.frame["output"].tolist()[1] == "B good"
    assert dknb.load_experiment("few", store=store).frame["output"].tolist() == back.frame["output"].tolist()


def test_the_plan_says_which_variant_sends_something_else(store):
    """A name with another design is clear about what changed."""
    experiment(Model(), store).run()
    told = experiment(Model(), store, prompts={"a": "A {{text}}", "b": "C {{text}}"}, repeats=2).plan()
    assert told.changes == (
        "changed since the last run: variant 'b' sends something else",
        "changed since the last run: repeats: 2, and were 1",
    )


def test_items_and_prompts_may_be_called_otherwise(store):
    """What is sent is the same: nothing is paid for again, and rows have the new names."""
    experiment(Model(), store).run()
    model = Model()
    data = [{**each, "id": f"item-{number}"} for number, each in enumerate(ITEMS)]
    renamed = experiment(model, store, data=data, item="id", prompts={"x": "A {{text}}", "b": "B {{text}}"}).run()
    assert model.asked == []
    assert renamed.frame["item"].unique().tolist() == ["item-0", "item-1", "item-2"]
    assert dknb.load_experiment("few", store=store).frame["variant"].unique().tolist() == ["x", "b"]


def test_items_that_say_the_same_are_asked_each():
    """Two samples are two calls, also where nothing tells them apart but their labels."""
    model = Model()
    data = [{"text": "same"}, {"text": "same"}]
    frame = experiment(model, data=data, prompts=["A {{text}}"], scorers=[], repeats=2).run().frame
    assert len(model.asked) == len(frame) == 4


def test_error_rows_stay_rows_and_are_asked_again_on_demand(store):
    """Running again leaves them; ``retry_errors`` asks just those."""
    broken = Model(fail=lambda text: "bad" in text)
    result = experiment(broken, store).run()
    failed = result.frame[result.frame["error"].notna()]
    assert failed["item"].tolist() == ["1", "1"]
    assert failed["error"].iloc[0] == "RuntimeError: no answer to A bad"
    assert failed[["output", "exact", "node_id"]].isna().all(axis=None)
    assert "2 trials failed" in result.note
    again = Model()
    run = experiment(again, store)
    assert run.run().frame["error"].notna().sum() == 2
    assert again.asked == []
    mended = run.retry_errors()
    assert sorted(again.asked) == ["A bad", "B bad"]
    assert mended.frame["error"].isna().all()
    assert mended.note is None
    assert dknb.load_experiment("few", store=store).frame["error"].isna().all()
    assert result.experiment.retry_errors().frame["error"].isna().all()


def test_another_scorer_scores_what_is_there(store):
    """New scorers and edited ones score stored answers; nothing is asked, and old ones are not run again."""
    COUNTED.clear()

    def first(output):
        COUNTED.append(output)
        return len(output)

    experiment(Model(), store, scorers=["exact", first]).run()
    model = Model()
    frame = experiment(model, store, scorers=[first, {"exact": {"ignore_case": True}}, "length"]).run().frame
    assert model.asked == []
    assert len(COUNTED) == 6
    assert frame["length"].tolist() == frame["first"].tolist() == [6.0, 6.0, 5.0, 5.0, 6.0, 6.0]


def test_a_scorer_over_the_frame_sees_all_rows(store):
    """Its numbers are stored with the others."""

    @scorer(over="frame")
    def share(frame):
        return frame["output"].str.len() / frame["output"].str.len().sum()

    frame = experiment(Model(), store, scorers=["exact", share]).run().frame
    assert frame["share"].sum() == pytest.approx(1.0)
    assert dknb.load_experiment("few", store=store).frame["share"].tolist() == frame["share"].tolist()


def test_each_trial_is_a_node_of_a_conversation(store):
    """The question below the root, its answers below each other's side; one can go on from there."""
    frame = experiment(Model(), store, repeats=2).run().frame

    async def talk():
        manager = await ConversationManager.resume("few", Model().provider, None, store)
        for row in frame.itertuples():
            node = manager.resolve(row.node_id)
            assert node.data.message.content == row.output
            assert node.parent.data.message.content == row.output
            assert node.data.metadata["trial"] == {"item": row.item, "variant": row.variant, "repeat": row.repeat}
        assert len(manager.state.message_tree.children) == 6
        await manager.switch_to_node(frame["node_id"][3])
        await manager.add_message("user", "Why?")
        answer = await manager.complete()
        assert answer.content == "Why?"

    wait_for(talk())


def test_the_ledger_has_each_call_once(store):
    """A row of kind trial for each call, with the node of the answer; served answers add none."""
    experiment(Model(), store).run()
    experiment(Model(), store, repeats=2).run()
    calls = wait_for(store.list_calls("few"))
    assert [call.kind for call in calls] == ["trial"] * 12
    assert all(call.node_seq is not None and call.cost_usd == 0.0 for call in calls)


def test_a_name_that_somebody_talks_under_is_left_to_him(store):
    """The conversation of the experiment gets a name of its own."""

    async def begin():
        await ConversationManager.create(Model().provider, None, store, conversation_id="few")

    wait_for(begin())
    experiment(Model(), store).run()
    names = {each["conversation_id"]: each["nodes"] for each in wait_for(store.list_conversations())}
    assert names == {"few": 1, "few (experiment)": 13}


def test_a_conversation_that_was_deleted_is_begun_anew(store):
    """Trials go on being stored, and their nodes hang in a new conversation."""
    experiment(Model(), store).run()
    wait_for(store.delete_conversation("few"))
    frame = experiment(Model(), store, prompts={"a": "New {{text}}"}).run().frame
    assert frame["node_id"].tolist() == ["0.0", "1.0", "2.0"]


def test_the_list_of_experiments_and_a_name_that_is_not_there(store):
    """Names, sizes and what is missing; the nearest name is told."""
    assert list_experiments(store=store).empty
    experiment(Model(fail=lambda text: text == "A bad"), store).run()
    row = list_experiments(store=store).iloc[0]
    assert (row["name"], row["items"], row["variants"], row["trials"], row["errors"], row["missing"]) == (
        "few",
        3,
        2,
        6,
        1,
        0,
    )
    with pytest.raises(ExperimentNotFound, match="'few'"):
        dknb.load_experiment("fev", store=store)


def test_an_interrupt_keeps_what_is_done(tmp_path):
    """The result is partial and says how to go on; what is done is stored, and not asked again."""
    slow = Model(delay=0.02)
    data = [{"text": f"t{number}"} for number in range(200)]
    run = experiment(slow, tmp_path / "s.db", data=data, scorers=[], max_concurrency=4)
    _interrupt_when(lambda: len(slow.asked) > 30)
    result = run.run()
    done = len(result.frame)
    assert 20 < done < 400
    assert "Interrupted" in result.note
    assert "run() again goes on" in result.note
    assert run.result is result
    again = Model()
    whole = experiment(again, tmp_path / "s.db", data=data, scorers=[]).run()
    assert len(again.asked) == 400 - done
    assert len(whole.frame) == 400
    assert whole.note is None


def _interrupt_when(ready):
    """Press the stop button as soon as ``ready()``."""

    def press():
        while not ready():
            time.sleep(0.005)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


async def test_a_cancelled_task_keeps_what_is_done(tmp_path):
    """The task is cancelled as it should be, and ``result`` has what there is."""
    slow = Model(delay=0.02)
    run = experiment(
        slow, tmp_path / "s.db", data=[{"text": f"t{number}"} for number in range(100)], max_concurrency=2, scorers=[]
    )
    task = asyncio.create_task(run.arun())
    while len(slow.asked) < 9:  # noqa: ASYNC110 - the model tells nobody
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 4 <= len(run.result.frame) < 200
    async with SQLConversationStorage(tmp_path / "s.db") as opened:
        outcomes = [call.outcome for call in await opened.list_calls("few")]
    assert outcomes.count("complete") == len(run.result.frame)
    assert outcomes.count("cancelled") == 2


def test_a_store_that_fails_loses_no_answer(tmp_path, monkeypatch):
    """The run ends with the store's error; what had come is in ``result``."""
    store = SQLConversationStorage(tmp_path / "s.db")
    run = experiment(Model(), store)
    from dknb.experiments.store.store import ExperimentStore

    async def full(self, opened, entries, **_):
        raise StorageError("the disk is full")

    monkeypatch.setattr(ExperimentStore, "write", full)
    with pytest.raises(StorageError, match="full"):
        run.run()
    assert run.result.frame["output"].notna().any()
    monkeypatch.undo()
    assert len(run.run().frame) == 6
    wait_for(store.close())


@pytest.mark.parametrize("kept", [False, True])
def test_a_connection_that_breaks_off_costs_no_answer(tmp_path, monkeypatch, kept):
    """The batch is written again, and once only, also where nobody could say whether it had been."""
    from dknb.errors import StoreUnreachable
    from dknb.experiments.running import writing
    from dknb.experiments.store.store import ExperimentStore

    monkeypatch.setattr(writing, "_PATIENCE_S", 0.01)
    write, broken = ExperimentStore.write, []

    async def breaks_once(self, opened, entries, **told):
        if broken:
            return await write(self, opened, entries, **told)
        broken.append(True)
        if kept:
            await write(self, opened, entries, **told)
        raise StoreUnreachable("gone", lost=True, unsure=True)

    monkeypatch.setattr(ExperimentStore, "write", breaks_once)
    store = SQLConversationStorage(tmp_path / "s.db")
    assert experiment(Model(), store).run().frame["node_id"].notna().all()
    assert len(wait_for(store.list_calls("few"))) == 6
    assert wait_for(store.list_conversations())[0]["nodes"] == 13
    wait_for(store.close())


def test_no_task_is_made_for_each_trial():
    """As many workers as places: a hundred thousand trials would not be a hundred thousand tasks."""
    model = Model(delay=0.005)
    experiment(model, data=[{"text": str(number)} for number in range(100)], scorers=[], max_concurrency=7).run()
    assert model.most == 7


def test_the_default_store_is_the_project_s(project: Path):
    """Without ``store=`` it lies in the folder .dknb, where ``load_experiment`` finds it."""
    experiment(Model(), None).run()
    assert (project / ".dknb" / "dknb.db").exists()
    assert len(dknb.load_experiment("few").frame) == 6


def test_a_name_is_made_where_none_is_given(tmp_path):
    """The same prompts on the same columns are the same experiment."""
    first, second = Model(), Model()
    one, other = (experiment(model, tmp_path / "s.db", name=None) for model in (first, second))
    assert one.name == other.name
    assert one.name.startswith("a vs b ")
    one.run()
    other.run()
    assert second.asked == []
