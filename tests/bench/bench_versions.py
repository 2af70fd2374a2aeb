"""What an online experiment costs its users: an assignment and an event do not grow with those that are there.

    python tests/bench/bench_versions.py [--users 100000] [--postgres URL]

Each line ends with its limit. ``--postgres`` measures the same on a server, in the schema ``dknb_prompts``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any

from dknb.prompts.versioning import ABTestManager, PromptVariant

SPLIT = {"1.0.0": 0.5, "1.1.0": 0.3, "1.2.0": 0.2}
AT_ONCE = 1000


async def one_by_one(calls: Iterable[Awaitable[Any]]) -> float:
    """Milliseconds of a call, when each waits for the one before."""
    listed = list(calls)
    started = time.perf_counter()
    for call in listed:
        await call
    return (time.perf_counter() - started) / len(listed) * 1000


async def side_by_side(calls: Iterable[Awaitable[Any]]) -> float:
    """Calls in a second, when ``AT_ONCE`` wait at the same time."""
    listed = list(calls)
    started = time.perf_counter()
    for start in range(0, len(listed), AT_ONCE):
        await asyncio.gather(*listed[start : start + AT_ONCE])
    return len(listed) / (time.perf_counter() - started)


def told(what: str, value: float, limit: float, *, at_most: bool) -> bool:
    holds = value <= limit if at_most else value >= limit
    print(
        f"{what:<62} {value:>10,.3f}   {'at most' if at_most else 'at least'} {limit:g} {'' if holds else '  BROKEN'}"
    )
    return holds


async def measure(where: str, storage: Any, users: int) -> list[bool]:
    tests = ABTestManager(storage)
    variants = [PromptVariant(version, share) for version, share in SPLIT.items()]
    experiment = (await tests.create_experiment("greeting", "user", variants)).experiment_id

    def assign(numbers: Iterable[int], name: str = "user") -> list[Awaitable[str]]:
        return [tests.get_variant_for_user(experiment, f"{name}-{number}") for number in numbers]

    def record(count: int) -> list[Awaitable[Any]]:
        return [tests.metrics.record_event("v", response_time=0.5, tokens=100) for _ in range(count)]

    empty = await one_by_one(assign(range(500), "early"))
    rate = await side_by_side(assign(range(users)))
    full = await one_by_one(assign(range(500), "late"))
    seen = await one_by_one(assign(range(500)))
    counts = Counter((await tests.get_experiment_assignments(experiment)).values())
    off = max(abs(counts[version] / counts.total() - share) for version, share in SPLIT.items())
    first = await one_by_one(record(500))
    events = await side_by_side(record(users))
    last = await one_by_one(record(500))
    return [
        told(f"{where}: ms for a new user, {users:,} there", full, 5, at_most=True),
        told(f"{where}: ratio to the first users", full / empty, 5, at_most=True),
        told(f"{where}: ms for a user who was seen", seen, 3, at_most=True),
        told(f"{where}: new users a second, {AT_ONCE} at once", rate, 2_000, at_most=False),
        told(f"{where}: furthest from the split, in per cent of users", off * 100, 1, at_most=True),
        told(f"{where}: ms for an event, {users:,} there", last, 5, at_most=True),
        told(f"{where}: ratio to the first events", last / first, 5, at_most=True),
        told(f"{where}: events a second, {AT_ONCE} at once", events, 2_000, at_most=False),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--postgres", metavar="URL")
    options = parser.parse_args()
    held = asyncio.run(measure("memory", None, options.users))
    with tempfile.TemporaryDirectory() as folder:
        held += asyncio.run(measure("sqlite", Path(folder) / "versions.db", options.users))
    if options.postgres:
        held += asyncio.run(measure("postgresql", options.postgres, options.users))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
