"""promptfoo's results, as trials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .files import read_json, refused
from .names import metric_named

if TYPE_CHECKING:
    from ..result import ExperimentResult

__all__ = ["is_promptfoo", "read_results"]


def is_promptfoo(data: Any) -> bool:
    """Whether data is what ``promptfoo eval -o results.json`` wrote."""
    inner = data.get("results") if isinstance(data, Mapping) else None
    return isinstance(inner, Mapping) and isinstance(inner.get("results"), list)


def read_results(path: Path, data: Any = None) -> ExperimentResult:
    """The trials in a file of results (versions 2 and 3): ``score``, ``success``, and each named score.

    Raises:
        BridgeError: It cannot be read, or is none.
    """
    from .rows import result_of

    data = read_json(path) if data is None else data
    if not is_promptfoo(data):
        raise refused(path, "These are no results of promptfoo.", hint="promptfoo eval -o results.json")
    told = data["results"]["results"]
    rows = []
    for place, result in enumerate(told):
        if not isinstance(result, Mapping) or not isinstance(result.get("vars", {}), Mapping):
            raise refused(path, f"Result {place} is {result!r:.80}.")
        rows.append(_row(result, place))
    many_prompts = len({row["prompt"] for row in rows}) > 1
    many_models = len({row["model"] for row in rows}) > 1
    for row in rows:
        both = f"{row['prompt']} | {row['model']}"
        row["variant"] = row["prompt"] if not many_models else both if many_prompts else row["model"]
    names = dict.fromkeys(name for row in rows for name in row["named"])
    metrics = ["score", "success", *(name for name in map(metric_named, names) if name not in ("score", "success"))]
    for row in rows:
        row.update({metric_named(name): value for name, value in row.pop("named").items()})
    config = data.get("config")
    name = config.get("description") if isinstance(config, Mapping) else None
    return result_of(rows, metrics, name if isinstance(name, str) else path.stem)


def _row(result: Mapping[str, Any], place: int) -> dict[str, Any]:
    from .rows import number, whole

    test, response = _mapping(result.get("testCase")), _mapping(result.get("response"))
    prompt, provider = _mapping(result.get("prompt")), _mapping(result.get("provider"))
    usage = _mapping(response.get("tokenUsage"))
    output = response.get("output")
    # 2 is promptfoo's number for a call that failed; an assertion that does not hold (1) is a score.
    failed = result.get("failureReason") == 2 or (response.get("error") is not None) or output is None
    latency = number(result.get("latencyMs"))
    label = test.get("description")
    position = result.get("testIdx", place)
    scores = {str(key): number(value) for key, value in _mapping(result.get("namedScores")).items()}
    return {
        "item": f"{label} ({position})" if isinstance(label, str) and label else str(position),
        "prompt": str(prompt.get("label") or prompt.get("raw") or "prompt"),
        "model": str(provider.get("label") or provider.get("id") or "model"),
        "output": output if isinstance(output, str) or output is None else _as_json(output),
        "parsed": None if isinstance(output, str) else output,
        "score": number(result.get("score")),
        "success": number(result.get("success")),
        "prompt_tokens": whole(usage.get("prompt")),
        "completion_tokens": whole(usage.get("completion")),
        "cached": bool(response.get("cached")),
        "cost_usd": number(result.get("cost", response.get("cost"))),
        "duration_s": None if latency is None else latency / 1000,
        "error": str(result.get("error") or response.get("error") or "no output") if failed else None,
        "named": scores,
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _as_json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
