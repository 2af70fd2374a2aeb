"""What an experiment was told, checked: what its runs go by."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..conversations.branches import LONGEST_NAME
from ..errors import ConfigError, DesignError, did_you_mean
from ..llm.calls.budget import Budget
from ..prompts.library import AbstractPromptLibrary
from .design.design import Design
from .design.items import Item
from .design.prompts import PromptOrigin
from .running.parsing import AnswerReader
from .running.scoring import Scoring
from .surroundings import KnownPrompt, Surroundings, find_in

__all__ = [
    "CONFIDENCE",
    "Setup",
    "baseline_of",
    "budget_of",
    "check_watching",
    "checked_whole",
    "items_with",
    "metric_of",
    "name_of",
    "prompt_source",
    "scoring_of",
    "warn_of_repeats",
]

#: Characters of the labels in a name that is made of them.
_NAMED = 60
#: Of verdicts, where nothing else is said.
CONFIDENCE = 0.95


@dataclass
class Setup:
    """An experiment as it was described.

    Attributes:
        design: Who is asked what.
        reader: Reads answers.
        scoring: Scores trials.
        baseline: The variant that the others are compared with.
        metric: The metric that decides.
        stop: Whether it stops when all is decided.
        seed: For the order of the items then.
        budget: Most US dollars that it may cost.
        concurrency: Most calls of a model at a time.
        margin: The largest difference that does not matter, where it may stop early; 2 % of a bounded scale if it is not
            given.
        confidence: Of the verdicts that it may stop on.
    """

    design: Design
    reader: AnswerReader
    scoring: Scoring
    baseline: str | None
    metric: str | None
    stop: Literal["decided"] | None
    seed: int
    budget: float | Budget | None
    concurrency: int | None
    margin: float | None = None
    confidence: float = CONFIDENCE

    @property
    def limit(self) -> float | None:
        """The budget in US dollars."""
        return self.budget.limit if isinstance(self.budget, Budget) else self.budget

    def told(self) -> dict[str, Any]:
        """The design as JSON data, with what a result shows."""
        kinds = {
            name: {"kind": kind.kind, "higher_is_better": kind.higher_is_better, "bounds": kind.bounds}
            for name, kind in self.scoring.kinds.items()
        }
        return {
            **self.design.told(),
            "metrics": self.scoring.metrics,
            "kinds": kinds,
            "baseline": self.baseline,
            "metric": self.metric,
            "watched": None
            if self.stop is None
            else {"seed": self.seed, "margin": self.margin, "confidence": self.confidence},
        }


def items_with(items: Sequence[Item], params: Mapping[str, str], values: Mapping[str, Any]) -> list[Item]:
    """The items with the values that are the same for all.

    Raises:
        DesignError: A parameter is to come from a column that is not there, or a value is a column too.
    """
    columns = list(items[0].row)
    for parameter, column in params.items():
        if column not in columns:
            raise DesignError(
                f"The parameter {parameter!r} is to come from the column {column!r}, which is not in the data."
                f"{did_you_mean(str(column), columns)}",
                hint=f"Columns: {', '.join(columns)}. The same for all items:  values={{{parameter!r}: ...}}",
            )
    if double := next((name for name in values if name in columns), None):
        raise DesignError(
            f"{double!r} is a column of the data, and in values= too.", hint="Leave it out of one of them"
        )
    return [Item(item.label, {**item.row, **values}) for item in items] if values else list(items)


def prompt_source(
    around: Surroundings, library: Any, adapters: Mapping[str, Any] | None, system: str | None
) -> PromptOrigin:
    """Where prompts come from, and what renders them.

    Raises:
        PromptError: The library is none, or has no system prompt of that name.
    """
    from ..prompts.builder import PromptBuilder
    from ..prompts.sources.opening import open_library

    given: AbstractPromptLibrary | None = None if library is None else open_library(library, around.project.root)
    builder = PromptBuilder(around.library if given is None else given, adapters)

    def find(name: str) -> KnownPrompt:
        return around.find(name) if given is None else find_in(given, name)

    return PromptOrigin(find, builder, None if system is None else _system(system, around, given))


def _system(text: str, around: Surroundings, library: AbstractPromptLibrary | None) -> KnownPrompt:
    """The prompt that ``system=`` means: one of the library, or a template; several words are no name."""
    if len(text.split()) > 1 or "{{" in text:
        return KnownPrompt("system", "system", {"template": text})
    if (prompt := (library or around.library).find_prompt(text, "system")) is not None:
        return KnownPrompt(text, "system", prompt)
    found = around.find(text) if library is None else find_in(library, text)
    if found.kind == "messages":
        raise DesignError(f"{text!r} is a sequence of messages, and no system message.")
    return found._replace(kind="system")


def scoring_of(scorers: Any, design: Design, library: AbstractPromptLibrary) -> Scoring:
    """The scorers.

    Raises:
        ConfigError: One is unknown or wrong, or needs a column that is not there.
    """
    from .scoring.specs import check_columns, scorers_of

    made = scorers_of(scorers, library=library)
    check_columns(made, design.items[0].row)
    return Scoring(made)


def baseline_of(name: str | None, design: Design) -> str | None:
    """The label of the variant that ``name`` means: its own, or the only one of that prompt or model.

    Raises:
        ConfigError: There is none, or several.
    """
    labels = [variant.label for variant in design.variants]
    if name is None or name in labels:
        return name
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    from .statistics.baselines import variant_named

    facts = [
        (variant.label, variant.prompt.name, variant.prompt.version, variant.model.label) for variant in design.variants
    ]
    return variant_named(name, pd.DataFrame(facts, columns=["variant", "prompt", "version", "model"]), labels)


def metric_of(name: str | None, scoring: Scoring, stop: str | None, design: Design) -> str | None:
    """The metric that decides.

    Raises:
        ConfigError: There is none of that name; or it is to stop early, and there is nothing to decide.
    """
    if stop not in (None, "decided"):
        raise ConfigError(f"stop is {stop!r}.{did_you_mean(str(stop), ['decided'])}", hint="Give 'decided', or None")
    if name is not None and name not in scoring.metrics:
        known = ", ".join(scoring.metrics) or "none, as there are no scorers"
        raise ConfigError(
            f"There is no metric {name!r}.{did_you_mean(name, scoring.metrics)}", hint=f"Metrics: {known}"
        )
    metric = name if name is not None or not scoring.metrics else scoring.metrics[0]
    if stop is None:
        return name
    if metric is None or len(design.variants) < 2:
        raise ConfigError(
            "stop='decided' needs a metric, and two variants to decide between.", hint="scorers=['exact']"
        )
    if any(metric in scorer.metrics for scorer in scoring.of_frame):
        raise ConfigError(
            f"{metric!r} is only known when all is run: it cannot stop a run.", hint="Name another metric"
        )
    return metric


def check_watching(stop: str | None, margin: Any, confidence: Any) -> None:
    """Refuse what verdicts that a run may stop on cannot go by.

    Raises:
        ConfigError: One of both is no such number, or there is nothing that it is for.
    """
    if stop is None and (margin is not None or confidence != CONFIDENCE):
        name = "margin" if margin is not None else "confidence"
        raise ConfigError(
            f"{name}= is what a run stops on.", hint=f"stop='decided', or afterwards:  result.compare({name}=...)"
        )
    for name, value, least, most in (("margin", margin, 0, math.inf), ("confidence", confidence, 0.5, 1)):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and least <= value < most):
            raise ConfigError(f"{name} is {value!r}.", hint="margin=0.05, in units of the metric; confidence=0.95")


def budget_of(given: Any) -> float | Budget | None:
    """The budget: US dollars, or a `Budget`.

    Raises:
        ConfigError: It is none.
    """
    return given if given is None or isinstance(given, Budget) else Budget(given).limit


def checked_whole(value: Any, what: str, least: int = 1) -> int:
    """A whole number.

    Raises:
        ConfigError: It is none, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{what} is {value!r}; it must be a whole number from {least}.")
    return value


def name_of(design: Design) -> str:
    """A name made of the variants and of the data's columns: the same for the same question."""
    labels = [variant.label for variant in design.variants]
    told = " vs ".join(" ".join(label.split()) for label in labels)
    told = "".join(character if character.isprintable() else " " for character in told)
    whole = "\0".join([*labels, *sorted(design.items[0].row)])
    return f"{told[:_NAMED].strip()} {hashlib.sha256(whole.encode('utf-8', 'replace')).hexdigest()[:6]}"[:LONGEST_NAME]


def warn_of_repeats(design: Design) -> None:
    """Warn where repeats will say the same."""
    cold = [model.label for model in design.models if model.config.temperature == 0]
    if design.repeats > 1 and cold:
        warnings.warn(
            f"At temperature 0 the {design.repeats} repeats of {', '.join(cold)} may all be the same answer.",
            stacklevel=4,
        )
