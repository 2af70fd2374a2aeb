"""The way of one call, the same for all providers: recording, budget, limits, attempts, price, telemetry.

A recorded answer ends it at once: it costs nothing and waits for nothing. Else the call reserves what it may cost, is
tried until it succeeds or fails for good, is priced and booked, and its answer is put into the recording.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias

from ...errors import ProviderError
from ..config import LLMConfig
from ..events import last_pieces
from ..messages import LLMResponse, LLMStreamResponse
from ..recordings.record import Record
from ..request import ModelRequest
from .attempts import Attempts
from .budget import reserve
from .limits import CallLimits
from .outcome import finish, partial_response
from .telemetry import observed

__all__ = ["Once", "Pieces", "Pipeline", "Prepare", "Streamed"]

#: What an adapter's stream yields; None is a sign of life.
Pieces: TypeAlias = AsyncGenerator[LLMStreamResponse | None, None]
#: One attempt at an answer, and at a stream of it.
Once: TypeAlias = Callable[[ModelRequest, LLMConfig], Awaitable[LLMResponse]]
Streamed: TypeAlias = Callable[[ModelRequest, LLMConfig], Pieces]
Prepare: TypeAlias = Callable[[ModelRequest], Awaitable[None]]


class Pipeline:
    """What surrounds the attempts of one provider object.

    Args:
        config: The object's settings.

    Attributes:
        limits: How many calls there may be at a time and in a minute.
    """

    def __init__(self, config: LLMConfig) -> None:
        self.limits = CallLimits(config)

    async def answer(
        self, request: ModelRequest, config: LLMConfig, once: Once, *, prepare: Prepare, recorded: bool
    ) -> LLMResponse:
        """The answer to a request.

        Args:
            request: What is asked.
            config: The settings of the call.
            once: One attempt.
            prepare: Opens what a call needs; before its time begins.
            recorded: Whether the recording has a part in it.

        Raises:
            BudgetExceeded: The call may cost more than is left; it was not made.
            ProviderError: The call failed.
        """
        record = await Record.of(request, config.api_key) if recorded else None
        if record is not None and record.reply is not None:
            return record.reply
        with await reserve(request, config) as reservation:
            await prepare(request)
            with observed(request, config) as seen:
                started = time.perf_counter()
                with Attempts(config, self.limits) as attempts:
                    response = await attempts.run(lambda: once(request, config), request)
                    attempts.used(response.usage)
                await finish(response, request, time.perf_counter() - started)
                seen.answered(response)
            reservation.book(response)
        if record is not None:
            await record.keep(response)
        return response

    async def stream(
        self, request: ModelRequest, config: LLMConfig, streamed: Streamed, *, prepare: Prepare, recorded: bool
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        """The answer in pieces; the last carries it whole. Takes what ``answer`` takes.

        Raises:
            BudgetExceeded: The call may cost more than is left; it was not made.
            ProviderError: The call failed; ``partial`` is what had arrived.
        """
        record = await Record.of(request, config.api_key) if recorded else None
        if record is not None and record.reply is not None:
            return record.pieces()
        return self._live(request, config, streamed, prepare, record)

    async def _live(
        self, request: ModelRequest, config: LLMConfig, streamed: Streamed, prepare: Prepare, record: Record | None
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        arrived: list[tuple[float, LLMStreamResponse]] = []
        with await reserve(request, config, arrived) as reservation:
            await prepare(request)
            with observed(request, config) as seen:
                started = time.perf_counter()
                with Attempts(config, self.limits, streams=True) as attempts:
                    source, piece = await attempts.run(lambda: _opened(streamed(request, config)), request)
                    async with aclosing(source):
                        with attempts.watch() as watch:
                            while piece.response is None:
                                arrived.append((time.perf_counter() - started, piece))
                                yield piece
                                try:
                                    piece = await attempts.next_piece(source, watch)
                                except ProviderError as error:
                                    error.partial = error.partial or partial_response(arrived, request)
                                    raise
                    response = piece.response
                    attempts.used(response.usage)
                await finish(response, request, time.perf_counter() - started)
                seen.answered(response, arrived)
            reservation.book(response)
        if record is not None:
            await record.keep(response, arrived)
        for piece in last_pieces(response):
            yield piece


async def _opened(source: Pieces) -> tuple[Pieces, LLMStreamResponse]:
    """A stream and its first piece: until then, a failure may be tried again."""
    try:
        while (piece := await anext(source)) is None:
            pass
    except BaseException:
        await source.aclose()
        raise
    return source, piece
