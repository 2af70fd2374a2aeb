"""The lines of batch files: requests as vendors take them, and results as they give them; pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..dialects.dialect import NoAnswer
from ..parts import Json

__all__ = ["ENDPOINTS", "BatchLine", "Outcome", "anthropic_request", "line_bytes", "openai_request", "read_result"]

#: What became of a request.
Outcome = Literal["complete", "errored", "expired", "cancelled"]

#: The addresses that lines of OpenAI name, by our names of its APIs.
ENDPOINTS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "text": "/v1/completions"}

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: What OpenAI says of requests that it did not get to.
_UNDONE: dict[str, Outcome] = {"batch_expired": "expired", "batch_cancelled": "cancelled"}
#: What Anthropic calls what became of a request.
_TYPES: dict[str, Outcome] = {"errored": "errored", "expired": "expired", "canceled": "cancelled"}


@dataclass(frozen=True)
class BatchLine:
    """A line of results.

    Attributes:
        custom_id: The id that the request was given.
        outcome: What became of it.
        body: The reply of the API; of one that is not complete, its error.
        status: The HTTP status, if there was one.
        request_id: The vendor's id of the request.
    """

    custom_id: str
    outcome: Outcome
    body: Json
    status: int | None = None
    request_id: str | None = None


def openai_request(custom_id: str, body: Json, api: str) -> Json:
    """A request as a line of OpenAI's."""
    return {"custom_id": _checked(custom_id), "method": "POST", "url": ENDPOINTS[api], "body": body}


def anthropic_request(custom_id: str, body: Json) -> Json:
    """A request as a line of Anthropic's."""
    return {"custom_id": _checked(custom_id), "params": body}


def line_bytes(line: Json) -> bytes:
    """A line of a file, with its end."""
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def read_result(line: Mapping[str, Any]) -> BatchLine:
    """A line of results, of whichever of the two vendors.

    Raises:
        NoAnswer: It is none.
    """
    custom_id = line.get("custom_id")
    if not isinstance(custom_id, str):
        raise NoAnswer
    result = line.get("result")
    if isinstance(result, Mapping):
        return _anthropic(custom_id, result)
    if "response" in line or "error" in line:
        return _openai(custom_id, line.get("response"), line.get("error"))
    raise NoAnswer


def _openai(custom_id: str, response: Any, error: Any) -> BatchLine:
    if isinstance(response, Mapping):
        status, body, identity = response.get("status_code"), response.get("body"), response.get("request_id")
        if not isinstance(status, int) or not isinstance(body, dict):
            raise NoAnswer
        outcome: Outcome = "complete" if status < 400 else "errored"
        return BatchLine(custom_id, outcome, body, status, identity if isinstance(identity, str) else None)
    if not isinstance(error, dict):
        raise NoAnswer
    return BatchLine(custom_id, _UNDONE.get(str(error.get("code")), "errored"), {"error": error})


def _anthropic(custom_id: str, result: Mapping[str, Any]) -> BatchLine:
    kind, message = result.get("type"), result.get("message")
    if kind == "succeeded" and isinstance(message, dict):
        return BatchLine(custom_id, "complete", message, 200)
    if kind not in _TYPES:
        raise NoAnswer
    told = result.get("error")
    error = told if isinstance(told, dict) else {"message": f"the request is {kind}"}
    whole = error if isinstance(error.get("error"), dict) else {"error": error}
    identity = error.get("request_id")
    return BatchLine(custom_id, _TYPES[str(kind)], whole, None, identity if isinstance(identity, str) else None)


def _checked(custom_id: str) -> str:
    if not _ID.fullmatch(custom_id):
        raise ValueError(f"{custom_id!r} is no id of a request: up to 64 letters, digits, - and _")
    return custom_id
