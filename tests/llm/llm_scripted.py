"""A provider that follows a script, for the tests of what surrounds a call."""

from __future__ import annotations

import asyncio

from dknb.llm import AsyncLLMProvider, LLMResponse, LLMStreamResponse, ToolCall


class Scripted(AsyncLLMProvider):
    """A provider that does what its script says: texts to answer, errors to raise, seconds to wait."""

    def __init__(self, *script, recorded=False, **settings):
        super().__init__({"provider": "echo", "model": "m", "retry_delay": 0.0, **settings})
        self.script = list(script)
        self.requests = []
        self.recorded = recorded
        self.closed = 0

    def get_capabilities(self):
        return []

    async def _complete(self, request, config):
        self.requests.append(request)
        step = self.script.pop(0)
        if isinstance(step, float):
            await asyncio.sleep(step)
            step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return LLMResponse(step, finish_reason="stop", tool_calls=[ToolCall("add", {"a": 1})])

    async def _stream(self, request, config):
        self.requests.append(request)
        try:
            text = []
            while self.script and not isinstance(step := self.script.pop(0), type(...)):
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                    continue
                if step is not None:
                    text.append(step)
                yield None if step is None else LLMStreamResponse(step)
            yield LLMStreamResponse(is_final=True, response=LLMResponse("".join(text), finish_reason="stop"))
        finally:
            self.closed += 1

    async def _embed(self, request, config):
        self.requests.append(request)
        return LLMResponse("", metadata={"vectors": [[float(len(text))] for text in request.texts]})


async def streamed(provider, text="hi", **settings):
    return [piece async for piece in provider.stream_complete(text, **settings)]
