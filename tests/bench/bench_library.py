"""A library of 2,000 files: how long it takes to open, to ask for one prompt, and to validate all of it.

A third of the files are plain, a third have sections, loops and typed parameters, and a third extend another. A second
library has as many large ones: 1.5 kB, ten parameters, optional sections, filters, a loop and a search. Seconds, because
the limits are in seconds; the machine should be quiet.

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
STEP = "  {step}. For {{{{{{{{p{step}}}}}}}}} think about it well((, mind {{{{{{{{p{step}}}}}}}}})) and write {{{{{{{{ p{step}|upper }}}}}}}}.\n"
LARGE = (
    "metadata: {{version: '1.{number}', description: Prompt {number}}}\nparameters:\n"
    + "".join(
        f"  p{step}: {{{{type: string, description: The parameter number {step} of this}}}}\n" for step in range(8)
    )
    + "  topic: string\n  items: {{type: list}}\nrag_config_refs: [docs]\nsections:\n"
    "  ROLE: |\n    You are a reviewer {number}.\ntemplate: |\n  {{{{ROLE}}}}\n"
    + "".join(STEP.format(step=step) for step in range(8))
    + "  {{% for it in items %}}\n  - {{{{it}}}}\n  {{% endfor %}}\n  {{{{RAG_CONTENT}}}}\n"
)


def fill(folder: Path) -> None:
    """Write the files, a hundred to a folder."""
    for number in range(FILES):
        area = folder / "user" / f"area{number // 100}"
        area.mkdir(parents=True, exist_ok=True)
        base = number - 1 if number % 3 == 2 and number % 100 else None
        form = CHILD if base is not None else (PLAIN, RICH, RICH)[number % 3]
        text = form.format(number=number, base=base, area=number // 100)
        (area / f"p{number}.yaml").write_text(text, encoding="utf-8")


def fill_large(folder: Path) -> None:
    """Write as many large files, and the search that they refer to."""
    for kind in ("user", "rag"):
        (folder / kind).mkdir(parents=True)
    (folder / "rag" / "docs.yaml").write_text("adapter_name: d\nquery: 'about {{topic}}'\n", encoding="utf-8")
    for number in range(FILES):
        (folder / "user" / f"p{number}.yaml").write_text(LARGE.format(number=number), encoding="utf-8")


def validate_large() -> float:
    """Seconds on the processor for the library of large files."""
    with TemporaryDirectory() as name:
        fill_large(Path(name))
        busy = process_time()
        problems = FileSystemPromptLibrary(name).validate()
        busy = process_time() - busy
    if problems:
        raise SystemExit(f"problems: {problems[:3]}")
    return busy


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
    large = validate_large()
    print(f"validate {FILES:,} large ones: {large:.2f} s on the processor (limit {VALIDATE_LIMIT} s)")
    return 0 if opened < OPEN_LIMIT and max(validated, large) < VALIDATE_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
