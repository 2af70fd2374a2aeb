"""A loopback server with the batch APIs of OpenAI and Anthropic, as these document them, and with their faults."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "test-key-of-nobody"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: What becomes of a request: "ok", "error", "expired", "cancelled"; "garbage" is a reply that is no answer.
Fate = Callable[[str, dict[str, Any]], str]


def last_said(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


class BatchServer(ThreadingHTTPServer):
    """Holds files and batches; a batch ends when the test says so.

    Attributes:
        batches: The batches by id, as the vendors tell them.
        requests: The lines of each batch by its id.
        calls: What was asked call by call.
        lose: How many submissions are carried out and their replies lost.
        cut: How many downloads break off in their middle.
        strip_ids: Whether submissions are answered with nothing in it.
        refuse: Statuses with which the next submissions are refused.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[str] = []
        self.downloads = 0
        self.lose, self.cut = 0, 0
        self.refuse: list[int] = []
        self.strip_ids = False
        self.model = "gpt-5.4-mini"
        self.lock = threading.RLock()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever hangs up."""

    def finish(self, identity: str, fate: Fate = lambda custom_id, body: "ok", state: str | None = None) -> None:
        """End a batch: its results come last first."""
        lines = list(reversed(self.requests[identity]))
        fates = [(line, fate(line["custom_id"], line.get("body") or line.get("params"))) for line in lines]
        with self.lock:
            if identity.startswith("msgbatch"):
                self._finish_anthropic(identity, fates)
            else:
                self._finish_openai(identity, fates, state or "completed")

    def fail(self, identity: str, *problems: dict[str, Any]) -> None:
        """Let OpenAI's validation refuse a batch."""
        self.batches[identity] |= {"status": "failed", "errors": {"object": "list", "data": list(problems)}}

    def _finish_openai(self, identity: str, fates: list[Any], state: str) -> None:
        good, bad = [], []
        for line, fate in fates:
            if fate == "ok" or fate == "garbage":
                body = chat_answer(line["body"], self.model) if fate == "ok" else {"odd": True}
                reply = {"status_code": 200, "request_id": "req_1", "body": body}
                good.append({"id": "batch_req_1", "custom_id": line["custom_id"], "response": reply, "error": None})
            elif fate == "error":
                told = {"error": {"message": "The model does not do that.", "type": "invalid_request_error"}}
                reply = {"status_code": 400, "request_id": "req_2", "body": told}
                bad.append({"id": "batch_req_2", "custom_id": line["custom_id"], "response": reply, "error": None})
            else:
                error = {"code": f"batch_{fate}", "message": f"This request is {fate}."}
                bad.append({"id": "batch_req_3", "custom_id": line["custom_id"], "response": None, "error": error})
        batch = self.batches[identity]
        for name, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                batch[name] = f"file-{name}-{identity}"
                self.files[batch[name]] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        counts = {"total": len(fates), "completed": len(good), "failed": len(bad)}
        batch |= {"status": state, "request_counts": counts}

    def _finish_anthropic(self, identity: str, fates: list[Any]) -> None:
        lines, counts = [], dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        for line, fate in fates:
            result: dict[str, Any]
            if fate == "ok" or fate == "garbage":
                message = message_answer(line["params"]) if fate == "ok" else {"odd": True}
                result = {"type": "succeeded", "message": message}
            elif fate == "error":
                inner = {"type": "invalid_request_error", "message": "max_tokens: too many"}
                result = {"type": "errored", "error": {"type": "error", "error": inner, "request_id": "req_9"}}
            else:
                result = {"type": fate.replace("cancelled", "canceled")}
            counts[result["type"]] += 1
            lines.append({"custom_id": line["custom_id"], "result": result})
        self.files[identity] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        evil = "http://127.0.0.1:9/elsewhere"  # whoever follows it is caught
        self.batches[identity] |= {"processing_status": "ended", "request_counts": counts, "results_url": evil}


def chat_answer(body: dict[str, Any], model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": f"answer to {last_said(body)}"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000},
        "service_tier": "default",
    }


def message_answer(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": f"answer to {last_said(body)}"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 1000, "service_tier": "batch"},
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BatchServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        with self.server.lock:
            self._get(parts.path, parse_qs(parts.query))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"] or 0))
        with self.server.lock:
            self._post(urlsplit(self.path).path, raw)

    def _get(self, path: str, query: dict[str, list[str]]) -> None:
        server = self.server
        kind = "msgbatch" if "messages" in path else "batch_"
        if path in ("/v1/batches", "/v1/messages/batches"):
            self._list(kind, query)
        elif found := re.fullmatch(r"/v1/(?:messages/)?batches/([\w-]+)", path):
            self._json(server.batches[found[1]])
        elif found := re.fullmatch(r"/v1/files/([\w-]+)/content|/v1/messages/batches/([\w-]+)/results", path):
            self._download(server.files[found[1] or found[2]])
        else:
            self._json({"error": {"message": f"no {path}", "type": "not_found_error"}}, 404)

    def _list(self, kind: str, query: dict[str, list[str]]) -> None:
        rows = [row for row in reversed(self.server.batches.values()) if row["id"].startswith(kind)]
        after = (query.get("after") or query.get("after_id") or [None])[0]
        start = 0 if after is None else 1 + next(place for place, row in enumerate(rows) if row["id"] == after)
        limit = min(int(query["limit"][0]), 3)  # small pages, so that there are several
        page = rows[start : start + limit]
        self._json({"data": page, "has_more": start + limit < len(rows)})

    def _download(self, content: bytes) -> None:
        self.server.downloads += 1
        self.send_response(200)
        self.send_header("content-type", "application/x-jsonl")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.server.cut:
            self.server.cut -= 1
            self.wfile.write(content[: len(content) * 2 // 3])
            self.close_connection = True
            return
        self.wfile.write(content)

    def _post(self, path: str, raw: bytes) -> None:
        if path in ("/v1/batches", "/v1/messages/batches") and self.server.refuse:
            self._json({"error": {"message": "slow down", "type": "rate_limit_error"}}, self.server.refuse.pop(0))
        elif path == "/v1/files":
            self._upload(raw)
        elif path == "/v1/batches":
            self._openai(json.loads(raw))
        elif path == "/v1/messages/batches":
            self._anthropic(json.loads(raw))
        elif found := re.fullmatch(r"/v1/(?:messages/)?batches/([\w-]+)/cancel", path):
            named = "processing_status" if found[1].startswith("msg") else "status"
            self.server.batches[found[1]][named] = "canceling" if named.startswith("proc") else "cancelling"
            self._json(self.server.batches[found[1]])
        elif path == "/v1/chat/completions":
            body = json.loads(raw)
            self.server.calls.append(last_said(body))
            self._json(chat_answer(body, self.server.model))
        else:
            self._json({"error": {"message": f"no {path}"}}, 404)

    def _upload(self, raw: bytes) -> None:
        assert self.headers["authorization"] == f"Bearer {KEY}"
        form = BytesParser().parsebytes(b"content-type: " + self.headers["content-type"].encode() + b"\r\n\r\n" + raw)
        parts: dict[str, bytes] = {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)  # type: ignore[misc]
            for part in form.get_payload()
        }
        assert parts["purpose"] == b"batch"
        identity = f"file-{len(self.server.files)}"
        self.server.files[identity] = parts["file"]
        self._json({"id": identity, "object": "file", "purpose": "batch", "bytes": len(parts["file"])})

    def _openai(self, body: dict[str, Any]) -> None:
        lines = [json.loads(line) for line in self.server.files[body["input_file_id"]].splitlines()]
        assert body["completion_window"] == "24h"
        assert {line["url"] for line in lines} == {body["endpoint"]}
        assert {line["method"] for line in lines} == {"POST"}
        assert len({line["body"]["model"] for line in lines}) == 1
        counts = {"total": len(lines), "completed": 0, "failed": 0}
        told = {"id": f"batch_{len(self.server.batches)}", "object": "batch", "status": "validating"}
        told |= {"created_at": int(time.time()), "metadata": body["metadata"], "request_counts": counts}
        self._begun(told, lines)

    def _anthropic(self, body: dict[str, Any]) -> None:
        assert KEY in (self.headers["x-api-key"], (self.headers["authorization"] or "").removeprefix("Bearer "))
        assert self.headers["anthropic-version"]
        lines = body["requests"]
        counts = {"processing": len(lines), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        told = {"id": f"msgbatch_{len(self.server.batches)}", "type": "message_batch", "results_url": None}
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        told |= {"processing_status": "in_progress", "created_at": at, "request_counts": counts}
        self._begun(told, lines)

    def _begun(self, told: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        ids = [line["custom_id"] for line in lines]
        assert len(set(ids)) == len(ids)
        assert all(_ID.fullmatch(each) for each in ids)
        self.server.batches[told["id"]] = told
        self.server.requests[told["id"]] = lines
        if self.server.lose:
            self.server.lose -= 1
            self.close_connection = True
            return
        self._json({} if self.server.strip_ids else told)

    def _json(self, data: Any, status: int = 200) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def batch_server() -> Iterator[BatchServer]:
    server = BatchServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
