"""What the tests of runs share: items, a scripted model, an experiment of few words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from dknb.experiments import Experiment
from dknb.llm import EchoProvider
from dknb.llm.base import AsyncLLMProvider
from dknb.llm.messages import LLMResponse

ITEMS = [
    {"text": "good", "answer": "A good"},
    {"text": "bad", "answer": "A bad"},
    {"text": "ugly", "answer": "?"},
]


class Model:
    """An Echo that counts what it was asked, and may fail or wait.

    Attributes:
        asked: The last message of each call, in the order in which they began.
        most: The most calls that ran at a time.
    """

    def __init__(self, *, delay: float = 0.0, fail: Callable[[str], bool] = lambda text: False) -> None:
        self.asked: list[str] = []
        self.delay, self.fail = delay, fail
        self.running = self.most = 0
        self.provider = EchoProvider().set_response_function(self.answer)

    async def answer(self, messages: Sequence[Any]) -> str:
        text = messages[-1].content
        self.asked.append(text)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.fail(text):
                raise RuntimeError(f"no answer to {text}")
        finally:
            self.running -= 1
        return str(text)


class Priced(AsyncLLMProvider):
    """A model that has a price, where somebody sets it for ``openai-compatible/priced``; it repeats what it is told.

    Attributes:
        calls: How often it was asked.
    """

    def __init__(self, config: Any = None, *, says: str | None = None, **more: Any) -> None:
        super().__init__({"provider": "openai-compatible", "model": "priced", **more})
        self.calls, self._says = 0, says

    def get_capabilities(self) -> list[Any]:
        return []

    async def _complete(self, request: Any, config: Any) -> LLMResponse:
        self.calls += 1
        text = list(request.messages)[-1].content
        tokens = len(text) // 4
        usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
        return LLMResponse(text if self._says is None else self._says, "priced", usage=usage)

    async def _stream(self, request: Any, config: Any) -> Any:
        raise NotImplementedError
        yield


def experiment(model: Any, store: Any = "memory", **told: Any) -> Experiment:
    """Two templates over three items, scored by `exact`, quietly."""
    provider = model.provider if isinstance(model, Model) else model
    whole = {"prompts": {"a": "A {{text}}", "b": "B {{text}}"}, "data": ITEMS, "scorers": ["exact"], "name": "few"}
    whole |= {"progress": False, **told}
    prompts, data = whole.pop("prompts"), whole.pop("data")
    return Experiment(prompts, provider, data, store=store, **whole)
