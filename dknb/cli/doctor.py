"""``dknb doctor``: what is installed, set and reachable, in plain words."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from .. import __version__, _sync
from ..conversations.project import Project, find_project
from ..errors import ConfigError, ConversationError, DknbError
from ..notebook.views.text import counted

__all__ = ["Finding", "examine", "report"]

_MARKS = {"well": "ok", "missing": "--", "broken": "!!"}
_CORE = ("ipython", "ipykernel", "ipywidgets", "openai", "anthropic", "pandas", "matplotlib")
_EXTRAS = {
    "lab": ("jupyterlab", "nbclient"),
    "local": ("xllamacpp",),
    "huggingface": ("huggingface_hub",),
    "transformers": ("transformers", "torch"),
    "otel": ("opentelemetry-api",),
    "postgres": ("psycopg",),
    "dataknobs": ("dataknobs-data",),
    "scores": ("rouge-score", "sacrebleu"),
    "distributed": ("distributed",),
    "parquet": ("pyarrow",),
    "bridges": ("zstandard",),
    "test": ("pytest", "nbval"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: What it is about, in a word.
        state: ``"missing"`` is what one can do without, ``"broken"`` what must be mended.
        text: What was found.
        hint: What to do about it, if anything.
    """

    topic: str
    state: Literal["well", "missing", "broken"]
    text: str
    hint: str = ""

    @property
    def is_broken(self) -> bool:
        """Whether something must be mended."""
        return self.state == "broken"


def examine() -> list[Finding]:
    """Look at everything; nobody in the network is asked but an Ollama server."""
    found = [*_python(), *_packages(), *_models(), _labextension()]
    try:
        project = find_project()
    except ConfigError as error:
        return [*found, Finding("project", "broken", str(error), error.hint or "")]
    return [*found, Finding("project", "well", str(project.root)), _store(project), *_prompts(project)]


def report(findings: list[Finding]) -> str:
    """The findings as lines, each with its mark."""
    lines = []
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        lines.append(f"{_MARKS[finding.state]}  {finding.topic:<{width}}  {finding.text}")
        if finding.hint:
            lines.append(f"{'':{width + 6}}{finding.hint}")
    return "\n".join(lines)


def _python() -> Iterator[Finding]:
    yield Finding("python", "well", f"{platform.python_version()} ({sys.executable})")
    yield Finding("dknb", "well", f"{__version__} ({Path(__file__).resolve().parents[1]})")


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    versions = {package: _version_of(package) for package in _CORE}
    absent = [package for package, found in versions.items() if found is None]
    present = ", ".join(f"{package} {found}" for package, found in versions.items() if found is not None)
    yield Finding("packages", "well", present)
    if absent:
        yield Finding("packages", "broken", f"not installed: {', '.join(absent)}", "Install them:  pip install dknb")
    for name, packages in _EXTRAS.items():
        lacking = [package for package in packages if _version_of(package) is None]
        if lacking:
            hint = f'Install it:  pip install "dknb[{name}]"'
            yield Finding(f"extra {name}", "missing", f"not installed: {', '.join(lacking)}", hint)
        else:
            yield Finding(f"extra {name}", "well", ", ".join(f"{p} {_version_of(p)}" for p in packages))


def _models() -> Iterator[Finding]:
    from ..llm.providers.availability import usable_models

    for model in _sync.run(usable_models()):
        yield Finding(model.provider, "well" if model.usable else "missing", model.reason, model.hint)


def _labextension() -> Finding:
    from jupyter_core.paths import jupyter_path

    places = [Path(folder, "dknb", "package.json") for folder in jupyter_path("labextensions")]
    described = next((place for place in places if place.is_file()), None)
    if described is None:
        text = "the JupyterLab extension is not installed: trees and prompts are shown as plain HTML"
        return Finding("labextension", "missing", text, "Install the wheel again:  pip install --force-reinstall dknb")
    found = json.loads(described.read_text(encoding="utf-8")).get("version")
    if found != __version__:
        text = f"the JupyterLab extension is of version {found}, dknb of {__version__} ({described.parent})"
        return Finding("labextension", "broken", text, "Install the wheel again:  pip install --force-reinstall dknb")
    return Finding("labextension", "well", f"{found} ({described.parent})")


def _store(project: Project) -> Finding:
    address = project.store_address
    if isinstance(address, Path):
        if not address.exists():
            return Finding("store", "well", f"{address} (not there yet: it is made when the first message is stored)")
        if not os.access(address, os.W_OK):
            return Finding("store", "broken", f"{address} cannot be written", "Make it writable, or set another store")
    try:
        count = _sync.run(_count_conversations(address))
    except (ConversationError, ConfigError) as error:
        return Finding("store", "broken", str(error), error.hint or "")
    return Finding("store", "well", f"{address} ({counted(count, 'conversation')})")


async def _count_conversations(address: str | Path) -> int:
    from ..conversations import SQLConversationStorage

    async with SQLConversationStorage(address) as store:
        return len(await store.list_conversations())


def _prompts(project: Project) -> Iterator[Finding]:
    from ..prompts import FileSystemPromptLibrary

    if not project.library_path.is_dir():
        hint = "The first  %%prompt NAME --save  makes it"
        yield Finding("prompts", "missing", f"{project.library_path} is not there", hint)
        return
    try:
        library = FileSystemPromptLibrary(project.library_path)
        problems = library.validate()
        kinds = (library.list_system_prompts, library.list_user_prompts, library.list_message_indexes)
        count = sum(len(names()) for names in kinds)
    except DknbError as error:
        yield Finding("prompts", "broken", str(error), error.hint or "")
        return
    yield Finding("prompts", "well", f"{project.library_path} ({counted(count, 'prompt')})")
    for problem in problems:
        yield Finding("prompts", "broken", problem)
