"""An experiment is run by one at a time: two would pay for everything twice."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest
from run_help import Model, experiment

from dknb.conversations.sql import SQLConversationStorage
from dknb.conversations.stores.memory import MemoryConversationStorage
from dknb.errors import ExperimentNotFound, ExperimentRunning, LeaseLost
from dknb.experiments.running.holding import Hold
from dknb.experiments.store import claims
from dknb.experiments.store.runs import RunStore
from dknb.experiments.store.sql import SqlTrials

DATA = [{"text": str(number), "answer": "x"} for number in range(20)]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def storage(request: Any, tmp_path: Path) -> Any:
    """A store of each kind."""
    if request.param == "memory":
        return MemoryConversationStorage()
    address = tmp_path / "s.db" if request.param == "sqlite" else request.getfixturevalue("postgres").url()
    return SQLConversationStorage(address)


async def test_of_two_tasks_one_runs_and_the_other_is_told(storage: Any) -> None:
    """All is asked once; afterwards the other goes on from there."""
    model = Model(delay=0.02)
    first, second = (experiment(model, storage, data=DATA) for _ in range(2))
    done = await asyncio.gather(first.arun(), second.arun(), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["ExperimentResult", "ExperimentRunning"]
    assert len(model.asked) == 40
    assert (await second.arun()).frame["cached"].all()
    assert len(model.asked) == 40
    await storage.close()


async def test_a_run_that_was_broken_off_is_let_go_of(storage: Any) -> None:
    """Who cancels a run can run it again at once."""
    model = Model(delay=0.05)
    run = experiment(model, storage, data=DATA, max_concurrency=2)
    task = asyncio.create_task(run.arun())
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.wait([task])
    assert len((await run.arun()).frame) == 40
    await storage.close()


def _run(path: str, line: Any) -> None:
    model = Model(delay=0.05)
    run = experiment(model, path, data=DATA, max_concurrency=2)
    line.send("begins")
    run.run()


def test_another_process_is_told_until_the_first_has_died(tmp_path: Path) -> None:
    """The message says which process it is; when that is killed, the run goes on at once."""
    path = str(tmp_path / "s.db")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(path, theirs))
    process.start()
    model = Model()
    try:
        ours.recv()
        caught = _told_to_wait(path, model)
        assert f"process {process.pid}" in str(caught)
        assert model.asked == []
    finally:
        process.kill()
        process.join()
    assert len(experiment(model, path, data=DATA).run().frame) == 40
    assert 0 < len(model.asked) < 40


def _told_to_wait(path: str, model: Model) -> ExperimentRunning:
    """What it is told as soon as the other process has begun."""
    for _ in range(200):
        if os.path.exists(path):  # noqa: PTH110 - it is about the file
            store = SQLConversationStorage(path)
            if asyncio.run(_is_begun_there(store)):
                break
        time.sleep(0.02)
    with pytest.raises(ExperimentRunning) as caught:
        experiment(model, path, data=DATA).run()
    return caught.value


async def _is_begun_there(store: SQLConversationStorage) -> bool:
    try:
        return await _is_begun(RunStore(store))
    finally:
        await store.close()


async def _is_begun(store: RunStore) -> bool:
    """Whether there is an answer."""
    opened = await store.look("few")
    return opened is not None and bool(opened.trials)


async def test_who_gives_no_sign_of_life_is_taken_for_dead_and_stops_when_it_wakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process of another host, where nobody can look whether it is there."""
    store = RunStore(SQLConversationStorage(tmp_path / "s.db"))
    design = experiment("echo", data=DATA)._setup.told()
    monkeypatch.setattr(claims, "this_host", lambda: "elsewhere 1 posix")
    theirs = claims.new_claim()
    opened = await store.begin("few", design, theirs)
    monkeypatch.undo()
    with pytest.raises(ExperimentRunning, match="on elsewhere, which gave its last sign of life 0 s ago"):
        await Hold(store).look("few")
    now = time.time()
    monkeypatch.setattr(SqlTrials, "_now", lambda _: now + 29)
    with pytest.raises(ExperimentRunning):
        await Hold(store).look("few")
    await store.keep(opened, theirs)
    monkeypatch.setattr(SqlTrials, "_now", lambda _: now + 58)
    with pytest.raises(ExperimentRunning):
        await Hold(store).look("few")
    monkeypatch.setattr(SqlTrials, "_now", lambda _: now + 60)
    async with Hold(store) as hold:
        assert await hold.look("few") is not None
        with pytest.raises(LeaseLost):
            await store.write(opened, [])
        await store.release(opened, theirs)  # that of another is not its to end
        with pytest.raises(ExperimentRunning):
            await Hold(store).look("few")
    await store.close()


async def test_a_run_gives_signs_of_life(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it goes on."""
    kept = []
    keep = RunStore.keep

    async def seen(self: RunStore, opened: Any, claim: Any) -> None:
        await keep(self, opened, claim)
        kept.append(claim)

    monkeypatch.setattr("dknb.experiments.running.holding.BEAT_S", 0.01)
    monkeypatch.setattr(RunStore, "keep", seen)
    await experiment(Model(delay=0.2), storage).arun()
    assert len(kept) > 1
    count = len(kept)
    await asyncio.sleep(0.05)
    assert len(kept) == count
    await storage.close()


async def test_an_experiment_that_is_removed_while_it_runs_says_so(tmp_path: Path) -> None:
    """And nothing is written to one that has its place meanwhile."""
    storage = SQLConversationStorage(tmp_path / "s.db")
    store = RunStore(storage)
    run = experiment(Model(delay=0.05), storage, data=DATA, max_concurrency=2)
    task = asyncio.create_task(run.arun())
    while not await _is_begun(store):
        pass
    assert await store.remove("few")
    await store.begin("other", run._setup.told())
    with pytest.raises(ExperimentNotFound, match="'few' was removed from the store while it ran"):
        await task
    assert run.result is not None
    assert 0 < len(run.result.frame) < 40
    other = await store.look("other")
    assert other is not None
    assert other.trials == {}
    await storage.close()
