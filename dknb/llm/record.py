"""The recording's part in one call: answer it, or keep what it answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from .messages import LLMResponse, LLMStreamResponse
from .outcome import final_piece
from .recording import Take, active
from .request import ModelRequest

__all__ = ["Record"]


class Record:
    """What the active recording has for one call."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self.reply: LLMResponse | None = None
        if take.reply is not None:
            self.reply = LLMResponse.from_dict(take.reply.response)
            self.reply.metadata["replayed"] = True

    @classmethod
    def of(cls, request: ModelRequest, key: str | None) -> Record | None:
        """The record of a call; None when nothing is recorded or replayed. ``key`` is a secret to keep out of it.

        Raises:
            ReplayMiss: Only what is recorded may be asked, and this is not.
        """
        recording = active()
        return None if recording is None else cls(recording.take(request.canonical(), [key] if key else ()))

    async def pieces(self) -> AsyncGenerator[LLMStreamResponse, None]:
        """The recorded answer as a stream, at once or in the rhythm in which it came."""
        reply, response = self._take.reply, self.reply
        assert reply is not None
        assert response is not None
        before = 0.0
        for seconds, delta in reply.events:
            if reply.pace == "recorded" and seconds > before:
                await asyncio.sleep(seconds - before)
                before = seconds
            yield LLMStreamResponse.from_dict(delta)
        if not reply.events and (response.content or response.reasoning):
            yield LLMStreamResponse(delta=response.content, reasoning=response.reasoning or "")
        yield final_piece(response)

    async def keep(self, response: LLMResponse, pieces: Sequence[tuple[float, LLMStreamResponse]] = ()) -> None:
        """Put the answer into the recording; ``pieces`` are those of a stream, with seconds since the call."""
        await asyncio.to_thread(
            lambda: self._take.keep(
                response.to_dict(), [[round(seconds, 6), piece.to_dict()] for seconds, piece in pieces]
            )
        )
