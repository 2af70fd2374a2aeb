"""An answer that streams is kept while it streams: what a crash can take is what came in the last half second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from ..errors import ConversationError
from ..llm.messages import LLMResponse
from .turns import Turn

__all__ = ["EVERY", "Checkpoints"]

log = logging.getLogger("dknb.conversations")

#: Seconds between two checkpoints: half a second, less what writing one may take.
EVERY = 0.4


class Checkpoints:
    """Writes what has arrived of an answer every `EVERY` seconds, as long as its ``async with`` block runs.

    An answer that is complete before costs nothing. A store that fails is logged; the whole answer is written at its end.
    """

    def __init__(self, turn: Turn, arrived: Callable[[], LLMResponse]) -> None:
        self._turn = turn
        self._arrived = arrived
        self._stopped = asyncio.Event()
        self._first: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._turn.save:
            self._first = asyncio.get_running_loop().call_later(EVERY, self._begin)
        return self

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        written: tuple[str, str | None] | None = None
        while not self._stopped.is_set():
            arrived = self._arrived()
            try:
                if (arrived.content, arrived.reasoning) != written:
                    await self._turn.checkpoint(arrived)
                written = arrived.content, arrived.reasoning
            except ConversationError as error:
                log.warning("conversation %s: no checkpoint: %s", self._turn.state.conversation_id, error)
            try:
                await asyncio.wait_for(self._stopped.wait(), EVERY)
            except TimeoutError:
                continue

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._first is not None:
            self._first.cancel()
        self._stopped.set()
        cancelled: asyncio.CancelledError | None = None
        while self._task is not None and not self._task.done():
            # A checkpoint that is being written comes to its end, or nobody would know whether the answer is begun.
            try:
                await asyncio.wait({self._task})
            except asyncio.CancelledError as another:
                cancelled = another
        if cancelled is not None:
            raise cancelled
