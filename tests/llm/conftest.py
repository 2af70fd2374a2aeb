"""What holds for every test of dknb.llm."""

from __future__ import annotations

import pytest

from dknb.llm.counting.calibration import forget


@pytest.fixture(autouse=True)
def nothing_learned():
    """Token estimates begin as in a new process: what answers of other tests taught is forgotten."""
    forget()
