"""An SDK's address, authentication and headers, with less in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .http_client import HttpClient

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from httpx2 import AsyncClient
    from openai import AsyncOpenAI

__all__ = ["sdk_client"]


def sdk_client(sdk: AsyncOpenAI | AsyncAnthropic, client: AsyncClient) -> HttpClient:
    """What sends requests in an SDK's name: to its address, with its authentication and its headers.

    The SDK's own way from a body to a request costs more than all else that is done for a call: it merges, copies and
    checks its options, and joins and parses the address three times.

    Args:
        sdk: Resolves key, address and account, from arguments and environment, as the vendor means it.
        client: What carries the requests.
    """
    # Some headers are marks of something that is left out.
    headers = {name: value for name, value in sdk.default_headers.items() if isinstance(value, str)}
    told = {name.lower(): value for name, value in {**sdk.auth_headers, **headers}.items()}
    return HttpClient(client, str(sdk.base_url).rstrip("/"), told)
