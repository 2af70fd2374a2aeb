"""What is wrong with the settings of a model: values that nobody takes, and values that contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import ConfigError, did_you_mean
from .header_options import check_header_options
from .tools import tool_name

if TYPE_CHECKING:
    from .config import LLMConfig

__all__ = ["check_values"]

#: Options that would put something else into a request than what the call says.
_NEVER_OPTIONS = ("provider", "model", "messages", "stream")
#: What a model that only makes vectors has no use for.
_NOT_FOR_VECTORS = (
    "functions",
    "function_call",
    "response_format",
    "stop_sequences",
    "stream_callback",
    "top_logprobs",
)


def check_values(config: LLMConfig) -> None:
    """Refuse settings that cannot be meant.

    Raises:
        ConfigError: The first that is found, with its value and what to write instead.
    """
    _check_numbers(config)
    _check_texts(config)
    if config.api_base is not None:
        _check_address(config.api_base)
    if config.stream_callback is not None and not callable(config.stream_callback):
        raise ConfigError(
            f"stream_callback is {config.stream_callback!r}, which cannot be called.",
            hint="Give a function that takes one piece of the answer",
        )
    if config.response_format is not None:
        from .answers.answer_shape import check_format

        check_format(config.response_format)
    if config.logit_bias:
        _check_bias(config.logit_bias)
    if config.functions or config.function_call is not None:
        _check_functions(config)
    if config.options:
        _check_options(config)
    if config.mode.value in ("embedding", "text"):
        _check_mode(config)


def _check_numbers(config: LLMConfig) -> None:
    for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty", "retry_delay"):
        value = getattr(config, name)
        if value is not None and not math.isfinite(value):
            raise ConfigError(f"{name} is {value!r}; it must be a finite number.")
    if config.top_p is not None and config.top_p > 1:
        raise ConfigError(f"top_p is {config.top_p!r}; it is a share, from 0 to 1.")
    if config.top_logprobs is not None and config.logprobs is False:
        told = f"top_logprobs is {config.top_logprobs!r}, but logprobs is False."
        raise ConfigError(told, hint="Leave out one of them")


def _check_texts(config: LLMConfig) -> None:
    if config.model != config.model.strip():
        raise ConfigError(f"The model's name is {config.model!r}.", hint="Leave out the white space around it")
    texts: Iterable[Any] = config.stop_sequences or ()
    for text in texts:
        if not isinstance(text, str) or not text:
            raise ConfigError(f"stop_sequences has {text!r} in it.", hint='Give texts: stop_sequences=["END"]')


def _check_address(address: str) -> None:
    if not address.startswith(("http://", "https://")):
        # Not shown: it may be a key that was put into the wrong place.
        raise ConfigError("api_base is no address: it begins with neither https:// nor http://.")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:  # whose text shows what may be a password
        raise ConfigError("api_base is no address.", hint="For example  http://localhost:8000/v1") from None
    if parts.username or parts.password:  # not shown: it may be a secret
        raise ConfigError("api_base has a user or password in it.", hint="Give the key as api_key=...")
    if "?" in address or "#" in address:  # not shown: it may be a secret too
        raise ConfigError(
            "api_base has a query or a fragment in it.",
            hint='Leave out what stands behind ? or #; a key is api_key=..., and a header options={"extra_headers": {...}}',
        )
    if not host or any(map(str.isspace, address)):
        raise ConfigError(
            f"api_base is {address!r}, which is no address.", hint="For example  http://localhost:8000/v1"
        )


def _check_bias(bias: Mapping[Any, Any]) -> None:
    for token, value in bias.items():
        if not str(token).isdecimal():
            raise ConfigError(f"logit_bias has the key {token!r}; keys are the numbers of tokens.")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -100 <= value <= 100:
            raise ConfigError(f"logit_bias[{token!r}] is {value!r}; it must be a number from -100 to 100.")


def _check_functions(config: LLMConfig) -> None:
    names: list[str] = []
    functions: Iterable[Any] = config.functions or ()
    for function in functions:
        if not isinstance(function, dict) or not (name := tool_name(function) or function.get("type")):
            raise ConfigError(
                f"functions has {function!r} in it, which has no name.",
                hint='Write {"name": ..., "description": ..., "parameters": {...}}',
            )
        if name in names:
            raise ConfigError(f"Two functions are named {name!r}.", hint="Give each a name of its own")
        names.append(name)
    _check_choice(config.function_call, names)


def _check_choice(chosen: str | dict[str, Any] | None, names: list[str]) -> None:
    if chosen is None or chosen in ("auto", "none"):
        return
    if not names:
        raise ConfigError(f"function_call is {chosen!r}, but there are no functions.", hint="Give functions=[...] too")
    wanted = chosen.get("name") if isinstance(chosen, dict) else chosen
    if isinstance(wanted, str) and wanted not in (*names, "required", "any"):
        raise ConfigError(
            f"function_call is {chosen!r}, but no function has this name.{did_you_mean(wanted, names)}",
            hint=f"Functions: {', '.join(names)}",
        )


def _check_options(config: LLMConfig) -> None:
    check_header_options(config.options)
    for name, value in config.options.items():
        if name in _NEVER_OPTIONS:
            raise ConfigError(f"{name!r} is no option.", hint=f"Set it beside the options: {name}=...")
        set_too = getattr(config, name, None) if name in type(config).__dataclass_fields__ else None
        if set_too is not None and name not in ("timeout", "mode") and set_too != value:
            if name == "api_key":
                raise ConfigError("There is an api_key, and another in the options.", hint="Leave out the latter")
            raise ConfigError(
                f"{name} is {set_too!r}, but options have {name}={value!r}.", hint=f"Leave out one: {name}={set_too!r}"
            )


def _check_mode(config: LLMConfig) -> None:
    mode = config.mode.value
    unfit = _NOT_FOR_VECTORS if mode == "embedding" else ("functions", "function_call")
    for name in unfit:
        if getattr(config, name) is not None:
            raise ConfigError(f"mode is {mode!r}, which has no {name}.", hint=f"Leave out {name}, or set mode='chat'")
