"""The vectors of any number of texts: in as many requests as the vendor's limits ask for, side by side, in order."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..errors import ConfigError, ServerError
from .messages import LLMResponse
from .request import ModelRequest

__all__ = ["batches", "checked_texts", "embedded"]


class _Limit(NamedTuple):
    """Most texts of a request, and most tokens of all of them; None where the vendor names no limit."""

    texts: int
    tokens: int | None = None


#: Sources, November 2026: OpenAI: openai 3.54.0, ``types/embedding_create_params.py`` ("2048 dimensions", "a maximum
#: of 300,000 tokens summed across all inputs"). Hugging Face: text-embeddings-inference, ``--max-client-batch-size``
#: is 32 unless set. Ollama and llama.cpp name none; a request of hundreds only waits longer than several.
_LIMITS = {
    "openai": _Limit(2_048, 300_000),
    "huggingface": _Limit(32),
    "ollama": _Limit(512),
    "local": _Limit(512),
    "echo": _Limit(sys.maxsize),
}
_OTHERS = _Limit(256)
#: No tokenizer in use makes more tokens than one for two bytes of usual text; so this errs towards smaller requests.
_BYTES_A_TOKEN = 2
#: Requests under way at a time; the provider's own limits may allow fewer.
_AT_ONCE = 8


def checked_texts(texts: str | Sequence[str]) -> list[str]:
    """The texts as a list.

    Raises:
        ConfigError: One is empty, or is no text; the message says which.
    """
    whole = [texts] if isinstance(texts, str) else list(texts)
    for place, text in enumerate(whole):
        if not isinstance(text, str):
            raise ConfigError(f"texts[{place}] is {text!r}, which is no text.", hint="Leave it out, or give a str")
        if not text:
            raise ConfigError(f"texts[{place}] is empty: there is nothing to embed.", hint="Leave it out")
    return whole


def batches(provider: str, texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where each request begins and ends in the list of texts."""
    limit = _LIMITS.get(provider, _OTHERS)
    most = limit.tokens * _BYTES_A_TOKEN if limit.tokens else None
    begin = size = 0
    for place, text in enumerate(texts):
        more = len(text.encode("utf-8", "surrogatepass")) if most else 0
        if place > begin and (place - begin >= limit.texts or (most and size + more > most)):
            yield begin, place
            begin, size = place, 0
        size += more
    yield begin, len(texts)


async def embedded(request: ModelRequest, once: Callable[[ModelRequest], Awaitable[LLMResponse]]) -> LLMResponse:
    """The vectors of ``request.texts`` in ``metadata["vectors"]``, with usage and price of all requests together.

    Raises:
        DknbError: A request failed. The message names its texts, and a `ProviderError` has as ``partial`` what the
            other requests brought: vectors, with None in the places of those that are missing, usage and price.
    """
    work = _Work(request, once)
    places = batches(request.provider, request.texts)
    gate = asyncio.Semaphore(_AT_ONCE)
    await asyncio.gather(*[work.ask(gate, begin, end) for begin, end in places])
    if work.failed:
        raise work.error()
    return work.whole()


@dataclass
class _Work:
    """The requests for one list of texts, by where each begins and ends."""

    request: ModelRequest
    once: Callable[[ModelRequest], Awaitable[LLMResponse]]
    done: dict[tuple[int, int], LLMResponse] = field(default_factory=dict)
    failed: dict[tuple[int, int], Exception] = field(default_factory=dict)

    async def ask(self, gate: asyncio.Semaphore, begin: int, end: int) -> None:
        """Make one request, unless another has failed for good; those under way are paid, so they go on."""
        async with gate:
            if self.failed:
                return
            try:
                self.done[begin, end] = await self._asked(begin, end)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is raised when the others are through)
                self.failed[begin, end] = error

    async def _asked(self, begin: int, end: int) -> LLMResponse:
        texts = self.request.texts
        part = self.request if end - begin == len(texts) else replace(self.request, texts=texts[begin:end])
        response = await self.once(part)
        if (fault := _fault(response.metadata.get("vectors"), end - begin)) is not None:
            raise ServerError(
                f"The server gave {fault} for {end - begin} texts.",
                provider=self.request.provider,
                model=self.request.model,
            )
        return response

    def whole(self) -> LLMResponse:
        """All answers as one; None in the places of vectors that have not come."""
        answers = [self.done[place] for place in sorted(self.done)]
        if len(answers) == 1 and not self.failed:
            return answers[0]
        vectors: list[Any] = [None] * len(self.request.texts)
        for (begin, end), answer in self.done.items():
            vectors[begin:end] = answer.metadata["vectors"]
        costs = [answer.cost_usd for answer in answers]
        return LLMResponse(
            "",
            answers[0].model if answers else self.request.model,
            usage=_summed([answer.usage for answer in answers if answer.usage]),
            metadata={"provider": self.request.provider, "vectors": vectors},
            cost_usd=sum(cost for cost in costs if cost is not None) if costs and None not in costs else None,
        )

    def error(self) -> Exception:
        """The first failure; where there were several requests, it says which, and keeps what the others brought."""
        (begin, end), error = min(self.failed.items())
        if end - begin < len(self.request.texts):
            where = f"texts[{begin}:{end}] of {len(self.request.texts)}"
            error.args = (f"{where}: {error}", *error.args[1:])
            if self.done and hasattr(error, "partial"):
                error.partial = self.whole()
        return error


def _fault(vectors: Any, count: int) -> str | None:
    """What is wrong with the vectors of so many texts; None when nothing is."""
    if not isinstance(vectors, list):
        return "no vectors"
    if len(vectors) != count:
        return f"{len(vectors)} vectors"
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) > 1 or not lengths[0]:
        return f"vectors of length {' and '.join(map(str, lengths[:3]))}"
    # A sum is finite only where all its summands are, and much faster than to ask each of them.
    return None if all(math.isfinite(sum(vector)) for vector in vectors) else "vectors with numbers that are none"


def _summed(usages: Sequence[Mapping[str, int]]) -> dict[str, int] | None:
    names = dict.fromkeys(name for usage in usages for name in usage)
    return {name: sum(usage.get(name, 0) for usage in usages) for name in names} or None
