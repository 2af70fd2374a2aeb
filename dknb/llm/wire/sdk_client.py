"""An SDK's address, authentication and headers, with less in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import ConfigError
from .hosts import is_of
from .http_client import HttpClient

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from httpx2 import AsyncClient
    from openai import AsyncOpenAI

__all__ = ["address_in", "is_elsewhere", "sdk_client"]


def is_elsewhere(base_url: str | None, *domains: str) -> bool:
    """Whether an address that the caller gave is none of the vendor's; the environment's own is the environment's affair."""
    return base_url is not None and not is_of(base_url, domains)


@contextmanager
def address_in(variable: str) -> Iterator[None]:
    """While an SDK is made, which takes its address from a variable of the environment unless it is given one.

    Raises:
        ConfigError: What the variable holds is no address; it is not shown, since a password may be in it.
    """
    from httpx2 import InvalidURL

    try:
        yield
    except InvalidURL:
        raise ConfigError(f"{variable} is no address.", hint="For example  http://localhost:8000/v1") from None


def sdk_client(sdk: AsyncOpenAI | AsyncAnthropic, client: AsyncClient, *, elsewhere: bool = False) -> HttpClient:
    """What sends requests in an SDK's name: to its address, with its authentication and its headers.

    The SDK's own way from a body to a request costs more than all else that is done for a call: it merges, copies and
    checks its options, and joins and parses the address three times.

    Args:
        sdk: Resolves key, address and account, from arguments and environment, as the vendor means it.
        client: What carries the requests.
        elsewhere: Whether the address is not the vendor's but one that the caller gave: what the environment says of
            the vendor's account (``OPENAI_CUSTOM_HEADERS`` and the like) is nobody else's business then.
    """
    if elsewhere:
        # No argument of ours sets any: they are all the environment's.
        sdk._custom_headers = {}
    # Some headers are marks of something that is left out.
    headers = {name: value for name, value in sdk.default_headers.items() if isinstance(value, str)}
    told = {name.lower(): value for name, value in {**sdk.auth_headers, **headers}.items()}
    return HttpClient(client, str(sdk.base_url).rstrip("/"), told)
