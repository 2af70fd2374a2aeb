"""What a run knows by itself, for prompts and conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...llm.answers.parsing import ResponseParser
from .conditions import value_at
from .result import FlowStep

__all__ = ["facts_of", "taken_from"]


def facts_of(steps: Sequence[FlowStep], said: str | None, state: str, loop: int) -> dict[str, Any]:
    """The facts.

    The last ``response``, all ``answers``, the last of each state (``responses``), what the user said (``user_input``
    now, ``user_inputs`` in all), the ``transcript`` of both, ``state`` and ``loop_count``.
    """
    facts: dict[str, Any] = {
        "response": steps[-1].response if steps else None,
        "answers": [step.response for step in steps],
        "responses": {step.state: step.response for step in steps},
        "user_inputs": [step.user_input for step in steps if step.user_input is not None],
        "transcript": "\n\n".join(_lines(steps)),
        "state": state,
        "loop_count": loop,
    }
    if said is not None:
        facts["user_input"] = said
        facts["user_inputs"].append(said)
        facts["transcript"] = "\n\n".join([*_lines(steps), f"User: {said}"])
    return facts


def taken_from(paths: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by the path that leads to each; ``json.STATE.KEY`` leads into the JSON of a state's last answer.

    Where a path leads to nothing there is no parameter.
    """
    if any(path.startswith("json.") for path in paths.values()):
        states = {path.split(".")[1] for path in paths.values() if path.startswith("json.")}
        said = facts["responses"]
        facts = {**facts, "json": {name: ResponseParser.extract_json(said[name]) for name in states if name in said}}
    found = {name: value_at(facts, path) for name, path in paths.items()}
    return {name: value for name, (there, value) in found.items() if there}


def _lines(steps: Sequence[FlowStep]) -> Iterable[str]:
    for step in steps:
        if step.user_input is not None:
            yield f"User: {step.user_input}"
        yield f"Assistant: {step.response}"
