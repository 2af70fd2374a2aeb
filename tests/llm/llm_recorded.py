"""What the recorded exchanges say, read in the plainest way: the yardstick of test_llm_wire.py.

The recordings lie beside the repository and are no part of it.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

Json = dict[str, Any]

WIRE = Path(__file__).resolve().parents[3] / "shared" / "wire"
EXCHANGES = WIRE / "exchanges.jsonl"


def replay_module() -> ModuleType:
    """The replay server that comes with the recordings."""
    spec = importlib.util.spec_from_file_location("replay_server", WIRE / "replay_server.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recorded() -> dict[str, Json]:
    """The exchanges by their ids; none where they are not to be had."""
    if not EXCHANGES.exists():
        return {}
    exchanges = [json.loads(line) for line in EXCHANGES.read_text(encoding="utf-8").splitlines() if line]
    return {exchange["id"]: exchange for exchange in exchanges}


def is_stream(exchange: Json) -> bool:
    return "event-stream" in exchange["content_type"]


def answer_in(exchange: Json) -> Json:
    """Text, calls, finish reason, model and usage that an exchange answers with."""
    if exchange["path"].endswith("/responses"):
        return _of_response(_events(exchange)[-1]["response"] if is_stream(exchange) else _whole(exchange))
    if exchange["provider"] == "anthropic":
        return _of_message(_message(_events(exchange)) if is_stream(exchange) else _whole(exchange))
    return _of_chunks(_events(exchange)) if is_stream(exchange) else _of_completion(_whole(exchange))


def answer_of(response: Any) -> Json:
    """The same of one of our responses."""
    usage = response.usage or {}
    return {
        "text": response.content,
        "calls": [(call.id, call.name, call.arguments) for call in response.tool_calls],
        "finish": response.finish_reason,
        "model": response.model,
        "usage": tuple(usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")),
    }


def _whole(exchange: Json) -> Json:
    return json.loads(exchange["response"])


def _events(exchange: Json) -> list[Json]:
    lines = exchange["response"].replace("\r\n", "\n").split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and "[DONE]" not in line]


def _of_response(data: Json) -> Json:
    blocks = [block for item in data["output"] if item["type"] == "message" for block in item["content"]]
    calls = [item for item in data["output"] if item["type"] == "function_call"]
    usage = data["usage"]
    return {
        "text": "".join(block["text"] for block in blocks),
        "calls": [(call["call_id"], call["name"], json.loads(call["arguments"])) for call in calls],
        "finish": data["status"],
        "model": data["model"],
        "usage": (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]),
    }


def _message(events: list[Json]) -> Json:
    message: Json = {}
    for event in events:
        if event["type"] == "message_start":
            message = event["message"]
        elif event["type"] == "content_block_start":
            message["content"].append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], message["content"][event["index"]]
            block["text"] = block.get("text", "") + delta.get("text", "")
            block["json"] += delta.get("partial_json", "")
        elif event["type"] == "message_delta":
            message |= event["delta"]
            message["usage"] |= event["usage"]
    for block in message["content"]:
        if text := block.pop("json"):
            block["input"] = json.loads(text)
    return message


def _of_message(data: Json) -> Json:
    calls = [block for block in data["content"] if block["type"] == "tool_use"]
    usage = data["usage"]
    return {
        "text": "".join(block["text"] for block in data["content"] if block["type"] == "text"),
        "calls": [(call["id"], call["name"], call["input"]) for call in calls],
        "finish": data["stop_reason"],
        "model": data["model"],
        "usage": (usage["input_tokens"], usage["output_tokens"], usage["input_tokens"] + usage["output_tokens"]),
    }


def _of_completion(data: Json) -> Json:
    choice, usage = data["choices"][0], data["usage"]
    calls = [(call["id"], call["function"]) for call in choice["message"].get("tool_calls") or ()]
    return {
        "text": choice["message"]["content"] or "",
        "calls": [(ident, function["name"], json.loads(function["arguments"])) for ident, function in calls],
        "finish": choice["finish_reason"],
        "model": data["model"],
        "usage": (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]),
    }


def _of_chunks(events: list[Json]) -> Json:
    message: Json = {"content": "", "tool_calls": {}}
    whole: Json = {}
    finish = None
    for event in events:
        whole |= {name: event[name] for name in ("model", "usage") if event.get(name)}
        for choice in event["choices"]:
            finish = choice.get("finish_reason") or finish
            message["content"] += choice["delta"].get("content") or ""
            for piece in choice["delta"].get("tool_calls") or ():
                call = message["tool_calls"].setdefault(piece["index"], {"function": {"name": "", "arguments": ""}})
                call["id"] = piece.get("id") or call["id"]
                call["function"]["name"] += piece["function"].get("name") or ""
                call["function"]["arguments"] += piece["function"].get("arguments") or ""
    message["tool_calls"] = list(message["tool_calls"].values())
    return _of_completion({**whole, "choices": [{"finish_reason": finish, "message": message}]})
