"""One version, wherever it is written."""

from __future__ import annotations

import json
import tomllib

from house_files import ROOT

import dknb


def test_every_place_has_the_same_version():
    """pyproject.toml, the package, package.json and its lock agree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    package = json.loads((ROOT / "labextension" / "package.json").read_text())["version"]
    lock = json.loads((ROOT / "labextension" / "package-lock.json").read_text())
    assert [dknb.__version__, package, lock["version"], lock["packages"][""]["version"]] == [project] * 4


def test_every_dependency_is_pinned_for_the_checks():
    """`.ci/constraints.txt` names a version of each package that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = {_name(requirement) for requirement in [*project["dependencies"], *extras["lab"], *extras["test"]]}
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    pinned = {_name(line) for line in lines if "==" in line}
    assert asked - pinned == set()


def _name(requirement: str) -> str:
    for end in " <>=!~;[":
        requirement = requirement.split(end)[0]
    return requirement.lower().replace("_", "-")
