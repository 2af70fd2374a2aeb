"""What carries requests: ``aiohttp``, which takes half the time of what the SDKs bring along.

Imported only where a client is made, since it imports both HTTP libraries. Both SDKs have such a transport as an extra
too; this one differs in three things: a broken connection is never called a time-out, the pool is large enough for a
thousand calls at once, and a large body (an image) is sent without a warning.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any
from urllib.request import getproxies, proxy_bypass
from weakref import finalize

import aiohttp
import httpx2

from .hosts import is_this_machine, without_secrets

__all__ = ["AiohttpTransport", "http_client", "proxy_for"]

#: Calls at once; more wait for their turn. More sockets than this one process may rarely open.
_MOST_CONNECTIONS = 1000
#: Bytes above which aiohttp wants a file.
_LARGE = 2**20
#: How replies may be packed, and how many bytes are unpacked at once: gzip makes a thousand of one at most.
_PACKED = "gzip, deflate"
_AT_ONCE = 16 * 2**10

#: First match counts.
_ERRORS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (aiohttp.ServerTimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx2.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx2.ProxyError),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.NonHttpUrlClientError, httpx2.UnsupportedProtocol),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.ClientResponseError, httpx2.RemoteProtocolError),
    (aiohttp.ServerDisconnectedError, httpx2.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx2.ReadError),
    (aiohttp.ClientError, httpx2.ReadError),
    (OSError, httpx2.ReadError),
)


def http_client(base_url: str | None) -> httpx2.AsyncClient:
    """A client on ``aiohttp``.

    Blocks for some hundredths of a second, since it loads the system's certificates, where these will be needed.

    Args:
        base_url: Where it will go; None for a vendor in the network.
    """
    return _Client(AiohttpTransport(certificates=not (base_url or "").startswith("http:")))


class _Client(httpx2.AsyncClient):
    """Takes a request's headers and address as they are given: `HttpClient` has merged and joined them already."""

    def __init__(self, transport: AiohttpTransport) -> None:
        super().__init__(transport=transport, timeout=None, follow_redirects=False, trust_env=False)
        self._unpacks = ("accept-encoding", _PACKED)

    def build_request(self, method: str, url: httpx2.URL | str, **given: Any) -> httpx2.Request:
        """A request with the headers given, and nothing else but what unpacks its reply."""
        content, headers, _ = given.pop("content", None), given.pop("headers", None), given.pop("timeout", None)
        if any(value is not None for value in given.values()):
            return super().build_request(method, url, content=content, headers=headers, **given)
        pairs = headers.items() if isinstance(headers, dict) else httpx2.Headers(headers).multi_items()
        return httpx2.Request(method, _parsed(str(url)), content=content, headers=[*pairs, self._unpacks])


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx2.URL:
    return httpx2.URL(url)


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that the environment names for a host; none for one on this machine.

    Raises:
        httpx2.ProxyError: It is one that does not speak HTTP.
    """
    if is_this_machine(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if proxy and "://" not in proxy:
        return f"http://{proxy}"
    if proxy and not proxy.startswith(("http://", "https://")):
        shown = without_secrets(proxy)
        raise httpx2.ProxyError(f"the environment names the proxy {shown!r}, and only those with http:// can be used")
    return proxy


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests through a session of ``aiohttp``, which it opens on the loop of the first one.

    Args:
        certificates: Whether to load the system's certificates, by which a server proves who it is.
    """

    def __init__(self, *, certificates: bool = True) -> None:
        # Without a context of ours, aiohttp checks servers with its own.
        self._ssl = httpx2.create_ssl_context() if certificates else True
        self._session: aiohttp.ClientSession | None = None
        self._proxy = cache(proxy_for)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The reply, with its body still to be read."""
        content = await request.aread()
        with _translated():
            reply = await self._opened().request(
                request.method,
                str(request.url),
                headers=[(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw],
                data=io.BytesIO(content) if len(content) > _LARGE else content or None,
                allow_redirects=False,
                proxy=self._proxy(request.url.scheme, request.url.host),
            )
        packed = reply.headers.get("content-encoding", "").strip().lower()
        if packed not in ("", "identity", "gzip", "deflate"):
            reply.close()
            raise httpx2.RemoteProtocolError(f"the reply is packed as {packed!r}, which was not asked for")
        return httpx2.Response(reply.status, headers=reply.raw_headers, stream=_Body(reply, packed=bool(packed)))

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            self._dropped.detach()
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, ssl=self._ssl),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
            )
            self._dropped = finalize(self, _drop, self._session, asyncio.get_running_loop())
        return self._session


def _drop(session: aiohttp.ClientSession, loop: asyncio.AbstractEventLoop) -> None:
    """Close a session that nobody closed, from whatever thread; else aiohttp would complain on the user's screen."""
    closing = session.close()
    try:
        if loop.is_running():
            asyncio.run_coroutine_threadsafe(closing, loop)
        else:
            # Nobody waits on this loop any more: as much is done as can be without waiting.
            closing.send(None)
    except (StopIteration, RuntimeError):
        closing.close()


class _Body(httpx2.AsyncByteStream):
    """The body of a reply, as it arrives."""

    def __init__(self, reply: aiohttp.ClientResponse, *, packed: bool) -> None:
        self._reply = reply
        self._packed = packed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for chunk in self._reply.content.iter_any():
                if not self._packed or len(chunk) <= _AT_ONCE:
                    yield chunk
                    continue
                for start in range(0, len(chunk), _AT_ONCE):
                    yield chunk[start : start + _AT_ONCE]

    async def aclose(self) -> None:
        # A connection whose reply was read to its end is back in the pool by now; any other is closed by this.
        self._reply.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of ``aiohttp`` as those of ``httpx2``, which a transport of its clients is to raise."""
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        kind = next(theirs for ours, theirs in _ERRORS if isinstance(error, ours))
        raise kind(str(error) or type(error).__name__) from error
