"""What the tests of prompts share: builders of both kinds, and a folder for a library."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prompts_help import Awaited

from dknb.prompts import AbstractPromptLibrary, ConfigPromptLibrary, PromptBuilder
from dknb.prompts.versioning import MemoryVersionStorage, SQLVersionStorage


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


@pytest.fixture(scope="session")
def version_server() -> Iterator[Any]:
    """A real PostgreSQL server. Where there is none its tests are skipped, but in CI that is a failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "conversations"))
        found = importlib.import_module("postgres_help")
    try:
        with found.running_server() as running:
            yield running
    except found.NoServer as error:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def version_address(version_server: Any) -> str:
    """The address of a database without versions."""
    with version_server.connection() as connection:
        connection.execute("DROP SCHEMA IF EXISTS dknb_prompts CASCADE")
    return str(version_server.url())


Store = MemoryVersionStorage | SQLVersionStorage


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens one store of a kind anew each time, as another process would; one in memory is always the same."""
    if request.param == "memory":
        memory = MemoryVersionStorage()
        yield lambda: memory
        return
    on_server = request.param == "postgresql"
    address = request.getfixturevalue("version_address") if on_server else tmp_path / "new" / "versions.db"
    opened: list[SQLVersionStorage] = []

    def open_anew() -> Store:
        opened.append(SQLVersionStorage(address))
        return opened[-1]

    yield open_anew
    for each in opened:
        each.close()


@pytest.fixture
def store(reopened: Callable[[], Store]) -> Store:
    """Each kind of store for versions and experiments."""
    return reopened()
