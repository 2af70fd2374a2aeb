"""An experiment as another tool described it, with what has no equal here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..experiment import Experiment

__all__ = ["ImportedExperiment"]


@dataclass
class ImportedExperiment:
    """What was read of another tool's experiment.

    Attributes:
        prompts: The prompts by label.
        models: The models by label.
        data: The items, a dict each; ``item`` has their labels.
        scorers: The scorers.
        settings: Further arguments of `Experiment`.
        notes: What of it has no equal here and was left out, a sentence each.
    """

    prompts: dict[str, Any]
    models: dict[str, Any]
    data: list[dict[str, Any]]
    scorers: list[Any]
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def experiment(self, **told: Any) -> Experiment:
        """The experiment, with arguments of `Experiment` that go before what was read.

        Raises:
            DknbError: As `Experiment`.
        """
        from ..experiment import Experiment

        whole: Mapping[str, Any] = {
            "prompts": self.prompts,
            "models": self.models or None,
            "data": self.data,
            "scorers": self.scorers,
            "item": "item",
            **self.settings,
            **told,
        }
        return Experiment(**whole)
