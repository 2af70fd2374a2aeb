"""What is kept of a batch of an experiment, from before it is submitted until it is collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..store.rows import TrialRow

__all__ = ["KeptBatch", "custom_id", "key_of_id", "names_of"]


@dataclass(frozen=True)
class KeptBatch:
    """A batch of an experiment.

    It is kept before it is submitted, so that one whose submission broke off is looked for and not submitted again.

    Attributes:
        tag: What finds it at the vendor's; its requests' ids begin with it.
        model: What the experiment calls the model.
        trials: The trials, by the names of `TrialRow`'s first seven fields.
        at: When it was about to be submitted (UTC).
        handle: The handle of `Batches`; None as long as it is not known to be submitted.
        retry: Whether it asks again what is stored as errors.
        high: The most that it may cost in US dollars; None where nobody knows.
    """

    tag: str
    model: str
    trials: Sequence[Sequence[Any]]
    at: datetime
    handle: Mapping[str, Any] | None = None
    retry: bool = False
    high: float | None = None

    @property
    def keys(self) -> set[str]:
        """The keys of its trials."""
        return {str(trial[0]) for trial in self.trials}

    @property
    def by_id(self) -> dict[str, TrialRow]:
        """Its trials by the ids of their requests."""
        return {custom_id(str(trial[0]), self.tag): TrialRow(*trial) for trial in self.trials}


def names_of(row: TrialRow) -> list[Any]:
    """A trial as a `KeptBatch` has it."""
    return [row.key, row.item, row.variant, row.prompt, row.version, row.model, row.repeat]


def custom_id(key: str, tag: str | None = None) -> str:
    """The id of the request of a trial; vendors take no dots in it."""
    plain = key.replace(".", "-")
    return plain if tag is None else f"{tag}-{plain}"


def key_of_id(identity: str) -> str:
    """The key of the trial whose request has that id."""
    return ".".join(identity.rsplit("-", 3)[-3:])
