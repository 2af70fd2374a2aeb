"""A model folder in this process: a tiny GPT-2, randomly initialised here, run by the real transformers."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import aclosing
from importlib.util import find_spec

import pytest

from dknb.errors import BadRequest, ConfigError, ContextTooLong, ServerError
from dknb.llm import LLMMessage, ModelCapability, create_llm_provider

if find_spec("torch") is None or find_spec("transformers") is None:
    pytest.skip("torch and transformers are not installed: make test-transformers", allow_module_level=True)

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "hello", "é", "world", "."]
WINDOW = 64
TEMPLATE = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system message.') }}{% endif %}"
TEMPLATE += "{{ m.role }} : {{ m.content }} . {% endfor %}assistant :"


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """The folder of a GPT-2 with 14 words and random weights."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(1)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<end>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    folder = tmp_path_factory.mktemp("models") / "tiny-gpt2"
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", bos_token="<end>").save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(vocabulary), n_positions=WINDOW, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def chatting(gpt2, tmp_path_factory):
    """The same with a chat template."""
    import shutil

    folder = tmp_path_factory.mktemp("models") / "tiny-chat"
    shutil.copytree(gpt2, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


def provider_of(folder, **settings):
    return create_llm_provider({"provider": "huggingface", "model": str(folder), **settings})


async def test_an_answer_has_its_facts(gpt2):
    """Text, the tokens that its own tokenizer counts, why it ended, and no price to pay."""
    async with provider_of(gpt2, max_tokens=8) as provider:
        response = await provider.complete("hello")
    usage = response.usage
    assert (usage["prompt_tokens"], response.cost_usd) == (5, 0.0)
    assert usage["total_tokens"] == 5 + usage["completion_tokens"]
    assert response.finish_reason == ("length" if usage["completion_tokens"] == 8 else "stop")
    assert response.metadata["provider"] == "huggingface"


async def test_a_stream_adds_up_to_the_answer(gpt2):
    """The same seed gives the same text, at once and piece by piece, and each piece is whole characters."""
    async with provider_of(gpt2, temperature=1.0, seed=7, max_tokens=30) as provider:
        whole = await provider.complete("hello")
        pieces = [piece async for piece in provider.stream_complete("hello")]
    assert "".join(piece.delta for piece in pieces) == whole.content == pieces[-1].response.content
    assert len([piece for piece in pieces if piece.delta]) > 1
    assert pieces[-1].usage == whole.usage


async def test_the_settings_do_what_they_say(gpt2):
    """Greedy is the same each time, seeds differ, max_tokens bounds, and a stop text ends the answer before it."""
    async with provider_of(gpt2, max_tokens=20) as provider:
        greedy = [await provider.complete("hello", temperature=0) for _ in range(2)]
        sampled = [await provider.complete("hello", temperature=1.0, top_p=0.9, seed=n) for n in (1, 1, 2)]
        assert greedy[0].content == greedy[1].content
        assert sampled[0].content == sampled[1].content != sampled[2].content
        assert (await provider.complete("hello", temperature=1.0, seed=1, max_tokens=3)).usage["completion_tokens"] <= 3
        stop = sampled[0].content[3:5]
        stopped = await provider.complete("hello", temperature=1.0, top_p=0.9, seed=1, stop_sequences=[stop])
    assert stopped.content == sampled[0].content[: sampled[0].content.index(stop)]
    assert stopped.finish_reason == "stop"
    assert stopped.usage["completion_tokens"] < sampled[0].usage["completion_tokens"]


async def test_a_seed_leaves_the_notebooks_own_chance_alone(gpt2):
    """Torch's generator stands where it stood."""
    import torch

    async with provider_of(gpt2, temperature=1.0, seed=7, max_tokens=3) as provider:
        before = torch.random.get_rng_state()
        await provider.complete("hello")
    assert torch.equal(before, torch.random.get_rng_state())


async def test_options_are_arguments_of_generate(gpt2):
    """One that it knows works; one that it does not know is named."""
    async with provider_of(gpt2, max_tokens=5, retry_count=0) as provider:
        assert (await provider.complete("hello", options={"repetition_penalty": 1.5})).usage["prompt_tokens"] == 5
        with pytest.raises(BadRequest, match="no_such_thing"):
            await provider.complete("hello", options={"no_such_thing": 1})


async def test_a_chat_goes_through_the_folders_template(chatting):
    """In mode chat; in mode text the model goes on with the bare text."""
    chat = "user : hello . assistant :"
    async with provider_of(chatting, max_tokens=1) as provider:
        assert (await provider.complete("hello")).usage["prompt_tokens"] == len(chat)
        assert (await provider.complete("hello", mode="text")).usage["prompt_tokens"] == len("hello")


async def test_what_a_template_refuses_is_said_in_its_words(chatting):
    """A system message, where the template knows none."""
    async with provider_of(chatting, retry_count=0) as provider:
        with pytest.raises(BadRequest, match="No system message"):
            await provider.complete([LLMMessage("system", "be kind"), LLMMessage("user", "hello")])


async def test_a_text_that_is_too_long_is_told_with_both_numbers(gpt2):
    """And an answer never runs over the window."""
    async with provider_of(gpt2, retry_count=0) as provider:
        with pytest.raises(ContextTooLong, match="takes 64 tokens, and these are 100") as caught:
            await provider.complete("a" * 100)
        assert (caught.value.tokens, caught.value.limit) == (100, WINDOW)
        assert (await provider.complete("a" * 60)).usage["total_tokens"] <= WINDOW


async def test_an_iterator_that_is_closed_stops_the_model(gpt2):
    """It writes at most one more token, so that the next call has its turn."""
    from dknb.llm.providers.transformers_model import TransformersModel

    over = threading.Event()
    write = TransformersModel.write
    written = []

    def watched(self, ids, how):
        written.append(write(self, ids, how))
        over.set()
        return written[-1]

    async with provider_of(gpt2, temperature=1.0, seed=3) as provider:
        whole = await provider.complete("hello")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TransformersModel, "write", watched)
            async with aclosing(provider.stream_complete("hello")) as pieces:
                await anext(pieces)
            assert await asyncio.to_thread(over.wait, 10)
        assert written[0].tokens < whole.usage["completion_tokens"]


async def test_calls_take_turns(gpt2):
    """Many at once give what they give one after the other."""
    async with provider_of(gpt2, temperature=1.0, seed=5, max_tokens=5) as provider:
        alone = await provider.complete("hello")
        together = await asyncio.gather(*[provider.complete("hello") for _ in range(20)])
    assert {one.content for one in together} == {alone.content}


async def test_a_vector_is_the_mean_of_the_last_hidden_states(gpt2):
    """The same for a text alone and in a list; the numbers are those of the model itself."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    async with provider_of(gpt2) as provider:
        one, (first, second) = await provider.embed("hello"), await provider.embed(["hello", "world and more"])
    tokens = AutoTokenizer.from_pretrained(gpt2)("hello", return_tensors="pt")
    with torch.inference_mode():
        expected = AutoModel.from_pretrained(gpt2)(**tokens).last_hidden_state[0].mean(dim=0).tolist()
    assert one == first == pytest.approx(expected, abs=1e-5)
    assert len(first) == len(second) == 16


async def test_a_folder_is_loaded_once(gpt2):
    """For all providers that name it, however they write its path."""
    async with provider_of(gpt2) as one, provider_of(f"{gpt2}/../{gpt2.name}") as two:
        assert await one._loaded() is await two._loaded()


def test_the_sync_face_works_too(gpt2):
    """In a script."""
    with create_llm_provider({"provider": "huggingface", "model": str(gpt2), "max_tokens": 3}, is_async=False) as model:
        assert model.complete("hello").usage["completion_tokens"] <= 3
        assert model.validate_model() is True


async def test_what_it_cannot_do_it_says(gpt2):
    """Tools and settings that transformers has not."""
    async with provider_of(gpt2) as provider:
        with pytest.raises(ConfigError, match="no tools"):
            await provider.complete("hello", tools=[{"name": "add", "parameters": {"type": "object"}}])
        with pytest.raises(ConfigError, match="presence_penalty"):
            await provider.complete("hello", presence_penalty=1.0)


async def test_tokens_are_counted_by_the_models_own_tokenizer(chatting):
    """With what the template puts around them, and however many they are."""
    async with provider_of(chatting) as provider:
        counted = await provider.count_tokens("hello")
        assert (counted, counted.exact) == (len("user : hello . assistant :"), True)
        assert await provider.count_tokens("a" * 100) > WINDOW


async def test_a_format_is_asked_for_in_words(gpt2):
    """Nothing makes a random model keep to it, and that is said."""
    async with provider_of(gpt2, retry_count=0, max_tokens=2) as provider:
        with pytest.raises(ContextTooLong):  # the schema in the prompt is longer than the window
            await provider.complete("hello", response_format={"type": "object", "properties": {"a" * 60: {}}})
        assert (await provider.complete("hello", response_format="text")).usage["prompt_tokens"] == 5


async def test_the_capabilities_are_those_of_the_folder(gpt2, chatting):
    """A chat template makes a chat model."""
    assert ModelCapability.CHAT in provider_of(chatting).get_capabilities()
    assert ModelCapability.CHAT not in provider_of(gpt2).get_capabilities()
    assert ModelCapability.FUNCTION_CALLING not in provider_of(chatting).get_capabilities()


async def test_an_encoder_only_embeds(gpt2, tmp_path):
    """Asked to write, it says what it is for."""
    import shutil

    from transformers import BertConfig, BertModel

    shutil.copytree(gpt2, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").unlink()
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=257, max_position_embeddings=WINDOW, **size)).save_pretrained(tmp_path)
    async with provider_of(tmp_path) as provider:
        assert len(await provider.embed("hello")) == 16
        with pytest.raises(ConfigError, match="writes no text"):
            await provider.complete("hello")


async def test_a_broken_folder_is_an_error_of_ours(gpt2, tmp_path):
    """Cut weights."""
    import shutil

    shutil.copytree(gpt2, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ServerError, match="cannot be loaded"):
        await provider_of(tmp_path).complete("hello")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no-such-thing"}))
    with pytest.raises(ServerError, match="no-such-thing"):
        await provider_of(tmp_path).complete("hello")
