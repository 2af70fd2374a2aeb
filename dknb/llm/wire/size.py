"""How much of a reply is read at most."""

from __future__ import annotations

from collections.abc import AsyncIterator

__all__ = ["MOST_BYTES", "MOST_VECTOR_BYTES", "TooLarge", "beginning", "collected"]

#: Bytes, unpacked, of a whole answer, and of one event of a stream; no answer of a model comes near.
MOST_BYTES = 64 * 2**20
#: Bytes of a reply with vectors: 2,048 of 3,072 numbers, which OpenAI gives at once, are 140 MB.
MOST_VECTOR_BYTES = 256 * 2**20


class TooLarge(ValueError):
    """A reply goes on beyond what is read."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most // 2**20} MB")


async def collected(chunks: AsyncIterator[bytes], arrived: list[bytes], most: int) -> bytes:
    """The whole of a body, which is put into ``arrived`` chunk by chunk, so that what came counts also if it breaks.

    Raises:
        TooLarge: It has more bytes than ``most``.
    """
    size = sum(map(len, arrived))
    async for chunk in chunks:
        arrived.append(chunk[: most - size])
        size += len(chunk)
        if size > most:
            raise TooLarge(most)
    return b"".join(arrived)


async def beginning(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """The first bytes of a body."""
    start = b""
    async for chunk in chunks:
        start += chunk
        if len(start) >= most:
            break
    return start[:most]
