"""The way of one call, the same for all providers: recording, budget, limits, attempts, price, telemetry.

A recorded answer ends it at once: it costs nothing and waits for nothing. Else the call reserves what it may cost, is
tried until it succeeds or fails for good, is priced and booked, and its answer is put into the recording.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias

from ...errors import ProviderError, ServerError
from ..config import LLMConfig
from ..events import last_pieces
from ..messages import LLMResponse, LLMStreamResponse
from ..recordings.record import Record
from ..request import ModelRequest
from .attempts import Attempts
from .budget import Budget, reserve
from .limits import CallLimits
from .outcome import finish, partial_response
from .sound import check_calls, sound, sound_piece
from .telemetry import observed

__all__ = ["Once", "Pieces", "Pipeline", "Prepare", "Streamed"]

#: What an adapter's stream yields; None is a sign of life.
Pieces: TypeAlias = AsyncGenerator[LLMStreamResponse | None, None]
#: One attempt at an answer, and at a stream of it.
Once: TypeAlias = Callable[[ModelRequest, LLMConfig], Awaitable[LLMResponse]]
Streamed: TypeAlias = Callable[[ModelRequest, LLMConfig], Pieces]
#: Opens what a call needs.
Prepare: TypeAlias = Callable[[ModelRequest], Awaitable[None]]

#: What comes after the last piece of a stream.
_END = LLMStreamResponse()


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
        self,
        request: ModelRequest,
        config: LLMConfig,
        once: Once,
        *,
        prepare: Prepare,
        recorded: bool,
        own: Budget | None = None,
    ) -> LLMResponse:
        """The answer to a request.

        Args:
            request: What is asked.
            config: The settings of the call.
            once: One attempt.
            prepare: Opens what a call needs; before its time begins.
            recorded: Whether the recording has a part in it.
            own: The call's own budget, which all its requests share.

        Raises:
            BudgetExceeded: The call may cost more than is left; it was not made.
            ProviderError: The call failed.
        """
        record = await Record.of(request, config.api_key) if recorded else None
        if record is not None and record.reply is not None:
            check_calls(record.reply, request)
            return record.reply
        with await reserve(request, config, own=own) as reservation:
            await prepare(request)
            with observed(request, config) as seen:
                started = time.perf_counter()
                with Attempts(config, self.limits, failed=reservation.failed) as attempts:
                    response = await attempts.run(lambda: _answered(once, request, config), request)
                    attempts.used(response.usage)
                await finish(response, request, time.perf_counter() - started, config.api_base)
                seen.answered(response)
            reservation.book(response)
        if record is not None:
            await record.keep(response)
        check_calls(response, request)
        return response

    async def stream(
        self,
        request: ModelRequest,
        config: LLMConfig,
        streamed: Streamed,
        *,
        prepare: Prepare,
        recorded: bool,
        own: Budget | None = None,
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        """The answer in pieces; the last carries it whole. Takes what ``answer`` takes.

        Raises:
            BudgetExceeded: The call may cost more than is left; it was not made.
            ProviderError: The call failed; ``partial`` is what had arrived.
        """
        record = await Record.of(request, config.api_key) if recorded else None
        if record is not None and record.reply is not None:
            return _checked(record.pieces(), request)
        return self._live(request, config, streamed, prepare, record, own)

    async def _live(
        self,
        request: ModelRequest,
        config: LLMConfig,
        streamed: Streamed,
        prepare: Prepare,
        record: Record | None,
        own: Budget | None,
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        arrived: list[tuple[float, LLMStreamResponse]] = []
        with await reserve(request, config, arrived, own=own) as reservation:
            await prepare(request)
            with observed(request, config) as seen:
                started = time.perf_counter()
                with Attempts(config, self.limits, streams=True, failed=reservation.failed) as attempts:
                    source, piece = await attempts.run(lambda: _opened(streamed(request, config), request), request)
                    async with aclosing(source):
                        with attempts.watch() as watch:
                            while piece.response is None:
                                arrived.append((time.perf_counter() - started, piece))
                                yield piece
                                try:
                                    piece = sound_piece(await attempts.next_piece(source, watch), request)
                                except ProviderError as error:
                                    error.partial = error.partial or partial_response(arrived, request)
                                    raise
                    response = piece.response
                    attempts.used(response.usage)
                await finish(response, request, time.perf_counter() - started, config.api_base)
                seen.answered(response, arrived)
            reservation.book(response)
        if record is not None:
            await record.keep(response, arrived)
        check_calls(response, request)
        for piece in last_pieces(response):
            yield piece


async def _answered(once: Once, request: ModelRequest, config: LLMConfig) -> LLMResponse:
    return sound(await once(request, config), request)


async def _opened(source: Pieces, request: ModelRequest) -> tuple[Pieces, LLMStreamResponse]:
    """A stream and its first piece: until then, a failure may be tried again."""
    try:
        while (piece := await anext(source, _END)) is None:
            pass
        if piece is _END:
            raise ServerError(
                f"The stream of {request.provider}/{request.model} ended before it began.",
                provider=request.provider,
                model=request.model,
            )
        piece = sound_piece(piece, request)
    except BaseException:
        await source.aclose()
        raise
    return source, piece


async def _checked(
    pieces: AsyncGenerator[LLMStreamResponse, None], request: ModelRequest
) -> AsyncGenerator[LLMStreamResponse, None]:
    """Recorded pieces, to the same end as those that were recorded."""
    async with aclosing(pieces):
        async for piece in pieces:
            if piece.response is not None:
                check_calls(piece.response, request)
            yield piece
