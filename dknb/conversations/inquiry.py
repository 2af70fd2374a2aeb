"""One question to the model of a conversation, from what is sent to what is kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from ..errors import ConversationNotFound, StorageError
from ..llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from .checkpoints import Checkpoints
from .context import Fit, Fitter
from .history import History
from .middleware import Exchange, beside
from .turns import NodeTree, Turn, with_seq

__all__ = ["Inquiry"]


@dataclass(slots=True)
class Inquiry:
    """What is asked, and how: through the middleware, fitted into the model's context, kept however it ends.

    Attributes:
        turn: What is kept of it.
        exchange: Its way through the middleware to the model.
        history: What was said up to the question.
        context: How it is made to fit; None sends all of it.
    """

    turn: Turn
    exchange: Exchange
    history: History
    context: Fit | None = None

    async def complete(self) -> LLMResponse:
        """The answer, kept."""
        messages = await self._fitted()
        try:
            response = await self.exchange.complete(messages)
        except BaseException as error:
            await self._broken(error)
            raise
        return await self._finish(response)

    async def stream(self) -> AsyncGenerator[LLMStreamResponse, None]:
        """The answer in pieces, kept as they come; the last has it whole."""
        messages = await self._fitted()
        final: LLMStreamResponse | None = None
        try:
            async with (
                Checkpoints(self.turn, self.exchange.partial),
                aclosing(self.exchange.stream(messages)) as pieces,
            ):
                async for piece in pieces:
                    if piece.is_final:
                        final = piece
                        break
                    yield piece
        except BaseException as error:
            await self._broken(error)
            raise
        if final is None or final.response is None:
            await self.turn.book(self.exchange.others)
            await self.turn.keep(self.exchange.partial(), state="incomplete", outcome="incomplete")
            return
        response = await self._finish(final.response)
        yield replace(final, response=response)

    async def _fitted(self) -> Sequence[LLMMessage]:
        """What is sent: the history itself where it need not fit."""
        if self.context is None:
            return self.history
        turn, exchange = self.turn, self.exchange
        scribe = beside(exchange.llm, exchange.middleware, turn.state)
        fitter = Fitter(scribe, turn.state, turn.storage, exchange.settings, turn.cell)
        result = await fitter.fit(self.history, self.context)
        turn.metadata = {**turn.metadata, "context": result.told()}
        return result.messages

    async def _finish(self, response: LLMResponse) -> LLMResponse:
        """Keep a whole answer, as the middleware left it."""
        turn = self.turn
        await turn.book(self.exchange.others)
        await turn.keep_rejected(self.exchange.rejected)
        try:
            known = turn.find_known(response)
        except BaseException:
            await self._keep(self.exchange.answer or response)
            raise
        await self._keep(response, known)
        return with_seq(response, turn.answer)

    async def _keep(self, response: LLMResponse, known: NodeTree | None = None) -> None:
        try:
            await self.turn.keep(response, known=known)
        except (StorageError, ConversationNotFound) as error:
            error.response = response
            raise

    async def _broken(self, error: BaseException) -> None:
        """Keep what there is of an answer: as it came, if the model had ended and the middleware failed."""
        await self.turn.book(self.exchange.others)
        await self.turn.keep_rejected(self.exchange.rejected)
        if self.exchange.answer is not None:
            await self._keep(self.exchange.answer)
        elif self.exchange.asked:
            await self.turn.failed(error, self.exchange.partial())
