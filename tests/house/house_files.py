"""What git would keep of this repository, for the tests that read all of it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@cache
def kept_files() -> tuple[Path, ...]:
    """The files that git tracks or would; skips the test where this is no clone."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a clone: git cannot list its files")
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


@cache
def kept_texts() -> dict[str, str]:
    """The text of each kept file, by its path in the repository; files that are no text are left out."""
    texts = {}
    for path in kept_files():
        try:
            texts[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return texts
