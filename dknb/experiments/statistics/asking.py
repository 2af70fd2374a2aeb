"""What a comparison was asked for, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError, did_you_mean
from .estimates import Settings

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = [
    "check_frame",
    "checked_margins",
    "checked_metrics",
    "checked_paired",
    "checked_settings",
    "is_real",
    "is_whole",
]


def is_real(value: Any) -> bool:
    """Whether it is a finite number, and not True or False."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool) and isfinite(value)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_frame(frame: DataFrame) -> None:
    """Refuse what is no table.

    Raises:
        ConfigError: It has no columns.
    """
    if not hasattr(frame, "columns") or not hasattr(frame, "loc"):
        raise ConfigError(
            f"Trials are a pandas DataFrame, and not a {type(frame).__name__}.",
            hint="pandas.DataFrame(rows) makes one of a list of dicts; read_trials(path) reads a file.",
        )


def checked_settings(confidence: float, resamples: int, minimum: int, seed: int) -> Settings:
    """How to estimate.

    Raises:
        ConfigError: One of them cannot be.
    """
    if not is_real(confidence) or not 0.5 <= confidence < 1:
        raise ConfigError(f"A confidence of {confidence!r} is none.", hint="Give one from 0.5 to below 1, as 0.95")
    if not is_whole(resamples):
        raise ConfigError(f"resamples={resamples!r} is no whole number.", hint="10,000 is the default.")
    if resamples < 100:
        raise ConfigError(f"{resamples!r} resamples are too few.", hint="Give at least 100; 10,000 is the default.")
    if not is_whole(minimum):
        raise ConfigError(f"minimum={minimum!r} is no whole number.", hint="Give the items that are needed, as 10")
    if minimum < 2:
        raise ConfigError(f"minimum={minimum!r}: one item has no spread.", hint="Give at least 2")
    if not is_whole(seed) or seed < 0:
        raise ConfigError(f"seed={seed!r} is no whole number from 0.", hint="seed=0 is the default.")
    return Settings(float(confidence), int(resamples), int(seed))


def checked_metrics(metric: str | Sequence[str]) -> list[str]:
    """The metrics, each once: one that is named twice is still one comparison.

    Raises:
        ConfigError: There is none.
    """
    metrics = [metric] if isinstance(metric, str) else list(dict.fromkeys(metric))
    if not metrics:
        raise ConfigError("No metric was given.", hint='compare(frame, "score"), or a list of columns')
    return metrics


def checked_margins(margin: float | Mapping[str, float] | None, metrics: Sequence[str]) -> Mapping[str, float | None]:
    """The margin of each metric; None where nobody said one.

    Raises:
        ConfigError: It is not of these metrics, or no number from 0.
    """
    margins = margin if isinstance(margin, Mapping) else dict.fromkeys(metrics, margin)
    for name, given in margins.items():
        if name not in metrics:
            raise ConfigError(
                f"A margin is given for {name!r}, which is not compared.{did_you_mean(str(name), metrics)}",
                hint=f"Metrics: {', '.join(metrics)}",
            )
        if given is not None and not (is_real(given) and given >= 0):
            raise ConfigError(f"A margin of {given!r} is none.", hint="Give 0 or more, in units of the metric.")
    return {name: margins.get(name) for name in metrics}


def checked_paired(paired: bool | None) -> bool | None:
    """Whether to compare by item.

    Raises:
        ConfigError: It is neither True nor False nor None.
    """
    if paired is not None and not isinstance(paired, bool):
        raise ConfigError(f"paired={paired!r} is unknown.", hint="True, False, or None, which looks at the items")
    return paired
