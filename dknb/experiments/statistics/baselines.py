"""Which variant the others are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = ["variant_named"]


def variant_named(name: str, frame: DataFrame, variants: Sequence[str]) -> str:
    """The variant of that label, or the only one with that prompt, ``prompt@version`` or model.

    Raises:
        ConfigError: There is none, or several.
    """
    if name in variants:
        return name
    parts = [column for column in ("prompt", "version", "model") if column in frame.columns]
    meant: list[str] = []
    for _, row in frame[["variant", *parts]].drop_duplicates("variant").iterrows():
        prompt, version, model = (row.get(column) for column in ("prompt", "version", "model"))
        if name in (prompt, f"{prompt}@{version}", model):
            meant.append(str(row["variant"]))
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise ConfigError(f"{name!r} may be any of {len(meant)} variants.", hint=f"Say which: {', '.join(meant)}")
    raise ConfigError(
        f"There is no variant {name!r}.{did_you_mean(name, variants)}", hint=f"Variants: {', '.join(variants)}"
    )
