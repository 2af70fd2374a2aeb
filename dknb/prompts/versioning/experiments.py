"""An online A/B experiment with versions of a prompt, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...errors import VersioningError, did_you_mean
from .plain import is_number, is_text
from .times import as_utc, now_utc, read_time, time_text

__all__ = ["STATUSES", "PromptExperiment", "PromptVariant", "checked_split", "split_of"]

#: How far an experiment has come: only one that is running assigns.
STATUSES = ("running", "paused", "completed")

#: How far the shares of a split may be from 1 in sum: thirds are written 0.33.
_SLACK = 0.011


@dataclass(frozen=True)
class PromptVariant:
    """An arm of an experiment.

    Attributes:
        version: The version of the prompt that it serves; its name in the experiment, too.
        weight: Its share of the users, relative to that of the others; above 0.
        description: What it tries.
        metadata: Anything else.
    """

    version: str
    weight: float = 1.0
    description: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_text(self.version):
            raise VersioningError(
                f"A variant needs a version, not {self.version!r}.", hint='PromptVariant("1.1.0", 0.5)'
            )
        if not is_number(self.weight) or self.weight <= 0:
            raise VersioningError(
                f"Variant weight must be positive, got {self.weight!r}.", hint="Leave the variant out."
            )

    def to_dict(self) -> dict[str, Any]:
        """The variant as data that JSON holds."""
        return {**vars(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PromptVariant:
        """The variant that ``to_dict`` made data of."""
        return cls(**data)


@dataclass(frozen=True)
class PromptExperiment:
    """An experiment: which users get which version of a prompt.

    Attributes:
        experiment_id: Its id, which also salts the choice: a user's arms in two experiments have nothing to do with
            each other.
        name: The prompt's name.
        prompt_type: ``user`` or ``system``.
        variants: Its arms.
        traffic_split: The share of each variant, by version; they add up to 1.
        start_date: When it began, in UTC.
        end_date: When it was completed.
        status: ``running``, ``paused`` or ``completed``.
        metrics: What the author notes about its results; what is recorded is in ``MetricsCollector``.
        metadata: Anything else.
    """

    experiment_id: str
    name: str
    prompt_type: str
    variants: list[PromptVariant]
    traffic_split: dict[str, float]
    start_date: datetime = field(default_factory=now_utc)
    end_date: datetime | None = None
    status: str = "running"
    metrics: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked_split(self.traffic_split, None)
        if self.status not in STATUSES:
            raise VersioningError(
                f"An experiment cannot be {self.status!r}.{did_you_mean(str(self.status), STATUSES)}",
                hint=f"Its status is one of: {', '.join(STATUSES)}",
            )
        object.__setattr__(self, "start_date", as_utc(self.start_date))
        object.__setattr__(self, "end_date", None if self.end_date is None else as_utc(self.end_date))

    @property
    def versions(self) -> list[str]:
        """The versions of its variants, in their order."""
        return [variant.version for variant in self.variants]

    def variant(self, variant_id: str) -> PromptVariant:
        """The variant of that version.

        Raises:
            VersioningError: There is none.
        """
        for variant in self.variants:
            if variant.version == variant_id:
                return variant
        raise VersioningError(
            f"The experiment {self.experiment_id} on {self.name!r} has no variant {variant_id!r}.",
            hint=f"Its variants: {', '.join(self.versions)}",
        )

    def to_dict(self) -> dict[str, Any]:
        """The experiment as data that JSON holds."""
        return {
            **vars(self),
            "variants": [variant.to_dict() for variant in self.variants],
            "start_date": time_text(self.start_date),
            "end_date": None if self.end_date is None else time_text(self.end_date),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PromptExperiment:
        """The experiment that ``to_dict`` made data of."""
        variants = [
            each if isinstance(each, PromptVariant) else PromptVariant.from_dict(each) for each in data["variants"]
        ]
        times = {key: read_time(data[key]) for key in ("start_date", "end_date") if data.get(key) is not None}
        return cls(**{**data, "variants": variants, **times})


def split_of(variants: Sequence[PromptVariant]) -> dict[str, float]:
    """The share of each variant: its weight, of all weights."""
    total = math.fsum(variant.weight for variant in variants)
    return {variant.version: variant.weight / total for variant in variants}


def checked_split(split: Mapping[str, float], versions: Sequence[str] | None) -> dict[str, float]:
    """A split, if it is one.

    Args:
        split: The share of each version.
        versions: The versions that it must have, if they are known; one that is left out gets nobody.

    Raises:
        VersioningError: It is none.
    """
    for version, share in split.items():
        if versions is not None and version not in versions:
            raise VersioningError(
                f"The traffic split names {version!r}, which is no variant.{did_you_mean(str(version), versions)}",
                hint=f"The variants: {', '.join(versions)}",
            )
        if not is_number(share) or not 0 <= share <= 1:
            raise VersioningError(f"The share of {version!r} must be between 0 and 1, not {share!r}.")
    total = math.fsum(split.values())
    if abs(total - 1) > _SLACK:
        raise VersioningError(
            f"Traffic split must sum to 1.0, got {total:g}: {dict(split)}.", hint="Leave it out to split by weights."
        )
    return {version: split.get(version, 0.0) for version in (versions if versions is not None else split)}
