"""What `%load_ext dknb` adds to the start of IPython, and how fast the stop button is.

    python tests/bench/bench_load.py

Limits: at most 0.35 s on a bare IPython start; a stopped call answers within 0.5 s.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "notebook"))

BARE = "from IPython.core.interactiveshell import InteractiveShell; s = InteractiveShell.instance()"
LOADED = BARE + "; s.run_line_magic('load_ext', 'dknb')"
ROUNDS = 9


def seconds(source: str, folder: str) -> float:
    """Wall time of a Python that runs ``source``."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", source], cwd=folder, check=True, env={**os.environ, "IPYTHONDIR": folder})
    return time.perf_counter() - started


def bench_load(folder: str) -> None:
    seconds(LOADED, folder)
    pairs = [(seconds(BARE, folder), seconds(LOADED, folder)) for _ in range(ROUNDS)]
    bare = statistics.median(pair[0] for pair in pairs)
    added = statistics.median(pair[1] - pair[0] for pair in pairs)
    print(f"IPython alone {bare:.3f} s, load_ext adds {added:.3f} s: {added / 0.35:.2f} of the limit of 0.35 s")


def bench_interrupt(folder: str) -> None:
    from test_notebook_kernel import Kernel

    kernel = Kernel(Path(folder))
    times = []
    try:
        kernel.run("%load_ext dknb")
        kernel.run("%dknb model echo options='{\"stream_delay\":0.02}'")
        for number in range(ROUNDS):
            request = kernel.send("%%chat\n" + "word " * 1_000, str(number))
            kernel.output(request, until=lambda message: message["msg_type"] == "update_display_data")
            stopped = time.perf_counter()
            kernel.manager.interrupt_kernel()
            kernel.output(request)
            times.append(time.perf_counter() - stopped)
    finally:
        kernel.close()
    worst = max(times)
    print(
        f"stop button to idle kernel: median {statistics.median(times):.3f} s, worst {worst:.3f} s: "
        f"{worst / 0.5:.2f} of the limit of 0.5 s"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        bench_load(folder)
        bench_interrupt(folder)
