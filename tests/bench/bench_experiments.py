"""What a run costs: time of 1,000 calls with storage and scoring, overhead of a trial, memory of 20,000 trials.

    python tests/bench/bench_experiments.py [rounds]

A loopback server in another process answers each call after 100 ms. The promises: 1,000 such calls at concurrency 100 end
within 2.5 s (ideal 1.0), every row stored and scored, each answer a node of a conversation; 20,000 trials stay under
300 MB; and the same run again, out of the store, makes no call.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

CALLS, CONCURRENCY, DELAY = 1000, 100, 0.1
WALL_LIMIT, MEMORY_LIMIT_MB, MANY = 2.5, 300, 20_000
TEMPLATE = "What is the weakest argument of this paper, and why?\n{{text}}"


def rows(count: int) -> list[dict[str, str]]:
    return [{"text": f"Paper {number} has three arguments. " * 3, "answer": "The"} for number in range(count)]


def experiment(folder: str, model: Any, count: int, **more: Any) -> Any:
    from dknb.experiments import Experiment

    return Experiment(
        [TEMPLATE],
        [model],
        rows(count),
        scorers=["contains"],
        name="bench",
        store=Path(folder) / "store.db",
        max_concurrency=CONCURRENCY,
        progress=False,
        **more,
    )


def delayed_echo() -> Any:
    from dknb.llm import EchoProvider

    async def answer(messages: Any) -> str:
        await asyncio.sleep(DELAY)
        return "The weakest argument is the third one."

    return EchoProvider().set_response_function(answer)


def timed(make_model: Any) -> tuple[float, float]:
    """Seconds of a run and of the same run again, out of the store."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        frame = experiment(folder, make_model(), CALLS).run().frame
        first = time.perf_counter() - began
        assert len(frame) == CALLS
        assert frame.error.isna().all(), frame.error.dropna().iloc[0]
        assert frame.contains.notna().all()
        assert frame.node_id.notna().all()
        began = time.perf_counter()
        again = experiment(folder, make_model(), CALLS).run().frame
        second = time.perf_counter() - began
        assert again.cached.all()
    return first, second


def memory(pipe: Connection) -> None:
    """Peak megabytes of a process that runs many trials on Echo."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        frame = experiment(folder, "echo", MANY // 4, repeats=4).run().frame
        seconds = time.perf_counter() - began
        assert len(frame) == MANY
    pipe.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds))


def in_process(work: Any) -> Any:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(theirs,))
    process.start()
    found = ours.recv()
    process.join()
    return found


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    peak, seconds = in_process(memory)  # first: a child's peak is never told as less than its parent's size
    held = peak <= MEMORY_LIMIT_MB
    print(
        f"{MANY:,} trials on Echo: {peak:.0f} MB at most, {seconds:.1f} s"
        f"  {'holds' if held else 'MISSES'} {MEMORY_LIMIT_MB} MB",
        flush=True,
    )
    from bench_calls import serve  # here, so that the process whose memory is measured does not load it

    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    base = f"http://127.0.0.1:{ours.recv()}/v1"
    openai = {"provider": "openai", "model": "gpt-5.4-mini", "api_base": base, "api_key": "not-a-key"}
    for name, model in (("Echo that waits", delayed_echo), ("openai, loopback", lambda: openai)):
        timed(model)  # what is imported and loaded once is not a run's
        found = [timed(model) for _ in range(rounds)]
        first, second = (statistics.median(each) for each in zip(*found, strict=True))
        good = first <= WALL_LIMIT
        held = held and good
        over = (first - CALLS * DELAY / CONCURRENCY) / CALLS * 1000
        print(
            f"{name:18} {CALLS:,} calls of {DELAY:g} s, {CONCURRENCY} at a time: {first:5.2f} s"
            f"  ({over:.2f} ms a trial above the ideal)  {'holds' if good else 'MISSES'} {WALL_LIMIT:g} s"
            f"   again, from the store: {second:.2f} s",
            flush=True,
        )
    server.terminate()
    sys.exit(not held)


if __name__ == "__main__":
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        os.environ.pop(variable, None)
    main()
