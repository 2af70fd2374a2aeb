"""The recording's part in one call: answer it, or keep what it answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from ..events import last_pieces, pieces_of
from ..messages import LLMResponse, LLMStreamResponse
from ..request import ModelRequest
from .recording import Take, active
from .together import done_together

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
    async def of(cls, request: ModelRequest, key: str | None) -> Record | None:
        """The record of a call; None when nothing is recorded or replayed. ``key`` is a secret to keep out of it.

        Raises:
            ReplayMiss: Only what is recorded may be asked, and this is not.
        """
        recording = active()
        if recording is None:
            return None
        asked = request.canonical()
        # Calls take their samples in the order in which they start, so nothing is waited for before that.
        take = recording.take_recorded(asked, [key] if key else ())
        if take is None:
            raise await asyncio.to_thread(recording.miss, asked)
        return cls(take)

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
            yield LLMStreamResponse(delta) if isinstance(delta, str) else LLMStreamResponse.from_dict(delta)
        whole = () if reply.events else pieces_of(response)
        for piece in (*whole, *last_pieces(response)):
            yield piece

    async def keep(self, response: LLMResponse, pieces: Sequence[tuple[float, LLMStreamResponse]] = ()) -> None:
        """Put the answer into the recording; ``pieces`` are those of a stream, with seconds since the call."""
        await done_together(
            lambda: self._take.keep(
                response.to_dict(), [[round(seconds, 6), piece.to_dict()] for seconds, piece in pieces]
            )
        )
