"""Speed of templates, as ratios within one run.

A CONDITIONAL render, found through its cache, against the same template written with ``{% if %}`` and precompiled by
Jinja2; then how the time to compile grows when a template is twice as long (2 is linear).

Run: python tests/bench/bench_templates.py
Ends with status 1 if a render is slower than Jinja2's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import NamedTuple

import jinja2

from dknb.templates import compile_template, render_conditional_template
from dknb.templates.conditional import ConditionalTemplate

PROSE = "some words of text that stand between the variables "
ROUNDS = 15


class Pair(NamedTuple):
    """One template in both languages, and values for it."""

    name: str
    conditional: str
    jinja: str
    params: dict[str, str]


def pair(name: str, *, variables: int, sections: int, prose: int = 1, given: int = 1) -> Pair:
    """A template whose first variable stands outside and whose others are dealt out to its sections.

    Args:
        name: What to print.
        variables: How many different variables.
        sections: How many sections.
        prose: Repetitions of the text between variables.
        given: Every how manyth of the variables in sections has a value; 0 means none.
    """
    text = PROSE * prose
    conditional = jinja = f"{text}{{{{v0}}}}"
    params = {"v0": "value 0"}
    names = [f"v{number}" for number in range(1, variables)]
    for section in range(sections):
        own = names[section::sections]
        body = "".join(f"{text}{{{{{name}}}}}" for name in own)
        conditional += f"(({body})){text}"
        jinja += f"{{% if {' or '.join(own)} %}}{body}{{% endif %}}{text}"
    params |= {name: f"value of {name}" for name in (names[::given] if given else [])}
    return Pair(name, conditional, jinja, params)


def seconds(action: Callable[[], object], calls: int) -> float:
    """Seconds for one call, averaged over some."""
    start = perf_counter()
    for _ in range(calls):
        action()
    return (perf_counter() - start) / calls


def compare(each: Pair) -> float:
    """Print and return how many times faster than Jinja2 we are: the median over interleaved rounds."""
    precompiled = jinja2.Environment(autoescape=False).from_string(each.jinja)
    values: Mapping[str, str] = each.params

    def ours() -> str:
        return render_conditional_template(each.conditional, values)

    def theirs() -> str:
        return precompiled.render(values)

    if ours() != theirs():
        raise SystemExit(f"{each.name}: the two renders differ")
    calls = max(5, 2_000_000 // (len(each.conditional) + 2_000))
    rounds = [(seconds(ours, calls), seconds(theirs, calls)) for _ in range(ROUNDS)]
    ratio = median(their / our for our, their in rounds)
    our, their = (median(column) * 1e6 for column in zip(*rounds, strict=True))
    print(
        f"{each.name:28} {len(each.conditional):7} chars   ours {our:8.1f} us   jinja2 {their:8.1f} us   x {ratio:.2f}"
    )
    return ratio


def growth(name: str, piece: str, repeats: int, compile_text: Callable[[str], object]) -> None:
    """Print by what factor the time to compile grows when a piece is repeated twice as often."""
    ratios = []
    for round_number in range(5):
        mark = " " * round_number  # a new text for each round: no cache
        once = seconds(lambda mark=mark: compile_text(mark + piece * repeats), 1)  # type: ignore[misc]
        twice = seconds(lambda mark=mark: compile_text(mark + piece * 2 * repeats), 1)  # type: ignore[misc]
        ratios.append(twice / once)
    print(f"compile twice as much: {name:24} x {median(ratios):.2f}")


PAIRS = [
    pair("small", variables=2, sections=1),
    pair("small, section gone", variables=2, sections=1, given=0),
    pair("medium", variables=50, sections=20),
    pair("medium, a third given", variables=50, sections=20, given=3),
    pair("150 kB, 1,500 variables", variables=1_500, sections=600),
    pair("150 kB, a third given", variables=1_500, sections=600, given=3),
    pair("150 kB, 50 variables", variables=50, sections=20, prose=40),
]


def main() -> int:
    """Print all ratios; 1 if a render is slower than Jinja2's."""
    ratios = [compare(each) for each in PAIRS]
    for name, piece in [("sections", "((a {{x}} (b) c)) "), ("unclosed sections", "((a "), ("parentheses", "(")]:
        growth(f"CONDITIONAL, {name}", piece, 20_000, ConditionalTemplate)
    growth("MIXED, filters", "((a {{x|upper}})) ", 500, lambda text: compile_template(text, "mixed"))
    return 0 if min(ratios) >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
