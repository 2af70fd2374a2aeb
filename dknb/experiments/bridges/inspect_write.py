"""Trials as logs of inspect_ai, in their form of JSON: one for each variant."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...llm.messages import utc_now
from .files import refused, written_whole

if TYPE_CHECKING:
    from ..result import ExperimentResult

__all__ = ["write_logs"]


def write_logs(result: ExperimentResult, path: Path) -> None:
    """Write the trials: a variant as a ``.json`` file, several as such files in a folder.

    Raises:
        BridgeError: They cannot be written.
    """
    frame = result.frame
    variants = list(dict.fromkeys(frame["variant"]))
    if len(variants) == 1 and path.suffix == ".json":
        written_whole(path, _log(result, frame, variants[0]))
        return
    if path.suffix:
        raise refused(
            path, f"There are {len(variants)} variants, and a log has one.", hint="Name a folder, without .json"
        )
    path.mkdir(parents=True, exist_ok=True)
    for place, variant in enumerate(variants):
        slug = re.sub(r"[^A-Za-z0-9]+", "-", str(variant)).strip("-")[:60] or "variant"
        written_whole(path / f"{place:03}_{slug}.json", _log(result, frame[frame["variant"] == variant], variant))


def _log(result: ExperimentResult, frame: Any, variant: str) -> bytes:
    rows = frame.to_dict("records")
    now = utc_now().isoformat(timespec="seconds")
    task, model = str(result.name or "dknb"), str(_known(rows[0].get("model")) or "unknown/unknown")
    ids = list(dict.fromkeys(str(row["item"]) for row in rows))
    repeats = 1 + max(int(_known(row.get("repeat")) or 0) for row in rows)
    log = {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": uuid.uuid4().hex,
            "run_id": uuid.uuid4().hex,
            "created": now,
            "task": task,
            "task_id": uuid.uuid4().hex,
            "task_version": 0,
            "task_attribs": {},
            "task_args": {},
            "dataset": {"samples": len(ids), "sample_ids": ids, "shuffled": False},
            "model": model,
            "model_args": {},
            "config": {"epochs": repeats},
            "packages": {},
            "metadata": {"dknb_variant": variant},
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(rows),
            "completed_samples": sum(_known(row.get("error")) is None for row in rows),
        },
        "stats": {"started_at": now, "completed_at": now, "model_usage": {}},
        "samples": [_sample(row, result.metrics, model) for row in rows],
    }
    return json.dumps(log, ensure_ascii=False, default=str, allow_nan=False).encode("utf-8", "replace")


def _sample(row: Mapping[str, Any], metrics: Any, model: str) -> dict[str, Any]:
    told = {name: _known(row.get(name)) for name in ("variant", "prompt", "version", "parsed", "cost_usd", "node_id")}
    told["cached"] = bool(_known(row.get("cached")))
    output, error = _known(row.get("output")), _known(row.get("error"))
    message = {"role": "assistant", "content": str(output or ""), "source": "generate", "model": model}
    tokens = [_known(row.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    usage = None
    if None not in tokens:
        usage = {"input_tokens": int(tokens[0]), "output_tokens": int(tokens[1]), "total_tokens": int(sum(tokens))}
    request = str(_known(row.get("request")) or "")
    sample: dict[str, Any] = {
        "id": str(row["item"]),
        "epoch": int(_known(row.get("repeat")) or 0) + 1,
        "input": request,
        "target": "",
        "messages": [{"role": "user", "content": request, "source": "input"}, message],
        "output": {
            "model": model,
            "choices": [] if output is None else [{"message": message, "stop_reason": "stop"}],
            "usage": usage,
            "time": _known(row.get("duration_s")),
        },
        "scores": {name: {"value": row[name]} for name in metrics if _known(row.get(name)) is not None},
        "metadata": {"dknb": told},
        "store": {},
        "events": [],
        "model_usage": {model: usage} if usage else {},
        "attachments": {},
    }
    if error is not None:
        sample["error"] = {"message": str(error), "traceback": "", "traceback_ansi": ""}
    return sample


def _known(value: Any) -> Any:
    """A value of a frame; None for a missing one."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 else value
