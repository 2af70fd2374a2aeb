"""What callers give, looked at before it is kept: they may be wrong about its type."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from ...errors import VersioningError

__all__ = ["check_storable", "is_number", "is_text", "is_whole"]


def is_text(value: object) -> bool:
    """Whether it is a text that is not blank."""
    return isinstance(value, str) and bool(value.strip())


def is_number(value: object) -> bool:
    """Whether it is a finite number; numpy's are, truth values are not."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def is_whole(value: object) -> bool:
    """Whether it is a whole number; numpy's are, truth values are not."""
    return not isinstance(value, bool) and isinstance(value, Integral)


def check_storable(metadata: Mapping[str, Any], of: str) -> None:
    """Refuse what no store keeps.

    Raises:
        VersioningError: It is no data that JSON holds.
    """
    try:
        json.dumps({**metadata}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise VersioningError(
            f"The metadata of {of} cannot be kept: {error}.",
            hint="They are text, numbers, true or false, lists and mappings.",
        ) from error
