"""Puts the built JupyterLab extension and OpenAI's token tables into the wheel and the sdist.

A source tree builds the extension with Node.js, which comes through pip where the machine has none, and takes the tables
from the package ``bpe-openai``. An sdist carries both.
"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSTALLED_AT = "share/jupyter/labextensions/dknb"

#: The package that carries OpenAI's token tables (MIT), the machines that it is made for, and the files' digests.
TABLES_REQUIREMENT = "bpe-openai==0.1.4"
TABLES_MACHINES = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")}
TABLES = {
    "o200k_base.tiktoken.gz": "aa7f57c462db101b58b6648a2b0047128f61e68c0776814ad75251aab1bccdfa",
    "cl100k_base.tiktoken.gz": "eb039321fca3dd961193251802424710b59fbd1df8a16067911191014f4ab732",
}


def _has_tables_wheel() -> bool:
    musl = platform.system() == "Linux" and platform.libc_ver()[0] != "glibc"
    return (platform.system(), platform.machine()) in TABLES_MACHINES and not musl


class LabextensionBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # its config type is private
    """Builds ``labextension/``, hands the result to the wheel as shared data, and fetches the token tables."""

    @property
    def _is_sdist_tree(self) -> bool:
        return (Path(self.root) / "PKG-INFO").exists()

    def _toolchain(self) -> ModuleType:
        spec = importlib.util.spec_from_file_location("dknb_toolchain", Path(self.root, "labextension", "toolchain.py"))
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def dependencies(self) -> list[str]:
        """What the build environment needs: nothing for an sdist, else the builder, perhaps Node.js, and the tables."""
        if self._is_sdist_tree:
            return []
        toolchain = self._toolchain()
        node = [] if toolchain.find_node() else [toolchain.NODE_REQUIREMENT]
        tables = [TABLES_REQUIREMENT] if self._missing_tables() and _has_tables_wheel() else []
        return [toolchain.BUILDER_REQUIREMENT, *node, *tables]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put in the token tables, if they are at hand, and build the extension, which an editable install can miss."""
        self._copy_tables()
        if not self._is_sdist_tree:
            toolchain = self._toolchain()
            try:
                toolchain.build()
            except toolchain.ToolchainError as error:
                if version != "editable":
                    raise
                self.app.display_warning(f"The JupyterLab extension was not built, notebooks will show HTML: {error}")
                return
        if self.target_name == "wheel":
            build_data["shared_data"]["dknb/labextension"] = INSTALLED_AT
            build_data["shared_data"]["labextension/install.json"] = f"{INSTALLED_AT}/install.json"

    @property
    def _tables_folder(self) -> Path:
        return Path(self.root, "dknb", "llm", "bpe")

    def _missing_tables(self) -> list[str]:
        return [name for name in TABLES if not (self._tables_folder / name).exists()]

    def _copy_tables(self) -> None:
        found = importlib.util.find_spec("bpe_openai") if (missing := self._missing_tables()) else None
        for name in missing:
            source = Path(str(found.origin)).parent / "data" / name if found else None
            if (
                source is None
                or not source.is_file()
                or hashlib.sha256(source.read_bytes()).hexdigest() != TABLES[name]
            ):
                self.app.display_warning(f"{name} is not at hand ({TABLES_REQUIREMENT}): tokens will be estimated.")
                continue
            self._tables_folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, self._tables_folder / name)
