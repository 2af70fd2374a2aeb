"""Requests, and sessions of a single purpose, for the tests of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dknb.llm.recordings.recording import Recording


def asking(text: str = "What is the weakest argument?", **changes: Any) -> dict[str, Any]:
    """A request as the pipeline hands it over."""
    return {
        "kind": "complete",
        "provider": "openai",
        "model": "gpt-5.4-mini",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}],
        "settings": {"temperature": 1},
        **changes,
    }


def record(path: Path, *answers: str, request: dict[str, Any] | None = None, **how: Any) -> None:
    """Record answers to one request."""
    recording = Recording(path, **how)
    for answer in answers:
        recording.take(request or asking()).keep({"content": answer})
    recording.close()


def replayed(path: Path, request: dict[str, Any] | None = None) -> str:
    """What a new session gets for its first call."""
    recording = Recording(path, "replay")
    try:
        reply = recording.take(request or asking()).reply
        assert reply is not None
        return str(reply.response["content"])
    finally:
        recording.close()
