"""Working through many objects on one thread without halting the others."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_halts"]

#: Seconds that another thread waits for its turn; Python's default is five times as much.
TURN_S = 0.001

#: So many new objects take about two milliseconds to go through.
MANY = 20_000

_lock = threading.Lock()
_inside = 0
_before = (False, 0.0)


@contextmanager
def without_halts() -> Iterator[None]:
    """Let other threads, an event loop's above all, run while this one reads or writes a large conversation.

    Python's garbage collector is off meanwhile: it would go through all the new objects again and again, for tenths of a
    second in which nothing else runs. In the end they count as old ones, which are gone through seldom.
    """
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = (gc.isenabled(), sys.getswitchinterval())
            gc.disable()
            sys.setswitchinterval(min(TURN_S, _before[1]))
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _restore(*_before)


def _restore(collecting: bool, interval: float) -> None:
    sys.setswitchinterval(interval)
    if not collecting:
        return
    if gc.get_count()[0] > MANY and gc.get_freeze_count() == 0:
        # Puts all objects into the oldest generation without looking at them.
        gc.freeze()
        gc.unfreeze()
    gc.enable()
