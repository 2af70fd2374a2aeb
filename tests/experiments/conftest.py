"""Fixtures for the tests of experiments."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "conversations"))  # a real PostgreSQL server, as the store's tests have
sys.path.append(str(Path(__file__).parents[1] / "llm"))  # a server with batch APIs


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, which is the current one; no keys."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("DKNB_", "OPENAI_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    (tmp_path / "pyproject.toml").write_text("[tool.dknb]\n")
    return tmp_path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A real server for all tests of a run. Where there is none the tests are skipped, but in CI that is a failure."""
    from postgres_help import NoServer, running_server

    try:
        with running_server() as server:
            yield server
    except NoServer as error:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def postgres(postgres_server: Any) -> Any:
    """The server, with nothing of ours in it."""
    postgres_server.empty()
    return postgres_server


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """The client of a cluster of two worker processes."""
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None, processes=True) as local,
        Client(local) as client,
    ):
        yield client
