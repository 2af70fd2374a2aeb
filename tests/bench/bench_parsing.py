"""How `ResponseParser` takes a megabyte of text, and how that grows.

    python tests/bench/bench_parsing.py [seconds]

For each method and each kind of text: the CPU seconds for 0.25 MB and 1 MB, the better of two runs each, and their
ratio, which is 4 where the time is linear. The promise is a second (or the argument) at 1 MB, on a quiet machine, and
a ratio below 8.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from dknb.llm import ResponseParser

SMALL, LARGE = 250_000, 1_000_000
MOST_GROWTH = 8.0
#: Too short a time has no ratio.
LEAST = 0.02

UNITS = {
    "fences": "```\n",
    "fences that hold fences": "````\n```\n",
    "fences on one line": "```",
    "tildes": "~~~\n",
    "fenced braces": "```json\n{\n```\n",
    "braces": "{",
    "brackets": "[",
    "braces and brackets": "{[",
    "brackets that do not match": "{]",
    "empty objects": "{}",
    "empty arrays": "[]",
    "nested objects": '{"a":',
    "nested bare keys": "{a:",
    "nested keys of Ruby": '{"a"=>',
    "nested keys of nobody": '{"a"==',
    "nested numbers": "[1 ",
    "nested cut numbers": "[1.",
    "nested references": "[[1]",
    "thoughts": "<think>",
    "fences of two languages": "```json\n```python\n{",
    "closing braces": "}",
    "quotes": '"',
    "braces and quotes": '{"',
    "braces and single quotes": "{'",
    "backslashes": "\\",
    "backslashes in texts": '{"a":"\\',
    "half-open texts": '{"a": "',
    "half-open texts in lines": "{'a': 'b\n",
    "half-open comments": "[/*",
    "comments": "{//\n",
    "blanks": " ",
    "blank lines": "  \n",
    "line ends": "\n",
    "headings": "# a\n",
    "empty headings": "# \n",
    "hashes": "#",
    "lines of a hash": "#\n",
    "underlined headings": "a\n=\n",
    "bullets": "- a\n",
    "empty bullets": "-\n",
    "nested bullets": "- ",
    "numbers": "1. a\n",
    "dots": "\u2022 a\n",
    "nested quotes": ">",
    "quotes with bullets": "> - ",
    "quoted lines": "> a\n",
    "rules": "* ",
    "intervals": "[0,1) ",
    "numbers in a list": "1,",
    "Python's words": "True,",
    "Python's texts": "'a',",
    "tags": "<a\n",
    "prose": "It says {name} and [1], as ever.\n",
}
#: What stands before the units, so that they are inside something.
OPENINGS = ("", "[", '{"a": "', '[{"a": 1, "b": [')


def seconds(parse: Callable[[str], Any], text: str) -> float:
    """The CPU time of the better of two runs."""
    times = []
    for _ in range(2):
        started = time.process_time()
        parse(text)
        times.append(time.process_time() - started)
    return min(times)


def measured(method: str, name: str, opening: str, limit: float) -> bool:
    """Print a line, and say whether the promise is kept."""
    unit, parse = UNITS[name], getattr(ResponseParser, method)
    short, long = (seconds(parse, (opening + unit * (size // len(unit) + 1))[:size]) for size in (SMALL, LARGE))
    growth = long / short if long > LEAST else 0.0
    good = long < limit and growth < MOST_GROWTH
    sys.stdout.write(
        f"{'' if good else 'NOT KEPT  '}{method:17} {name:28} {opening!r:20} {short:6.3f} s {long:6.3f} s  x{growth:.1f}\n"
    )
    return good


def main() -> None:
    """Measure all, and fail where a promise is not kept."""
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    kept = [measured("extract_json", name, opening, limit) for name in UNITS for opening in OPENINGS]
    others = ("extract_code", "extract_list", "extract_sections")
    kept += [measured(method, name, "", limit) for method in others for name in UNITS]
    sys.stdout.write(
        f"{sum(kept)} of {len(kept)} kept: under {limit:g} s for 1 MB, growing less than {MOST_GROWTH:g} times\n"
    )
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
