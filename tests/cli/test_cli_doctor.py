"""`dknb doctor`: what it finds, in which words."""

from __future__ import annotations

import asyncio
import json
import socket
import tomllib
from importlib.metadata import version
from pathlib import Path

import jupyter_core.paths
import pytest

import dknb
from dknb.cli import doctor, main
from dknb.conversations import ConversationManager, SQLConversationStorage
from dknb.llm import EchoProvider

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
SECRET = "sk-this-is-never-shown"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project on a machine without keys and without an Ollama server."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN", "DKNB_MODEL"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{port}")
    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda *_: [str(tmp_path / "labextensions")])
    return tmp_path


def _findings(topic: str) -> list[doctor.Finding]:
    return [finding for finding in doctor.examine() if finding.topic == topic]


def _finding(topic: str) -> doctor.Finding:
    [found] = _findings(topic)
    return found


@pytest.mark.usefixtures("project")
def test_it_names_python_dknb_and_the_packages_that_matter():
    """Versions are those that are installed."""
    assert _finding("dknb").text.startswith(f"{dknb.__version__} (")
    [packages] = _findings("packages")
    assert f"openai {version('openai')}" in packages.text
    assert _finding("extra lab").text.startswith(f"jupyterlab {version('jupyterlab')}")


@pytest.mark.usefixtures("project")
def test_a_missing_package_and_a_missing_extra_say_how_to_get_them(monkeypatch):
    """A package that dknb needs is broken; an extra one can do without."""
    have = doctor._version_of
    monkeypatch.setattr(doctor, "_version_of", lambda p: None if p in ("pandas", "jupyterlab") else have(p))
    assert _findings("packages")[1] == doctor.Finding(
        "packages", "broken", "not installed: pandas", "Install them:  pip install dknb"
    )
    assert _finding("extra lab") == doctor.Finding(
        "extra lab", "missing", "not installed: jupyterlab", 'Install it:  pip install "dknb[lab]"'
    )


@pytest.mark.usefixtures("project")
def test_every_extra_is_looked_at_and_the_report_is_a_table():
    """Those of ``pyproject.toml``; what was found begins in one column, however long a topic is."""
    declared = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    findings = doctor.examine()
    topics = [finding.topic for finding in findings]
    assert {topic for topic in topics if topic.startswith("extra ")} == {f"extra {name}" for name in declared}
    lines = doctor.report(findings).splitlines()
    assert {
        line.index(found.text) for found in findings for line in lines if line[4:].startswith(f"{found.topic} ")
    } == {max(map(len, topics)) + 6}


@pytest.mark.usefixtures("project")
def test_keys_are_said_to_be_set_and_never_shown(monkeypatch, capsys):
    """The report says which variable is set, and nothing of what is in it."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert main(["doctor"]) == 0
    report = capsys.readouterr().out
    told = [" ".join(line.split()) for line in report.splitlines()]
    assert "ok openai OPENAI_API_KEY is set" in told
    assert "-- anthropic ANTHROPIC_API_KEY is not set" in told
    assert any(line.startswith("-- ollama there is no server at") for line in told)
    assert SECRET not in report


def test_a_project_without_a_store_is_well(project):
    """The store is made when it is first needed."""
    assert _finding("project").text == str(project)
    store = _finding("store")
    assert store.state == "well"
    assert "not there yet" in store.text
    assert not (project / ".dknb").exists()


def test_a_store_says_how_many_conversations_it_has(project):
    """A store that can be read is well."""

    async def talk() -> None:
        async with SQLConversationStorage(project / ".dknb" / "dknb.db") as store:
            await ConversationManager.create(EchoProvider(), None, storage=store, conversation_id="a")

    asyncio.run(talk())
    assert _finding("store").text == f"{project / '.dknb' / 'dknb.db'} (1 conversation)"


def test_a_store_that_cannot_be_written_is_broken(project, monkeypatch):
    """Reading would do for today, but the next answer could not be kept."""
    (project / ".dknb").mkdir()
    (project / ".dknb" / "dknb.db").touch()
    monkeypatch.setattr("dknb.cli.doctor.os.access", lambda *_: False)
    assert _finding("store").text == f"{project / '.dknb' / 'dknb.db'} cannot be written"


def test_a_corrupt_store_is_broken_and_fails_the_command(project, capsys):
    """What must be mended makes the status 1, with what to do about it."""
    (project / ".dknb").mkdir()
    (project / ".dknb" / "dknb.db").write_bytes(b"this is no database, and long enough to be read as one" * 100)
    store = _finding("store")
    assert store.is_broken
    assert str(project / ".dknb" / "dknb.db") in store.text
    assert store.hint
    assert main(["doctor"]) == 1
    assert "!!  store" in capsys.readouterr().out


def test_broken_settings_are_reported_and_the_rest_is_still_looked_at(project):
    """A pyproject.toml that cannot be read hides the project and nothing else."""
    (project / "pyproject.toml").write_text("[tool.dknb\n")
    assert _finding("project").is_broken
    assert _finding("echo").state == "well"


def test_the_prompts_are_counted_and_the_bad_ones_named(project):
    """Each file that cannot be used is a line of its own."""
    assert _finding("prompts").state == "missing"
    user = project / "prompts" / "user"
    user.mkdir(parents=True)
    (user / "good.yaml").write_text("template: Hello {{name}}\n")
    (user / "bad.yaml").write_text("template: [\n")
    well, bad = _findings("prompts")
    assert (well.state, bad.state) == ("well", "broken")
    assert "bad.yaml" in bad.text


def test_sequences_of_messages_are_counted_with_the_prompts(project):
    """As the notebook counts them."""
    for kind, text in (("user", "template: a\n"), ("messages", "messages:\n- {role: user, content: a}\n")):
        (project / "prompts" / kind).mkdir(parents=True)
        (project / "prompts" / kind / "one.yaml").write_text(text)
    assert "(2 prompts)" in _finding("prompts").text


def test_the_labextension_is_looked_for_where_jupyter_looks(project):
    """Missing it is missing; one of another version is broken."""
    assert _finding("labextension").state == "missing"
    folder = project / "labextensions" / "dknb"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"version": dknb.__version__}))
    assert _finding("labextension").text == f"{dknb.__version__} ({folder})"
    (folder / "package.json").write_text(json.dumps({"version": "0.0.1"}))
    assert _finding("labextension").is_broken
