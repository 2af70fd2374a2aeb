"""The project that a notebook belongs to: its folder, its settings, and the name of the notebook's conversation."""

from __future__ import annotations

import os
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._text import printable
from ..errors import ConfigError, did_you_mean
from .branches import LONGEST_NAME

__all__ = ["Project", "find_project", "notebook_path"]

_MARKERS = (".dknb", "pyproject.toml", ".git")
_SETTINGS = {"model": "echo", "library": "prompts", "store": ".dknb/dknb.db"}


@dataclass(frozen=True)
class Project:
    """A folder with the settings of ``[tool.dknb]`` in its ``pyproject.toml``.

    Attributes:
        root: The folder.
        model: Spec of the model that a new kernel talks to.
        library: Where the prompts lie: a folder or zip file relative to the root, or ``package:NAME``; or several.
        store: The database of conversations: a path relative to the root, or a URL.
    """

    root: Path
    model: str = _SETTINGS["model"]
    library: str | tuple[str, ...] = _SETTINGS["library"]
    store: str = _SETTINGS["store"]

    @property
    def library_specs(self) -> tuple[str, ...]:
        """Where the prompts lie, as `open_library` takes it."""
        return (self.library,) if isinstance(self.library, str) else self.library

    @property
    def library_path(self) -> Path:
        """The folder that prompts are saved to."""
        folders = [each for each in self.library_specs if not each.startswith("package:") and not each.endswith(".zip")]
        return self.root / (folders[0] if folders else _SETTINGS["library"])

    @property
    def store_address(self) -> str | Path:
        """What `SQLConversationStorage` opens."""
        return self.store if "://" in self.store else self.root / self.store

    def conversation_name(self, notebook: Path | None) -> str:
        """The name of a notebook's conversation: its path in the project, without the ending."""
        if notebook is None:
            return "default"
        path = notebook.with_suffix("")
        name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name
        return printable(name).replace("\n", " ")[-LONGEST_NAME:]


def find_project(start: Path | None = None) -> Project:
    """The project around ``start``: the nearest folder upwards that holds `.dknb`, `pyproject.toml` or `.git`.

    Without one it is ``start`` itself. The home folder and the folder of temporary files are nobody's project, so that
    a stray store there does not swallow those below. ``DKNB_MODEL`` in the environment overrides the model.

    Raises:
        ConfigError: ``[tool.dknb]`` is broken.
    """
    try:
        start = (start or Path.cwd()).resolve()
    except FileNotFoundError:
        raise ConfigError("The kernel's folder is gone.", hint="Restart the kernel in a folder that is there") from None
    nobodys = {Path.home().resolve(), Path(tempfile.gettempdir()).resolve(), Path(start.anchor)}
    root = start
    for folder in (start, *start.parents):
        if folder in nobodys and folder != start:
            break
        if any((folder / marker).exists() for marker in _MARKERS):
            root = folder
            break
    settings = _read_settings(root / "pyproject.toml")
    if model := os.environ.get("DKNB_MODEL"):
        settings["model"] = model
    return Project(root, **settings)


def _read_settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("dknb", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}", hint="Mend the file, or remove it") from error
    for name, value in list(settings.items()):
        if name not in _SETTINGS:
            raise ConfigError(
                f"[tool.dknb] in {path.name} has an unknown setting {name!r}.{did_you_mean(name, _SETTINGS)}",
                hint=f"Settings are: {', '.join(_SETTINGS)}",
            )
        several = (
            name == "library" and isinstance(value, list) and value and all(isinstance(each, str) for each in value)
        )
        if several:
            settings[name] = tuple(value)
        elif not isinstance(value, str):
            raise ConfigError(f"[tool.dknb] {name} in {path.name} must be text, not {value!r}.")
    return dict(settings)


def notebook_path(namespace: dict[str, Any]) -> Path | None:
    """The path of the notebook that this kernel runs, where its front end tells it.

    Jupyter's server tells it in ``JPY_SESSION_NAME``, VS Code in the namespace. Consoles get names without an ending.
    """
    told = namespace.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    path = Path(told) if isinstance(told, str) and told else None
    return path if path is not None and path.suffix == ".ipynb" else None
