"""A library of 2,000 files: how long it takes to open, to ask for one prompt, and to validate all of it.

A third of the files are plain, a third have sections, loops and typed parameters, and a third extend another. Seconds,
because the limits are in seconds; the machine should be quiet.

Run: python tests/bench/bench_library.py
Ends with status 1 if opening takes 0.3 s or more, or validating 5 s or more.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from dknb.prompts import FileSystemPromptLibrary

FILES = 2_000
OPEN_LIMIT, VALIDATE_LIMIT = 0.3, 5.0

PLAIN = """\
metadata: {{version: "1.0", description: Number {number}}}
template: |-
  You are reader {number}. Summarise the text in {{{{length}}}}((, for {{{{audience}}}})).

  {{{{text}}}}
"""
RICH = """\
metadata: {{version: "1.0", description: Number {number}}}
parameters:
  text: {{type: string, required: true}}
  criteria: {{type: list, items: string, default: [argument, evidence]}}
  tone: {{choices: [kind, frank], default: kind}}
sections:
  ROLE: You are a {{{{tone}}}} reviewer of the kind {number}.
template: |-
  {{{{ROLE}}}}
  {{% for criterion in criteria %}}
  - {{{{criterion}}}}
  {{% endfor %}}

  {{{{text}}}}
"""
CHILD = """\
metadata: {{version: "1.1"}}
extends: area{area}/p{base}
sections:
  ROLE: You are another {{{{tone}}}} reviewer, the number {number}.
"""


def fill(folder: Path) -> None:
    """Write the files, a hundred to a folder."""
    for number in range(FILES):
        area = folder / "user" / f"area{number // 100}"
        area.mkdir(parents=True, exist_ok=True)
        base = number - 1 if number % 3 == 2 and number % 100 else None
        form = CHILD if base is not None else (PLAIN, RICH, RICH)[number % 3]
        text = form.format(number=number, base=base, area=number // 100)
        (area / f"p{number}.yaml").write_text(text, encoding="utf-8")


def main() -> int:
    """Print the times; 1 if a limit is passed."""
    with TemporaryDirectory() as name:
        fill(Path(name))
        start = perf_counter()
        library = FileSystemPromptLibrary(name)
        names = library.list_user_prompts()
        library.get_user_prompt(names[0])
        opened = perf_counter() - start
        start, busy = perf_counter(), process_time()
        problems = library.validate()
        validated, busy = perf_counter() - start, process_time() - busy
        start = perf_counter()
        library.changes()
        looked = perf_counter() - start
    if len(names) != FILES or problems:
        raise SystemExit(f"{len(names)} prompts, problems: {problems[:3]}")
    print(f"open, list and read one of {FILES:,}: {opened:.3f} s (limit {OPEN_LIMIT} s)")
    print(f"validate {FILES:,}: {validated:.2f} s (limit {VALIDATE_LIMIT} s), {busy:.2f} s of them on the processor")
    print(f"look for changes: {looked:.3f} s")
    return 0 if opened < OPEN_LIMIT and validated < VALIDATE_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
