"""Whether intervals, families and early stops err as rarely as they say, by simulation with fixed seeds.

    python tests/bench/bench_coverage.py [--rounds 2000] [--only coverage|families|looks]

Everything goes through the public faces. Prints each figure beside its limit and ends with status 1 if one is passed:
95 % intervals cover 93.5 to 96.5 % of the time for 50 items and more, and at least 92 % with 20; ten equal variants
are called better or worse in at most 5 % of the tables; with a look after every item a false verdict is as rare.
What a simulation of so many rounds cannot tell from the limit (two standard errors) is allowed for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from math import sqrt

import numpy as np
import pandas as pd

from dknb.experiments import VerdictWatch, compare

LOW, HIGH, SMALL = 0.935, 0.965, 0.92
TOP, MIDDLE, FLOOR = [0.02, 0.03, 0.05, 0.2, 0.7], [0.1, 0.2, 0.4, 0.2, 0.1], [0.9, 0.06, 0.02, 0.01, 0.01]
Draw = Callable[[np.random.Generator, int], np.ndarray]


def rate(p: float, q: float, alike: float = 0.5) -> tuple[Draw, tuple[float, float]]:
    """Two variants that pass with p and q; on a share of the items the same luck decides for both."""

    def draw(rng: np.random.Generator, items: int) -> np.ndarray:
        luck = rng.random((items, 2))
        luck[:, 1] = np.where(rng.random(items) < alike, luck[:, 0], luck[:, 1])
        return (luck < [p, q]).astype(float)

    return draw, (p, q)


def likert(first: list[float], second: list[float]) -> tuple[Draw, tuple[float, float]]:
    steps = np.arange(1, 6)

    def draw(rng: np.random.Generator, items: int) -> np.ndarray:
        return np.column_stack([rng.choice(steps, p=shares, size=items) for shares in (first, second)]).astype(float)

    return draw, (float(steps @ first), float(steps @ second))


def alike(first: list[float], share: float) -> tuple[Draw, tuple[float, float]]:
    """Two variants that give the same answer to a share of the items: few of the differences are not 0."""
    drawn, means = likert(first, first)

    def draw(rng: np.random.Generator, items: int) -> np.ndarray:
        scores = drawn(rng, items)
        scores[:, 1] = np.where(rng.random(items) < share, scores[:, 0], scores[:, 1])
        return scores

    return draw, means


def sure(share: float) -> tuple[Draw, tuple[float, float]]:
    """Three repeats of items, of which a share always passes and the others every other time."""

    def draw(rng: np.random.Generator, items: int) -> np.ndarray:
        p = np.where(rng.random((items, 1, 1)) < share, 1.0, 0.5)
        return (rng.random((items, 2, 3)) < p).astype(float)

    return draw, ((1 + share) / 2, (1 + share) / 2)


def skewed(name: str, scales: tuple[float, float]) -> tuple[Draw, tuple[float, float]]:
    draws = {
        "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
        "lognormal": (lambda rng, size: rng.lognormal(0, 1, size=size), float(np.exp(0.5))),
        "beta(2, 8)": (lambda rng, size: rng.beta(2, 8, size=size), 0.2),
        "gamma(0.5)": (lambda rng, size: rng.gamma(0.5, size=size), 0.5),
    }
    drawn, mean = draws[name]
    return lambda rng, items: drawn(rng, (items, 2)) * scales, (mean * scales[0], mean * scales[1])


def clustered(p: float, q: float) -> tuple[Draw, tuple[float, float]]:
    """Pass rates that differ between items, three repeats of each or fewer: what is returned has NaN for the missing."""

    def draw(rng: np.random.Generator, items: int) -> np.ndarray:
        own = rng.normal(size=(items, 1, 1)) * 0.15
        luck = rng.random((items, 2, 3))
        passed = (luck < np.clip(np.array([p, q])[None, :, None] + own, 0.0, 1.0)).astype(float)
        passed[:, :, 2][rng.random((items, 2)) < 0.3] = np.nan
        return passed

    return draw, (p, q)


CASES: dict[str, tuple[Draw, tuple[float, float]]] = {
    "pass/fail 0.5, 0.6": rate(0.5, 0.6),
    "pass/fail 0.9, 0.8": rate(0.9, 0.8),
    "pass/fail 0.7, 0.7": rate(0.7, 0.7),
    "Likert, middle and top": likert(MIDDLE, TOP),
    "Likert, both top": likert(TOP, TOP),
    "exponential": skewed("exponential", (1, 2)),
    "lognormal": skewed("lognormal", (1, 1)),
    "beta(2, 8)": skewed("beta(2, 8)", (1, 1)),
    "gamma(0.5)": skewed("gamma(0.5)", (1, 1)),
    "pass/fail, 2 to 3 repeats": clustered(0.5, 0.6),
    "Likert, floor": likert(FLOOR, FLOOR),
    "Likert, top, 70 % alike": alike(TOP, 0.7),
    "Likert, top, 90 % alike": alike(TOP, 0.9),
    "Likert, floor, 50 % alike": alike(FLOOR, 0.5),
    "3 repeats, 85 % always pass": sure(0.85),
}
#: Where a handful of items differ there are too few different samples for an interval to miss in 5 % of them: only too
#: little counts.
SPARSE = ("alike", "floor", "always")


def trials(scores: np.ndarray, *, paired: bool = True) -> pd.DataFrame:
    """Scores of shape (items, variants) or (items, variants, repeats) as a frame of trials."""
    scores = scores if scores.ndim == 3 else scores[:, :, None]
    items, variants, repeats = scores.shape
    item = np.repeat(np.arange(items), variants * repeats)
    variant = np.tile(np.repeat(np.arange(variants), repeats), items)
    if not paired:
        item = item * variants + variant
    frame = pd.DataFrame({"item": item, "variant": np.char.add("v", variant.astype(str)), "score": scores.ravel()})
    return frame.dropna()


def covered(
    case: tuple[Draw, tuple[float, float]], items: int, rounds: int, *, paired: bool = True, seed: int = 1
) -> tuple[float, float]:
    """The share of rounds in which the intervals of a mean, and that of the difference, hold the truth."""
    draw, (first, second) = case
    rng, means, differences = np.random.default_rng(seed), 0, 0
    for at in range(rounds):
        scores = draw(rng, items)
        if not paired:  # what two scores of an item share must not stay between items of different names
            scores[:, 1] = draw(rng, items)[:, 1]
        table = compare(trials(scores, paired=paired), "score", "v0", resamples=1_000, seed=at, margin=0.0).set_index(
            "variant"
        )
        for variant, truth in (("v0", first), ("v1", second)):
            row = table.loc[variant]
            means += row["low"] - 1e-12 <= truth <= row["high"] + 1e-12
        row = table.loc["v1"]
        differences += row["difference_low"] - 1e-12 <= second - first <= row["difference_high"] + 1e-12
    return means / rounds / 2, differences / rounds


def false_alarms(
    draw: Callable[[np.random.Generator], np.ndarray], rounds: int, seed: int = 2, **options: str
) -> float:
    """The share of tables of equal variants in which one is called better or worse."""
    rng, alarms = np.random.default_rng(seed), 0
    for at in range(rounds):
        table = compare(trials(draw(rng)), "score", resamples=1_000, seed=at, **options)
        alarms += bool(table["verdict"].isin(["better", "worse"]).any())
    return alarms / rounds


EQUAL: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "pass/fail": lambda rng: (rng.random((60, 10)) < 0.6).astype(float),
    "Likert": lambda rng: rng.choice(5, p=TOP, size=(60, 10)).astype(float),
    "exponential": lambda rng: rng.exponential(size=(60, 10)),
}

LOOKS: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], tuple[float, float] | None, float | None]] = {
    "pass/fail 0.5, 4 variants": (lambda rng: (rng.random((400, 4)) < 0.5).astype(float), (0, 1), None),
    "pass/fail 0.02": (lambda rng: (rng.random((400, 2)) < 0.02).astype(float), (0, 1), None),
    "Likert, top": (lambda rng: rng.choice(5, p=TOP, size=(400, 2)).astype(float), (0, 4), None),
    "lognormal": (lambda rng: rng.lognormal(size=(400, 2)), None, None),
    "exponential and gamma(4)": (
        lambda rng: np.column_stack([rng.exponential(size=400), rng.gamma(4, 0.25, size=400)]), None, None,
    ),
    "false ties, pass/fail": (lambda rng: (rng.random((400, 2)) < [0.5, 0.6]).astype(float), (0, 1), 0.1),
    "1 % of 100": (lambda rng: np.column_stack([np.ones(600), 100.0 * (rng.random(600) < 0.01)]), None, None),
    "exponential and 2 % of 50 times": (
        lambda rng: np.column_stack([rng.exponential(size=600), np.where(rng.random(600) < 0.02, rng.exponential(50, 600), 0)]),
        None, None,
    ),
    "false ties, 2 % of 10": (lambda rng: np.column_stack([np.zeros(500), 10.0 * (rng.random(500) < 0.02)]), None, 0.1),
    "false ties, lognormal": (lambda rng: rng.lognormal(size=(400, 2)) + np.array([0, 0.5]), None, 0.5),
}  # fmt: skip


def false_looks(name: str, rounds: int, seed: int = 3) -> float:
    """The share of runs in which a watch that looks after every item ever says what is not so."""
    draw, bounds, margin = LOOKS[name]
    wrong = {"tied"} if name.startswith("false ties") else {"better", "worse"}
    rng, alarms = np.random.default_rng(seed), 0
    for _ in range(rounds):
        scores = draw(rng)
        names = [f"v{at}" for at in range(scores.shape[1])]
        watch = VerdictWatch("score", "v0", names, bounds=bounds, margin=margin)
        for at, row in enumerate(scores):
            watch.add(str(at), dict(zip(names, row, strict=True)))
        alarms += bool(wrong & set(watch.verdicts.values()))
    return alarms / rounds


def apart(rng: np.random.Generator, lost: float, items: int) -> np.ndarray:
    """A baseline that always passes, and nine variants that lose a share."""
    return np.column_stack([np.ones(items), rng.random((items, 9)) >= lost]).astype(float)


TIES: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], float | None]] = {
    "2.1 % fail, n=190": (lambda rng: apart(rng, 0.021, 190), None),
    "2.1 % fail, n=400": (lambda rng: apart(rng, 0.021, 400), None),
    "10.1 % fail, n=60": (lambda rng: apart(rng, 0.101, 60), 0.1),
    "10 % are 5 better, n=10": (
        lambda rng: rng.normal(10, 1, (10, 1)) + 5 * np.column_stack([np.zeros((10, 1)), rng.random((10, 9)) < 0.1]), None,
    ),
}  # fmt: skip


def false_ties(name: str, rounds: int, seed: int = 4) -> float:
    """The share of tables in which any of nine variants is tied, that differ by more than the margin."""
    draw, margin = TIES[name]
    rng, alarms = np.random.default_rng(seed), 0
    for at in range(rounds):
        table = compare(trials(draw(rng)), "score", "v0", margin=margin, resamples=1_000, seed=at)
        alarms += bool((table["verdict"] == "tied").any())
    return alarms / rounds


def slack(rounds: int, share: float = 0.05) -> float:
    """Two standard errors of a share seen in so many rounds."""
    return 2 * sqrt(share * (1 - share) / rounds)


def coverage_lines(rounds: int) -> Iterator[tuple[str, bool]]:
    for name, case in CASES.items():
        for items in (20, 50, 100, 200):
            for paired in (True, False):
                if not paired and case[0].__qualname__.startswith("clustered"):
                    continue
                of_means, of_difference = covered(case, items, rounds, paired=paired)
                low, high = (LOW, HIGH) if items >= 50 else (SMALL, 1.0)
                high = 1.0 if any(word in name for word in SPARSE) else high
                for what, share, many in (("means", of_means, 2 * rounds), ("difference", of_difference, rounds)):
                    fits = low - slack(many) <= share <= high + slack(many)
                    design = "paired" if paired else "unpaired"
                    yield f"{name:28} n={items:<4} {design:8} {what:10} {share:6.1%}  ({low:.1%} to {high:.1%})", fits


def family_lines(rounds: int) -> Iterator[tuple[str, bool]]:
    for name, draw in EQUAL.items():
        share = false_alarms(draw, rounds)
        yield f"ten equal variants, {name:12} {share:6.1%}  (at most 5 %)", share <= 0.05 + slack(rounds)
    for name in TIES:
        share = false_ties(name, rounds)
        yield f"false ties of nine, {name:26} {share:6.1%}  (at most 5 %)", share <= 0.05 + slack(rounds)


def look_lines(rounds: int) -> Iterator[tuple[str, bool]]:
    for name in LOOKS:
        share = false_looks(name, rounds)
        yield f"a look after every item, {name:26} {share:6.1%}  (at most 5 %)", share <= 0.05 + slack(rounds)


def main() -> int:
    """Simulate, print, and say whether all limits hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--only", choices=["coverage", "families", "looks"])
    arguments = parser.parse_args()
    parts = {"coverage": coverage_lines, "families": family_lines, "looks": look_lines}
    past = 0
    for part, lines in parts.items():
        if arguments.only in (None, part):
            for line, fits in lines(arguments.rounds):
                past += not fits
                print(f"{'  ' if fits else '! '}{line}", flush=True)
    print(f"{past} figures are past their limits" if past else "within all limits")
    return 1 if past else 0


if __name__ == "__main__":
    sys.exit(main())
