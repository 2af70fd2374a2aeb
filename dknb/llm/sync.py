"""The face of a provider for callers that cannot await."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Self

from .._sync import iterate, run
from .base import AsyncLLMProvider, LLMProvider, Messages
from .config import ModelCapability
from .messages import LLMResponse, LLMStreamResponse

__all__ = ["SyncLLMProvider"]


class SyncLLMProvider(LLMProvider):
    """An async provider whose calls wait, in a script or a notebook cell.

    It has every method of the provider it wraps, those that only this provider has included.

    Args:
        provider: The provider, or what `create_llm_provider` makes one from.
        prompt_builder: Renders the prompts of ``render_and_complete``.
    """

    def __init__(self, provider: AsyncLLMProvider | Any, prompt_builder: Any = None) -> None:
        if not isinstance(provider, AsyncLLMProvider):
            from .registry import create_llm_provider

            provider = create_llm_provider(provider, True, prompt_builder)
        super().__init__(provider.config, prompt_builder or provider.prompt_builder)
        self._provider: AsyncLLMProvider = provider

    @property
    def async_provider(self) -> AsyncLLMProvider:
        """The provider whose calls are awaited."""
        return self._provider

    def complete(self, messages: Messages, **settings: Any) -> LLMResponse:
        """The model's answer; see `AsyncLLMProvider.complete`."""
        return run(self._provider.complete(messages, **settings))

    def stream_complete(self, messages: Messages, **settings: Any) -> Iterator[LLMStreamResponse]:
        """The answer in pieces, as they arrive; leaving the loop closes the connection."""
        return iterate(lambda: self._provider.stream_complete(messages, **settings))

    def embed(self, texts: str | Sequence[str], **settings: Any) -> list[float] | list[list[float]]:
        """The vector of a text, or the vectors of a list of texts."""
        return run(self._provider.embed(texts, **settings))

    def function_call(self, messages: Messages, functions: Sequence[dict[str, Any]], **settings: Any) -> LLMResponse:
        """``complete`` with ``functions`` as tools."""
        return run(self._provider.function_call(messages, functions, **settings))

    def render_and_complete(self, prompt_name: str, *args: Any, **settings: Any) -> LLMResponse:
        """``complete`` with a prompt of the library; see `AsyncLLMProvider.render_and_complete`."""
        return run(self._provider.render_and_complete(prompt_name, *args, **settings))

    def render_and_stream(self, prompt_name: str, *args: Any, **settings: Any) -> Iterator[LLMStreamResponse]:
        """``stream_complete`` with a prompt of the library."""
        return iterate(lambda: self._provider.render_and_stream(prompt_name, *args, **settings))

    def initialize(self) -> None:
        """Nothing to wait for: what a call needs is opened by the first call."""

    def close(self) -> None:
        """Close connections; the next call opens new ones."""
        run(self._provider.close())

    def validate_model(self) -> bool:
        """Whether the model exists, as far as the provider can tell."""
        return run(self._provider.validate_model())

    def get_capabilities(self) -> list[ModelCapability]:
        """What the model can do."""
        return self._provider.get_capabilities()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._provider, name)
        return self._waiting(value) if inspect.ismethod(value) else value

    def _waiting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method of the async provider as one that waits."""

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            if inspect.isasyncgenfunction(method):
                return iterate(lambda: method(*args, **kwargs))
            result = method(*args, **kwargs)
            if inspect.isawaitable(result):
                return run(_awaited(result))
            # What returns the provider, so that calls can be chained, goes on with this face of it.
            return self if result is self._provider else result

        return call


async def _awaited(value: Any) -> Any:
    return await value
