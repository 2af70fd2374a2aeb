"""A vendor's API without an SDK around it: an HTTP client with an address and headers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..parts import Json
from .sdk_reply import SdkReply, written

if TYPE_CHECKING:
    from httpx2 import AsyncClient

__all__ = ["HttpClient"]


class HttpClient:
    """Sends bodies to addresses below ``base_url`` and opens the replies.

    Args:
        client: What carries the requests; closed with this.
        base_url: The server's address, without a slash at its end.
        headers: Headers of every request, in lower case.
    """

    def __init__(self, client: AsyncClient, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self._client = client
        self.base_url = base_url
        self._headers = dict(headers or {})

    @asynccontextmanager
    async def open(self, url: str, body: Json | None, headers: Mapping[str, str]) -> AsyncGenerator[SdkReply, None]:
        """The reply to a body; None asks by GET. Closed at the end.

        Args:
            url: A path below ``base_url``, with a slash at its beginning, or a whole address.
            body: What to send as JSON.
            headers: Headers of this request; they go before the others.

        Raises:
            httpx2.HTTPStatusError: The server answered with an error's status; its body is in ``response``.
        """
        from httpx2 import HTTPStatusError

        url = f"{self.base_url}{url}" if url.startswith("/") else url
        kind = {} if body is None else {"content-type": "application/json"}
        told = {name.lower(): value for name, value in headers.items()}
        request = self._client.build_request(
            "GET" if body is None else "POST",
            url,
            content=None if body is None else written(body),
            headers={**kind, **self._headers, **told},
        )
        response = await self._client.send(request, stream=True)
        try:
            if response.is_error:
                await response.aread()
                raise HTTPStatusError(f"status {response.status_code}", request=request, response=response)
            yield SdkReply(response)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
