"""What the models' door adds to the start of a bare Python.

    python tests/bench/bench_import.py

The promise: ``import dknb.llm`` takes at most 0.1 s and loads no SDK.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LIMIT, ROUNDS = 0.1, 15
WAYS = {
    "import dknb.llm": "import dknb.llm",
    "with create_llm_provider": "from dknb.llm import create_llm_provider",
    "with a provider of OpenAI": "from dknb.llm import create_llm_provider as make; make('openai/gpt-5.4-mini')",
}
SDKS = "{'openai', 'anthropic', 'httpx', 'httpx2', 'aiohttp', 'pydantic', 'huggingface_hub'}"


def seconds(source: str) -> float:
    """Wall time of a Python that runs ``source``."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", source], check=True)
    return time.perf_counter() - started


def main() -> None:
    held = True
    for name, source in WAYS.items():
        subprocess.run(
            [sys.executable, "-c", f"{source}; import sys; assert not {SDKS} & set(sys.modules)"], check=True
        )
        added = statistics.median(seconds(source) - seconds("pass") for _ in range(ROUNDS))
        promised = name == "import dknb.llm"
        held = held and (added <= LIMIT or not promised)
        share = f": {added / LIMIT:.2f} of the limit of {LIMIT:g} s" if promised else ""
        print(f"{name} adds {added:.3f} s, no SDK loaded{share}")
    sys.exit(not held)


if __name__ == "__main__":
    main()
