"""The command line itself: what it answers, and with which status."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dknb
from dknb.cli import main
from dknb.errors import ConfigError


def _run(capsys, *words: str) -> tuple[int, str, str]:
    try:
        status = main(words)
    except SystemExit as ended:
        status = int(ended.code or 0)
    said = capsys.readouterr()
    return status, said.out, said.err


def test_help_lists_the_commands(capsys):
    """`dknb --help` says what there is, and succeeds."""
    status, out, _ = _run(capsys, "--help")
    assert status == 0
    assert "lab       open a notebook in JupyterLab" in out
    assert "doctor    say what is installed, set and reachable" in out


def test_no_command_is_the_same_as_asking_for_help(capsys):
    """`dknb` alone shows the help."""
    assert _run(capsys) == _run(capsys, "--help")


def test_version_is_the_packages(capsys):
    """`dknb --version` is one line."""
    assert _run(capsys, "--version") == (0, f"dknb {dknb.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["docter"], "dknb: there is no command 'docter'. Did you mean 'doctor'? Try:  dknb --help\n"),
        (["zzz"], "dknb: there is no command 'zzz'. Try:  dknb --help\n"),
        (["--loud"], "dknb: unrecognized arguments: --loud. Try:  dknb --help\n"),
        (["doctor", "now"], "dknb: unrecognized arguments: now. Try:  dknb --help\n"),
        (["lab", "--exec"], "dknb: unrecognized arguments: --exec. Try:  dknb --help\n"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(capsys, words, line):
    """Nothing runs, and the one line says what to try."""
    assert _run(capsys, *words) == (2, "", line)


def test_an_error_of_ours_is_what_and_what_to_do(capsys, monkeypatch):
    """A command that fails says two lines and ends with status 1, without a traceback."""

    def fail():
        raise ConfigError("It is broken.", hint="Mend it")

    monkeypatch.setattr("dknb.cli.doctor.examine", fail)
    assert _run(capsys, "doctor") == (1, "", "dknb: It is broken.\nMend it\n")


def test_the_stop_key_ends_it_quietly(capsys, monkeypatch):
    """Ctrl-C is no error of the program: status 130, as shells have it."""

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("dknb.cli.doctor.examine", interrupt)
    assert _run(capsys, "doctor") == (130, "", "")


def test_it_runs_as_a_module():
    """`python -m dknb.cli` is the same command."""
    command = [sys.executable, "-m", "dknb.cli", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"dknb {dknb.__version__}\n"
