"""A killed process loses at most what was in flight, and the next one pays for nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CONCURRENCY, ITEMS = 8, 120

RUN = f"""
import sys
from dknb.experiments import Experiment
model = {{"provider": "openai-compatible", "model": "m", "api_base": sys.argv[1], "api_key": "k", "retry_count": 0}}
data = [{{"text": f"item {{number}}"}} for number in range({ITEMS})]
run = Experiment(["Say {{{{text}}}}"], model, data, scorers=["length"], name="killed", store=sys.argv[2], progress=False,
                 max_concurrency={CONCURRENCY})
print(len(run.run().frame.dropna(subset=["output", "length"])))
"""


class Server(ThreadingHTTPServer):
    """Answers chats, and counts for each question how often it was asked and how often the answer was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever was killed hangs up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        question = body["messages"][-1]["content"]
        with self.server.lock:
            self.server.asked[question] += 1
        time.sleep(0.03)
        message = {"role": "assistant", "content": f"answer to {question}"}
        usage = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
        whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
        whole["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        text = json.dumps(whole).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        with self.server.lock:
            self.server.answered[question] += 1

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield serving
    serving.shutdown()
    serving.server_close()


def command(server: Server, path: Path) -> list[str]:
    return [sys.executable, "-c", RUN, f"http://127.0.0.1:{server.server_port}/v1", str(path)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_goes_on_and_pays_for_nothing_twice(server: Server, tmp_path: Path) -> None:
    """Killed twice in mid-run: what was stored is not asked again; what was in flight is at most one call a worker."""
    path = tmp_path / "store.db"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    stored_before = 0
    for stop_at in (ITEMS // 4, 2 * ITEMS // 3):
        process = subprocess.Popen(command(server, path), stdout=subprocess.DEVNULL, env=environment)
        while sum(server.answered.values()) < stop_at and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        process.wait()
        time.sleep(0.2)  # what the server is about to send is sent
        rows = stored(path)
        lost = set(server.asked) - rows
        assert len(rows) >= stop_at - 2 * CONCURRENCY
        assert len(rows) > stored_before
        assert len(lost) <= 2 * CONCURRENCY  # those that ran, and those whose commit was under way
        stored_before = len(rows)
    done = subprocess.run(
        command(server, path), capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(ITEMS)
    asked = dict(server.asked)
    assert len(asked) == ITEMS
    assert sum(asked.values()) - ITEMS <= 4 * CONCURRENCY
    again = subprocess.run(
        command(server, path), capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert again.stdout.strip() == str(ITEMS)
    assert dict(server.asked) == asked


def stored(path: Path) -> set[str]:
    """The questions whose answers are stored; the store is sound, and each has its node."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = raw.execute(
            "SELECT trials.output, nodes.content FROM trials JOIN nodes ON nodes.seq = trials.node_seq"
        ).fetchall()
        assert raw.execute("SELECT count(*) FROM trials").fetchone()[0] == len(rows)
    assert all(output == content for output, content in rows)
    return {output.removeprefix("answer to ") for output, _ in rows}
