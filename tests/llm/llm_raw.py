"""A server on loopback that sends bytes just as a test gives them, headers included."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

#: In the steps of a reply: break the connection, as a machine that crashes does.
RESET = "reset"
#: In the steps of a reply: say nothing more until the client hangs up.
HOLD = "hold"


class RawServer:
    """Plays ``scripts`` in turn, one for a connection, the last of them for ever: bytes, seconds to wait, or a word.

    After its script a connection is closed.
    """

    def __init__(self, *scripts: Sequence[bytes | float | str]) -> None:
        self.scripts = list(scripts)
        self.requests: list[bytes] = []
        self.connected = asyncio.Event()
        self.asked = asyncio.Event()
        self.said = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.port = 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.set()
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            self.requests.append(head + await reader.readexactly(length))
            self.asked.set()
            for step in script:
                await self._do(step, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # The client has gone, or the test is over.
            self.hung_up.set()
        finally:
            writer.close()

    async def _do(self, step: bytes | float | str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif step == RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif step == HOLD:
            self.said.set()
            if not await reader.read():
                self.hung_up.set()
        else:
            await asyncio.sleep(float(step))


@asynccontextmanager
async def raw_server(*scripts: Sequence[bytes | float | str]) -> AsyncIterator[RawServer]:
    """A server for the length of a ``with``, on the loop of the test."""
    raw = RawServer(*scripts)
    server = await asyncio.start_server(raw._serve, "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()


def head(kind: str = "application/json", status: str = "200 OK", **fields: object) -> bytes:
    """The head of a reply; names of fields have ``_`` for ``-``."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in {"content_type": kind, **fields}.items()]
    return f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode()


def sized(body: bytes, kind: str = "application/json", status: str = "200 OK", **fields: object) -> bytes:
    """A whole reply with its length."""
    return head(kind, status, content_length=len(body), **fields) + body


def events(*payloads: object, end: str = "\n") -> bytes:
    """Server-sent events of JSON payloads; texts go in as they are."""
    texts = [payload if isinstance(payload, str) else json.dumps(payload) for payload in payloads]
    return "".join(f"data: {text}{end}{end}" for text in texts).encode()
