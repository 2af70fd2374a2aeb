"""The vectors of many texts: as many requests as the vendor asks for, in order, and what is left when one fails."""

from __future__ import annotations

import asyncio

import pytest
from llm_scripted import Scripted

from dknb.errors import BadRequest, ConfigError, ServerError
from dknb.llm import LLMResponse
from dknb.llm.embedding import batches, embedded
from dknb.llm.request import ModelRequest


def cut(provider, *texts):
    return list(batches(provider, texts))


def test_a_request_holds_what_the_vendor_takes():
    """So many texts, or so many tokens of them; a single text always goes alone if it must."""
    assert cut("openai", *["a"] * 4_097) == [(0, 2_048), (2_048, 4_096), (4_096, 4_097)]
    assert cut("huggingface", *["a"] * 33) == [(0, 32), (32, 33)]
    assert cut("echo", *["a"] * 10_000) == [(0, 10_000)]
    large = "a" * 400_000
    assert cut("openai", "a", large, large, "b") == [(0, 2), (2, 4)]
    assert cut("openai", "é" * 600_000, "a") == [(0, 1), (1, 2)]


async def vectors(count, answer, provider="acme"):
    asked = []

    async def once(request):
        asked.append(request.texts)
        return await answer(request)

    texts = [str(number) for number in range(count)]
    return await embedded(ModelRequest("embed", provider, "m", texts=texts), once), asked


def answered(request, **fields):
    usage = {"prompt_tokens": len(request.texts), "total_tokens": len(request.texts)}
    found = [[float(text)] for text in request.texts]
    return LLMResponse("", "m-1", usage=usage, metadata={"vectors": found}, **fields)


async def test_the_order_is_kept_and_the_counts_are_added():
    """Though the first request answers last."""

    async def answer(request):
        await asyncio.sleep(0.05 if request.texts[0] == "0" else 0)
        return answered(request, cost_usd=0.5)

    whole, asked = await vectors(600, answer)
    assert [len(texts) for texts in asked] == [256, 256, 88]
    assert whole.metadata["vectors"] == [[float(number)] for number in range(600)]
    assert (whole.usage, whole.cost_usd) == ({"prompt_tokens": 600, "total_tokens": 600}, 1.5)


async def test_a_failure_names_its_texts_and_keeps_the_others():
    """What was paid is in the error, with holes where vectors are missing; what had not begun is not begun."""

    async def answer(request):
        if request.texts[0] == "256":
            await asyncio.sleep(0)
            raise BadRequest("too long", provider="acme", status=400)
        await asyncio.sleep(0.01)
        return answered(request, cost_usd=0.5)

    with pytest.raises(BadRequest, match=r"texts\[256:512\] of 5000: too long") as caught:
        await vectors(5_000, answer)
    partial = caught.value.partial
    assert caught.value.status == 400
    assert partial.metadata["vectors"][:256] == [[float(number)] for number in range(256)]
    assert partial.metadata["vectors"][256:512] == [None] * 256
    assert partial.metadata["vectors"][-1] is None
    assert partial.usage["total_tokens"] == 7 * 256


async def test_one_request_fails_as_it_is():
    """No range, and nothing to keep."""

    async def answer(request):
        raise BadRequest("too long")

    with pytest.raises(BadRequest, match=r"^too long$") as caught:
        await vectors(3, answer)
    assert caught.value.partial is None


async def test_a_missing_vector_is_an_error():
    """Else a text would get another's."""

    async def answer(request):
        return LLMResponse("", metadata={"vectors": [[1.0]]})

    with pytest.raises(ServerError, match="1 vectors for 3 texts"):
        await vectors(3, answer)


@pytest.mark.parametrize(
    ("texts", "says"),
    [("", r"texts\[0\] is empty"), (["a", ""], r"texts\[1\] is empty"), (["a", "b", None], r"texts\[2\] is None")],
)
async def test_what_is_no_text_is_refused_with_its_place(texts, says):
    """Before anything is sent."""
    provider = Scripted()
    with pytest.raises(ConfigError, match=says):
        await provider.embed(texts)
    assert provider.requests == []


async def test_providers_are_asked_in_batches():
    """embed() of a list of any length; a plug-in's requests are of moderate size."""
    provider = Scripted()
    provider.config = provider.config.with_settings(provider="acme")
    assert await provider.embed(["x" * (number % 5 + 1) for number in range(300)]) == [
        [float(number % 5 + 1)] for number in range(300)
    ]
    assert [len(request.texts) for request in provider.requests] == [256, 44]
    assert await provider.embed([]) == []
