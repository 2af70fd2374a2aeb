"""`dknb lab --execute`: a notebook is run by a real kernel."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import nbformat
import pytest

from dknb.cli.execute import execute
from dknb.errors import ConfigError, DknbError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A function that writes a notebook of code cells into a project."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks").mkdir()

    def write(*cells: str) -> Path:
        path = tmp_path / "notebooks" / "talk.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
        return path

    return write


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_result_lies_in_the_project_and_the_notebook_stays_as_it_was(notebook, tmp_path):
    """The kernel runs in the notebook's folder and knows the notebook's name; what it shows is in the copy alone."""
    path = notebook("import os; print(os.getcwd()); print(os.environ['JPY_SESSION_NAME'])")
    before = path.read_bytes()
    result = execute(path)
    assert result == tmp_path / ".dknb" / "executed" / "talk.ipynb"
    assert path.read_bytes() == before
    [cell] = nbformat.read(result, as_version=4).cells
    assert cell.outputs[0].text == f"{path.parent}\n{path}\n"


def test_the_result_is_nothing_that_git_would_commit(notebook, tmp_path):
    """Results are ignored by git, in a project that has no store yet too."""
    execute(notebook("1"))
    assert (tmp_path / ".dknb" / "executed" / ".gitignore").read_text() == "*\n"


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(notebook, tmp_path):
    """A file where the folder should be is said to be in the way."""
    path = notebook("1")
    (tmp_path / ".dknb").touch()
    with pytest.raises(ConfigError, match=r"executed cannot be written: "):
        execute(path)


def test_a_failing_cell_is_named_with_its_error(notebook, tmp_path):
    """The error is one line; what had run before is kept."""
    path = notebook("print('before')", "1 / 0", "print('after')")
    with pytest.raises(DknbError, match=r"^talk\.ipynb, cell 2: ZeroDivisionError: division by zero$"):
        execute(path)
    kept = nbformat.read(tmp_path / ".dknb" / "executed" / "talk.ipynb", as_version=4)
    assert kept.cells[0].outputs[0].text == "before\n"
    assert kept.cells[2].outputs == []


def test_an_error_of_ours_keeps_its_hint(notebook):
    """What dknb says in a cell, it says here: what, and what to do."""
    path = notebook("from dknb.errors import ConfigError\nraise ConfigError('It is broken.', hint='Mend it')")
    with pytest.raises(DknbError, match=r"^talk\.ipynb, cell 1: It is broken\.$") as caught:
        execute(path)
    assert caught.value.hint == "Mend it"


def test_a_kernel_that_dies_is_said_to_have_died(notebook):
    """A crash of the kernel is no traceback of ours."""
    with pytest.raises(DknbError, match=r"^talk\.ipynb: the kernel died\.$"):
        execute(notebook("import os; os._exit(3)"))


def test_a_kernel_that_is_not_installed_is_named(notebook):
    """A notebook of another language says what it asks for."""
    path = notebook("1")
    content = nbformat.read(path, as_version=4)
    content.metadata["kernelspec"] = {"name": "cobol", "display_name": "COBOL"}
    nbformat.write(content, path)
    with pytest.raises(DknbError, match="asks for the kernel 'cobol', which is not installed"):
        execute(path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_stop_key_ends_the_kernel_and_works_again_afterwards(notebook, tmp_path):
    """Ctrl-C while a notebook runs stops it; nothing that ran before takes the key away."""
    path = notebook("import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)")
    pid = tmp_path / "notebooks" / "pid"

    def interrupt() -> None:
        while not pid.exists() or not pid.read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        execute(path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    patience = time.monotonic() + 30
    while _is_alive(int(pid.read_text())) and time.monotonic() < patience:
        time.sleep(0.05)
    assert not _is_alive(int(pid.read_text()))


@pytest.mark.parametrize("content", ["", "no JSON", "{}", '{"nbformat": 99}', "\udcff"])
def test_a_file_that_is_no_notebook_is_said_to_be_none(tmp_path, content):
    """Whatever lies in the file, it is an error of ours."""
    path = tmp_path / "talk.ipynb"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=r"^talk\.ipynb is not a notebook"):
        execute(path)


def test_a_project_without_a_notebook_asks_for_one():
    """There is nothing to run, and the hint says how to name it."""
    with pytest.raises(ConfigError, match=r"has no notebooks/00_quickstart\.ipynb"):
        execute(None)
