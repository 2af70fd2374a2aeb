"""The port that every provider implements.

A provider supplies ``_complete``, ``_stream`` and, where it can, ``_embed``: one attempt each, as plain as possible. The
base class owns the settings of a call, and what surrounds it is in `dknb.llm.calls.pipeline`, once for all providers.
"""

from __future__ import annotations

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, ClassVar, NoReturn, Self, TypeAlias, TypeVar, overload

from ..errors import ConfigError
from .answers.schema_modes import completing, streaming
from .answers.structured import structured, structured_pieces
from .calls.budget import Budget, own_budget
from .calls.concurrency import Concurrency
from .calls.expected import prompt_tokens
from .calls.middleware import LLMMiddleware, asked_through, checked, processed_request, processed_response
from .calls.outcome import final_piece, last_of
from .calls.pipeline import Once, Pieces, Pipeline
from .config import LLMConfig, ModelCapability, normalize_llm_config
from .counting.tokens import TokenCount
from .embedding import checked_texts, embedded
from .messages import LLMMessage, LLMResponse, LLMStreamResponse
from .rendering import Renders, rendered_messages
from .request import ModelRequest, completion_request, embedding_request

__all__ = ["AsyncLLMProvider", "LLMProvider", "Messages", "Pieces"]

#: What a call takes as its messages: the user's text, or messages.
Messages: TypeAlias = str | Sequence[LLMMessage]

P = TypeVar("P", bound="AsyncLLMProvider")

#: Settings that a provider object has for all its calls.
_OF_THE_OBJECT = ("provider", "api_key", "api_base", "rate_limit", "max_concurrency")


class LLMProvider(ABC):
    """A model behind a wire, with its settings: what the async and the sync face have in common.

    Args:
        config: The settings: an `LLMConfig`, a dict, a spec such as ``"openai/gpt-5.4-mini"``, or a dataknobs Config.
        prompt_builder: Renders the prompts of ``render_and_complete``.

    Raises:
        ConfigError: The settings are wrong.
    """

    def __init__(
        self, config: LLMConfig | Mapping[str, Any] | str | Any, prompt_builder: Renders | None = None
    ) -> None:
        self.config = normalize_llm_config(config)
        self.prompt_builder = prompt_builder

    @property
    def provider(self) -> str:
        """The provider's name, as in a spec."""
        return self.config.provider

    @property
    def model(self) -> str:
        """The vendor's name of the model."""
        return self.config.model

    @abstractmethod
    def get_capabilities(self) -> list[ModelCapability]:
        """What the model can do."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.config.spec!r})"


class AsyncLLMProvider(LLMProvider):
    """A provider whose calls are awaited.

    One object may be used from several event loops. It opens what it needs at first use; ``async with`` closes it.
    """

    #: Whether calls are recorded and replayed; False where an answer costs nothing and is always the same.
    recorded: ClassVar[bool] = True
    #: Names in ``config.options`` that are for the provider itself and not for the body of a request.
    not_sent: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, config: LLMConfig | Mapping[str, Any] | str | Any, prompt_builder: Renders | None = None
    ) -> None:
        super().__init__(config, prompt_builder)
        self._pipeline = Pipeline(self.config)
        self._middleware: tuple[LLMMiddleware, ...] = ()

    # What a provider supplies

    @abstractmethod
    async def _complete(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        """One attempt at an answer."""

    @abstractmethod
    def _stream(self, request: ModelRequest, config: LLMConfig) -> Pieces:
        """One attempt at an answer, piece by piece, as an async generator.

        None is a sign of life. The last piece carries the whole answer as ``response``, and no text.
        """

    async def _embed(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        """One attempt at the vectors of ``request.texts``: a response with ``metadata["vectors"]``."""
        raise ConfigError(
            f"{request.provider} has no embeddings.", hint='Use a provider that has them, for example "openai/..."'
        )

    async def _prepare(self, request: ModelRequest) -> None:
        """Open what calls need. Before each call that goes out, and not part of its time."""

    async def _close(self) -> None:
        """Close what the provider has open, on whatever loop."""

    def _beside(self) -> dict[str, Any]:
        """What it goes by beside its settings, by attribute; what is open is no part of it."""
        return {}

    # What everybody calls

    def again(self, **settings: Any) -> Self:
        """Another provider of the same model, with nothing open yet.

        Args:
            **settings: Settings of `LLMConfig` that are otherwise there.

        Raises:
            ConfigError: A setting is wrong.
        """
        config = self.config.with_settings(**settings) if settings else self.config
        return _made_again(type(self), config, self._middleware, self._beside())

    def __reduce__(self) -> tuple[object, ...]:
        # In another process it is made again from its settings: connections and limits are of one process.
        return _made_again, (type(self), self.config, self._middleware, self._beside())

    async def complete(
        self,
        messages: Messages,
        *,
        tools: Sequence[dict[str, Any]] | None = None,
        tool_choice: str | dict[str, Any] | None = None,
        **overrides: Any,
    ) -> LLMResponse:
        """The model's answer.

        Args:
            messages: A text (the user's), or messages, oldest first. Never changed.
            tools: What the model may call: ``{"name", "description", "parameters"}`` with a JSON Schema, or a vendor's
                form.
            tool_choice: ``"auto"``, ``"none"``, ``"required"``, a tool's name, or the vendor's own dict.
            **overrides: Settings of `LLMConfig` for this call; ``options`` are added to the object's.

        Raises:
            ConfigError: A setting is wrong.
            ProviderError: The call failed.
        """
        config = self._settings(overrides)
        if config.stream or config.stream_callback is not None:
            return await last_of(self.stream_complete(messages, tools=tools, tool_choice=tool_choice, **overrides))
        request = completion_request(config, messages, tools, tool_choice, not_sent=self.not_sent)
        ask = partial(self._answer, config=config, own=own_budget(config))
        return await asked_through(self._middleware, request, config, lambda asked: structured(ask, asked, config))

    async def stream_complete(
        self,
        messages: Messages,
        *,
        tools: Sequence[dict[str, Any]] | None = None,
        tool_choice: str | dict[str, Any] | None = None,
        **overrides: Any,
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        """The model's answer in pieces; the last has ``is_final`` and the whole ``response``.

        Takes what ``complete`` takes. Closing the iterator closes the connection.

        Raises:
            ConfigError: A setting is wrong.
            ProviderError: The call failed; its ``partial`` is the part of the answer that had arrived.
        """
        config = self._settings(overrides)
        request = completion_request(config, messages, tools, tool_choice, not_sent=self.not_sent)
        request = await processed_request(self._middleware, request, config)
        own = own_budget(config)
        pieces = await self._pipeline.stream(
            request, config, streaming(self._stream), prepare=self._prepare, recorded=self.recorded, own=own
        )
        pieces = structured_pieces(pieces, partial(self._answer, config=config, own=own), request, config)
        tell = config.stream_callback
        async with aclosing(pieces):
            async for piece in pieces:
                if piece.response is not None and self._middleware:
                    piece = final_piece(await processed_response(self._middleware, piece.response, config))
                if tell is not None and inspect.isawaitable(told := tell(piece)):
                    await told
                yield piece

    @overload
    async def embed(self, texts: str, **overrides: Any) -> list[float]: ...

    @overload
    async def embed(self, texts: Sequence[str], **overrides: Any) -> list[list[float]]: ...

    async def embed(self, texts: str | Sequence[str], **overrides: Any) -> list[float] | list[list[float]]:
        """The vector of a text, or the vectors of a list of texts in its order.

        Any number of them: what is too much for one request is asked in several, side by side.

        Raises:
            ConfigError: The provider has no embeddings, a setting is wrong, or a text is empty.
            ProviderError: A request failed; ``partial`` is what others brought that belong to the same list.
        """
        config = self._settings(overrides)
        whole = checked_texts(texts)
        if not whole:
            return []
        request = embedding_request(config, whole, not_sent=self.not_sent)
        own = own_budget(config)
        response = await embedded(request, lambda batch: self._answer(batch, config, self._embed, own))
        vectors: list[list[float]] = response.metadata["vectors"]
        return vectors[0] if isinstance(texts, str) else vectors

    async def function_call(
        self, messages: Messages, functions: Sequence[dict[str, Any]], **overrides: Any
    ) -> LLMResponse:
        """``complete`` with ``functions`` as tools; the first call is also the answer's ``function_call``."""
        return await self.complete(messages, tools=functions, **overrides)

    async def count_tokens(
        self,
        messages: Messages,
        *,
        tools: Sequence[dict[str, Any]] | None = None,
        tool_choice: str | dict[str, Any] | None = None,
    ) -> TokenCount:
        """The tokens that these messages and tools have as a prompt; ``exact`` says whether they were counted.

        Raises:
            ProviderError: The vendor counts itself, and could not be asked.
        """
        request = completion_request(self.config, messages, tools, tool_choice, not_sent=self.not_sent)
        return await asyncio.to_thread(prompt_tokens, request, self.config)

    async def render_and_complete(
        self,
        prompt_name: str,
        params: Mapping[str, Any] | None = None,
        prompt_type: str = "user",
        index: int = 0,
        include_rag: bool = True,
        **overrides: Any,
    ) -> LLMResponse:
        """``complete`` with a prompt of the library: ``"user"``, ``"system"``, or ``"both"`` of that name.

        Raises:
            ConfigError: There is no prompt builder, or no such prompt type.
        """
        messages = await rendered_messages(
            self.prompt_builder, prompt_name, params, prompt_type=prompt_type, index=index, include_rag=include_rag
        )
        return await self.complete(messages, **overrides)

    async def render_and_stream(
        self,
        prompt_name: str,
        params: Mapping[str, Any] | None = None,
        prompt_type: str = "user",
        index: int = 0,
        include_rag: bool = True,
        **overrides: Any,
    ) -> AsyncGenerator[LLMStreamResponse, None]:
        """``stream_complete`` with a prompt of the library; arguments as in ``render_and_complete``."""
        messages = await rendered_messages(
            self.prompt_builder, prompt_name, params, prompt_type=prompt_type, index=index, include_rag=include_rag
        )
        async with aclosing(self.stream_complete(messages, **overrides)) as pieces:
            async for piece in pieces:
                yield piece

    def use(self, *middleware: LLMMiddleware) -> Self:
        """Let these see requests (in this order, after those that are there) and responses (in reverse).

        Raises:
            ConfigError: One is no middleware.
        """
        self._middleware += checked(middleware)
        return self

    @property
    def recent(self) -> dict[str, list[tuple[float, float]]]:
        """What counts for ``rate_limit`` now: ``requests`` and ``tokens``, how many seconds ago, and how much."""
        return self._pipeline.limits.recent()

    @property
    def concurrency(self) -> Concurrency:
        """How many calls of the model run at a time, wait, and may run."""
        return self._pipeline.limits.slots(self.config).state

    async def initialize(self) -> None:
        """Nothing to wait for: what a call needs is opened by the first call."""

    async def close(self) -> None:
        """Close connections; the next call opens new ones."""
        await self._close()

    async def validate_model(self) -> bool:
        """Whether the model exists, as far as the provider can tell."""
        return True

    def __enter__(self) -> NoReturn:
        raise ConfigError(
            f"{self!r} is awaited; `with` does not wait for it.",
            hint="Write  async with ...  and await its calls, or make one that waits:  "
            f'create_llm_provider("{self.config.spec}", is_async=False)',
        )

    def __exit__(self, *exc_info: object) -> None:
        """Never reached; `with` looks for it before it enters."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._close()

    # What each call does

    def _settings(self, overrides: Mapping[str, Any]) -> LLMConfig:
        if not overrides:
            return self.config
        for name in _OF_THE_OBJECT:
            if name in overrides:
                raise ConfigError(
                    f"{name!r} cannot be set for one call.", hint="Make another provider: create_llm_provider(...)"
                )
        if isinstance(options := overrides.get("options"), dict):
            overrides = {**overrides, "options": {**self.config.options, **options}}
        return self.config.with_settings(**overrides)

    async def _answer(
        self, request: ModelRequest, config: LLMConfig, once: Once | None = None, own: Budget | None = None
    ) -> LLMResponse:
        """The answer to a request, with all that surrounds a call but its middleware."""
        once = once or completing(self._complete)
        return await self._pipeline.answer(
            request, config, once, prepare=self._prepare, recorded=self.recorded, own=own
        )


def _made_again(
    kind: type[P], config: LLMConfig, middleware: tuple[LLMMiddleware, ...], beside: Mapping[str, Any]
) -> P:
    made = kind(config)
    made._middleware = middleware
    vars(made).update(beside)
    return made
