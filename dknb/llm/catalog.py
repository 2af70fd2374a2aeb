"""The providers that dknb brings, and those that other packages add.

Another package adds a provider with an entry point, in its ``pyproject.toml``::

    [project.entry-points."dknb.providers"]
    acme = "acme_models:AcmeProvider"

where ``AcmeProvider`` is a subclass of `dknb.llm.AsyncLLMProvider`. It is then a provider like any other: a spec is
``acme/some-model``, and retries, time and rate limits, budgets, records, structure, the sync face and the magics come
with it. Only three methods are its own, one attempt each; this is a whole provider::

    class AcmeProvider(AsyncLLMProvider):
        key_variable = "ACME_API_KEY"                      # these two are optional
        default_model = "small"

        def get_capabilities(self):
            return [ModelCapability.CHAT, ModelCapability.STREAMING]

        async def _complete(self, request, config):
            text = await acme.ask(request.model, [(m.role, m.content) for m in request.full_messages()])
            return LLMResponse(text, usage={"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8})

        async def _stream(self, request, config):
            text = ""
            async for word in acme.words(request.model, ...):
                text += word
                yield LLMStreamResponse(word)
            yield LLMStreamResponse(is_final=True, response=LLMResponse(text))

``request`` is a `dknb.llm.ModelRequest`: messages, ``settings`` that were made (``temperature``, ...), ``tools``,
``tool_choice`` and ``options``. What goes wrong is raised as one of the `ProviderError` classes of `dknb.errors`:
`RateLimited`, `ConnectionFailed` and `ServerError` are tried again, the others are not. A model that makes vectors adds
``_embed``, a response with ``metadata["vectors"]``; a provider that holds something open adds ``_close``. A server that
speaks OpenAI's chat completions needs less: subclass `dknb.llm.OpenAICompatibleProvider` and say where it is.

What must then hold of the provider is a list of checks in `dknb.llm.conformance`, the same that dknb's own providers are
tested with; it says how to run them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "AddedProvider",
    "ProviderRow",
    "added_providers",
    "known_providers",
    "owner_of",
    "provider_row",
    "target_of",
]

GROUP = "dknb.providers"


@dataclass(frozen=True)
class ProviderRow:
    """Where a provider's class is, and what it takes when nothing is said.

    Attributes:
        target: ``"module:Class"``; imported at first use.
        default_model: The model of a spec that names none; None when there is no sensible one.
        key_variable: The environment variable that holds its key; None when it needs none.
        example: A spec to show to somebody who left the model out.
    """

    target: str
    default_model: str | None = None
    key_variable: str | None = None
    example: str = ""


@dataclass(frozen=True)
class AddedProvider:
    """A provider that another package adds.

    Attributes:
        name: Its name, as a spec begins.
        package: The package, with its version.
        target: Where its class is.
        problem: Why it cannot be used, as far as that is known without loading it; empty otherwise.
    """

    name: str
    package: str
    target: str
    problem: str = ""


#: Default models: from the lists in openai 3.54.0 and anthropic 2.12.0 (November 2026), not announced to be shut down.
_BUILT_IN = {
    "echo": ProviderRow("dknb.llm.providers.echo:EchoProvider", default_model="echo"),
    "openai": ProviderRow(
        "dknb.llm.providers.openai:OpenAIProvider", "gpt-5.4-mini", "OPENAI_API_KEY", "openai/gpt-5.4-mini"
    ),
    "anthropic": ProviderRow(
        "dknb.llm.providers.anthropic:AnthropicProvider",
        "claude-sonnet-4-5",
        "ANTHROPIC_API_KEY",
        "anthropic/claude-sonnet-4-5",
    ),
    "ollama": ProviderRow("dknb.llm.providers.ollama:OllamaProvider", example="ollama/llama3.2"),
    "huggingface": ProviderRow(
        "dknb.llm.providers.huggingface:HuggingFaceProvider",
        key_variable="HF_TOKEN",
        example="huggingface/meta-llama/Llama-3.1-8B-Instruct",
    ),
    "openai-compatible": ProviderRow(
        "dknb.llm.providers.compatible:OpenAICompatibleProvider", example="openai-compatible/my-model"
    ),
    "local": ProviderRow("dknb.llm.providers.local:LocalProvider", example="local/models/my-model.gguf"),
}


@cache
def added_providers() -> tuple[AddedProvider, ...]:
    """The providers of other packages, those included that cannot be used; nothing of them is loaded."""
    points = list(_entry_points())
    return tuple(
        AddedProvider(point.name, _package(point), point.value, _problem(point, points))
        for point in sorted(points, key=lambda point: point.name)
    )


def _entry_points() -> Iterator[EntryPoint]:
    from importlib.metadata import distributions, entry_points

    try:
        yield from entry_points(group=GROUP)
    except (TypeError, ValueError):
        # Somebody's list of entry points is malformed, which must not take the others away.
        for distribution in distributions():
            try:
                yield from distribution.entry_points.select(group=GROUP)
            except (TypeError, ValueError):
                continue


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"


def _problem(point: EntryPoint, points: list[EntryPoint]) -> str:
    if point.name in _BUILT_IN:
        return f"the name {point.name!r} is dknb's own ({_package(point)})"
    if not point.name or "/" in point.name:
        return f"{point.name!r} cannot begin a model spec"
    others = {other.value: _package(other) for other in points if other.name == point.name}
    return f"{' and '.join(others.values())} both add {point.name!r}" if len(others) > 1 else ""


def known_providers() -> list[str]:
    """The names that a model spec can begin with, dknb's own first."""
    return [*_BUILT_IN, *dict.fromkeys(added.name for added in added_providers() if added.name not in _BUILT_IN)]


#: How the models of a provider are called, for somebody who leaves the provider out.
_FAMILIES = {
    "openai": ("gpt-", "chatgpt-", "o1", "o3", "o4"),
    "anthropic": ("claude-",),
    "ollama": ("llama", "mistral", "qwen", "gemma", "phi", "deepseek"),
}


def owner_of(name: str) -> str | None:
    """The provider of a model that is named without one, as far as its name tells."""
    if name in known_providers():
        return None
    return next((provider for provider, begins in _FAMILIES.items() if name.lower().startswith(begins)), None)


def provider_row(name: str) -> ProviderRow:
    """The row of a provider, dknb's own or another package's, whose module is loaded for it.

    Raises:
        ConfigError: No provider has this name, or its package is broken.
    """
    if row := _BUILT_IN.get(name):
        return row
    added = next((added for added in added_providers() if added.name == name), None)
    if added is None:
        raise ConfigError(
            f"There is no provider {name!r}.{did_you_mean(name, known_providers())}",
            hint=f"Known providers: {', '.join(known_providers())}",
        )
    if added.problem:
        raise ConfigError(f"The provider {name!r} cannot be used: {added.problem}.", hint="Uninstall one package")
    return _row_of(added)


@cache
def _row_of(added: AddedProvider) -> ProviderRow:
    try:
        found = target_of(added.target)
    except (Exception, SystemExit) as error:  # another package's code, which may raise whatever it likes
        raise ConfigError(
            f"The provider {added.name!r} of {added.package} cannot be loaded: {type(error).__name__}: {error}",
            hint=f"Update that package or uninstall it:  pip uninstall {added.package.split()[0]}",
        ) from error
    return ProviderRow(
        added.target,
        default_model=getattr(found, "default_model", None),
        key_variable=getattr(found, "key_variable", None),
        example=f"{added.name}/some-model",
    )


def target_of(target: str) -> Any:
    """The object that ``"module:name"`` means."""
    module, _, path = target.partition(":")
    found = import_module(module)
    for name in filter(None, path.split(".")):
        found = getattr(found, name)
    return found
