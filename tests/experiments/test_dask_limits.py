"""What holds for all workers together: budgets, calls at a time, rates; and what nobody sees."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from dask_help import KEY, asking, serving

from dknb.errors import AuthenticationError, DknbError
from dknb.experiments.distributed.shares import ModelShares, Shares
from dknb.llm import Budget, LLMConfig


def test_a_budget_holds_for_all_workers_together(cluster: Any, project: Path) -> None:
    """A cent a call: no more calls than cents, whoever makes them; with more, the same run goes on."""

    def price(dollars: float | None) -> None:
        from dknb.llm import CostCalculator

        CostCalculator.set_price("openai-compatible/m", prompt=dollars)

    price(10.0)
    cluster.run(price, 10.0)
    try:
        with serving(0.01) as server, Budget(0.605) as around:
            data = [{"text": f"t{number} " + "word " * 900} for number in range(120)]
            told = {"data": data, "max_tokens": 1}
            first = asking(server.model(), project / "b.db", budget=0.4, **told).run(executor=cluster)
            assert server.calls == len(first.frame) == 40
            assert first.frame["cost_usd"].sum() == pytest.approx(0.4)
            assert "larger budget" in str(first.note)
            second = asking(server.model(), project / "b.db", budget=5, **told).run(executor=cluster)
            assert server.calls == len(second.frame) == 60
            assert around.spent == pytest.approx(0.6)
            assert around.reserved == 0
    finally:
        price(None)
        cluster.run(price, None)


def test_calls_at_a_time_are_counted_over_all_workers(cluster: Any, project: Path) -> None:
    """Of a limit of the experiment, and of one of the model."""
    with serving(0.03) as server:
        asking(server.model(), project / "c.db", 60, max_concurrency=3).run(executor=cluster)
        assert 2 <= server.most <= 3
        server.most = 0
        asking(server.model(max_concurrency=5), project / "d.db", 60).run(executor=cluster)
        assert 2 <= server.most <= 5


def test_a_rate_is_shared_out_and_never_more_than_it_is() -> None:
    """What is leased counts while it is; what was made of it, for a minute from when it was made."""
    config = LLMConfig("openai", "gpt-5.4-mini", rate_limit={"requests": 10, "tokens": 1000}, max_concurrency=3)
    shares = Shares([ModelShares.of(config, None)], [600])
    first = shares.take(0.5)
    assert first is not None
    assert first[1][0].places == 1
    assert first[1][0].rates == {"requests": 5, "tokens": 600}
    assert shares.take(1.0) is None  # the largest call would not fit into the tokens that are left
    shares.give_back(first[0], [{"requests": [(1.0, 4.0)], "tokens": [(1.0, 300.0)]}])
    second = shares.take(1.0)
    assert second is not None
    assert second[1][0].places == 3
    assert second[1][0].rates == {"requests": 6, "tokens": 700}
    assert shares.take(1.0) is None
    assert shares.pause == pytest.approx(59, abs=0.5)
    shares.give_back(second[0], [{"requests": [(61.0, 6.0)], "tokens": []}])
    third = shares.take(1.0)
    assert third is not None
    assert third[1][0].rates["requests"] == 6


def test_a_minute_of_a_model_holds_on_the_cluster(cluster: Any, project: Path) -> None:
    """Twenty in a minute are twenty at once, and then none."""
    with serving(0.0) as server:
        limited = asking(server.model(rate_limit=20), project / "m.db", 60, name="minute")

        async def for_a_while() -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(limited.arun(executor=cluster), 2)

        asyncio.run(for_a_while())
        assert limited.result is not None
        assert 2 <= len(limited.result.frame) == server.calls <= 20


def test_a_key_is_used_and_shown_nowhere(
    cluster: Any, project: Path, postgres: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by what the cluster knows of its tasks, nor by logs, nor in the store; nor is the database's password."""
    with serving(0.15) as server:
        running = asking(server.model(), postgres.url(), 40, name="keys", max_concurrency=8)
        frames: list[Any] = []
        thread = threading.Thread(target=lambda: frames.append(running.run(executor=cluster).frame))
        thread.start()
        while server.calls < 5:
            time.sleep(0.01)
        told: list[Any] = [cluster.run_on_scheduler(of_scheduler), cluster.run(of_worker), cluster.call_stack()]
        thread.join()
        assert len(frames[0]) == 40
        assert server.keys == {f"Bearer {KEY}"}
        broken = asking(server.model(), postgres.url(password="wrong-pass-word"), 30, name="other")
        with pytest.raises(DknbError, match="password") as caught:
            broken.run(executor=cluster)
    assert "dknb-" in str(told[0])
    assert "sealed" in str(told[1])
    told += [cluster.get_scheduler_logs(), cluster.get_worker_logs(), caplog.text, str(caught.value)]
    with postgres.connection() as raw:
        tables = ("experiments", "trials", "nodes", "calls", "experiment_leases")
        told += [raw.execute(f"SELECT * FROM dknb.{table}").fetchall() for table in tables]
    text = repr([*told, frames[0].to_dict()])
    assert KEY not in text
    assert postgres.password not in text
    assert "wrong-pass-word" not in text


def of_scheduler(dask_scheduler: Any) -> str:
    tasks = [(task.key, repr(task.run_spec), task.group_key) for task in dask_scheduler.tasks.values()]
    return f"{tasks} {list(dask_scheduler.transition_log)}"


def of_worker(dask_worker: Any) -> str:
    tasks = [
        (task.key, repr(task), repr(task.run_spec), task.run_spec.args) for task in dask_worker.state.tasks.values()
    ]
    return f"{tasks} {list(dask_worker.state.log)}"


def test_a_key_of_the_environment_is_that_of_the_workers(
    cluster: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of this process is not sent, where it was not given."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(0.0) as server:
        model = {"provider": "openai", "model": "m", "api_base": server.model()["api_base"], "retry_count": 0}
        with pytest.raises(AuthenticationError):
            asking(model, project / "k.db", 20, name="no key").run(executor=cluster)
        assert server.calls == 0

        def set_key(key: str | None) -> None:
            import os

            os.environ.pop("OPENAI_API_KEY", None)
            if key is not None:
                os.environ["OPENAI_API_KEY"] = key

        cluster.run(set_key, "of-the-worker")
        try:
            asking(model, project / "k.db", 20, name="key").run(executor=cluster)
        finally:
            cluster.run(set_key, None)
        assert server.keys == {"Bearer of-the-worker"}
