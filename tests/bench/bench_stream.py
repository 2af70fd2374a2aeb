"""What a stream costs through dknb, against the SDK's own loop over the same stream.

    python tests/bench/bench_stream.py [events] [rounds]

A loopback server in another process sends the same chunks to both, in turns. The promise: at most 5 % above the SDK.
Then it sends 5,000 tokens a second for some seconds: all must arrive, in order, on the loop of the caller and through
the face for callers that cannot await, and the loop must never be kept busy for 50 ms.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from dknb.llm import CostCalculator, LLMResponse, SyncLLMProvider, create_llm_provider

KEY = "not-a-key"
PACE, SECONDS, BLOCK_LIMIT = 5000, 4, 0.05


def chat_events(count: int) -> bytes:
    def chunk(**fields: object) -> str:
        common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1742842885, "model": "bench"}
        return "data: " + json.dumps({**common, **fields}, separators=(",", ":")) + "\n\n"

    words = [
        chunk(choices=[{"index": 0, "delta": {"content": f" word{i}"}, "finish_reason": None}]) for i in range(count)
    ]
    usage = {"prompt_tokens": 10, "completion_tokens": count, "total_tokens": count + 10}
    end = chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]) + chunk(choices=[], usage=usage)
    return ("".join(words) + end + "data: [DONE]\n\n").encode()


def message_events(count: int) -> bytes:
    def event(kind: str, **fields: object) -> str:
        return f"event: {kind}\ndata: " + json.dumps({"type": kind, **fields}, separators=(",", ":")) + "\n\n"

    usage = {"input_tokens": 10, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "bench", "content": [], "usage": usage}
    start = event("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
    start += event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    words = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": f" word{i}"}) for i in range(count)
    ]
    end = event("content_block_stop", index=0)
    end += event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": count})
    return (start + "".join(words) + end + event("message_stop")).encode()


def serve(pipe: Connection, bodies: dict[str, bytes]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionResetError):
                break
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            body = bodies["messages" if b"/messages" in head.split(b"\r\n")[0] else "chat"]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            pace = PACE if b"/paced/" in head else None
            started = time.perf_counter()
            for number, event in enumerate(body.split(b"\n\n")[:-1]):
                event += b"\n\n"
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                if pace and (early := started + number / pace - time.perf_counter()) > 0.001:
                    await asyncio.sleep(early)
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def measure(
    name: str, sdk: Callable[[], Awaitable[int]], ours: Callable[[], Awaitable[int]], rounds: int
) -> None:
    spent: dict[str, list[tuple[float, float]]] = {"SDK": [], "dknb": []}
    for number in range(rounds + 1):
        for label, loop in (("SDK", sdk), ("dknb", ours)):
            wall, cpu = time.perf_counter(), time.process_time()
            pieces = await loop()
            if number:  # the first round warms up
                spent[label].append((time.perf_counter() - wall, time.process_time() - cpu))
    walls = {label: statistics.median(wall for wall, _ in times) for label, times in spent.items()}
    cpus = {label: statistics.median(cpu for _, cpu in times) for label, times in spent.items()}
    print(
        f"{name}: {pieces} pieces; wall SDK {walls['SDK']:.3f} s, dknb {walls['dknb']:.3f} s, "
        f"ratio {walls['dknb'] / walls['SDK']:.2f}; CPU ratio {cpus['dknb'] / cpus['SDK']:.2f} (limit 1.05)"
    )


class Ticker:
    """Measures how long the loop is kept from other work."""

    async def __aenter__(self) -> Ticker:
        self.longest = 0.0
        self._task = asyncio.create_task(self._tick())
        return self

    async def _tick(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.perf_counter() - before - 0.001)

    async def __aexit__(self, *exc_info: object) -> None:
        self._task.cancel()


async def paced(root: str, events: int) -> bool:
    """A fast stream while the loop does something else; whether the promise holds."""
    # The first answer of a process loads the prices, which has nothing to do with streams.
    CostCalculator.calculate_cost(LLMResponse("", "gpt-4o", usage={"prompt_tokens": 1}))
    # A full collection of garbage would look at the 200,000 objects of two SDKs, and be what is measured.
    gc.freeze()
    held = True
    words = [f" word{i}" for i in range(events)]
    for name, base in (("openai", f"{root}/paced/v1"), ("anthropic", f"{root}/paced")):
        provider = create_llm_provider({"provider": name, "model": "bench", "api_base": base, "api_key": KEY})
        for face in ("awaited", "in a thread"):
            started, cpu = time.perf_counter(), time.process_time()
            async with Ticker() as ticker:
                if face == "awaited":
                    arrived = [piece.delta async for piece in provider.stream_complete("Go") if piece.delta]
                else:
                    arrived = await asyncio.to_thread(in_a_thread, SyncLLMProvider(provider))
            seconds, busy = time.perf_counter() - started, time.process_time() - cpu
            good = arrived == words and ticker.longest <= BLOCK_LIMIT
            held = held and good
            print(
                f"{name}, {face}: {len(arrived):,} of {events:,} tokens in order {arrived == words}, {seconds:.2f} s "
                f"for {events / PACE:.2f} s, busy {busy / seconds:.0%}, longest block {ticker.longest * 1000:.1f} ms: "
                + ("holds" if good else "MISSES")
            )
        await provider.close()
    return held


def in_a_thread(provider: SyncLLMProvider) -> list[str]:
    return [piece.delta for piece in provider.stream_complete("Go") if piece.delta]


async def bench(port: int, rounds: int) -> None:
    root = f"http://127.0.0.1:{port}"
    openai = AsyncOpenAI(base_url=f"{root}/v1", api_key=KEY)
    anthropic = AsyncAnthropic(base_url=root, api_key=KEY)
    chat = create_llm_provider({"provider": "openai", "model": "bench", "api_base": f"{root}/v1", "api_key": KEY})
    claude = create_llm_provider({"provider": "anthropic", "model": "bench", "api_base": root, "api_key": KEY})

    async def sdk_chat() -> int:
        stream = await openai.chat.completions.create(
            model="bench",
            messages=[{"role": "user", "content": "Go"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        return sum([1 async for chunk in stream if chunk.choices and chunk.choices[0].delta.content])

    async def sdk_messages() -> int:
        stream = await anthropic.messages.create(
            model="bench", max_tokens=100, messages=[{"role": "user", "content": "Go"}], stream=True
        )
        return sum([1 async for event in stream if event.type == "content_block_delta"])

    async def our_chat() -> int:
        return sum([1 async for piece in chat.stream_complete("Go") if piece.delta])

    async def our_messages() -> int:
        return sum([1 async for piece in claude.stream_complete("Go") if piece.delta])

    await measure("chat completions", sdk_chat, our_chat, rounds)
    await measure("messages", sdk_messages, our_messages, rounds)
    for one in (openai, anthropic, chat, claude):
        await one.close()


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    ours, theirs = multiprocessing.Pipe()
    bodies = {"chat": chat_events(events), "messages": message_events(events)}
    server = multiprocessing.Process(target=serve, args=(theirs, bodies), daemon=True)
    server.start()
    port = ours.recv()
    asyncio.run(bench(port, rounds))
    server.terminate()
    fast = {"chat": chat_events(PACE * SECONDS), "messages": message_events(PACE * SECONDS)}
    server = multiprocessing.Process(target=serve, args=(theirs, fast), daemon=True)
    server.start()
    held = asyncio.run(paced(f"http://127.0.0.1:{ours.recv()}", PACE * SECONDS))
    server.terminate()
    sys.exit(not held)


if __name__ == "__main__":
    os.environ.pop("OPENAI_BASE_URL", None)
    main()
