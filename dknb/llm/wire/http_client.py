"""A vendor's API without an SDK around it: an HTTP client with an address and headers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..parts import Json
from .hosts import origin
from .sdk_reply import SdkReply, written
from .size import beginning
from .upload import Upload

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Request, Response

__all__ = ["HttpClient", "SentOn"]

#: How the names of headers begin that everybody may read.
_PUBLIC = ("accept", "anthropic-", "content-", "user-agent", "x-stainless-", "openai-organization", "openai-project")
#: Headers that tell of a body as it was on the wire.
_OF_THE_BODY = ("content-encoding", "content-length", "transfer-encoding")
#: Bytes of an error's body that are read, and the most times to be sent on within one server.
_MOST_OF_ERROR = 2**20
_MOST_HOPS = 5


class SentOn(Exception):
    """The server sends the request on to where it must not go by itself: its key and its words are for this server.

    Attributes:
        status: The reply's status.
        to: Where it is sent.
    """

    def __init__(self, status: int, to: str) -> None:
        super().__init__(to)
        self.status = status
        self.to = to


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
    async def open(
        self, url: str, body: Json | Upload | None, headers: Mapping[str, str]
    ) -> AsyncGenerator[SdkReply, None]:
        """The reply to a body; None asks by GET. Closed at the end.

        Args:
            url: A path below ``base_url``, with a slash at its beginning, or a whole address.
            body: What to send: data as JSON, or a file as it is.
            headers: Headers of this request; they go before the others.

        Raises:
            httpx2.HTTPStatusError: The server answered with an error's status; its body is in ``response``.
            SentOn: It sends the request to another server, or wants it asked in another way.
        """
        from httpx2 import HTTPStatusError

        url = f"{self.base_url}{url}" if url.startswith("/") else url
        content, kind = _content(body)
        told = {name.lower(): value for name, value in headers.items()}
        request = self._client.build_request(
            "GET" if body is None else "POST",
            url,
            content=content,
            headers={**self._headers, **told, **kind}
            if isinstance(body, Upload)
            else {**kind, **self._headers, **told},
        )
        response = await self._sent(request)
        try:
            if response.is_error:
                start = await beginning(response.aiter_bytes(), _MOST_OF_ERROR)
                kept = {name: value for name, value in response.headers.items() if name not in _OF_THE_BODY}
                short = type(response)(response.status_code, headers=kept, content=start, request=response.request)
                raise HTTPStatusError(f"status {response.status_code}", request=request, response=short)
            yield SdkReply(response)
        finally:
            await response.aclose()

    async def _sent(self, request: Request) -> Response:
        """The reply; within one server it is followed to where the server says."""
        for _ in range(_MOST_HOPS):
            response = await self._client.send(request, stream=True, follow_redirects=False)
            onward = response.next_request
            if onward is None:
                return response
            await response.aclose()
            to = str(onward.url)
            if origin(to) != origin(str(request.url)) or onward.method != request.method:
                break
            request = onward
        raise SentOn(response.status_code, to)

    @property
    def secrets(self) -> list[str]:
        """The values of its headers that may be keys."""
        return [value for name, value in self._headers.items() if not name.startswith(_PUBLIC)]

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _content(body: Json | Upload | None) -> tuple[bytes | None, dict[str, str]]:
    """A body as bytes, with the header that says what it is."""
    if isinstance(body, Upload):
        return body.content, {"content-type": body.content_type}
    return (None, {}) if body is None else (written(body), {"content-type": "application/json"})
