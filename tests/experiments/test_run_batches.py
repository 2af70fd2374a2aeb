"""Experiments by batch APIs: submitted today, collected by tomorrow's kernel, and nothing paid for twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_server import KEY, BatchServer, batch_server

from dknb._sync import run
from dknb.conversations import ConversationManager, MemoryConversationStorage
from dknb.conversations.sql import SQLConversationStorage
from dknb.errors import BudgetExceeded, ConfigError, ConnectionFailed, DesignError, ServerError
from dknb.experiments import Experiment, load_experiment
from dknb.experiments.bridges import export_requests
from dknb.llm import EchoProvider

ITEMS = [{"text": f"item {number}", "answer": f"answer to Say item {number}"} for number in range(6)]


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with batch_server() as serving:
        yield serving


def planned(server: BatchServer, store: Any, vendor: str = "openai", **told: Any) -> Experiment:
    """The same experiment each time, as another kernel makes it."""
    models = {
        "openai": {"provider": "openai", "model": "gpt-5.4-mini", "api_base": f"{server.root}/v1"},
        "anthropic": {"provider": "anthropic", "model": "claude-sonnet-4-5", "api_base": server.root},
    }
    model = {**models[vendor], "api_key": KEY, "max_tokens": 2000, "retry_delay": 0.01, "retry_count": 1}
    whole = {"data": ITEMS, "scorers": ["exact"], "name": "batched", "progress": False, **told}
    return Experiment({"say": "Say {{text}}"}, model, store=store, **whole)


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_tomorrows_kernel_collects_scores_and_books(server: BatchServer, tmp_path: Path, vendor: str) -> None:
    """A row a trial with output, score, tokens, half the price, and a node; no call was made one by one."""
    store = tmp_path / "store.db"
    (handle,) = planned(server, store, vendor).submit()
    assert handle["requests"] == 6
    early = planned(server, store, vendor).collect()
    assert len(early.frame) == 0
    assert "6 trials are in batches" in str(early.note)
    server.finish(handle["id"])
    frame = planned(server, store, vendor).collect().frame
    assert list(frame.item) == ["0", "1", "2", "3", "4", "5"]
    assert list(frame.exact) == [1.0] * 6
    assert frame.output[3] == "answer to Say item 3"
    half = {"openai": 0.002625, "anthropic": 0.009}[vendor]
    assert frame.cost_usd.tolist() == pytest.approx([half] * 6)
    assert frame.duration_s.isna().all()
    assert frame.node_id.notna().all()
    assert len(planned(server, store, vendor).batches()) == 0
    again = planned(server, store, vendor).run()
    assert again.frame.cached.all()
    assert server.calls == []
    assert len(server.batches) == 1


def test_what_is_in_a_batch_is_neither_run_nor_submitted_again(server: BatchServer, tmp_path: Path) -> None:
    """The other items are; with repeats more of the same is asked too."""
    store = tmp_path / "store.db"
    planned(server, store, data=ITEMS[:4]).submit()
    assert planned(server, store, data=ITEMS[:4]).submit() == []
    result = planned(server, store).run()
    assert sorted(server.calls) == ["Say item 4", "Say item 5"]
    assert len(result.frame) == 2
    assert "4 trials are in batches" in str(result.note)
    assert "4 in batches, for collect()" in str(planned(server, store).plan())
    server.finish("batch_0")
    assert len(planned(server, store).collect().frame) == 6


def test_errors_are_rows_that_are_retried_by_themselves(server: BatchServer, tmp_path: Path) -> None:
    """What failed or expired is an error row; what was cancelled is missing again."""
    store = tmp_path / "store.db"
    (handle,) = planned(server, store).submit()
    fates = {"Say item 1": "error", "Say item 2": "expired", "Say item 3": "cancelled"}
    server.finish(handle["id"], lambda _, body: fates.get(body["messages"][-1]["content"], "ok"), "expired")
    result = planned(server, store).collect()
    assert list(result.frame.item) == ["0", "1", "2", "4", "5"]
    assert list(result.frame.error.notna()) == [False, True, True, False, False]
    assert result.frame.exact.isna().sum() == 2
    assert "BatchError" in result.frame.error[2]
    (second,) = planned(server, store).submit(retry_errors=True)
    assert second["requests"] == 2
    (third,) = planned(server, store).submit()
    assert third["requests"] == 1
    server.finish(second["id"])
    server.finish(third["id"])
    frame = planned(server, store).collect().frame
    assert list(frame.exact) == [1.0] * 6
    assert frame.error.isna().all()


def test_a_crash_between_submission_and_storing_the_handle_pays_once(server: BatchServer, tmp_path: Path) -> None:
    """The batch that the vendor has is found by its tag, by the next submit or the next collect."""
    store = tmp_path / "store.db"
    server.lose = 1
    with pytest.raises(ConnectionFailed):
        planned(server, store, retry_count=0).submit()
    assert len(server.batches) == 1
    assert planned(server, store).submit() == []
    assert len(server.batches) == 1
    server.finish("batch_0")
    assert list(planned(server, store).collect().frame.exact) == [1.0] * 6


def test_a_submission_that_is_answered_with_nonsense_pays_once(server: BatchServer, tmp_path: Path) -> None:
    """Whether there is a batch is found out before anything is submitted again."""
    store = tmp_path / "store.db"
    server.strip_ids = True
    with pytest.raises(ServerError, match="no id"):
        planned(server, store).submit()
    assert planned(server, store).submit() == []
    assert len(server.batches) == 1


def test_a_submission_that_never_arrived_is_made_again(server: BatchServer, tmp_path: Path) -> None:
    """What the vendor does not have is forgotten, and submitted."""
    store = tmp_path / "store.db"
    server.refuse = [503, 503, 503]
    with pytest.raises(Exception, match="503"):
        planned(server, store).submit()
    server.refuse = []
    assert len(server.batches) == 0
    assert len(planned(server, store).submit()) == 1


def test_a_cut_download_stores_what_came_once(server: BatchServer, tmp_path: Path) -> None:
    """The next collect gets the rest, and the ledger has each trial once."""
    store = tmp_path / "store.db"
    (handle,) = planned(server, store).submit()
    server.finish(handle["id"])
    server.cut = 2
    with pytest.raises(ConnectionFailed):
        planned(server, store).collect()
    frame = planned(server, store).collect().frame
    assert list(frame.exact) == [1.0] * 6
    assert len(load_experiment("batched", store=store).frame) == 6
    with sqlite3.connect(store) as connection:
        (count, spent) = connection.execute("SELECT count(*), sum(cost_usd) FROM calls").fetchone()
    connection.close()
    assert count == 6
    assert spent == pytest.approx(6 * 0.002625)


def test_a_batch_that_was_not_taken_gives_error_rows(server: BatchServer, tmp_path: Path) -> None:
    """Each trial says why."""
    store = tmp_path / "store.db"
    (handle,) = planned(server, store).submit()
    server.fail(handle["id"], {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"})
    frame = planned(server, store).collect().frame
    assert frame.error.str.contains("Enqueued token limit").all()
    assert len(frame) == 6


def test_a_budget_that_may_not_hold_refuses_the_batch(server: BatchServer, tmp_path: Path) -> None:
    """A batch cannot be stopped by its price; what is in one counts as spent until it is collected."""
    store = tmp_path / "store.db"
    with pytest.raises(BudgetExceeded, match="nothing was submitted"):
        planned(server, store, budget=0.01).submit()
    assert server.batches == {}
    planned(server, store, data=ITEMS[:3], budget=0.02).submit()  # 3 x at most 2,000 tokens at half of 4.5 $/M
    with pytest.raises(BudgetExceeded):
        planned(server, store, budget=0.02).submit()


def test_results_that_were_fetched_by_hand_are_collected_from_their_file(server: BatchServer, tmp_path: Path) -> None:
    """Requests go out as a file; its results come back as trials; a stranger's results are refused."""
    store = tmp_path / "store.db"
    requests = tmp_path / "requests.jsonl"
    assert export_requests(planned(server, store), requests) == 6
    server.requests["batch_x"] = [json.loads(line) for line in requests.read_text().splitlines()]
    server.batches["batch_x"] = {"id": "batch_x"}
    server.finish("batch_x")
    results = tmp_path / "results.jsonl"
    results.write_bytes(server.files["file-output_file_id-batch_x"])
    assert list(planned(server, store).collect(results).frame.exact) == [1.0] * 6
    other = planned(server, store, data=[{"text": "something else", "answer": ""}], name="other")
    with pytest.raises(DesignError, match="belongs to this experiment"):
        other.collect(results)


def test_cancelling_tells_the_vendor(server: BatchServer, tmp_path: Path) -> None:
    """Running batches are told to stop; the table of batches shows them."""
    store = tmp_path / "store.db"
    experiment = planned(server, store)
    experiment.submit()
    table = experiment.batches()
    assert table.loc[0, ["id", "state", "requests"]].tolist() == ["batch_0", "running", 6]
    assert experiment.cancel_batches() == 1
    assert server.batches["batch_0"]["status"] == "cancelling"


def test_a_model_without_batches_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    """Echo is asked call by call."""
    experiment = Experiment("Say {{text}}", "echo", ITEMS, name="few", store=tmp_path / "s.db", progress=False)
    with pytest.raises(ConfigError, match="no batch API"):
        experiment.submit()


def test_the_answers_can_be_talked_on_with(server: BatchServer, tmp_path: Path) -> None:
    """Each is a node below its question, in the conversation of the experiment."""
    store = tmp_path / "store.db"
    (handle,) = planned(server, store).submit()
    server.finish(handle["id"])
    frame = planned(server, store).collect().frame

    async def history() -> list[str]:
        storage = SQLConversationStorage(store)
        manager = await ConversationManager.resume("batched", EchoProvider(), None, storage)
        await manager.switch_to_node(frame.node_id[2])
        said = [message.content for message in await manager.get_history()]
        await storage.close()
        return said

    assert run(history()) == ["Say item 2", "answer to Say item 2"]


@pytest.mark.parametrize("kind", ["memory", "postgres"])
def test_other_stores_keep_batches_too(server: BatchServer, kind: str, request: pytest.FixtureRequest) -> None:
    """In memory as long as the store lives, in PostgreSQL for all kernels."""
    store: Any = MemoryConversationStorage() if kind == "memory" else request.getfixturevalue("postgres").url()
    (handle,) = planned(server, store).submit()
    assert planned(server, store).submit() == []
    server.finish(handle["id"])
    assert list(planned(server, store).collect().frame.exact) == [1.0] * 6
    assert len(planned(server, store).batches()) == 0
