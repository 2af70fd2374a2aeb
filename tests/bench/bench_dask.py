"""What a run on a cluster of two worker processes costs beside a local one: python tests/bench/bench_dask.py.

Calls of 0 ms to Echo tell the overhead, calls of 100 ms how many run at a time. Everything is stored and scored.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

CALLS, ASKED, AT_ONCE = 2_000, 1_000, 100


def slow() -> Any:
    """A model that takes 100 ms."""
    from dknb.llm import EchoProvider

    async def answer(messages: Any) -> str:
        import asyncio

        await asyncio.sleep(0.1)
        return str(messages[-1].content)

    return EchoProvider().set_response_function(answer)


def run(folder: str, model: Any, items: int, client: Any, **told: Any) -> float:
    from dknb.experiments import Experiment

    data = [{"text": f"t{number}", "answer": "t"} for number in range(items)]
    store = Path(folder) / f"{time.monotonic_ns()}.db"
    experiment = Experiment(
        "Say {{text}}", model, data, scorers=["exact"], name="b", store=store, progress=False, **told
    )
    began = time.perf_counter()
    frame = experiment.run(executor=client).frame
    assert len(frame) == items
    return time.perf_counter() - began


def main() -> None:
    from dask.distributed import Client, LocalCluster

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        for where in (None, client):  # imports
            run(folder, "echo", 50, where)
        here, there = (min(run(folder, "echo", CALLS, where) for _ in range(3)) for where in (None, client))
        print(f"{CALLS} calls of 0 ms: here {here:.2f} s, on the cluster {there:.2f} s,")
        print(f"  which is {(there - here) / CALLS * 1000:+.2f} ms a call (bare Dask tasks: 1.1 to 2.7 ms)")
        at_once = {"max_concurrency": AT_ONCE}
        here, there = (run(folder, slow(), ASKED, where, **at_once) for where in (None, client))
        print(
            f"{ASKED} calls of 100 ms, {AT_ONCE} at a time (ideal 1.0 s): here {here:.2f} s, on the cluster {there:.2f} s"
        )


if __name__ == "__main__":
    main()
