"""From a config or a spec to a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

from ..errors import ConfigError
from .base import AsyncLLMProvider
from .calls.middleware import LLMMiddleware, checked
from .catalog import provider_row, target_of
from .config import LLMConfig, normalize_llm_config, parse_spec
from .rendering import Renders
from .sync import SyncLLMProvider

__all__ = ["LLMProviderFactory", "create_llm_provider"]

P = ParamSpec("P")
R = TypeVar("R")

Provider = AsyncLLMProvider | SyncLLMProvider


@overload
def create_llm_provider(
    config: LLMConfig | Mapping[str, Any] | str | Any,
    is_async: Literal[True] = True,
    prompt_builder: Renders | None = None,
    *,
    middleware: Sequence[LLMMiddleware] = (),
    **settings: Any,
) -> AsyncLLMProvider: ...


@overload
def create_llm_provider(
    config: LLMConfig | Mapping[str, Any] | str | Any,
    is_async: bool,
    prompt_builder: Renders | None = None,
    *,
    middleware: Sequence[LLMMiddleware] = (),
    **settings: Any,
) -> Provider: ...


def create_llm_provider(
    config: LLMConfig | Mapping[str, Any] | str | Any,
    is_async: bool = True,
    prompt_builder: Renders | None = None,
    *,
    middleware: Sequence[LLMMiddleware] = (),
    **settings: Any,
) -> Provider:
    """The provider that a config or a spec names.

    >>> create_llm_provider("echo")
    EchoProvider('echo/echo')

    Args:
        config: An `LLMConfig`, a dict, a spec such as ``"openai/gpt-5.4-mini"``, or a dataknobs Config.
        is_async: Whether its calls are awaited; otherwise they wait themselves.
        prompt_builder: Renders the prompts of ``render_and_complete``.
        middleware: What sees its requests (in this order) and responses (in reverse); see `LLMMiddleware`.
        **settings: Settings of `LLMConfig` that count before those of ``config``: ``temperature=0``.

    Raises:
        ConfigError: The provider is unknown, or a setting is wrong.
        MissingExtra: The provider's package is not installed.
    """
    whole = normalize_llm_config(config)
    if settings:
        whole = whole.with_settings(**settings)
    if not whole.model:
        whole = whole.with_settings(model=parse_spec(whole.provider).model)
    provider: AsyncLLMProvider = _load(whole.provider)(whole, prompt_builder).use(*checked(middleware))
    return provider if is_async else SyncLLMProvider(provider)


def _load(name: str) -> type[AsyncLLMProvider]:
    found = target_of(provider_row(name).target)
    if not (isinstance(found, type) and issubclass(found, AsyncLLMProvider)):
        raise ConfigError(
            f"The provider {name!r} is {found!r}, which is no AsyncLLMProvider.",
            hint="Its package must subclass dknb.llm.AsyncLLMProvider",
        )
    return found


class _OfClassOrInstance(Generic[P, R]):
    """A method that works on the class too, as on an instance made without arguments."""

    def __init__(self, method: Callable[..., R]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, instance: Any, owner: type) -> Callable[..., R]:
        return MethodType(self._method, owner() if instance is None else instance)


class LLMProviderFactory:
    """Makes providers, all async or all sync."""

    def __init__(self, is_async: bool = True) -> None:
        self.is_async = is_async

    def _create(
        self,
        config: Any = None,
        prompt_builder: Renders | None = None,
        *,
        middleware: Sequence[LLMMiddleware] = (),
        **settings: Any,
    ) -> Any:
        """The provider of a config or spec, or of settings such as ``provider="echo", model="m"``.

        Raises:
            ConfigError: Nothing says which provider, it is unknown, or a setting is wrong.
        """
        if config is None:
            config, settings = LLMConfig.from_dict(settings), {}
        return create_llm_provider(config, self.is_async, prompt_builder, middleware=middleware, **settings)

    create = _OfClassOrInstance[Any, Any](_create)
