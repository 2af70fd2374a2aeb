"""The lines of results as they arrive; what breaks off is fetched again."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from ...errors import CallTimeout, ProviderError
from ..parts import Json
from ..request import ModelRequest
from ..wire.size import MOST_BYTES, TooLarge

if TYPE_CHECKING:
    from ..wire.faults import Faults
    from ..wire.provider import WireProvider

__all__ = ["lines_of"]

#: Seconds to wait for the next bytes.
_PATIENCE_S = 60.0


async def lines_of(provider: WireProvider, path: str) -> AsyncGenerator[Json, None]:
    """The lines of a file of the vendor; after a break it is fetched anew, and goes on where it was.

    Raises:
        ProviderError: It could not be fetched, or has a line that is no JSON.
    """
    given = 0
    for attempt in range(provider.config.retry_count + 1):
        try:
            place = 0
            async with aclosing(_once(provider, path)) as lines:
                async for line in lines:
                    place += 1
                    if place > given:
                        given = place
                        yield line
            return
        except ProviderError as error:
            if attempt == provider.config.retry_count or not error.retryable:
                raise
            pause = error.retry_after or provider.config.retry_delay * 2**attempt
        await asyncio.sleep(min(pause, _PATIENCE_S) * random.uniform(0.5, 1.0))


async def _once(provider: WireProvider, path: str) -> AsyncGenerator[Json, None]:
    request = ModelRequest("batch", provider.provider, provider.model)
    await provider._prepare(request)
    async with provider._reply(path, None, request, provider.config) as (reply, faults):
        rest = b""
        async for chunk in _in_time(reply.iter_bytes(), provider):
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > MOST_BYTES:
                raise TooLarge(MOST_BYTES)
            for line in whole:
                if line.strip():
                    yield _read(line, faults)
        if rest.strip():
            yield _read(rest, faults, last=True)


async def _in_time(chunks: AsyncIterator[bytes], provider: WireProvider) -> AsyncGenerator[bytes, None]:
    while True:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                chunk = await anext(chunks, b"")
        except TimeoutError:
            raise CallTimeout(
                f"{provider.label} sent no more of the results for {_PATIENCE_S:g} s.",
                provider=provider.provider,
                model=provider.model,
            ) from None
        if not chunk:
            return
        yield chunk


def _read(line: bytes, faults: Faults, *, last: bool = False) -> Json:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        if last:  # it has no end: the file broke off
            raise faults.cut() from error
        raise faults.not_an_answer(line[:200].decode("utf-8", "replace")) from error
    if not isinstance(data, dict):
        raise faults.not_an_answer(line[:200].decode("utf-8", "replace"))
    return data
