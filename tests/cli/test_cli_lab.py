"""`dknb lab`: which notebook is opened, and how."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dknb.cli import lab as lab_command
from dknb.cli import main
from dknb.cli.lab import choose_notebook
from dknb.errors import ConfigError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, in which the command is run as nobody special and not in CI."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    return tmp_path


@pytest.fixture
def became(monkeypatch):
    """The command lines that the process was replaced with."""
    commands: list[list[str]] = []

    def execv(_: str, command: list[str]) -> None:
        commands.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    return commands


def test_the_first_notebook_is_opened_from_anywhere_in_the_project(project, became, monkeypatch):
    """Without a name it is notebooks/00_quickstart.ipynb of the project around."""
    first = project / "notebooks" / "00_quickstart.ipynb"
    first.touch()
    monkeypatch.chdir(project / "notebooks")
    with pytest.raises(SystemExit):
        main(["lab"])
    assert became == [[sys.executable, "-m", "jupyterlab", "--LabApp.news_url=None", str(first)]]


@pytest.mark.usefixtures("project")
def test_a_project_without_notebooks_opens_its_folder(became):
    """JupyterLab starts where one is."""
    with pytest.raises(SystemExit):
        main(["lab"])
    assert became == [[sys.executable, "-m", "jupyterlab", "--LabApp.news_url=None"]]


@pytest.mark.usefixtures("project")
def test_root_in_a_container_is_let_in(became, monkeypatch):
    """JupyterLab refuses root unless it is told not to."""
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    with pytest.raises(SystemExit):
        main(["lab"])
    assert became[0][-1] == "--allow-root"


def test_a_missing_notebook_names_the_nearest_and_the_others(project):
    """A typing mistake is answered with what there is."""
    for name in ("01_chat.ipynb", "02_tree.ipynb"):
        (project / "notebooks" / name).touch()
    with pytest.raises(
        ConfigError, match=r"There is no notebook 'notebooks/01_chats.ipynb'\. Did you mean '01_chat.ip"
    ) as e:
        choose_notebook(Path("notebooks/01_chats.ipynb"))
    assert e.value.hint == f"In {project / 'notebooks'} there are: 01_chat.ipynb, 02_tree.ipynb"


@pytest.mark.usefixtures("project")
def test_without_jupyterlab_the_extra_is_named(monkeypatch, capsys):
    """What is missing is said with the command that installs it."""
    monkeypatch.setattr(lab_command, "find_spec", lambda _: None)
    assert main(["lab"]) == 1
    assert capsys.readouterr().err == 'dknb: jupyterlab is not installed.\nInstall it with:  pip install "dknb[lab]"\n'


@pytest.mark.parametrize(("words", "ci"), [(["lab", "x.ipynb", "--execute"], ""), (["lab", "x.ipynb"], "true")])
def test_it_runs_without_a_browser_when_told_to_and_in_ci(project, monkeypatch, capsys, words, ci):
    """`--execute`, or CI=true, runs the notebook and says where the result lies."""
    (project / "x.ipynb").touch()
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("dknb.cli.execute.execute", lambda notebook: Path("somewhere", notebook.name))
    assert main(words) == 0
    assert capsys.readouterr().out == f"ran without an error, the result is {Path('somewhere', 'x.ipynb')}\n"
