"""What a model is asked with: `LLMConfig`, and the ways to write one."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, runtime_checkable

from ..errors import ConfigError, did_you_mean
from .catalog import known_providers, owner_of, provider_row
from .config_checks import check_values
from .header_options import with_hidden_headers, without_keys
from .messages import LLMStreamResponse

__all__ = ["CompletionMode", "LLMConfig", "ModelCapability", "normalize_llm_config", "parse_spec"]


class CompletionMode(enum.Enum):
    """What a provider object is for.

    ``CHAT`` asks with messages; ``INSTRUCT`` makes them one message of the user's, beside the system prompt; ``TEXT`` has
    the model go on with their text; ``EMBEDDING`` refuses to complete; ``FUNCTION`` demands the call of a tool.
    """

    CHAT = "chat"
    TEXT = "text"
    INSTRUCT = "instruct"
    EMBEDDING = "embedding"
    FUNCTION = "function"


class ModelCapability(enum.Enum):
    """What a model can do."""

    TEXT_GENERATION = "text_generation"
    CHAT = "chat"
    EMBEDDINGS = "embeddings"
    FUNCTION_CALLING = "function_calling"
    VISION = "vision"
    CODE = "code"
    JSON_MODE = "json_mode"
    STREAMING = "streaming"
    REASONING = "reasoning"


#: Keys that a dataknobs ``Config`` adds to each of its entries; they say nothing about the model.
_CONFIG_KEYS = {"type", "name", "factory"}

_NUMBER = (int, float)
_KINDS: dict[str, tuple[type, ...]] = {
    "provider": (str,),
    "model": (str,),
    "api_key": (str,),
    "api_base": (str,),
    "temperature": _NUMBER,
    "max_tokens": (int,),
    "top_p": _NUMBER,
    "frequency_penalty": _NUMBER,
    "presence_penalty": _NUMBER,
    "stop_sequences": (list, tuple),
    "mode": (CompletionMode,),
    "system_prompt": (str,),
    "functions": (list, tuple),
    "function_call": (str, dict),
    "stream": (bool,),
    "rate_limit": (*_NUMBER, dict),
    "max_concurrency": (int,),
    "budget": _NUMBER,
    "reask_count": (int,),
    "retry_count": (int,),
    "retry_delay": _NUMBER,
    "timeout": (*_NUMBER, dict),
    "seed": (int,),
    "logit_bias": (dict,),
    "logprobs": (bool,),
    "top_logprobs": (int,),
    "user_id": (str,),
    "options": (dict,),
}
_AT_LEAST = {
    "temperature": 0,
    "top_p": 0,
    "max_tokens": 1,
    "reask_count": 0,
    "retry_count": 0,
    "retry_delay": 0,
    "max_concurrency": 1,
    "budget": 0,
    "top_logprobs": 0,
}
_ABOVE_ZERO = ("rate_limit", "timeout")
#: Settings that may say more than one number, and what about.
_PARTS = {"rate_limit": ("requests", "tokens"), "timeout": ("call", "between")}
_NEVER_NONE = {"provider", "model", "mode", "stream", "reask_count", "retry_count", "retry_delay", "options"}


@dataclass(frozen=True)
class LLMConfig:
    """Which model, and how to ask it. What is None is not sent, so the vendor's own default holds.

    Attributes:
        provider: Name of the provider: ``echo``, ``openai``, ``anthropic``, ...
        model: The vendor's name of the model; empty means the provider's default.
        api_key: The key; without it the provider's environment variable is read when a call is made.
        api_base: Address of the server, where it is not the vendor's own.
        temperature: Randomness, from 0.
        max_tokens: Most tokens of an answer.
        top_p: Share of the likeliest tokens to sample from.
        frequency_penalty: Against repeating often.
        presence_penalty: Against repeating at all.
        stop_sequences: Texts that end the answer.
        mode: What the provider object is for; see `CompletionMode`.
        system_prompt: A system message for calls whose messages do not begin with one.
        response_format: The shape of the answer: a pydantic model or any type that pydantic knows, a JSON Schema,
            ``"json"``, ``"text"``, or the vendor's own dict. The answer's ``parsed`` has it then.
        reask_count: How often a model is asked again whose answer does not fit ``response_format``; each time costs.
        functions: Tools of every call that brings none of its own.
        function_call: Which of them to use: ``"auto"``, ``"none"``, or ``{"name": ...}``.
        stream: Whether ``complete`` receives its answer as a stream (so that ``stream_callback`` sees it come).
        stream_callback: Called with each piece of a streamed answer; may be async.
        rate_limit: Most requests in any 60 seconds, for this provider object; or ``{"requests": ..., "tokens": ...}``,
            where tokens are those of prompts and answers: estimated before a call, and corrected by its usage.
        max_concurrency: Most calls at a time. Without it their number grows until the server refuses one (429), and
            then follows what the server bears.
        budget: Most US dollars that a call may cost by its own estimate, with all times of asking again for its
            ``response_format``; else it does not start.
        retry_count: How often a call that failed for a passing reason is tried again.
        retry_delay: Seconds before the first retry; doubled for each further one, with jitter.
        timeout: Seconds that a call may take, retries included; of a stream: until its first piece, and between
            two pieces. ``{"call": 300, "between": 10}`` limits a stream as a whole too. None waits for ever. Waiting
            for a turn (``rate_limit``, ``max_concurrency``) is not part of it; but a call is given up for which no
            place becomes free in so long a time. A server that only says that it is still there (comments, pings)
            may do so for ten times as long as a piece may take.
        seed: For vendors that can repeat themselves.
        logit_bias: Token id to bias.
        user_id: Your end user, told to the vendor.
        options: What only this provider knows; fields that it does not know itself go into the request as they are.
        logprobs: Whether the answer's ``logprobs`` tell how likely each of its tokens was; an error where the API cannot.
        top_logprobs: How many of the likeliest tokens to tell in the place of each; asks for ``logprobs`` too.
    """

    provider: str
    model: str = ""
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop_sequences: list[str] | None = None
    mode: CompletionMode = CompletionMode.CHAT
    system_prompt: str | None = None
    response_format: str | dict[str, Any] | type[Any] | Any | None = None
    reask_count: int = 2
    functions: list[dict[str, Any]] | None = None
    function_call: str | dict[str, Any] | None = None
    stream: bool = False
    stream_callback: Callable[[LLMStreamResponse], Any] | None = field(default=None, repr=False)
    rate_limit: float | dict[str, float] | None = None
    max_concurrency: int | None = None
    budget: float | None = None
    retry_count: int = 3
    retry_delay: float = 1.0
    timeout: float | dict[str, float | None] | None = 60.0
    seed: int | None = None
    logit_bias: dict[str, float] | None = None
    user_id: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    logprobs: bool | None = None
    top_logprobs: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.mode, str):
            object.__setattr__(self, "mode", _mode(self.mode))
        for name, kinds in _KINDS.items():
            _check_kind(name, getattr(self, name), kinds)
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value!r}; it must be at least {least}.")
        for name in _ABOVE_ZERO:
            _check_above_zero(name, getattr(self, name))
        check_values(self)

    def __repr__(self) -> str:
        shown = {item.name: getattr(self, item.name) for item in fields(self) if item.repr}
        shown["options"] = with_hidden_headers(self.options)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def spec(self) -> str:
        """``provider/model``, as `parse_spec` reads it."""
        return f"{self.provider}/{self.model}" if self.model else self.provider

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LLMConfig:
        """A config from plain data.

        Raises:
            ConfigError: A key is unknown, a value has the wrong type, or two contradict each other.
        """
        given = {str(name): value for name, value in values.items() if name not in _CONFIG_KEYS}
        _refuse_unknown(given)
        if not given.get("provider"):
            raise ConfigError("The model's config names no provider.", hint='Add one, for example provider="openai"')
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as plain data; never the key, headers that hold one, or the callback."""
        out: dict[str, Any] = {"provider": self.provider}
        for item in fields(self):
            value = getattr(self, item.name)
            default = {} if item.name == "options" else item.default
            if item.name in ("provider", "api_key", "stream_callback") or value == default:
                continue
            out[item.name] = value.value if isinstance(value, enum.Enum) else value
        if self.options:
            out["options"] = without_keys(self.options)
        if self.response_format is not None and not isinstance(self.response_format, (str, dict)):
            from .answers.answer_shape import canonical_format

            out["response_format"] = canonical_format(self.response_format)
        return out

    def with_settings(self, **overrides: Any) -> LLMConfig:
        """A copy with other settings.

        Raises:
            ConfigError: A setting is unknown or has the wrong type.
        """
        _refuse_unknown(overrides)
        return replace(self, **overrides)


_NAMES = tuple(item.name for item in fields(LLMConfig))


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in _NAMES:
            near = did_you_mean(name, _NAMES)
            known = "" if near else f"Settings: {', '.join(_NAMES)}. "
            # A name that is near a setting's is a slip, and no option that only one provider knows.
            example = name if name.isidentifier() and not near else "NAME"
            raise ConfigError(
                f"A model has no setting {name!r}.{near}",
                hint=f'{known}What only one provider knows goes into options={{"{example}": ...}}',
            )


def _mode(text: str) -> CompletionMode:
    try:
        return CompletionMode(text.lower())
    except ValueError:
        names = [mode.value for mode in CompletionMode]
        raise ConfigError(f"There is no mode {text!r}.{did_you_mean(text, names)}", hint=f"Modes: {names}") from None


def _check_kind(name: str, value: Any, kinds: tuple[type, ...]) -> None:
    if value is None and name not in _NEVER_NONE:
        return
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        number = kinds[:2] == _NUMBER
        others = " or ".join(kind.__name__ for kind in kinds[2 if number else 0 :])
        wanted = " or ".join(filter(None, ("a number" * number, f"of type {others}" if others else "")))
        shown = f"{value!r}" if name not in ("api_key", "options") else f"a {type(value).__name__}"
        hint = f"Write {name}=[{value!r}]" if isinstance(value, str) and list in kinds else None
        raise ConfigError(f"{name} is {shown}; it must be {wanted}.", hint=hint)


def _check_above_zero(name: str, value: Any) -> None:
    if isinstance(value, dict):
        for part, each in value.items():
            if part not in _PARTS[name]:
                known = " and ".join(map(repr, _PARTS[name]))
                raise ConfigError(
                    f"{name} has no part {part!r}.{did_you_mean(str(part), _PARTS[name])}", hint=f"Parts: {known}"
                )
            _check_kind(f"{name}[{part!r}]", each, _NUMBER)
            _check_above_zero(f"{name}[{part!r}]", each)
    elif value is not None and not value > 0:
        raise ConfigError(f"{name} is {value!r}; it must be above 0.", hint=f"For no limit: {name}=None")


@runtime_checkable
class ConfigSource(Protocol):
    """What `normalize_llm_config` needs of a dataknobs ``Config``."""

    def get(self, type_name: str, name_or_index: Any = 0) -> Any:
        """The entry of a type, by name or number."""

    def get_types(self) -> list[str]:
        """The types that have entries."""


def normalize_llm_config(config: LLMConfig | Mapping[str, Any] | ConfigSource | str) -> LLMConfig:
    """A config from whatever says one: a config, plain data, a spec, or a dataknobs ``Config`` (its first ``llm``).

    Raises:
        ConfigError: It says none, or a wrong one.
    """
    if isinstance(config, LLMConfig):
        return config
    if isinstance(config, str):
        return parse_spec(config)
    if isinstance(config, Mapping):
        return LLMConfig.from_dict(config)
    if isinstance(config, ConfigSource):
        types = config.get_types()
        if not types:
            raise ConfigError("The Config object has no entries.", hint='Add one of type "llm"')
        entry = config.get("llm" if "llm" in types else types[0], 0)
        return normalize_llm_config(entry)
    raise ConfigError(
        f"A model's config cannot be a {type(config).__name__}.",
        hint='Give an LLMConfig, a dict, a Config, or a spec such as "openai/gpt-5.4-mini"',
    )


def parse_spec(spec: str, **settings: Any) -> LLMConfig:
    """The config that ``"provider/model"`` names; a provider alone means its default model.

    >>> parse_spec("huggingface/meta-llama/Llama-3.1-8B-Instruct").model
    'meta-llama/Llama-3.1-8B-Instruct'

    Raises:
        ConfigError: The provider is unknown, or the spec names no model and the provider has no default.
    """
    provider, _, model = spec.strip().partition("/")
    if not provider:
        raise ConfigError(f"{spec!r} names no provider.", hint=f"Known providers: {', '.join(known_providers())}")
    if not model and (owner := owner_of(provider)) is not None:
        raise ConfigError(
            f"{provider!r} is a model; a spec begins with its provider.", hint=f"Did you mean  {owner}/{provider}  ?"
        )
    row = provider_row(provider)
    model = model.strip() or row.default_model or ""
    if not model:
        hint = f"Write it after a slash, for example  {row.example or provider + '/MODEL'}"
        raise ConfigError(f"{provider!r} has no default model.", hint=hint)
    return LLMConfig.from_dict({"provider": provider, "model": model, **settings})
