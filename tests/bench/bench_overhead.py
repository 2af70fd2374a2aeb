"""What a trial costs beyond its call: our runs against inspect_ai's and promptfoo's, over the same loopback server.

    python tests/bench/bench_overhead.py PYTHON-WITH-INSPECT [PROMPTFOO/main.js] [rounds]

The server answers after 100 ms, and 100 calls run at a time, so that a trial cannot take less than 1 ms. Each tool runs in
a process of its own, over few items and over many: what a trial costs is the difference, so that imports and start-up count
for nobody. All store and score. The promise: at most 1/5 of what each of the others costs. The second table counts
start-up too: seconds from nothing to the end of all items.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench_calls import DELAY, serve

FEW, MANY, CONCURRENCY, LIMIT = 200, 1000, 100, 1 / 5
TEMPLATE = "What is the weakest argument of this paper, and why?\n"

OURS = """
import sys
from dknb.experiments import Experiment
model = {"provider": "openai", "model": "gpt-5.4-mini", "api_base": sys.argv[1], "api_key": "not-a-key"}
data = [{"text": f"Paper {number}.", "answer": "The"} for number in range(int(sys.argv[2]))]
made = Experiment(["TEMPLATE{{text}}"], model, data, scorers=["contains"], name="b", store="b.db", progress=False,
                  max_concurrency=CONCURRENCY)
assert made.run().frame.contains.eq(1).all()
"""

INSPECT = """
import os, sys
os.environ |= {"OPENAI_API_KEY": "not-a-key", "OPENAI_BASE_URL": sys.argv[1]}
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate
data = [Sample(input=f"TEMPLATEPaper {number}.", target="The") for number in range(int(sys.argv[2]))]
(log,) = eval(Task(dataset=data, solver=generate(), scorer=includes()), model="openai/gpt-5.4-mini", display="none",
              model_args={"responses_api": False}, max_connections=CONCURRENCY, max_samples=CONCURRENCY, log_dir="logs")
assert log.status == "success", log.error
"""


def filled(script: str) -> str:
    return script.replace("TEMPLATE", TEMPLATE.replace("\n", "\\n")).replace("CONCURRENCY", str(CONCURRENCY))


def timed(command: list[str], folder: str, **environment: str) -> float:
    """Seconds of a process."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def ours(base: str, items: int, folder: str) -> float:
    return timed([sys.executable, "-c", filled(OURS), base, str(items)], folder)


def inspect_with(python: str) -> Callable[[str, int, str], float]:
    return lambda base, items, folder: timed([python, "-c", filled(INSPECT), base, str(items)], folder)


def promptfoo_with(main: str) -> Callable[[str, int, str], float]:
    def run(base: str, items: int, folder: str) -> float:
        provider = {"id": "openai:chat:gpt-5.4-mini", "config": {"apiBaseUrl": base, "apiKey": "not-a-key"}}
        tests = [
            {"vars": {"text": f"Paper {number}."}, "assert": [{"type": "contains", "value": "The"}]}
            for number in range(items)
        ]
        told = {"prompts": [TEMPLATE + "{{text}}"], "providers": [provider], "tests": tests}
        Path(folder, "promptfooconfig.json").write_text(json.dumps(told))
        command = ["node", main, "eval", "-c", "promptfooconfig.json", "-j", str(CONCURRENCY), "--no-cache"]
        quiet = {"PROMPTFOO_CONFIG_DIR": str(Path(folder, "home")), "PROMPTFOO_DISABLE_TELEMETRY": "1"}
        quiet["PROMPTFOO_DISABLE_UPDATE"] = "1"
        return timed([*command, "--no-progress-bar", "--no-table", "-o", "out.json"], folder, **quiet)

    return run


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    tools: dict[str, Callable[[str, int, str], float]] = {"dknb": ours, "inspect_ai": inspect_with(sys.argv[1])}
    if len(sys.argv) > 2:
        tools["promptfoo"] = promptfoo_with(sys.argv[2])
    mine, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    base = f"http://127.0.0.1:{mine.recv()}/v1"
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, run in tools.items():
            with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
                took[name].append((run(base, FEW, few), run(base, MANY, many)))
    server.terminate()
    print(f"{MANY - FEW:,} trials more, calls of {DELAY:g} s, {CONCURRENCY} at a time; medians of {rounds} rounds")
    cost = {name: _overhead(each) for name, each in took.items()}
    held = True
    for name, each in took.items():
        whole = statistics.median(many for _, many in each)
        ratio = cost["dknb"] / cost[name]
        held = held and (name == "dknb" or ratio <= LIMIT)
        verdict = (
            "" if name == "dknb" else f"  ours is {ratio:.3f} of it: {'holds' if ratio <= LIMIT else 'MISSES'} 1/5"
        )
        print(f"{name:12} {cost[name]:8.2f} ms a trial above its call   {whole:6.1f} s in all for {MANY:,}{verdict}")
    sys.exit(not held)


def _overhead(took: list[tuple[float, float]]) -> float:
    """Milliseconds of a trial beyond its share of the calls' time."""
    each = [(many - few) / (MANY - FEW) for few, many in took]
    return max(0.01, (statistics.median(each) - DELAY / CONCURRENCY) * 1000)


if __name__ == "__main__":
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        os.environ.pop(variable, None)
    main()
