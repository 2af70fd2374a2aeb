"""What a middleware is: it sees, and may change, copies of what passes between a conversation and its model.

`dknb.llm.LLMMiddleware` stands around each call of a provider, whoever makes it, and knows its settings. Middleware of
a conversation stands around each turn, and knows the conversation: who asks, what was said, what was spent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any, Protocol

from ...llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..ledger import CallRecord
from ..state import ConversationState
from .copies import Copies
from .texts import pass_through

__all__ = ["Ask", "ConversationMiddleware", "Outgoing", "TextFilter"]


def _nowhere(call: CallRecord) -> None:
    """Where there is no ledger."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request on its way to the model.

    Attributes:
        messages: What is sent.
        state: The conversation.
        model: The model that is asked, as the provider has it.
        settings: Settings of the provider for this call.
        attempt: How often it was asked before, because an answer was not good enough.
        book: Takes the row of a call of another model that was made for this one, for the conversation's ledger.
    """

    messages: list[LLMMessage]
    state: ConversationState
    model: Any = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 0
    book: Callable[[CallRecord], None] = _nowhere


#: Asks what comes next, the model in the end: the pieces of the answer, of which the last has the whole ``response``.
Ask = Callable[[Outgoing], AsyncGenerator[LLMStreamResponse, None]]


class TextFilter(Protocol):
    """What the text of a streamed answer passes through, piece by piece."""

    def feed(self, text: str) -> str:
        """What may be shown by now."""

    def finish(self) -> str:
        """The rest, when no more comes."""


class ConversationMiddleware(ABC):
    """Sees each request on its way out and each response on its way back.

    Of a list of them the first sees a request first and its response last. Of a stream they see the messages before it
    and the whole answer at its end; the pieces pass through `text_filter`. What one of them raises reaches the caller
    as a `MiddlewareError` that names it (and still is of its own class, too).

    Attributes:
        watches_all: Whether it also stands before calls beside the turns: summaries, judges of a flow's conditions.
    """

    watches_all = False

    @abstractmethod
    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """The messages to send in the place of ``messages``, which are copies.

        A copy is made when it is looked at: who looks at the last message only, or at ``len(messages)``, costs the same in
        a conversation of any length. To look at all of a long one without holding others up:
        ``async for message in gently(messages)``.
        """

    @abstractmethod
    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """The response to keep in the place of ``response``, which is a copy.

        What is raised here reaches the caller; the response as the model gave it is stored all the same, as `shown` makes
        it.
        """

    def text_filter(self, state: ConversationState) -> TextFilter | None:
        """A new filter for the text of one streamed answer; None lets it pass as it is."""
        return None

    def shown(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """What is kept and shown of an answer that `process_response` did not get, or gave nothing for.

        Args:
            response: The answer, as those behind this one show it; not to be changed.
            state: The conversation.

        Returns:
            By default a copy whose texts have passed through `text_filter`; the answer itself, if there is none.
        """
        return pass_through(response, lambda: self.text_filter(state))

    async def converse(self, request: Outgoing, ask: Ask) -> AsyncGenerator[LLMStreamResponse, None]:
        """The pieces of the answer to ``request``; a call that does not stream has one, the last.

        For those who must do more than look: answer without asking, or ask again.
        """
        messages = await self.process_request(Copies(request.messages), request.state)
        _check_messages(messages)
        async with aclosing(self.filtered(ask(replace(request, messages=messages)), request.state)) as pieces:
            async for piece in pieces:
                if piece.response is not None:
                    piece = replace(piece, response=await self.process_response(piece.response, request.state))
                    _check_response(piece.response)
                yield piece

    async def around_call(self, request: Outgoing, ask: Ask) -> AsyncGenerator[LLMStreamResponse, None]:
        """The pieces of the answer to one call of the model, with nothing between it and the model.

        For those who count what is asked in truth: wherever they stand in the list, each call passes here once, asked
        again or not, and none that a cache answers.
        """
        async with aclosing(ask(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def filtered(
        self, pieces: AsyncGenerator[LLMStreamResponse, None], state: ConversationState
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        """``pieces`` with their text, and what the model thought, passed through filters of `text_filter`."""
        text, thought = self.text_filter(state), self.text_filter(state)
        async with aclosing(pieces):
            async for piece in pieces:
                if text is None or thought is None:
                    yield piece
                elif piece.is_final:
                    rest = LLMStreamResponse(delta=text.finish(), reasoning=thought.finish())
                    if rest.delta or rest.reasoning:
                        yield rest
                    yield piece
                else:
                    yield replace(piece, delta=text.feed(piece.delta), reasoning=thought.feed(piece.reasoning))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _check_messages(messages: object) -> None:
    if isinstance(messages, Copies) and not messages.is_list:
        return  # nobody can have put anything in
    if not isinstance(messages, Sequence) or not all(map(isinstance, messages, repeat(LLMMessage))):
        raise TypeError(f"process_request returned {messages!r:.100}, not a list of messages")


def _check_response(response: object) -> None:
    if not isinstance(response, LLMResponse):
        raise TypeError(f"process_response returned {response!r:.100}, not an LLMResponse")
