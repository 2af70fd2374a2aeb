"""A connection of psycopg that does not wait for ever. Importing this imports psycopg: do it at use."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

__all__ = ["PatientConnection"]


class PatientConnection(psycopg.Connection[Any]):
    """Gives up when an answer does not come: a network may swallow what is sent, and confirm it.

    Attributes:
        answer_s: Seconds that one answer may take; None for any time.
    """

    answer_s: float | None = None
    _taking_time = False

    def take_time(self) -> None:
        """Wait as long as it takes until this transaction ends."""
        self._taking_time = True

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """What psycopg does for each exchange with the server, with a limit."""
        if self.answer_s is None or self._taking_time:
            return super().wait(gen, *args, **options)
        return super().wait(self._limited(gen, time.monotonic() + self.answer_s), *args, **options)

    def commit(self) -> None:
        """Commit; the limit holds again."""
        self._taking_time = False
        super().commit()

    def rollback(self) -> None:
        """Roll back; the limit holds again."""
        self._taking_time = False
        super().rollback()

    def _limited(self, gen: Generator[Any, Any, Any], until: float) -> Generator[Any, Any, Any]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > until:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"connection is lost: no answer in {self.answer_s:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
