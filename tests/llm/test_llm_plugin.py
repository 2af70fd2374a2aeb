"""Providers that other packages add: one is really built and installed, others are broken in every way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-models"
version = "1.0"

[project.entry-points."dknb.providers"]
shout = "acme_models:Shout"
"""
PROVIDER = """
from dknb.llm import AsyncLLMProvider, LLMResponse, LLMStreamResponse

class Shout(AsyncLLMProvider):
    default_model = "loud"
    def get_capabilities(self):
        return []
    async def _complete(self, request, config):
        return LLMResponse(request.messages[-1].content.upper() + config.options.get("end", ""))
    async def _stream(self, request, config):
        response = await self._complete(request, config)
        yield LLMStreamResponse(response.content)
        yield LLMStreamResponse(is_final=True, response=response)
"""
#: What a script of these tests begins with.
BEGIN = """
import json
from dknb._sync import run
from dknb.llm import create_llm_provider
from dknb.llm.providers.availability import usable_models
from dknb.llm.catalog import known_providers

def failure(spec):
    try:
        create_llm_provider(spec, is_async=False).complete("hi")
    except Exception as error:
        return [type(error).__name__, str(error), getattr(error, "hint", None)]

def rows():
    return {row.provider: [row.usable, row.reason] for row in run(usable_models(environment={}))}

def echo():
    return create_llm_provider("echo", is_async=False).complete("hi").content
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder into which the package was installed, as a wheel that its build backend made."""
    source, target = tmp_path_factory.mktemp("acme"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (source / "acme_models.py").write_text(PROVIDER, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=source, check=True)
    (wheel,) = (source / "dist").glob("*.whl")
    # The wheel is pure, so that unpacking it is installing it.
    zipfile.ZipFile(wheel).extractall(target)
    return target


def added(folder: Path, name: str, entry_points: str, module: str = "") -> None:
    """Put a package into a folder, as installers leave it there."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    (folder / f"{name}.py").write_text(module, encoding="utf-8")


def outcome(folder: Path, script: str, expression: str) -> Any:
    """What an expression is in a Python that finds the packages of a folder."""
    program = f"{BEGIN}\n{textwrap.dedent(script)}\nprint(json.dumps({expression}))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_package_of_ten_lines_adds_a_provider(installed):
    """By spec, with its default model and its options; whole, streamed, and listed."""
    script = """
        provider = create_llm_provider({"provider": "shout", "options": {"end": "!"}}, is_async=False)
        pieces = [piece.delta for piece in provider.stream_complete("ho")]
        found = [provider.model, provider.complete("hi").content, pieces, rows()["shout"], known_providers()[-1]]
    """
    expected = ["loud", "HI!", ["HO!", ""], [True, "added by acme-models 1.0"], "shout"]
    assert outcome(installed, script, "found") == expected


def test_its_answers_are_recorded_and_replayed(installed, tmp_path):
    """Like those of any provider."""
    script = f"""
        from dknb.llm import Recording
        for mode in ("auto", "replay"):
            with Recording({str(tmp_path / "answers.jsonl")!r}, mode):
                response = create_llm_provider("shout/any", is_async=False).complete("hi")
        found = [response.content, response.metadata["replayed"], response.metadata["provider"]]
    """
    assert outcome(installed, script, "found") == ["HI", True, "shout"]


@pytest.mark.parametrize(
    ("target", "module", "message"),
    [
        ("bad", "import a_package_that_is_missing", "ModuleNotFoundError: No module named 'a_package_that_is_missing'"),
        ("bad", "raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("bad", "1 +", "SyntaxError"),
        ("bad", "", "AttributeError: module 'bad' has no attribute 'Provider'"),
        ("nowhere", "", "ModuleNotFoundError: No module named 'nowhere'"),
        ("bad", "Provider = dict", "<class 'dict'>, which is no AsyncLLMProvider"),
        ("bad", "Provider = 7", "7, which is no AsyncLLMProvider"),
    ],
)
def test_a_broken_package_has_one_clear_error(tmp_path, target, module, message):
    """When it is used, with the package's name; nobody else notices."""
    added(tmp_path, "bad", f"[dknb.providers]\nbroken = {target}:Provider\n", module)
    (kind, text, hint), said, listed = outcome(tmp_path, "", '[failure("broken/m"), echo(), rows()["echo"][0]]')
    assert (kind, said, listed) == ("ConfigError", "Echo: hi", True)
    assert message in text
    assert "'broken'" in text
    assert "bad" in hint or "dknb.llm.AsyncLLMProvider" in hint


def test_a_name_of_ours_stays_ours(tmp_path):
    """The package is listed with what is wrong, and Echo is our Echo."""
    added(tmp_path, "taker", "[dknb.providers]\necho = taker:Provider\n", "Provider = dict")
    said, names, reasons = outcome(
        tmp_path,
        "listed = run(usable_models())",
        '[echo(), known_providers().count("echo"), [r.reason for r in listed]]',
    )
    assert (said, names) == ("Echo: hi", 1)
    assert "the name 'echo' is dknb's own (taker 1.0)" in reasons


def test_two_packages_of_one_name_are_both_named(tmp_path):
    """Neither is taken by chance."""
    added(tmp_path, "one", "[dknb.providers]\nsame = one:Provider\n")
    added(tmp_path, "two", "[dknb.providers]\nsame = two:Provider\n")
    kind, text, _ = outcome(tmp_path, "", 'failure("same/m")')
    assert (kind, "one 1.0" in text, "two 1.0" in text) == ("ConfigError", True, True)


def test_a_malformed_list_takes_nobody_away(tmp_path):
    """Another package's entry points can be read although one's cannot."""
    added(tmp_path, "acme_models", "[dknb.providers]\nshout = acme_models:Shout\n", PROVIDER)
    added(tmp_path, "garbled", "[dknb.providers]\nno equals sign here\n")
    script = 'found = create_llm_provider("shout/any", is_async=False).complete("hi").content'
    assert outcome(tmp_path, script, "[found, echo()]") == ["HI", "Echo: hi"]


def test_a_package_that_exits_when_it_is_loaded_is_a_setting_that_is_wrong(tmp_path):
    """The program goes on."""
    added(tmp_path, "leaving", "[dknb.providers]\nleaving = leaving:X\n", "raise SystemExit('bye')\n")
    script = """
        from dknb.errors import ConfigError
        try:
            create_llm_provider("leaving/x")
        except ConfigError as error:
            said = str(error)
    """
    assert "'leaving' of leaving 1.0 cannot be loaded: SystemExit: bye" in outcome(tmp_path, script, "said")
