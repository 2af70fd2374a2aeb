"""A server on loopback that says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

#: In the pieces of a reply: say nothing more until the client hangs up.
HANG = "hang"
#: In the pieces of a raw reply: break the connection, as a machine that crashes does.
RESET = "reset"

#: A reply byte for byte, head included, after which the connection is closed: bytes, seconds to wait, HANG or RESET.
Raw = Sequence[bytes | float | str]


@dataclass
class Reply:
    """What to answer: a body at once, or a stream of pieces (bytes, seconds to wait, or HANG)."""

    body: Any = b""
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Sequence[Any] | None = None

    @property
    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def stream(*pieces: Any, **fields: Any) -> Reply:
    """A reply of server-sent events: dicts become events, the rest is as in `Reply`."""
    raw = [sse(piece) if isinstance(piece, dict) else piece for piece in pieces]
    return Reply(pieces=raw, content_type="text/event-stream; charset=utf-8", **fields)


def sse(event: dict[str, Any]) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def head(kind: str = "application/json", status: str = "200 OK", **fields: object) -> bytes:
    """The head of a raw reply; names of fields have ``_`` for ``-``."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in {"content_type": kind, **fields}.items()]
    return f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode()


def sized(body: bytes, kind: str = "application/json", status: str = "200 OK", **fields: object) -> bytes:
    """A whole raw reply with its length."""
    return head(kind, status, content_length=len(body), **fields) + body


def events(*payloads: object, end: str = "\n") -> bytes:
    """Server-sent events of JSON payloads; texts go in as they are."""
    texts = [payload if isinstance(payload, str) else json.dumps(payload) for payload in payloads]
    return "".join(f"data: {text}{end}{end}" for text in texts).encode()


@dataclass
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class FakeServer:
    """Answers with its replies in turn, the last of them for ever."""

    def __init__(self, *replies: Reply | Raw) -> None:
        self.replies = list(replies)
        self.asked: list[Asked] = []
        self.connections = 0
        self.open = 0
        self.arrived = asyncio.Event()
        self.hanging = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.all_gone = asyncio.Event()
        self.port = 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # The client has gone, or the test is over.
            pass
        finally:
            self.open -= 1
            if not self.open:
                self.all_gone.set()
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take a request and answer it; whether the connection is kept for another."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(Asked(method, path, headers, json.loads(raw) if raw else None))
        self.arrived.set()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if not isinstance(reply, Reply):
            for piece in reply:
                await self._say(piece, reader, writer)
            return False
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        start = f"HTTP/1.1 {reply.status} X\r\nContent-Type: {reply.content_type}\r\n{extra}"
        if reply.pieces is None:
            writer.write(f"{start}Content-Length: {len(reply.payload)}\r\n\r\n".encode() + reply.payload)
            await writer.drain()
            return True
        writer.write(f"{start}Transfer-Encoding: chunked\r\n\r\n".encode())
        for piece in reply.pieces:
            await self._say(
                b"%x\r\n%s\r\n" % (len(piece), piece) if isinstance(piece, bytes) else piece, reader, writer
            )
        if HANG in reply.pieces:
            return False
        await self._say(b"0\r\n\r\n", reader, writer)
        return True

    async def _say(
        self, piece: bytes | float | str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if isinstance(piece, bytes):
            writer.write(piece)
            await writer.drain()
        elif piece == RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif piece == HANG:
            self.hanging.set()
            with suppress(ConnectionError):
                await reader.read()
            self.hung_up.set()
        else:
            await asyncio.sleep(float(piece))


@asynccontextmanager
async def serving(*replies: Reply | Raw) -> AsyncIterator[FakeServer]:
    """A server for the length of a ``with``, on the loop of the test."""
    fake = FakeServer(*replies)
    server = await asyncio.start_server(fake._serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()


@contextmanager
def silent_server() -> Iterator[str]:
    """The address of a server that takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
