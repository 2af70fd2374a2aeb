"""What many calls at once cost through dknb, against the SDKs' own loops over the same server.

    python tests/bench/bench_calls.py [rounds]

A loopback server in another process answers each call after 100 ms. All ways of asking take turns; the figures are
medians of the rounds. The promise, for 1,000 calls at concurrency 100 on a quiet machine: at most 2 s, and at most 0.6
of the CPU of the SDK with its default transport, with retries, cost and records included.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import openai

from dknb.llm import Recording, SyncLLMProvider, create_llm_provider

CALLS, CONCURRENCY, DELAY = 1000, 100, 0.1
WALL_LIMIT, CPU_LIMIT = 2.0, 0.6
KEY = "not-a-key"
MODELS = {"openai": "gpt-5.4-mini", "anthropic": "claude-sonnet-4-5"}
ASKED = [{"role": "user", "content": "What is the weakest argument of this paper, and why?"}]
WORDS = "The weakest argument is the third one, since it rests on the first. " * 4

Once = Callable[[], Awaitable[Any]]


# The server


def bodies() -> dict[str, bytes]:
    """An answer of each API, as long as answers are."""
    usage = {
        "prompt_tokens": 19,
        "completion_tokens": 60,
        "total_tokens": 79,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    message = {"role": "assistant", "content": WORDS, "refusal": None, "annotations": []}
    chat = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1742842885,
        "model": MODELS["openai"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage,
        "service_tier": "default",
    }
    claude = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODELS["anthropic"],
        "content": [{"type": "text", "text": WORDS}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 19, "output_tokens": 60, "cache_read_input_tokens": 0},
    }
    return {"chat": json.dumps(chat).encode(), "messages": json.dumps(claude).encode()}


class Answers(asyncio.Protocol):
    """As little of HTTP as will do, so that the server does not take the clients' time."""

    replies: dict[bytes, bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        head, mark, rest = self.held.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]) if mark else 0
        if mark and len(rest) >= length:
            self.held = rest[length:]
            kind = b"messages" if b"/messages" in head.split(b"\r\n", 1)[0] else b"chat"
            asyncio.get_running_loop().call_later(DELAY, self.transport.write, self.replies[kind])


def serve(pipe: Connection) -> None:
    async def main() -> None:
        start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_1\r\nContent-Length: "
        Answers.replies = {kind.encode(): start + b"%d\r\n\r\n" % len(body) + body for kind, body in bodies().items()}
        server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=1000)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


# The clients


async def fan_out(once: Once) -> tuple[float, float]:
    """Seconds and CPU seconds of all calls."""
    places = asyncio.Semaphore(CONCURRENCY)

    async def one() -> None:
        async with places:
            await once()

    await once()
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[one() for _ in range(CALLS)])
    return time.perf_counter() - wall, time.process_time() - cpu


async def in_threads(provider: SyncLLMProvider) -> tuple[float, float]:
    """The same for callers that cannot await, each in a thread."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        loop = asyncio.get_running_loop()
        await asyncio.gather(*[loop.run_in_executor(pool, provider.complete, "hi") for _ in range(CALLS)])
        return time.perf_counter() - wall, time.process_time() - cpu


def sdk_call(name: str, base: str, http_client: Any = None) -> tuple[Any, Once]:
    """A client of an SDK, and one call of it."""
    if name == "openai":
        chat = openai.AsyncOpenAI(base_url=base, api_key=KEY, http_client=http_client)
        return chat, lambda: chat.chat.completions.create(model=MODELS[name], messages=ASKED)  # type: ignore[arg-type]
    claude = anthropic.AsyncAnthropic(base_url=base, api_key=KEY, http_client=http_client)
    return claude, lambda: claude.messages.create(model=MODELS[name], max_tokens=100, messages=ASKED)  # type: ignore[arg-type]


async def measure(name: str, port: int, rounds: int, folder: str) -> bool:
    base = f"http://127.0.0.1:{port}" + ("/v1" if name == "openai" else "")
    path = "/chat/completions" if name == "openai" else "/v1/messages"
    aio = {"openai": openai.DefaultAioHttpClient, "anthropic": anthropic.DefaultAioHttpClient}[name]
    default, by_default = sdk_call(name, base)
    extra, by_extra = sdk_call(name, base, aio())
    session = aiohttp.ClientSession()
    ours = create_llm_provider({"provider": name, "model": MODELS[name], "api_base": base, "api_key": KEY})
    waiting = SyncLLMProvider(ours)
    count = 0

    async def bare() -> None:
        body = {"model": MODELS[name], "max_tokens": 100, "messages": ASKED}
        async with session.post(base + path, json=body, headers={"authorization": f"Bearer {KEY}"}) as reply:
            await reply.json()

    async def asked() -> None:
        assert (await ours.complete(ASKED[0]["content"])).cost_usd

    async def recorded() -> None:
        nonlocal count
        count += 1
        await ours.complete(f"{ASKED[0]['content']} {count}")

    async def with_recording() -> tuple[float, float]:
        with Recording(Path(folder) / f"{name}.jsonl", "record"):
            return await fan_out(recorded)

    ways: dict[str, Callable[[], Awaitable[tuple[float, float]]]] = {
        "the SDK": lambda: fan_out(by_default),
        "the SDK on aiohttp": lambda: fan_out(by_extra),
        "bare aiohttp": lambda: fan_out(bare),
        "dknb": lambda: fan_out(asked),
        "dknb, recording": with_recording,
        "dknb, 100 threads": lambda: in_threads(waiting),
    }
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            spent[way].append(await run())
    for client in (default, extra, session):
        await client.close()
    await ours.close()
    return report(name, spent)


def report(name: str, spent: dict[str, list[tuple[float, float]]]) -> bool:
    """Print the medians; whether the promise holds."""
    wall = {way: statistics.median(pair[0] for pair in times) for way, times in spent.items()}
    cpu = {way: statistics.median(pair[1] for pair in times) for way, times in spent.items()}
    print(f"{name}: {CALLS:,} calls of {DELAY:g} s, {CONCURRENCY} at a time")
    held = True
    for way in spent:
        ratio = cpu[way] / cpu["the SDK"]
        line = f"  {way:20} {wall[way]:5.2f} s   {cpu[way] / CALLS * 1000:5.2f} CPU ms a call   CPU ratio {ratio:.2f}"
        if way in ("dknb", "dknb, recording"):
            good = wall[way] <= WALL_LIMIT and ratio <= CPU_LIMIT
            held = held and good
            line += f"   {'holds' if good else 'MISSES'} {WALL_LIMIT:g} s and {CPU_LIMIT:g}"
        print(line, flush=True)
    return held


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        held = [asyncio.run(measure(name, port, rounds, folder)) for name in MODELS]
    server.terminate()
    sys.exit(not all(held))


if __name__ == "__main__":
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"):
        os.environ.pop(variable, None)
    main()
