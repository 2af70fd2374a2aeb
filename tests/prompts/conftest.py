"""What the tests of prompts share: builders of both kinds, and a folder for a library."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompts_help import Awaited

from dknb.prompts import AbstractPromptLibrary, ConfigPromptLibrary, PromptBuilder


@pytest.fixture(params=[PromptBuilder, Awaited], ids=["sync", "async"])
def make(request):
    """Makes a builder on a library that is given as a dict."""

    def made(config=None, **options):
        library = config if isinstance(config, AbstractPromptLibrary) else ConfigPromptLibrary(config)
        return request.param(library, **options)

    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "prompts"
    for kind in ("system", "user", "messages", "rag"):
        (root / kind).mkdir(parents=True)
    return root
