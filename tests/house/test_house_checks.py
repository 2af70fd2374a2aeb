"""`make test` counts right: its last line and its status are what CI reads."""

from __future__ import annotations

import importlib

import pytest
from house_files import ROOT


@pytest.fixture
def script(monkeypatch):
    """The script that runs all checks."""
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    return importlib.import_module("checks")


@pytest.fixture
def checks(script, monkeypatch):
    """The same without any checks in it."""
    for name in ("_find_browser", "_notebooks", "_pytest"):
        monkeypatch.setattr(script, name, lambda *_: None)
    monkeypatch.setattr(script, "_checks", dict)
    return script


def _skip(checks):
    def check():
        raise checks.Skipped("there is no server here")

    return check


def test_all_well_ends_with_the_count_and_status_0(checks, monkeypatch, capsys):
    """A check that cannot run here is named with its reason, and fails nothing."""
    monkeypatch.setattr(checks, "_checks", lambda: {"one": lambda: True, "two": _skip(checks)})
    assert checks.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert "skipped: there is no server here" in lines
    assert lines[-1] == "1 passed, 0 failed"


def test_a_failing_check_is_named_and_fails_the_whole(checks, monkeypatch, capsys):
    """The checks after it run all the same."""
    monkeypatch.setattr(checks, "_checks", lambda: {"one": lambda: False, "two": lambda: True})
    assert checks.main() == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["FAILED: one", "1 passed, 1 failed"]


@pytest.fixture
def count(script, tmp_path, monkeypatch, capfd):
    """A function that lets pytest run a file of tests, and returns passed, failed and skipped."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take seconds to load, and count nothing

    def counted(source: str) -> tuple[int, int, int]:
        path = tmp_path / "test_some.py"
        path.write_text(source)
        tally = script.Tally()
        script._pytest(tally, "some", "-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={tmp_path}", path)
        capfd.readouterr()
        assert bool(tally.failures) == bool(tally.failed)
        return tally.passed, tally.failed, tally.skipped

    return counted


SOME = """
import pytest
def test_a(): pass
def test_b(): print("9 passed in 1.00s"); assert False
@pytest.mark.skip
def test_c(): pass
@pytest.fixture
def broken(): raise OSError
def test_d(broken): pass
"""


def test_each_test_of_pytest_counts_as_one(count):
    """Errors count as failures, and what a test prints is not taken for the count."""
    assert count(SOME) == (1, 2, 1)
    assert count("def test_a(): pass\ndef test_b(): pass\n") == (2, 0, 0)


def test_a_run_that_dies_is_a_failure(count):
    """A run without a count is no success: a file that cannot be imported, a killed process, no test at all."""
    assert count("import nothing_of_that_name\n") == (0, 1, 0)
    assert count("import os\nos._exit(3)\n") == (0, 1, 0)
    assert count("") == (0, 1, 0)
