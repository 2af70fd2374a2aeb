"""A recording of 100,000 entries: seconds to open it, answer from it, add to it, and name the nearest request; `auto` too.

An entry is an answer of 600 to 4,000 characters that was streamed; every tenth is a turn of a talk of 200 messages.

Run:  python tests/bench/bench_recording.py [entries]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from dknb.errors import ReplayMiss
from dknb.llm.recordings.recording import Recording

ENTRIES = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
SOME = min(5_000, ENTRIES // 10)
TURNS = 100
MISSES = max(ENTRIES // 20, 100)
OPEN_LIMIT, ANSWER_LIMIT = 0.5, 100e-6


def request(number: int) -> dict[str, Any]:
    """A system prompt and a question; for every tenth entry, the talk before it too."""
    talk = [] if number % 10 else [turn(number // 1_000 * 1_000, back) for back in range(number // 10 % TURNS * 2)]
    return {
        "kind": "complete",
        "provider": "openai",
        "model": "gpt-5.4-mini",
        "messages": [
            {"role": "system", "content": "You are a kind reviewer of papers. " * 6},
            *talk,
            {"role": "user", "content": f"What is the weakest argument of paper number {number}?"},
        ],
        "settings": {"temperature": 0.2},
    }


def turn(talk: int, number: int) -> dict[str, str]:
    """What was said before, 400 characters of it."""
    said = f"Turn {number} of talk {talk}. " + "The second argument rests on the first one. " * 9
    return {"role": "assistant" if number % 2 else "user", "content": said}


def words(number: int) -> str:
    """An answer of 600 to 4,000 characters."""
    return f"Answer {number}. " + "The weakest argument is the third one. " * (15 + number % 86)


def response(number: int) -> dict[str, Any]:
    """The whole answer."""
    return {
        "content": words(number),
        "model": "gpt-5.4-mini-2026-03-17",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 60, "completion_tokens": 140, "total_tokens": 200},
        "created_at": "2026-11-22T12:00:00+00:00",
    }


def pieces(number: int) -> list[list[Any]]:
    """The answer as it was streamed, 40 characters at a time."""
    text = words(number)
    return [[place / 4_000, {"delta": text[place : place + 40]}] for place in range(0, len(text), 40)]


def fill(path: Path) -> tuple[float, float]:
    """Record the entries; seconds for each of the first and of the last."""
    recording = Recording(path, "record")
    times = []
    for number in range(ENTRIES):
        take = recording.take(request(number))
        started = time.perf_counter()
        take.keep(response(number), pieces(number))
        times.append(time.perf_counter() - started)
    recording.close()
    return sum(times[:SOME]) / SOME, sum(times[-SOME:]) / SOME


def adding(path: Path, *, same: bool) -> tuple[float, float]:
    """Answer from the file where that can be, else add: seconds for each of the first misses and of the last."""
    recording = Recording(path, "auto")
    times = []
    for number in range(4 * MISSES):
        asked = request(1) if same else request(10 * number + 1)
        started = time.perf_counter()
        take = recording.take(asked)
        take.keep(response(number % 80), pieces(number % 80))
        times.append(time.perf_counter() - started)
    recording.close()
    return sum(times[:MISSES]) / MISSES, sum(times[-MISSES:]) / MISSES


def opening(path: Path) -> float:
    """Best of five: seconds to open."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        recording = Recording(path, "replay")
        best = min(best, time.perf_counter() - started)
        recording.close()
    return best


def held(path: Path) -> float:
    """Bytes in memory for each entry of an open recording, after some answers."""
    tracemalloc.start()
    recording = Recording(path, "replay")
    for number in range(SOME):
        recording.take(request(number))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    recording.close()
    return size / ENTRIES


def answering(path: Path, first: int) -> float:
    """Seconds for each answer, from entry ``first`` on; half of them are not turns of talks."""
    recording = Recording(path, "replay")
    requests = [request(number) for number in range(first, first + SOME) if number % 10]
    started = time.perf_counter()
    for one in requests:
        assert recording.take(one).reply is not None
    seconds = time.perf_counter() - started
    recording.close()
    return seconds / len(requests)


def decoding(path: Path) -> float:
    """Seconds to read the same file the plain way: json.loads of every line."""
    started = time.perf_counter()
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
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


def whole_size() -> float:
    """Bytes of the requests if each were written whole, by a sample."""
    step = max(ENTRIES // 997, 1)
    sizes = [len(json.dumps(request(number))) for number in range(0, ENTRIES, step)]
    return sum(sizes) / len(sizes) * ENTRIES


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answers.jsonl")
        first, last = fill(path)
        opened, plain = opening(path), decoding(path)
        early, late = answering(path, 0), answering(path, ENTRIES - SOME)
        print(
            f"{ENTRIES:,} entries, {path.stat().st_size / 1e6:.0f} MB (requests alone, whole: {whole_size() / 1e6:.0f})"
        )
        print(
            f"open     {opened:8.3f} s   {opened / OPEN_LIMIT:5.2f} of the limit, {opened / plain:6.3f} of json.loads"
        )
        print(
            f"answer   {late * 1e6:8.1f} us  {late / ANSWER_LIMIT:5.2f} of the limit, last / first {late / early:.2f}"
        )
        print(f"append   {last * 1e6:8.1f} us  last / first {last / first:.2f}")
        for what, same in (("auto", False), ("samples", True)):
            first, last = adding(Path(folder, f"{what}.jsonl"), same=same)
            print(f"{what:8} {last * 1e6:8.1f} us  last / first {last / first:.2f}")
        print(f"memory   {held(path):8.0f} bytes for each entry")
        print(f"miss     {missing(path):8.3f} s")


if __name__ == "__main__":
    main()
