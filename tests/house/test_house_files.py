"""What must hold of every file that is committed."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from house_files import ROOT, kept_files, kept_texts

MOST_LINES = 400
# In two pieces, so that this file does not hold what it looks for.
REGISTRIES = ("registry." + "npmjs", "py" + "pi.org", "python" + "hosted", "yarn" + "pkg", "npm" + "mirror")
MACHINE_PATH = re.compile(r"(?<![\w.\-/~$}])/(?:home|root|Users|work|tmp|opt)/[A-Za-z0-9_.]")


def _sources(*endings: str) -> dict[str, str]:
    return {name: text for name, text in kept_texts().items() if name.endswith(endings)}


def test_no_file_names_a_registry():
    """Where packages come from is the machine's business: no registry's host stands in a file, locks included."""
    found = [(name, host) for name, text in kept_texts().items() for host in REGISTRIES if host in text]
    assert found == []


def test_no_lock_says_where_a_package_was_found():
    """npm's lock holds hashes, and no address that only this machine can reach."""
    lock = kept_texts()["labextension/package-lock.json"]
    assert '"integrity"' in lock
    assert '"resolved"' not in lock


def test_no_file_holds_a_path_of_this_machine():
    """A path that is absolute is true on one machine only."""
    found = [
        f"{name}: {line.strip()[:120]}"
        for name, text in kept_texts().items()
        for line in text.splitlines()
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def test_a_source_file_can_be_read_at_a_sitting():
    """No source file is longer than 400 lines."""
    sources = _sources(".py", ".ts", ".css")
    lengths = {name: len(text.splitlines()) for name, text in sources.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_a_public_class_has_a_name_of_its_own():
    """A name means one thing in the whole package."""
    names = Counter(
        node.name
        for name, text in _sources(".py").items()
        if name.startswith("dknb/")
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name: times for name, times in names.items() if times > 1} == {}


def test_a_test_file_has_a_name_of_its_own():
    """pytest imports test files by name alone, so two of one name would hide each other."""
    names = Counter(Path(name).name for name in kept_texts() if name.startswith("tests/") and name.endswith(".py"))
    del names["conftest.py"]
    assert {name: times for name, times in names.items() if times > 1} == {}


def test_nothing_that_was_built_or_fetched_is_committed():
    """What a build or an installer makes is ignored by git."""
    made = {"node_modules", ".venv", "__pycache__", "dist", "build", "generated"}
    assert [path for path in kept_files() if made & set(path.relative_to(ROOT).parts)] == []
    assert [path for path in kept_files() if path.is_relative_to(ROOT / "dknb" / "labextension")] == []
