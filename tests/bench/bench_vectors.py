"""How long a vector search takes, against numpy's plain product of the same matrix and against the limit.

    python tests/bench/bench_vectors.py [rows] [--file]

Searches and products alternate in one run, so that what else the machine does falls on both. With 1,000,000 rows of 384
numbers (the default; 4 GB of memory) the median search has to take less than 150 ms. ``--file`` writes and reads a
file of the same vectors too (3 GB of disk). Ends with status 1 if the limit is passed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from dknb.prompts import VectorAdapter

DIMENSION = 384
LIMIT = 0.150  # seconds, for 1,000,000 rows
ROUNDS = 15


def seconds(action: Callable[[], object]) -> float:
    started = perf_counter()
    action()
    return perf_counter() - started


def made(rows: int) -> np.ndarray:
    """Random vectors of length 1."""
    random = np.random.default_rng(1)
    matrix = np.empty((rows, DIMENSION), np.float32)
    for begin in range(0, rows, 50_000):
        piece = random.standard_normal((min(50_000, rows - begin), DIMENSION), np.float32)
        matrix[begin : begin + 50_000] = piece / np.linalg.norm(piece, axis=1, keepdims=True)
    return matrix


def filled(matrix: np.ndarray, path: Path | None = None) -> VectorAdapter:
    adapter = VectorAdapter(path=path, model="random")
    documents = [{"id": str(row), "content": f"text {row}", "even": row % 2 == 0} for row in range(len(matrix))]
    adapter.upsert(documents, matrix)
    return adapter


def plain(matrix: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    """What one writes in a cell."""
    scores = matrix @ query
    best = np.argpartition(-scores, k)[:k]
    return best[np.argsort(-scores[best])].tolist()


def compare(adapter: VectorAdapter, matrix: np.ndarray) -> float:
    """Print the times of searches and of the plain product; the median of the searches."""
    queries = np.random.default_rng(2).standard_normal((ROUNDS, DIMENSION), np.float32)
    times: dict[str, list[float]] = {"plain": [], "search": [], "filtered": []}
    for query in queries:
        found = [int(result["metadata"]["id"]) for result in adapter.search_vector(query, 10)]
        assert found == plain(matrix, query, 10), "another answer than numpy's"
        times["plain"].append(seconds(lambda query=query: plain(matrix, query, 10)))
        times["search"].append(seconds(lambda query=query: adapter.search_vector(query, 10)))
        times["filtered"].append(seconds(lambda query=query: adapter.search_vector(query, 10, {"even": True})))
    for name, taken in times.items():
        ratio = median(taken) / median(times["plain"])
        print(f"  {name:9} {median(taken) * 1e3:7.1f} ms (best {min(taken) * 1e3:.1f})   {ratio:5.2f} x plain numpy")
    return median(times["search"])


def main() -> int:
    """Measure, print, and say whether the limit holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--file", action="store_true")
    arguments = parser.parse_args()
    matrix = made(arguments.rows)
    print(f"{arguments.rows:,} x {DIMENSION}, the best 10, exact")
    limit = LIMIT * max(arguments.rows, 1_000) / 1_000_000
    started = perf_counter()
    adapter = filled(matrix)
    print(f"  documents put in {perf_counter() - started:.1f} s")
    took = compare(adapter, matrix)
    if arguments.file:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vectors.sqlite"
            print(f"  written in {seconds(lambda: filled(matrix, path)):.1f} s, {path.stat().st_size / 1e9:.2f} GB")
            print(f"  opened in {seconds(VectorAdapter(path=path).count):.1f} s")
    print(f"{'within' if took < limit else 'PAST'} the limit of {limit * 1e3:.0f} ms")
    return 0 if took < limit else 1


if __name__ == "__main__":
    sys.exit(main())
