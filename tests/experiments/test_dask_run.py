"""The same run on a cluster: the same frame, and a clear word where it cannot be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dask_help import asking, numbered, serving

from dknb.errors import ConfigError
from dknb.experiments import Experiment, FrameScorer
from dknb.experiments.distributed import parcels
from dknb.llm import EchoProvider, Recording


def script() -> tuple[Any, Any, Any]:
    """A model that answers, fails or answers JSON; a scorer; a function that reads. They go to workers by value."""

    def answer(messages: Any) -> str:
        text = messages[-1].content
        if text.endswith(" t3"):
            raise RuntimeError("no answer to this one")
        return f"{text} in {len(messages)}"

    def vowels(output: str) -> float:
        return float(sum(letter in "aeiou" for letter in output))

    def shout(output: str) -> str:
        return output.upper()

    return answer, vowels, shout


class Rank(FrameScorer):
    """Scores all trials at once, and so where the run was begun."""

    async def score_frame(self, frame: Any) -> Any:
        return frame["output"].str.len().rank()


def experiment(store: Path, **more: Any) -> Experiment:
    answer, vowels, shout = script()
    return Experiment(
        {"a": "A {{text}}", "b": "B {{text}}"},
        {"one": EchoProvider().set_response_function(answer), "two": "echo"},
        numbered(12),
        repeats=2,
        scorers=["contains", {"vowels": vowels}, Rank("rank"), {"judge": {"model": "echo"}}],
        parse=shout,
        system="Be {{text}}.",
        name="same",
        store=store,
        progress=False,
        **more,
    )


def comparable(frame: Any) -> Any:
    return frame.drop(columns=["duration_s", "node_id"])


def test_the_frame_is_that_of_a_local_run(cluster: Any, project: Path) -> None:
    """Two prompts on two models, repeats, errors, own functions, a judge, a scorer of the whole frame."""
    import pandas as pd

    here = experiment(project / "here.db").run()
    there = experiment(project / "there.db").run(executor=cluster)
    pd.testing.assert_frame_equal(comparable(there.frame), comparable(here.frame))
    assert there.frame["error"].notna().sum() == 4  # item t3, two prompts, two repeats, of one model
    assert there.note == here.note
    again = experiment(project / "there.db").run()
    assert again.frame["cached"].all()
    assert again.frame["node_id"].tolist() == there.frame["node_id"].tolist()


async def test_an_asynchronous_client_is_awaited(cluster: Any, project: Path) -> None:
    """On its own loop; to wait for it there would be for ever, and is refused."""
    from dask.distributed import Client

    async with Client(cluster.scheduler.address, asynchronous=True) as client:
        waiting = asking("echo", project / "a.db", 20)
        with pytest.raises(ConfigError, match="event loop") as caught:
            waiting.run(executor=client)
        assert "await experiment.arun" in str(caught.value.hint)
        frame = (await waiting.arun(executor=client)).frame
    assert frame["output"].tolist() == [f"Echo: Say t{number}" for number in range(20)]


def test_only_what_failed_is_asked_again(cluster: Any, project: Path) -> None:
    """And what failed at the first time may succeed at the second."""
    model = EchoProvider()
    mark = str(project / "mended")

    def answer(messages: Any) -> str:
        import pathlib

        text = messages[-1].content
        if text.endswith("5") and not pathlib.Path(mark).exists():
            raise RuntimeError("not yet")
        return str(text)

    failing = asking(model.set_response_function(answer), project / "r.db", 30)
    first = failing.run(executor=cluster).frame
    assert first["error"].notna().sum() == 3
    Path(mark).touch()
    second = failing.retry_errors(executor=cluster).frame
    assert second["error"].isna().all()
    assert second["length"].notna().all()
    assert (~second["cached"]).sum() == 3


def test_what_has_answers_and_no_scores_is_scored_there(cluster: Any, project: Path) -> None:
    """A new scorer scores what is stored; nothing is asked again."""
    with serving(0.0) as server:
        asking(server.model(), project / "s.db", 30).run(executor=cluster)
        frame = asking(server.model(), project / "s.db", 30, scorers=["length", "exact"]).run(executor=cluster).frame
        assert server.calls == 30
    assert frame["exact"].notna().all()
    assert frame["cached"].all()


def test_what_no_worker_can_do_is_refused_before_a_call(cluster: Any, project: Path) -> None:
    """A store in memory, a recording, what cannot be sent, and what is no client."""
    with pytest.raises(ConfigError, match="no client"):
        asking("echo", project / "n.db").run(executor="tcp://127.0.0.1:8786")
    with pytest.raises(ConfigError, match="memory"):
        asking("echo", "memory").run(executor=cluster)
    with serving() as server:
        with Recording(project / "calls.jsonl"), pytest.raises(ConfigError, match="recording"):
            asking(server.model(), project / "n.db").run(executor=cluster)
        with (project / "open").open("w") as file:
            held = {"held": lambda output: file.write(output)}
            with pytest.raises(ConfigError, match="cannot be sent"):
                asking(server.model(), project / "n.db", scorers=[held]).run(executor=cluster)
        with pytest.raises(ConfigError, match="one after the other"):
            asking(EchoProvider().set_responses(["a", "b"]), project / "n.db").run(executor=cluster)
        assert server.calls == 0


def test_a_file_is_refused_on_another_machine(cluster: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines do not see each other's locks in an SQLite file."""
    monkeypatch.setattr("dknb.experiments.distributed.packing.this_host", lambda: "elsewhere")
    with serving() as server:
        with pytest.raises(ConfigError, match="another machine") as caught:
            asking(server.model(), project / "n.db").run(executor=cluster)
        assert server.calls == 0
    assert "postgresql" in str(caught.value.hint)
    assert parcels.this_host() != "elsewhere"


async def test_a_cancelled_run_keeps_what_is_done(cluster: Any, project: Path) -> None:
    """The workers stop at once; what they were answered is in the result, and running again goes on."""
    with serving(0.05) as server:
        broken = asking(server.model(), project / "c.db", 200, max_concurrency=4)
        task = asyncio.create_task(broken.arun(executor=cluster))
        while server.calls < 40:  # noqa: ASYNC110 - who counts is another thread
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        asked = server.calls
        assert broken.result is not None
        kept = broken.result.frame
        assert 20 <= len(kept) < 200
        assert kept["output"].notna().all()
        assert "Interrupted" in str(broken.result.note)
        await asyncio.sleep(0.3)
        assert server.calls == asked
        whole = (await asking(server.model(), project / "c.db", 200).arun(executor=cluster)).frame
        assert len(whole) == 200
        assert whole["cached"].sum() == len(kept)
        assert server.calls == asked + 200 - len(kept)


def test_a_decided_run_stops_early(cluster: Any, project: Path) -> None:
    """The verdict is reached where the run was begun, and the workers are told."""
    early = Experiment(
        {"good": "{{answer}}", "bad": "{{text}}"},
        "echo/echo",
        numbered(600),
        scorers=[{"right": lambda output, answer: output.endswith(answer)}],
        stop="decided",
        name="early",
        store=project / "e.db",
        progress=False,
        max_concurrency=10,
    )
    result = early.run(executor=cluster)
    assert "Stopped early" in str(result.note)
    assert 2 * 5 <= len(result.frame) < 1200
