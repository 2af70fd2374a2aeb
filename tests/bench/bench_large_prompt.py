"""A prompt of 150 kB, from its text to its picture: compile, render, preview, and how each grows.

The preview is the MIME bundle of the notebook's view: our own type, HTML and plain text. Garbage is collected as usual. Wall
time counts, in units of a control: work that takes 5 ms where nothing else runs, measured just before and
after. What a prompt is usually like must be there at once; 150 kB of nothing but tags is much more than a prompt.

Run: python tests/bench/bench_large_prompt.py
Ends with status 1 if a first preview takes longer than 2 seconds (a usual prompt: 0.1), or a second one longer than 0.15
second, if the time for twice the text is more than 3 times as long, or if the bundle is more than 6 times as long as the
text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from dknb.notebook.views.prompt import RenderedPrompt, prompt_bundle
from dknb.prompts import ConfigPromptLibrary, PromptBuilder

SIZE = 150_000
PIECES = {
    "variables": 'some words of prose, a {{name}}, and <tags> & "quotes"\n',
    "sections": "prose ((with {{name}} and (parentheses) ((and {{other}})))) <b>\n",
    "filters": "prose with {{ name|upper|trim }} and {{ xs|join(', ') }}\n",
    "statements": "{% for x in xs %}{% if x == name %}{{ x }}{% else %}<{{ x }}>{% endif %} {% endfor %}prose\n",
    "one long line": "word word word {{name}} ",
    "distinct names": "line {{ v# }} ((opt {{ w#|upper }})) {{ z# }}\n",
    "distinct loops": "{% for x# in xs %}{% if x# == name %}{{ x#|upper }}{% else %}<{{ x# }}>{% endif %} {% endfor %}\n",
    "usual": "what the model is told to do, in prose " * 30
    + "\n{{ v#|default('-') }} {{ name }}\n((With: {{other}}))\n{% for x in xs %}- {{ x }}\n{% endfor %}",
    "braces": '{"a": [1, {"b": {}}], "c": "{{name}}"}, ',
}
PARAMS = {"name": "Ada <Lovelace>", "other": None, "xs": ["one", "two & three"]}
ROUNDS = 3
CONTROL = 0.005  # seconds of processor time that the control takes
FIRST = {"usual": 0.1}


def template(piece: str, size: int) -> str:
    """The piece again and again; each ``#`` in it is the number of the time."""
    return "".join(piece.replace("#", str(number)) for number in range(size // len(piece)))


def wall(action: Callable[[], Any]) -> float:
    start = perf_counter()
    action()
    return perf_counter() - start


def control() -> float:
    """Wall time of work like a compiler's: many small objects and texts."""
    return wall(lambda: [{str(number): [number]} for number in range(14_000)])


def seconds(action: Callable[[], Any]) -> float:
    """Seconds that it would take on a machine where the control takes `CONTROL`."""
    before = [control() for _ in range(5)]
    duration = wall(action)
    return duration * min(1.0, CONTROL / median([*before, *(control() for _ in range(5))]))


def times(piece: str, size: int) -> tuple[float, float, float, int]:
    """Seconds to a first and to a second preview, the bundle's length per character, and characters rendered."""
    firsts, agains = [], []
    share, length = 0.0, 0
    for number in range(ROUNDS):
        text = f"{number} {template(piece, size)}"  # a new text for each round: no cache
        builder = PromptBuilder(ConfigPromptLibrary({"user": {"large": text}}))

        def preview(builder: PromptBuilder = builder) -> dict[str, Any]:
            result = builder.render_user_prompt("large", params=PARAMS)
            return prompt_bundle(RenderedPrompt(result.content, "large", used=result.params_used))

        firsts.append(seconds(preview))
        agains.append(seconds(preview))
        bundle = preview()
        length = len(bundle["application/vnd.dknb.prompt+json"]["text"])
        share = sum(len(json.dumps(value)) for value in bundle.values()) / length
    return median(firsts), median(agains), share, length


def main() -> int:
    """Print all figures; 1 if one is beyond its limit."""
    failed = False
    times(PIECES["usual"], 3_000)  # what is imported at first use
    for name, piece in PIECES.items():
        first, again, share, length = times(piece, SIZE)
        growth = times(piece, 2 * SIZE)[0] / first
        limit = FIRST.get(name, 2.0)
        beyond = first > limit or again > 0.15 or growth > 3 or share > 6
        failed = failed or beyond
        print(
            f"{name:14} {SIZE // 1000} kB -> {length // 1000:4} kB   first preview {first * 1e3:6.0f} ms (limit {limit * 1e3:,.0f})   "
            f"again {again * 1e3:5.1f} ms (limit 150)   twice as much x {growth:.2f} (limit 3)   "
            f"bundle x {share:.2f} (limit 6){'   TOO MUCH' if beyond else ''}"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
