"""The two ends of a request: a body as bytes, and a reply whose body is still to be read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ...errors import ConfigError
from ..parts import Json
from .size import MOST_VECTOR_BYTES, collected

__all__ = ["SdkReply", "written"]


class SdkReply:
    """An open reply, a response of ``httpx2`` whose body is still to be read."""

    def __init__(self, response: Any) -> None:
        self._response = response

    @property
    def headers(self) -> Mapping[str, str]:
        """The reply's headers, by names in any case."""
        headers: Mapping[str, str] = self._response.headers
        return headers

    @property
    def url(self) -> str:
        """Where the reply came from, which is not where it was asked for when the server sent the client on."""
        return str(self._response.url)

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            TooLarge: It has no end.
        """
        return await collected(self.iter_bytes(), [], MOST_VECTOR_BYTES)

    def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""
        chunks: AsyncIterator[bytes] = self._response.aiter_bytes()
        return chunks


def written(body: Json) -> bytes:
    """A body as JSON bytes.

    Raises:
        ConfigError: It cannot be written as JSON.
    """
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"What is to be sent cannot be written as JSON: {error}", hint="Give plain numbers, texts, lists and dicts"
        ) from error
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a pair of surrogates, as models write them at times, exists in JSON only as an escape.
        return json.dumps(body, separators=(",", ":")).encode()
