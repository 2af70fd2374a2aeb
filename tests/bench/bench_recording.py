"""A recording of 100,000 entries: seconds to open it, to answer from it, to add to it, and to name the nearest request.

Run:  python tests/bench/bench_recording.py [entries]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dknb.errors import ReplayMiss
from dknb.llm.recording import Recording

ENTRIES = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ANSWERS = min(10_000, ENTRIES)
OPEN_LIMIT, ANSWER_LIMIT = 0.5, 100e-6


def request(number: int) -> dict[str, Any]:
    """A usual request: a system prompt of 200 characters and a question."""
    return {
        "kind": "complete",
        "provider": "openai",
        "model": "gpt-5.4-mini",
        "messages": [
            {"role": "system", "content": "You are a kind reviewer of papers. " * 6},
            {"role": "user", "content": f"What is the weakest argument of paper number {number}?"},
        ],
        "settings": {"temperature": 0.2},
    }


def response(number: int) -> dict[str, Any]:
    """An answer of 600 characters."""
    return {
        "content": f"Answer {number}. " + "The weakest argument is the third one. " * 15,
        "model": "gpt-5.4-mini-2026-03-17",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 60, "completion_tokens": 140, "total_tokens": 200},
        "created_at": "2026-11-22T12:00:00+00:00",
    }


def fill(path: Path) -> float:
    """Record the entries; seconds for each of the last 1,000."""
    recording = Recording(path, "record")
    started = 0.0
    for number in range(ENTRIES):
        if number == ENTRIES - 1_000:
            started = time.perf_counter()
        recording.take(request(number)).keep(response(number))
    seconds = time.perf_counter() - started
    recording.close()
    return seconds / 1_000


def opening(path: Path) -> float:
    """Best of five: seconds to open."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        recording = Recording(path, "replay")
        best = min(best, time.perf_counter() - started)
        recording.close()
    return best


def answering(path: Path, first: int) -> float:
    """Seconds for each answer, from entry ``first`` on."""
    recording = Recording(path, "replay")
    requests = [request(number) for number in range(first, first + ANSWERS)]
    started = time.perf_counter()
    for one in requests:
        assert recording.take(one).reply is not None
    seconds = time.perf_counter() - started
    recording.close()
    return seconds / ANSWERS


def decoding(path: Path) -> float:
    """Seconds to read the same file the plain way: json.loads of every line."""
    started = time.perf_counter()
    with path.open("rb") as file:
        lines = [json.loads(line) for line in file]
    assert len(lines) == ENTRIES + 1
    return time.perf_counter() - started


def missing(path: Path) -> float:
    """Seconds to say that a request is not recorded, and which is nearest."""
    recording = Recording(path, "replay")
    started = time.perf_counter()
    try:
        recording.take(request(-1))
    except ReplayMiss:
        return time.perf_counter() - started
    finally:
        recording.close()
    raise AssertionError("it was answered")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answers.jsonl")
        added = fill(path)
        opened, plain = opening(path), decoding(path)
        early, late = answering(path, 0), answering(path, ENTRIES - ANSWERS)
        print(f"{ENTRIES:,} entries, {path.stat().st_size / 1e6:.0f} MB")
        print(
            f"open     {opened:8.3f} s   {opened / OPEN_LIMIT:5.2f} of the limit, {opened / plain:5.2f} of json.loads"
        )
        print(
            f"answer   {late * 1e6:8.1f} us  {late / ANSWER_LIMIT:5.2f} of the limit, last ones / first ones {late / early:.2f}"
        )
        print(f"append   {added * 1e6:8.1f} us")
        print(f"miss     {missing(path):8.3f} s")


if __name__ == "__main__":
    main()
