"""How long the statistics take, against their limits.

    python tests/bench/bench_statistics.py

10 variants x 1,000 items x 5 repeats compared with 10,000 resamples in less than 1 s, and 1,000,000 trials aggregated in
less than 1 s; the best of three runs each, after one that imports. Ends with status 1 if a limit is passed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
import pandas as pd

from dknb.experiments import ExperimentResult, VerdictWatch, compare

LIMIT = 1.0  # seconds


def made(items: int, variants: int, repeats: int) -> pd.DataFrame:
    """Trials with scores, passes and prices, and labels as text."""
    rng = np.random.default_rng(1)
    scores = np.clip(rng.beta(4, 2, (items, 1, 1)) + rng.normal(size=(items, variants, repeats)) * 0.2, 0, 1)
    names = [f"prompt@1.{at} | model" for at in range(variants)]
    return pd.DataFrame(
        {
            "item": np.repeat([f"item {at}" for at in range(items)], variants * repeats),
            "variant": np.tile(np.repeat(names, repeats), items),
            "repeat": np.tile(np.arange(repeats), items * variants),
            "score": scores.ravel(),
            "passed": (scores.ravel() > 0.6).astype(float),
            "cost_usd": 0.001,
        }
    )


def seconds(action: Callable[[], object]) -> tuple[float, float]:
    """The best of three, after one that is not counted: on the clock, and of the processor."""
    action()
    times = []
    for _ in range(3):
        started, worked = perf_counter(), process_time()
        action()
        times.append((perf_counter() - started, process_time() - worked))
    return min(times)


def watched() -> None:
    """1,000 items of 10 variants, looked at after each."""
    names = [f"v{at}" for at in range(10)]
    watch = VerdictWatch("score", "v0", names, bounds=(0, 1))
    for at, row in enumerate(np.random.default_rng(2).random((1_000, 10))):
        watch.add(str(at), dict(zip(names, row, strict=True)))


def main() -> int:
    """Measure, print, and say whether the limits hold."""
    frame, large = made(1_000, 10, 5), made(20_000, 10, 5)
    result = ExperimentResult(large, ["score", "passed"])
    single = frame[frame["repeat"] == 0]
    figures = {
        "compared: scores, 5 repeats": seconds(lambda: compare(frame, "score")),
        "compared: pass/fail, 5 repeats": seconds(lambda: compare(frame, "passed")),
        "compared: pass/fail, 1 repeat": seconds(lambda: compare(single, "passed")),
        "aggregated: 1,000,000 trials": seconds(result.summary),
        "watched: 1,000 items, 10 variants": seconds(watched),
    }
    for name, (took, worked) in figures.items():
        mark = "  " if took < LIMIT else "! "
        print(f"{mark}{name:36} {took * 1e3:7.0f} ms  (limit {LIMIT * 1e3:.0f} ms; processor {worked * 1e3:.0f} ms)")
    return 0 if max(took for took, _ in figures.values()) < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
