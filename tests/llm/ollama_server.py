"""A server with Ollama's native API that knows what the tiny model knows, in the shapes of Ollama's ``docs/api.md``."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]

AT = "2026-11-22T12:00:00.000000Z"
KNOWN = {"Hello": "Hi! I am a scripted model.", "Give me JSON": '{"city": "Paris", "population": 2100000}'}
CALL = {"function": {"name": "add", "arguments": {"a": 2, "b": 3}}}


def _chat(asked: Json) -> Json:
    """The message to an ask, and why it ends."""
    last = asked["messages"][-1]
    if last["role"] == "tool":
        return {"content": "The sum is 5.", "done_reason": "stop"}
    if last["content"] == "add 2 and 3" and asked.get("tools"):
        return {"content": "", "tool_calls": [CALL], "done_reason": "stop"}
    options = asked.get("options", {})
    words = re.findall(r"\s*\S+", KNOWN.get(last["content"], "What?"))
    most = options.get("num_predict", len(words))
    text = "".join(words[:most])
    for stop in options.get("stop", ()):
        text = text.partition(stop)[0]
    return {"content": text, "done_reason": "length" if most < len(words) else "stop"}


def _lines(asked: Json) -> Iterator[Json]:
    """The reply as lines of a stream; joined, they are the reply as a whole."""
    said = _chat(asked)
    around = {"model": asked["model"], "created_at": AT}
    for word in re.findall(r"\s*\S+", said["content"]):
        yield {**around, "message": {"role": "assistant", "content": word}, "done": False}
    if calls := said.get("tool_calls"):
        yield {**around, "message": {"role": "assistant", "content": "", "tool_calls": calls}, "done": False}
    counts = {"prompt_eval_count": 9, "eval_count": len(said["content"].split())}
    times = {"total_duration": 5, "load_duration": 1, "prompt_eval_duration": 2, "eval_duration": 2}
    end = {"message": {"role": "assistant", "content": ""}, "done_reason": said["done_reason"], "done": True}
    yield {**around, **end, **counts, **times}


def _whole(asked: Json) -> Json:
    said = _chat(asked)
    *_, last = _lines(asked)
    return {**last, "message": {"role": "assistant", **said}}


def _vectors(asked: Json) -> Json:
    texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
    vectors = [[byte / 255 for byte in hashlib.sha256(text.encode()).digest()] for text in texts]
    return {"model": asked["model"], "embeddings": vectors, "prompt_eval_count": len(texts)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        models = [{"name": "tiny:latest", "model": "tiny:latest", "modified_at": AT, "size": 1}]
        self._send({"models": models} if self.path == "/api/tags" else {"version": "0.13.0"})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/api/chat":
            self._send(*(_lines(asked) if asked.get("stream", True) else [_whole(asked)]))
        elif self.path == "/api/generate":
            chat = {**asked, "messages": [{"role": "user", "content": asked["prompt"]}]}
            lines = _lines(chat) if asked.get("stream", True) else [_whole(chat)]
            self._send(*({**line, "response": line.pop("message")["content"]} for line in lines))
        elif self.path == "/api/embed":
            self._send(_vectors(asked))
        else:
            capabilities = ["completion", "tools", "embedding"]
            self._send({"capabilities": capabilities, "model_info": {"tiny.context_length": 512}, "details": {}})

    def _send(self, *lines: Json) -> None:
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson" if len(lines) > 1 else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def ollama_server() -> Iterator[str]:
    """The server's address, for the length of a ``with``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
