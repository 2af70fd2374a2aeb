"""What scoring costs, beside calls of models: seconds for 20,000 trials, and of the slowest agreement.

Run: python tests/bench/bench_scoring.py
"""

from __future__ import annotations

import asyncio
import sys
import time

from dknb.experiments.scoring import cohen_kappa, krippendorff_alpha, score_trial, scorers_of
from dknb.experiments.trials import Trial

TRIALS = 20_000
#: Seconds for all of them.
LIMITS = {
    "exact": (["exact"], 2.0),
    "six checks": (["exact", "contains", {"regex": "[0-9]+"}, "numeric", "length", "json_valid"], 8.0),
    "a function": ([{"mine": lambda output: len(output)}], 8.0),
}


def _trial(number: int) -> Trial:
    return Trial(
        item=str(number), row={"answer": number}, variant="a", prompt="p", version=None, model="echo", repeat=0,
        output=f"The answer is {number}.", parsed=None, prompt_tokens=9, completion_tokens=5, cached=False, cost_usd=0.0,
        duration_s=0.1, error=None, node_id=None, request="?",
    )  # fmt: skip


async def _scored(specs: list[object], trials: list[Trial]) -> float:
    scorers = scorers_of(specs)
    await score_trial(scorers, trials[0])
    began = time.perf_counter()
    for trial in trials:
        await score_trial(scorers, trial)
    return time.perf_counter() - began


def main() -> int:
    """Print each figure beside its limit; 1 where one is over it."""
    trials = [_trial(number) for number in range(TRIALS)]
    figures = {name: (asyncio.run(_scored(specs, trials)), limit) for name, (specs, limit) in LIMITS.items()}
    ratings = [number * 7919 % 5 + 1 for number in range(2_000)]
    began = time.perf_counter()
    krippendorff_alpha([ratings, ratings[::-1], ratings], level="ordinal")
    cohen_kappa(ratings, ratings[::-1], weights="quadratic")
    figures["kappa and alpha of 2,000 trials"] = (time.perf_counter() - began, 5.0)
    for name, (seconds, limit) in figures.items():
        print(f"{name:32} {seconds:6.2f} s  (at most {limit:g}){'' if seconds <= limit else '  TOO SLOW'}")
    return int(any(seconds > limit for seconds, limit in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
