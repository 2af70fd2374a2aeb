"""Experiments in many processes at once, in ones that are killed, and at 100,000 users."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest

from dknb.prompts.versioning import (
    ABTestManager,
    MetricsCollector,
    PromptVariant,
    PromptVersion,
    SQLiteVersionStorage,
    VersionManager,
)

HALVES = [PromptVariant("1.0.0"), PromptVariant("1.1.0")]

#: Says of each event and assignment that it is kept, until it is killed.
RECORDS = """
import asyncio, sys
from dknb.prompts.versioning import ABTestManager
async def record():
    tests = ABTestManager(sys.argv[1])
    for number in range(1_000_000):
        arm = await tests.get_variant_for_user(sys.argv[2], f"user-{number}")
        await tests.metrics.record_event("v", tokens=1)
        print(number, arm, flush=True)
asyncio.run(record())
"""


@pytest.mark.parametrize(
    "split", [{"a": 0.5, "b": 0.5}, {"a": 0.9, "b": 0.1}, {"a": 0.2, "b": 0.3, "c": 0.5}, {"a": 0.01, "b": 0.99}]
)
async def test_the_split_holds_at_100_000_users(split):
    """Each share is right to one per cent of all users."""
    tests = ABTestManager()
    variants = [PromptVariant(version, share) for version, share in split.items()]
    experiment = await tests.create_experiment("greeting", "user", variants)
    counts = Counter([await tests.get_variant_for_user(experiment, f"user-{number}") for number in range(100_000)])
    for version, share in split.items():
        assert abs(counts[version] / 100_000 - share) < 0.01


def _assign(address, experiment_id, started):
    async def all_of_them():
        tests = ABTestManager(address)
        started.wait(60)
        users = [f"user-{number}" for number in range(300)]
        return await asyncio.gather(*(tests.get_variant_for_user(experiment_id, user) for user in users))

    return asyncio.run(all_of_them())


def _assigned_by(processes, address, experiment_id):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(processes) as pool:
        started = manager.Barrier(processes)
        return pool.starmap(_assign, [(address, experiment_id, started)] * processes)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_assign_the_same_users_agree(kind, request, tmp_path):
    """All get the same arms, and each user has one row."""
    address = str(tmp_path / "v.db") if kind == "sqlite" else request.getfixturevalue("version_address")
    tests = ABTestManager(address)
    experiment = asyncio.run(tests.create_experiment("greeting", "user", HALVES))
    first, *others = _assigned_by(3, address, experiment.experiment_id)
    assert others == [first, first]
    kept = asyncio.run(tests.get_experiment_assignments(experiment))
    assert [kept[f"user-{number}"] for number in range(300)] == first
    tests.storage.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path):
    """What was said to be kept is there, and nothing is half there."""
    path = tmp_path / "v.db"
    experiment = asyncio.run(ABTestManager(path).create_experiment("greeting", "user", HALVES))
    command = [sys.executable, "-c", RECORDS, str(path), experiment.experiment_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = [process.stdout.readline().split() for _ in range(100)]
        os.kill(process.pid, signal.SIGKILL)
        said += [line.split() for line in process.stdout if line.endswith("\n")]
    tests = ABTestManager(path)
    kept = asyncio.run(tests.get_experiment_assignments(experiment))
    assert {f"user-{number}": arm for number, arm in said}.items() <= kept.items()
    uses = asyncio.run(tests.metrics.get_metrics("v")).total_uses
    assert len(said) <= uses <= len(said) + 1


async def test_a_file_of_before_goes_on(tmp_path):
    """A file of versions alone keeps them, is read as it is, and takes experiments when some are made."""
    path = tmp_path / "versions.db"
    old = PromptVersion("id-1", "greeting", "user", "1.0.0", "Hello").to_dict()
    del old["stands_for"]
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE prompt_versions (version_id TEXT PRIMARY KEY, name TEXT NOT NULL, prompt_type TEXT NOT NULL, "
            "version TEXT NOT NULL, document TEXT NOT NULL, UNIQUE (name, prompt_type, version))"
        )
        db.execute("CREATE TABLE prompt_revision (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL)")
        db.execute("INSERT INTO prompt_revision VALUES (1, 41)")
        document = json.dumps(old)
        db.execute("INSERT INTO prompt_versions VALUES ('id-1', 'greeting', 'user', '1.0.0', ?)", (document,))
    db.close()
    before = path.read_bytes()
    storage = SQLiteVersionStorage(path)
    assert (await VersionManager(storage).get_active_version("greeting")).template == "Hello"
    assert storage.revision() == 41
    tests = ABTestManager(storage)
    assert await tests.list_experiments() == []
    assert (await MetricsCollector(storage).get_metrics("v")).total_uses == 0
    assert path.read_bytes() == before
    experiment = await tests.create_experiment("farewell", "user", HALVES)
    await tests.get_variant_for_user(experiment, "ada")
    assert storage.revision() == 42
    assert [each.version for each in await VersionManager(SQLiteVersionStorage(path)).list_versions("greeting")] == [
        "1.0.0"
    ]


async def test_a_change_is_in_the_file_itself(tmp_path):
    """A copy of the file alone has the versions, while the kernel still has it open."""
    path = tmp_path / "versions.db"
    manager = VersionManager(path)
    await manager.create_version("greeting", "user", "Hello")
    (tmp_path / "copy.db").write_bytes(path.read_bytes())
    assert (await VersionManager(tmp_path / "copy.db").get_active_version("greeting")).template == "Hello"


async def test_a_file_that_is_taken_away_is_made_anew(tmp_path):
    """A storage that is open notices, and keeps what comes then."""
    path = tmp_path / "versions.db"
    storage = SQLiteVersionStorage(path)
    await VersionManager(storage).create_version("greeting", "user", "Hello")
    for file in tmp_path.iterdir():
        file.unlink()
    assert await VersionManager(storage).list_versions("greeting") == []
    await VersionManager(storage).create_version("greeting", "user", "Hello again")
    assert [each.template for each in await VersionManager(path).list_versions("greeting")] == ["Hello again"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_uses_connections_of_its_own(tmp_path):
    """Parent and child record with the same collector, and both events are there."""
    collector = MetricsCollector(tmp_path / "v.db")
    asyncio.run(collector.record_event("v"))
    process = multiprocessing.get_context("fork").Process(target=_record, args=(collector,))
    process.start()
    asyncio.run(collector.record_event("v"))
    process.join(60)
    assert process.exitcode == 0
    assert asyncio.run(collector.get_metrics("v")).total_uses == 3


def _record(collector):
    asyncio.run(collector.record_event("v"))
