"""Options that become headers of a request: what is wrong with them, and what of them may be seen or kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError

__all__ = ["check_header_options", "with_hidden_headers", "without_keys"]

#: What the name of a header is made of (RFC 9110, section 5.6.2).
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Headers that may hold a key, by their names.
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|password|credential|signature|session", re.IGNORECASE)


def with_hidden_headers(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as people may see them: the values of headers may be keys."""
    headers = options.get("extra_headers")
    if not isinstance(headers, Mapping):
        return dict(options)
    return {**options, "extra_headers": dict.fromkeys(headers, "...")}


def without_keys(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they may be kept in a file: without the headers that may hold a key."""
    headers = options.get("extra_headers")
    if not isinstance(headers, Mapping):
        return dict(options)
    kept = {name: value for name, value in headers.items() if not _SECRET_HEADER.search(str(name))}
    rest = {name: value for name, value in options.items() if name != "extra_headers"}
    return rest | ({"extra_headers": kept} if kept else {})


def check_header_options(options: Mapping[str, Any]) -> None:
    """Refuse headers that cannot be sent; their values are not shown, since they may be secret.

    Raises:
        ConfigError: A name or a value is none.
    """
    if (headers := options.get("extra_headers")) is not None:
        _check_headers(headers)
    betas = options.get("betas")
    if isinstance(betas, str) or not all(_is_value(beta) and "," not in beta for beta in _listed(betas)):
        raise ConfigError(f"betas is {betas!r:.200}.", hint='Give a list of names: betas=["..."]')


def _listed(given: Any) -> list[Any]:
    """The items; what is no list is one that is no item."""
    return list(given) if isinstance(given, (list, tuple)) else [] if given is None else [None]


def _check_headers(headers: Any) -> None:
    hint = 'Give names and texts: extra_headers={"X-Name": "value"}'
    if not isinstance(headers, Mapping):
        raise ConfigError(f"extra_headers is a {type(headers).__name__}, not a dict.", hint=hint)
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(f"extra_headers has the name {name!r:.100}, which no header has.", hint=hint)
        if not isinstance(value, str):
            raise ConfigError(f"extra_headers[{name!r}] is a {type(value).__name__}, not a text.", hint=hint)
        if not _is_value(value):
            raise ConfigError(
                f"extra_headers[{name!r}] has characters in it that no header has.",
                hint="Leave out line ends and what is not ASCII",
            )


def _is_value(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.replace("\t", " ").isprintable()
