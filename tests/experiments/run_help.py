"""What the tests of runs share: items, a scripted model, an experiment of few words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from dknb.experiments import Experiment
from dknb.llm import EchoProvider

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


def experiment(model: Any, store: Any = "memory", **told: Any) -> Experiment:
    """Two templates over three items, scored by `exact`, quietly."""
    provider = model.provider if isinstance(model, Model) else model
    whole = {"prompts": {"a": "A {{text}}", "b": "B {{text}}"}, "data": ITEMS, "scorers": ["exact"], "name": "few"}
    whole |= {"progress": False, **told}
    prompts, data = whole.pop("prompts"), whole.pop("data")
    return Experiment(prompts, provider, data, store=store, **whole)
