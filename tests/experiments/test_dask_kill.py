"""A worker that is killed in mid-run loses no row, and no answer that was stored is paid for twice."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from dask_help import asking, serving

ITEMS, AT_ONCE = 120, 8


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_worker_loses_no_row_and_pays_for_none_twice(cluster: Any, postgres: Any, project: Path) -> None:
    """Exactly what was asked and not stored when the worker died is asked again, and nothing else."""
    with serving(0.1) as server:
        experiment = asking(server.model(), postgres.url(), ITEMS, max_concurrency=AT_ONCE, name="killed")
        frames: list[Any] = []
        thread = threading.Thread(target=lambda: frames.append(experiment.run(executor=cluster).frame))
        thread.start()
        while server.calls < ITEMS // 3:
            time.sleep(0.01)
        victim = next(iter(cluster.run(os.getpid).values()))
        os.kill(victim, signal.SIGKILL)
        at_kill = set(server.asked)
        time.sleep(0.05)  # what others had answered is committed
        lost = at_kill - stored(postgres)
        thread.join(timeout=60)
        frame = frames[0]
        twice = {question for question, times in server.asked.items() if times > 1}
        assert len(frame) == len(stored(postgres)) == len(server.asked) == ITEMS
        assert frame["output"].notna().all()
        assert frame["length"].notna().all()
        assert server.calls == ITEMS + len(twice)
        assert twice <= lost
        assert 0 < len(twice) <= AT_ONCE
        before = server.calls
        again = asking(server.model(), postgres.url(), ITEMS, name="killed").run()
        assert server.calls == before
        assert again.frame["output"].tolist() == frame["output"].tolist()


def test_each_answer_has_its_node_and_each_question_one(cluster: Any, postgres: Any, project: Path) -> None:
    """What several processes write into one conversation is one tree: a system message, and below it the questions."""
    with serving(0.0) as server:
        experiment = asking(server.model(), postgres.url(), 60, system="Be kind, please.", repeats=2, name="tree")
        frame = experiment.run(executor=cluster).frame
    with postgres.connection() as raw:
        nodes = raw.execute("SELECT seq, parent_seq, role, content FROM dknb.nodes").fetchall()
        trials = raw.execute("SELECT output, node_seq FROM dknb.trials").fetchall()
    by_seq = {seq: (role, content, parent) for seq, parent, role, content in nodes}
    said = [content for _, _, role, content in nodes if role == "system" and content]
    asked = [content for _, _, role, content in nodes if role == "user"]
    assert said == ["Be kind, please."]
    assert len(asked) == len(set(asked)) == 60
    assert len(trials) == frame["node_id"].nunique() == 120
    assert all(by_seq[seq][:2] == ("assistant", output) for output, seq in trials)


def stored(postgres: Any) -> set[str]:
    """The questions whose answers are stored."""
    with postgres.connection() as raw:
        rows = raw.execute("SELECT output FROM dknb.trials").fetchall()
    return {output.removeprefix("answer to ") for (output,) in rows}
