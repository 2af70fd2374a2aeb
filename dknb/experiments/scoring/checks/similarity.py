"""How near an output is to a reference in meaning, by the cosine of their embeddings."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...._sync import in_thread
from ....conversations.ledger import CallRecord
from ....errors import ConfigError
from ....llm.base import LLMProvider
from ....llm.calls.budget import Budget
from ....llm.config import LLMConfig
from ....llm.registry import create_llm_provider
from ..base import Marks, NoScore
from ..kinds import MetricKind
from ..targets import TargetScorer

if TYPE_CHECKING:
    from ...trials import Trial

__all__ = ["Similarity"]

#: Texts of one batch, seconds that the first one waits for others, and vectors that are kept.
_BATCH = 128
_WAIT = 0.01
_KEPT = 50_000
_ANY_PRICE = 1e12


class Similarity(TargetScorer):
    """The cosine of the embeddings of output and target, from -1 to 1; of several targets the nearest.

    Texts of trials that are scored at a time are embedded in one request, and no text twice. An empty output has 0.

    Args:
        model: What embeds: a spec, a provider, or a function from a list of texts to their vectors.
        target: The column of references; a list in it holds several.
        value: The reference for all items, in place of a column.
        name: The metric.
    """

    shorthand = "model"

    def __init__(self, model: Any, *, target: str = "answer", value: Any = None, name: str = "similarity") -> None:
        super().__init__(name, MetricKind("continuous", bounds=(-1.0, 1.0)), target, value)
        self._vectors = _Vectors(model)

    async def marks(self, trial: Trial) -> Marks:
        """The number, and the calls that were made for it.

        Raises:
            NoScore: There is no reference.
        """
        references = [text for text in self.wanted_texts(trial) if text.strip()]
        output = trial.output or ""
        if not references:
            raise NoScore("there is nothing in the target")
        if not output.strip():
            return Marks({self.name: 0.0})
        vectors, calls = await self._vectors.of([output, *references])
        return Marks({self.name: max(_cosine(vectors[0], each) for each in vectors[1:])}, calls=calls)


def _cosine(one: Any, other: Any) -> float:
    import numpy as np

    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return max(-1.0, min(1.0, float(np.dot(one, other)) / lengths)) if lengths else 0.0


class _Batch:
    """Texts that are embedded together."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}
        self.full = asyncio.Event()
        self.calls: list[CallRecord] = []
        self.task: asyncio.Task[dict[str, Any]] | None = None


class _Vectors:
    """Vectors of texts: each text once, those that are asked for at a time together."""

    def __init__(self, model: Any) -> None:
        self._provider = create_llm_provider(model) if isinstance(model, str | dict | LLMConfig) else model
        if not callable(getattr(self._provider, "embed", self._provider)):
            raise ConfigError(f"{model!r:.100} embeds nothing.", hint='Give a spec, as "openai/text-embedding-3-small"')
        self._known: OrderedDict[str, Any] = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: _Batch | None = None
        self._running: dict[str, _Batch] = {}

    async def of(self, texts: Sequence[str]) -> tuple[list[Any], list[CallRecord]]:
        """The vectors of some texts, and the calls that nobody else was told of."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # what another loop waits for is its own
            self._loop, self._open, self._running = loop, None, {}
        batches = {text: self._batch_of(text) for text in texts if text not in self._known}
        found = {text: self._known[text] for text in texts if text not in batches}
        calls: list[CallRecord] = []
        for batch in dict.fromkeys(batches.values()):
            assert batch.task is not None
            # Others wait for the same batch: who is cancelled does not cancel it.
            found |= await asyncio.shield(batch.task)
            calls += batch.calls
            batch.calls = []
        return [found[text] for text in texts], calls

    def _batch_of(self, text: str) -> _Batch:
        """The batch that a text is in, or is put into."""
        if text in self._running:
            return self._running[text]
        batch = self._open
        if batch is None:
            batch = self._open = _Batch()
            batch.task = asyncio.create_task(self._embedded(batch))
        batch.texts[text] = None
        self._running[text] = batch
        if len(batch.texts) >= _BATCH:
            self._close(batch)
        return batch

    def _close(self, batch: _Batch) -> None:
        if self._open is batch:
            self._open = None
        batch.full.set()

    async def _embedded(self, batch: _Batch) -> dict[str, Any]:
        """Wait for others, then embed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(batch.full.wait(), _WAIT)
        self._close(batch)
        try:
            vectors = await self._ask(batch)
        finally:
            for text in batch.texts:
                self._running.pop(text, None)
        self._known |= vectors
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return vectors

    async def _ask(self, batch: _Batch) -> dict[str, Any]:
        import numpy as np

        texts, began = list(batch.texts), time.perf_counter()
        embed: Any = getattr(self._provider, "embed", self._provider)
        with Budget(_ANY_PRICE, unknown="allow") as spent:  # it counts what the requests cost
            if inspect.iscoroutinefunction(embed):
                vectors = await embed(texts)
            else:
                vectors = await in_thread(embed, texts)
        if isinstance(self._provider, LLMProvider):
            batch.calls.append(
                CallRecord(
                    kind="embed",
                    provider=self._provider.provider,
                    model=self._provider.model or None,
                    cost_usd=None if spent.unpriced else spent.spent,
                    duration_s=round(time.perf_counter() - began, 6),
                )
            )
        if len(vectors) != len(texts):
            raise NoScore(f"{len(vectors)} vectors came for {len(texts)} texts")
        return {text: np.asarray(vector, dtype="float32") for text, vector in zip(texts, vectors, strict=True)}
