"""What the tests of runs on a cluster share: a model's server that counts, and a cluster of two processes."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dknb.experiments import Experiment

KEY = "sk-secret-0123456789"


class Server(ThreadingHTTPServer):
    """Answers chats, and counts.

    Attributes:
        delay: Seconds that an answer takes.
        asked: How often each question was asked.
        most: The most questions that were open at a time.
        keys: What came as a key.
        times: When each question came.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, delay: float = 0.02) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.delay = delay
        self.lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.open = self.most = 0
        self.keys: set[str] = set()
        self.times: list[float] = []

    @property
    def calls(self) -> int:
        return sum(self.asked.values())

    def model(self, **more: Any) -> dict[str, Any]:
        address = f"http://127.0.0.1:{self.server_port}/v1"
        return {
            "provider": "openai-compatible",
            "model": "m",
            "api_base": address,
            "api_key": KEY,
            "retry_count": 0,
            **more,
        }

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever was killed hangs up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        question = body["messages"][-1]["content"]
        with server.lock:
            server.asked[question] += 1
            server.times.append(time.monotonic())
            server.keys.add(self.headers["authorization"])
            server.open += 1
            server.most = max(server.most, server.open)
        time.sleep(server.delay)
        with server.lock:
            server.open -= 1
        message = {"role": "assistant", "content": f"answer to {question}"}
        usage = {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000}
        whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
        whole["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        text = json.dumps(whole).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving(delay: float = 0.02) -> Iterator[Server]:
    server = Server(delay)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def numbered(items: int, **more: Any) -> list[dict[str, Any]]:
    return [{"text": f"t{number}", "answer": f"A t{number}", **more} for number in range(items)]


def asking(model: Any, store: Any, items: int = 60, **told: Any) -> Experiment:
    """One template, a call an item, scored by length."""
    whole = {"scorers": ["length"], "name": "far", "progress": False, **told}
    prompts = whole.pop("prompts", ["Say {{text}}"])
    return Experiment(prompts, model, whole.pop("data", numbered(items)), store=store, **whole)
