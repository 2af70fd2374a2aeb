"""How fast tokens are counted: beside tiktoken in the same run, and on the texts that are worst for it.

Run:  python tests/bench/bench_tokens.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

PROSE = "The committee met on a grey Tuesday, and for once nobody was late. " * 15_000
#: A megabyte of what makes a tokenizer slow, or panic.
WORST = {
    "prose": PROSE[:1_000_000],
    "one letter": "a" * 1_000_000,
    "white space": " " * 1_000_000,
    "braces": "{" * 1_000_000,
    "fences": "```\n" * 250_000,
    "letters at random": "".join([chr(97 + (i * i * 7 + i // 3) % 26) for i in range(1_000_000)]),
}


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """The best of so many runs."""
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def main() -> None:
    """Print the measurements."""
    from dknb.llm.counting.tokenizers import _encoder, tokens_in
    from dknb.llm.counting.tokens import TokenCounter
    from dknb.llm.messages import LLMMessage

    load = "from dknb.llm.counting.tokenizers import tokens_in; tokens_in('a', 'o200k_base')"
    fresh = seconds(lambda: subprocess.run([sys.executable, "-c", load], check=True), 3)
    empty = seconds(
        lambda: subprocess.run([sys.executable, "-c", "import dknb.llm.counting.tokenizers"], check=True), 3
    )
    print(f"load o200k_base in a fresh process  {fresh - empty:8.3f} s")
    encoder = _encoder("o200k_base")
    assert encoder is not None
    for name, text in WORST.items():
        ours = seconds(lambda text=text: tokens_in(text, "o200k_base"), 3)
        half = seconds(lambda text=text: tokens_in(text[:500_000], "o200k_base"), 3)
        line = f"1 MB of {name:20} {ours:8.3f} s   twice the text: {ours / half:5.2f} times the time"
        if name != "white space":  # tiktoken panics
            theirs = seconds(lambda text=text: encoder.encode_ordinary(text), 3)
            line += f"   tiktoken itself: {ours / theirs:5.2f}"
        print(line)
    messages = [LLMMessage("user", "How is the weather in Paris today?")] * 10
    each = seconds(lambda: [TokenCounter.count_messages(messages, "gpt-4o") for _ in range(1_000)], 3) / 1_000
    print(f"ten short messages                  {each * 1e6:8.1f} us")


if __name__ == "__main__":
    main()
