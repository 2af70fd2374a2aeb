"""Speed of prompt builders, as ratios within one run.

A render through ``PromptBuilder`` (no retrieval) against the peer's, on the peer's own simple case and on one with
defaults and required parameters, from a dict and from a folder. The peer (``dataknobs-llm``) runs in its own process,
as its Python is given; rounds of both alternate. Without it our times are printed alone.

Run: python tests/bench/bench_prompts.py [PYTHON-WITH-THE-PEER]
Ends with status 1 if a render from a dict is less than 20 times as fast as the peer's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROUNDS = 9
CALLS = 3_000
LIMIT = 20.0
LONG_AGO = 1_000_000_000

# Runs in either process: it is told which package to measure, and answers each line with the microseconds of a render.
WORKER = """
import importlib, json, sys, time
prompts = importlib.import_module(sys.argv[1])
folder, config = sys.argv[2], json.loads(sys.argv[3])
params = {"name": "Ada", "field": "mathematics"}
libraries = {"dict": prompts.ConfigPromptLibrary(config), "folder": prompts.FileSystemPromptLibrary(__import__("pathlib").Path(folder))}
builders = {source: prompts.PromptBuilder(library) for source, library in libraries.items()}
for line in sys.stdin:
    source, name, calls = json.loads(line)
    render = builders[source].render_system_prompt
    for _ in range(calls // 10):  # the other process had the processor
        text = render(name, params=params).content
    start = time.perf_counter()
    for _ in range(calls):
        render(name, params=params)
    print(json.dumps([(time.perf_counter() - start) / calls * 1e6, text]), flush=True)
"""

SYSTEM = {
    "greet": {"template": "Hello {{name}}!"},
    "expert": {
        "template": "You are {{role}}((, an expert in {{field}})). Answer {{name}}.",
        "defaults": {"role": "a helper"},
        "validation": {"level": "error", "required_params": ["name"]},
    },
}


class Worker:
    """A process that renders with one package."""

    def __init__(self, python: str, package: str, folder: Path) -> None:
        command = [python, "-c", WORKER, package, str(folder), json.dumps({"system": SYSTEM})]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def render(self, source: str, name: str) -> tuple[float, str]:
        """Microseconds of one render, averaged over some, and its text."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([source, name, CALLS]), file=self._process.stdin, flush=True)
        microseconds, text = json.loads(self._process.stdout.readline())
        return microseconds, text

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def compare(ours: Worker, peer: Worker | None, source: str, name: str) -> float | None:
    """Print the times of one case; return how many times faster than the peer we are, if it is there."""
    mine, theirs = [], []
    for _ in range(ROUNDS):
        microseconds, text = ours.render(source, name)
        mine.append(microseconds)
        if peer is not None:
            microseconds, other = peer.render(source, name)
            theirs.append(microseconds)
            if other != text:
                raise SystemExit(f"{name}: the two renders differ: {text!r} and {other!r}")
    said = f"{name:8} from a {source:8} ours {median(mine):7.1f} us"
    if peer is None:
        print(said)
        return None
    ratio = median(their / our for our, their in zip(mine, theirs, strict=True))
    print(f"{said}   peer {median(theirs):7.1f} us   x {ratio:.1f}")
    return ratio


def main(python: str | None) -> int:
    """Print all ratios; 1 if a render from a dict is too slow."""
    ratios: dict[str, list[float]] = {"dict": [], "folder": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("system", "user"):
            (folder / part).mkdir()
        for prompt, keys in SYSTEM.items():
            (folder / "system" / f"{prompt}.json").write_text(json.dumps(keys))
        for path in [folder / "system", *(folder / "system").iterdir()]:
            os.utime(path, (LONG_AGO, LONG_AGO))  # a file that was just written is read again at each render
        ours = Worker(sys.executable, "dknb.prompts", folder)
        peer = Worker(python, "dataknobs_llm.prompts", folder) if python is not None else None
        if peer is None:
            print("The peer is not there: give the path of a Python that has dataknobs-llm.")
        for source, found in ratios.items():
            found += [ratio for each in SYSTEM if (ratio := compare(ours, peer, source, each)) is not None]
        ours.close()
        if peer is not None:
            peer.close()
    if peer is None:
        return 0
    print(f"the slowest from a dict: x {min(ratios['dict']):.1f}   limit: x {LIMIT:.0f}")
    return 0 if min(ratios["dict"]) >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
