"""A model of llama.cpp in this process."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import weakref
from contextlib import aclosing

import pytest
from llama_help import ADD, GREETING, TINY, needs_llama

from dknb.errors import BadRequest, ConfigError, ContextTooLong, MissingExtra, ModelNotFound, ServerError
from dknb.llm import LLMMessage, ModelCapability, SyncLLMProvider, create_llm_provider
from dknb.llm.providers import local_model

pytestmark = needs_llama
#: Goes on until the context is full.
ENDLESS = {"options": {"ignore_eos": True}}


def tiny(options=None, **settings):
    # llama.cpp's threads wait for each other in a busy loop, which a small machine under load feels.
    options = {"n_threads": 1, **(options or {})}
    return create_llm_provider(
        {"provider": "local", "model": str(TINY), "temperature": 0, "options": options, **settings}
    )


def loaded():
    """How many models are in memory."""
    gc.collect()
    return len(local_model._models)


async def test_a_spec_names_a_file(monkeypatch):
    """From the working directory, from the root, and from home."""
    monkeypatch.chdir(TINY.parent)
    monkeypatch.setenv("HOME", str(TINY.parent.parent))
    for spec in ("local/tiny.gguf", f"local/{TINY}", "local/~/tiny-model/tiny.gguf"):
        async with create_llm_provider(spec) as provider:
            response = await provider.complete("Hello", temperature=0)
        assert (response.content, response.model) == (GREETING, spec.removeprefix("local/"))


async def test_a_later_change_of_folder_does_not_change_the_model(monkeypatch, tmp_path):
    """The path is taken from where the provider was made."""
    monkeypatch.chdir(TINY.parent)
    async with create_llm_provider("local/tiny.gguf") as provider:
        monkeypatch.chdir(tmp_path)
        assert (await provider.complete("Hello", temperature=0)).content == GREETING


async def test_an_answer_costs_nothing_and_is_counted():
    """Tokens from the model, a price of zero."""
    async with tiny() as provider:
        response = await provider.complete("Hello")
    counts = {name: response.usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    assert counts == {"prompt_tokens": 9, "completion_tokens": 10, "total_tokens": 19}
    assert (response.cost_usd, response.finish_reason) == (0.0, "stop")


async def test_a_tool_can_be_demanded_by_its_name():
    """llama.cpp knows no names, so only that tool is offered, as one that must be called."""
    other = {"name": "other", "parameters": {"type": "object", "properties": {}}}
    async with tiny() as provider:
        response = await provider.complete("add 2 and 3", tools=[other, ADD], tool_choice="add")
    assert [(call.name, call.arguments) for call in response.tool_calls] == [("add", {"a": 2, "b": 3})]


async def test_a_text_is_continued():
    """Mode TEXT gives the model the text as it is, whole and as a stream."""
    async with tiny(mode="text", max_tokens=5) as provider:
        response = await provider.complete("Hello")
        pieces = [piece async for piece in provider.stream_complete("Hello")]
    assert response.usage["completion_tokens"] == 5
    assert "".join(piece.delta for piece in pieces) == response.content != ""


async def test_log_probabilities_are_given():
    """One for each token, where they are asked for."""
    async with tiny() as provider:
        response = await provider.complete("Hello", options={"logprobs": True, "top_logprobs": 2})
    assert "".join(token.token for token in response.logprobs).strip() == GREETING
    assert all(token.logprob <= 0 for token in response.logprobs)


async def test_texts_of_any_length_have_their_own_vectors():
    """In one request or alone: the same."""
    texts = ["one", "two words and more of them", "three", "a b c d e f g h"]
    async with tiny() as provider:
        together = await provider.embed(texts)
        alone = [await provider.embed(text) for text in texts]
    assert [len(vector) for vector in together] == [64] * 4
    assert all(vector == pytest.approx(other, abs=1e-4) for vector, other in zip(together, alone, strict=True))


async def test_too_long_says_both_numbers():
    """How many tokens there are, and how many there may be; for answers and for vectors."""
    async with tiny() as provider:
        for call in (provider.complete("x " * 3000), provider.embed("x " * 3000)):
            with pytest.raises(ContextTooLong, match=r"\(\d{4} tokens\).*\(512 tokens\)") as caught:
                await call
            assert (caught.value.provider, caught.value.model) == ("local", str(TINY))
            assert (caught.value.tokens, caught.value.limit) == (pytest.approx(6000, abs=20), 512)


async def test_a_model_is_loaded_once_and_freed_by_the_last():
    """For all providers of the same settings; other settings are another model."""
    before = loaded()
    first, second, other = tiny(), tiny(), tiny(options={"n_ctx": 256})
    await asyncio.gather(*[one.complete("Hello") for one in (first, second)])
    assert loaded() - before == 1
    await other.complete("Hello")
    assert loaded() - before == 2
    await first.close()
    assert loaded() - before == 2
    assert (await second.complete("Hello")).content == GREETING
    await second.close()
    await other.close()
    assert loaded() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_loads_its_own():
    """It has the memory of its parent's model, but none of its threads."""
    script = f"""
        import os
        from dknb.llm import create_llm_provider
        provider = create_llm_provider({{"provider": "local", "model": {str(TINY)!r}, "temperature": 0}}, is_async=False)
        print(provider.complete("Hello").content, flush=True)
        if (child := os.fork()) == 0:
            print(provider.complete("Capital of France?").content, flush=True)
            os._exit(0)
        print(os.waitpid(child, 0)[1], provider.complete("Hello").content)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == [GREETING, "Paris", f"0 {GREETING}"], done.stderr


async def test_a_forgotten_provider_frees_its_model():
    """Nobody has to close it."""
    before = loaded()
    provider = tiny()
    await provider.complete("Hello")
    gone = weakref.ref(provider)
    del provider
    gc.collect()
    assert loaded() == before
    assert gone() is None


async def test_the_loop_goes_on_while_the_model_works():
    """Loading and answering happen in threads."""
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with tiny() as provider:
        await provider.complete("anything", max_tokens=300, **ENDLESS)
    ticking.cancel()
    assert ticks > 10


async def test_leaving_a_stream_stops_the_model():
    """The thread that answered is free again at once, long before the answer's end."""
    counted = []
    async with tiny(max_tokens=450, options={"ignore_eos": True, "n_parallel": 1}) as provider:
        async with aclosing(provider.stream_complete("anything")) as pieces:
            async for _ in pieces:
                break
        (model,) = provider._held.values()
        waiting = model._threads.submit(counted.append, "free")
        await asyncio.wrap_future(waiting)
        whole = await provider.complete("Hello", options={"ignore_eos": False})
    assert (counted, whole.content) == (["free"], GREETING)


async def test_a_cancelled_call_leaves_the_model_to_others():
    """With a single place, too."""
    async with tiny(options={"n_parallel": 1}) as provider:
        await provider.complete("Hello")
        task = asyncio.create_task(provider.complete("anything", max_tokens=450, **ENDLESS))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await provider.complete("Hello")).content == GREETING


def test_a_caller_that_cannot_await_gets_the_same():
    """Through the one background loop."""
    with SyncLLMProvider(tiny()) as provider:
        assert provider.complete("Hello").content == GREETING
        assert "".join(piece.delta for piece in provider.stream_complete("Hello")) == GREETING


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no GGUF file: it begins with b''"),
        (b"hello world", "is no GGUF file: it begins with b'hell'"),
        (TINY.read_bytes()[:3000], "ends within its header, after 3,000 bytes"),
        (TINY.read_bytes()[:200_000], "is not whole: it ends after 200,000 bytes"),
        (b"GGUF\x09\0\0\0", "is GGUF of version 9"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 16, "ends within its header"),
    ],
)
async def test_a_file_that_is_no_model_is_refused(tmp_path, content, message):
    """Before llama.cpp sees it, with what is wrong with it; the process lives on."""
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    provider = create_llm_provider(f"local/{path}")
    with pytest.raises(ModelNotFound) as caught:
        await provider.complete("Hello")
    assert message in str(caught.value)
    assert caught.value.provider == "local"
    assert await provider.validate_model() is False


async def test_a_missing_file_names_those_beside_it():
    """With the nearest name."""
    provider = create_llm_provider(f"local/{TINY.with_name('tinny.gguf')}")
    with pytest.raises(ModelNotFound, match="No such file") as caught:
        await provider.complete("Hello")
    assert "tiny.gguf Did you mean 'tiny.gguf'?" in caught.value.hint


async def test_what_llama_cpp_cannot_load_is_an_error_and_can_be_tried_again(tmp_path):
    """Weights that are cut within their last part pass the look at the header, and not llama.cpp's."""
    path = tmp_path / "cut.gguf"
    path.write_bytes(TINY.read_bytes()[:-100])
    provider = create_llm_provider(f"local/{path}")
    with pytest.raises(ServerError, match=r"could not load .* of the family 'qwen2'"):
        await provider.complete("Hello")
    path.write_bytes(TINY.read_bytes())
    assert (await provider.complete("Hello", temperature=0)).content == GREETING


async def test_a_request_that_llama_cpp_refuses_is_a_bad_request():
    """An image, for a model without eyes."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    async with tiny() as provider:
        with pytest.raises(BadRequest, match="image input is not supported"):
            await provider.complete([LLMMessage("user", ["What is this?", image])])


async def test_a_missing_package_names_the_extra(monkeypatch):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtra) as caught:
        await tiny(options={"n_ctx": 300}).complete("Hello")
    assert 'pip install "dknb[local]"' in caught.value.hint


async def test_the_file_says_what_the_model_can():
    """Tools only where the template knows them."""
    assert ModelCapability.FUNCTION_CALLING in tiny().get_capabilities()
    plain = (
        "{% for m in messages %}<|im_start|>{{m.role}}\n{{m.content}}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    )
    provider = tiny(options={"chat_template": plain})
    assert ModelCapability.FUNCTION_CALLING not in provider.get_capabilities()
    assert (await provider.complete("Hello")).content.strip() == GREETING
    await provider.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"options": {"n_ctx": "many"}}, "n_ctx is 'many'; it must be of type int"),
        ({"options": {"n_parallel": 0}}, "n_parallel is 0; it must be at least 1"),
        ({"options": {"pooling": "men"}}, "no pooling 'men'. Did you mean 'mean'"),
        ({"api_base": "http://127.0.0.1:1"}, "has no address"),
    ],
)
def test_a_wrong_setting_is_refused(settings, message):
    """When the provider is made."""
    with pytest.raises(ConfigError, match=message):
        tiny(**settings)


async def test_more_context_than_the_model_has_is_refused():
    """llama.cpp would take less without a word."""
    with pytest.raises(ConfigError, match="trained for 512 tokens"):
        await tiny(options={"n_ctx": 4096}).complete("Hello")


@pytest.mark.parametrize("options", [{"n_threads": 2}, {"n_gpu_layers": 0}, {"pooling": "last"}])
async def test_a_model_is_loaded_as_it_is_told_to(options):
    """The answer is the same with other threads and layers; another pooling makes another vector."""
    async with tiny(options=options) as provider, tiny() as usual:
        assert (await provider.complete("Hello")).content == GREETING
        vectors = await provider.embed("two words"), await usual.embed("two words")
    assert (vectors[0] == pytest.approx(vectors[1], abs=1e-3)) is ("pooling" not in options)
