"""promptfoo's configuration, written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...prompts._yaml import dump
from ..scoring.base import Scorer
from ..surroundings import KnownPrompt
from .assertions import AssertionScorer
from .promptfoo_models import provider_of
from .promptfoo_read import ChatPrompt

if TYPE_CHECKING:
    from ..design.items import Item
    from ..design.prompts import PromptArm
    from ..experiment import Experiment

__all__ = ["promptfoo_text"]


def promptfoo_text(experiment: Experiment) -> tuple[str, list[str]]:
    """The experiment as a ``promptfooconfig.yaml``, and what of it has no equal there."""
    setup = experiment._setup
    design = setup.design
    notes: list[str] = []
    prompts = [told for arm in design.prompts if (told := _prompt(arm, notes)) is not None]
    scorers = [*setup.scoring.scorers, *setup.scoring.of_frame]
    own = {scorer.column for scorer in scorers if isinstance(scorer, AssertionScorer)}
    asserts = [_asserts(scorer, notes) for scorer in scorers]
    data: dict[str, Any] = {
        "description": experiment.name,
        "prompts": prompts,
        "providers": [provider_of(arm.label, arm.config, notes) for arm in design.models],
        "tests": [_test(item, asserts, own, dict(design.params)) for item in design.items],
    }
    if design.repeats > 1:
        data["evaluateOptions"] = {"repeat": design.repeats}
    others = {"stop": setup.stop, "budget": setup.limit, "baseline": setup.baseline}
    notes += [f"{name} ({value!r}) has no equal." for name, value in others.items() if value is not None]
    if any(
        isinstance(value, str) and value.startswith("file://") for item in design.items for value in item.row.values()
    ):
        notes.append("A value begins with file://, which promptfoo takes for the name of a file and reads.")
    head = "".join(f"# not written: {' '.join(note.split())}\n" for note in notes)
    return f"{head}{dump(data)}", notes


def _prompt(arm: PromptArm, notes: list[str]) -> dict[str, Any] | None:
    source = arm.source
    if isinstance(source, ChatPrompt):
        return {"label": arm.label, "raw": json.dumps(source.messages, ensure_ascii=False)}
    if not isinstance(source, KnownPrompt) or source.kind == "messages":
        notes.append(f"Prompt {arm.label!r} is no single template.")
        return None
    text = str(source.prompt.get("template", ""))
    if source.prompt.get("template_mode") != "jinja2" and "((" in text:
        notes.append(
            f"Prompt {arm.label!r} has sections that may be left out, ((...)), which promptfoo sends as they are."
        )
    keys = [key for key in ("defaults", "extends", "rag_configs", "sections") if source.prompt.get(key)]
    notes += [f"Prompt {arm.label!r}: its {key!r} have no equal." for key in keys]
    if arm.system is None:
        return {"label": arm.label, "raw": text}
    system = str(arm.system.prompt.get("template", ""))
    whole = [{"role": "system", "content": system}, {"role": "user", "content": text}]
    return {"label": arm.label, "raw": json.dumps(whole, ensure_ascii=False)}


def _asserts(scorer: Scorer, notes: list[str]) -> Any:
    """A function of an item that gives its assertion, or None."""
    if isinstance(scorer, AssertionScorer):
        return lambda item: _of_slot(scorer, item)
    from ..scoring.checks.patterns import Regex
    from ..scoring.checks.structure import JsonValid
    from ..scoring.checks.texts import Contains, Exact

    if isinstance(scorer, Regex) and scorer._options[1].keys() <= {"pattern", "name"}:
        return lambda item: {"type": "regex", "value": scorer.pattern, "metric": scorer.name}
    if isinstance(scorer, JsonValid):
        return lambda item: {"type": "is-json", "metric": scorer.name}
    options = scorer._options[1]
    if isinstance(scorer, Exact | Contains) and set(options) <= {"target", "value", "name", "ignore_case"}:
        blind = bool(options.get("ignore_case"))
        if not (isinstance(scorer, Exact) and blind):
            kind = "equals" if isinstance(scorer, Exact) else "icontains" if blind else "contains"
            column, fixed = str((scorer._options[0] or (options.get("target", "answer"),))[0]), options.get("value")
            return lambda item: _wanted(kind, fixed if fixed is not None else item.row.get(column), scorer.name)
    notes.append(f"The scorer {scorer.name!r} has no equal.")
    return lambda item: None


def _wanted(kind: str, value: Any, metric: str) -> dict[str, Any] | None:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        kind, value = ("contains-any" if kind == "equals" else f"{kind}-any"), [str(each) for each in value]
    else:
        value = str(value)
    return {"type": kind, "value": value, "metric": metric}


def _of_slot(scorer: AssertionScorer, item: Item) -> dict[str, Any] | None:
    told = item.row.get(scorer.column)
    if not isinstance(told, str):
        return None
    slot, value = scorer.slot, json.loads(told)
    whole = {"type": f"{'not-' if slot.negated else ''}{slot.kind}", "value": value, "threshold": slot.threshold}
    return {**{key: each for key, each in whole.items() if each is not None}, "metric": scorer.name}


def _test(item: Item, asserts: list[Any], own: set[str], params: dict[str, str]) -> dict[str, Any]:
    told = {name: value for name, value in item.row.items() if value is not None and name not in own and name != "item"}
    told |= {parameter: item.row[column] for parameter, column in params.items() if item.row.get(column) is not None}
    # A list would make a test of each of its values.
    plain = {
        name: value if isinstance(value, str | int | float | bool) else json.dumps(value, default=str)
        for name, value in told.items()
    }
    wanted = [made for each in asserts if (made := each(item)) is not None]
    return {"description": item.label, "vars": plain, **({"assert": wanted} if wanted else {})}
