"""Results of the vendors' batches, as trials, where nothing is known of what was asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._sync import run
from ...llm.batches.batches import BatchAnswer, Batches
from .files import read_lines, refused

if TYPE_CHECKING:
    from ..result import ExperimentResult

__all__ = ["read_batch"]


def read_batch(path: Path) -> ExperimentResult:
    """The trials in a file of results of OpenAI or Anthropic; each is an item by its ``custom_id``.

    Raises:
        BridgeError: It cannot be read, or is none.
    """
    from .rows import result_of

    rows = run(_rows(path))
    if not rows:
        raise refused(path, "It has no results.")
    return result_of(rows, [], path.stem)


async def _rows(path: Path) -> list[dict[str, Any]]:
    made: dict[str, Batches] = {}
    rows = []
    for number, line in read_lines(path):
        if not isinstance(line, dict) or "custom_id" not in line:
            raise refused(path, "This is no result of a batch.", line=number)
        vendor = "anthropic" if "result" in line else "openai"
        if vendor not in made:
            made[vendor] = _batches(vendor, line)
        rows.append(_row(await made[vendor].read(line), vendor))
    return rows


def _batches(vendor: str, line: dict[str, Any]) -> Batches:
    """What reads the lines of a vendor; the provider is asked nothing."""
    from ...llm.registry import create_llm_provider

    body = ((line.get("response") or {}).get("body") or {}) if vendor == "openai" else {}
    options = {"options": {"api": "responses"}} if body.get("object") == "response" else {}
    return Batches(create_llm_provider({"provider": vendor, "model": "unknown", **options}))


def _row(answer: BatchAnswer, vendor: str) -> dict[str, Any]:
    response = answer.response
    usage = (response.usage or {}) if response is not None else {}
    model = f"{vendor}/{response.model}" if response is not None and response.model else vendor
    return {
        "item": answer.custom_id,
        "variant": model,
        "prompt": "batch",
        "model": model,
        "output": None if response is None else response.content,
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "cost_usd": None if response is None else response.cost_usd,
        "error": None if answer.error is None else f"{type(answer.error).__name__}: {answer.error}",
    }
