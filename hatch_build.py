"""Puts the built JupyterLab extension into the wheel and the sdist.

A source tree builds it with Node.js, which comes through pip where the machine has none. An sdist carries it built.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSTALLED_AT = "share/jupyter/labextensions/dknb"


class LabextensionBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # its config type is private
    """Builds ``labextension/`` and hands the result to the wheel as shared data."""

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
        """What the build environment needs: nothing for an sdist, else the builder and perhaps Node.js."""
        if self._is_sdist_tree:
            return []
        toolchain = self._toolchain()
        node = [] if toolchain.find_node() else [toolchain.NODE_REQUIREMENT]
        return [toolchain.BUILDER_REQUIREMENT, *node]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the extension; an editable install without it only warns."""
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
