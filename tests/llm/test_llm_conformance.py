"""The same list of behaviours over every provider: a new one is one more row here."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from llama_help import TINY, llama_server, needs_llama
from llm_server import nobody, silent_server
from ollama_server import ollama_server

from dknb.errors import ConnectionFailed, ModelNotFound, ServerError
from dknb.llm import (
    AsyncLLMProvider,
    LLMConfig,
    LLMResponse,
    LLMStreamResponse,
    ModelCapability,
    create_llm_provider,
)
from dknb.llm.conformance import BEHAVIOURS, Subject

#: Gives a fixture by its name, so that a row starts what it needs and no more.
Get = Callable[[str], Any]
ALL = frozenset({"max_tokens", "stop_sequences", "seed"})


@dataclass(frozen=True)
class Places:
    """Where there is no answer: a server that says nothing, and none."""

    silent: str
    nobody: str


def made(provider: str, model: str = "tiny", **fixed: Any) -> Callable[..., AsyncLLMProvider]:
    def make(**settings: Any) -> AsyncLLMProvider:
        settings = {"temperature": 0, "retry_delay": 0.0, **fixed, **settings}
        return create_llm_provider({"provider": provider, "model": model, **settings})

    return make


def served(provider: str, path: str = "/v1", **fixed: Any) -> Callable[[Get], Subject]:
    """A provider at the llama.cpp server, where the tiny model knows the answers by heart."""

    def row(get: Get) -> Subject:
        (talking, vectors), places = get("llama"), get("places")
        at = partial(made, provider, api_key="no-key", **fixed)
        return Subject(
            make=at(api_base=talking + path),
            slow=at(api_base=places.silent + path),
            broken=at(api_base=places.nobody + path, retry_count=0),
            fault=ConnectionFailed,
            calls="add 2 and 3",
            gives_json="Give me JSON",
            honours=ALL,
            embeds=at(api_base=vectors + path),
        )

    return row


def echo(_: Get) -> Subject:
    async def slowly(messages: Any) -> str:
        await asyncio.sleep(60)
        return "late"

    make = made("echo", "m")
    return Subject(
        make=make,
        slow=lambda: make().set_response_function(slowly),
        broken=lambda: make(retry_count=0).set_responses([ServerError("down"), ServerError("down")]),
        fault=ServerError,
        prompt="Say some words",
        calls="add 2 and 3",
        tool_choice="required",
        gives_json="Give me JSON",
        cost=0.0,
    )


def local(_: Get) -> Subject:
    # llama.cpp's threads wait for each other in a busy loop, which a small machine under load feels.
    make = made("local", str(TINY), options={"n_threads": 1})
    return Subject(
        make=make,
        slow=lambda: make(max_tokens=450, options={"n_threads": 1, "ignore_eos": True}),
        broken=made("local", str(TINY.with_name("none.gguf"))),
        fault=ModelNotFound,
        calls="add 2 and 3",
        gives_json="Give me JSON",
        honours=ALL,
        cost=0.0,
    )


class Shout(AsyncLLMProvider):
    """What another package may bring: the three methods that it must have."""

    def get_capabilities(self):
        return [ModelCapability.CHAT, ModelCapability.STREAMING]

    async def _complete(self, request, config):
        await asyncio.sleep(self.config.options.get("delay", 0))
        if self.config.options.get("down"):
            raise ServerError("down", provider=request.provider, model=request.model)
        text = request.messages[-1].content.upper()
        usage = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
        return LLMResponse(text, finish_reason="stop", usage=usage)

    async def _stream(self, request, config):
        response = await self._complete(request, config)
        yield LLMStreamResponse(response.content)
        yield LLMStreamResponse(is_final=True, response=response)


def plugin(_: Get) -> Subject:
    def make(**settings: Any) -> Shout:
        return Shout(LLMConfig("shout", "m", **settings))

    slow, broken = partial(make, options={"delay": 60}), partial(make, options={"down": True}, retry_count=0)
    return Subject(make, slow=slow, broken=broken, fault=ServerError)


def ollama(get: Get) -> Subject:
    """Its own API, spoken by a scripted server, which follows no seed."""
    places = get("places")
    return Subject(
        make=made("ollama", "tiny", api_base=get("scripted")),
        slow=made("ollama", api_base=places.silent),
        broken=made("ollama", api_base=places.nobody, retry_count=0),
        fault=ConnectionFailed,
        calls="add 2 and 3",
        gives_json="Give me JSON",
        honours=ALL - {"seed"},
        cost=0.0,
    )


def transformers(get: Get) -> Subject:
    """A folder with a model; the tiny model of the fixtures, trained anew."""
    make = made("huggingface", str(get("folder")))
    return Subject(
        make=make,
        slow=lambda: make(max_tokens=450, options={"min_new_tokens": 450}),
        broken=made("huggingface", str(get("folder").with_name("none"))),
        fault=ModelNotFound,
        gives_json=None,
        honours=ALL,
        cost=0.0,
    )


def responses(get: Get) -> Subject:
    subject = served("openai", options={"api": "responses"})(get)
    return replace(
        subject, honours=frozenset({"max_tokens"}), refuses=frozenset({"seed", "stop_sequences"}), tells_cut=False
    )


def anthropic(get: Get) -> Subject:
    subject = served("anthropic", path="")(get)
    return replace(subject, honours=ALL - {"seed"}, refuses=frozenset({"seed"}))


needs_torch = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("transformers") is None, reason="torch and transformers are not installed"
)
ROWS = [
    pytest.param(echo, id="echo"),
    pytest.param(plugin, id="plugin"),
    pytest.param(local, id="local", marks=needs_llama),
    pytest.param(served("openai-compatible"), id="openai-compatible", marks=needs_llama),
    pytest.param(served("openai", options={"api": "chat"}), id="openai chat", marks=needs_llama),
    pytest.param(responses, id="openai responses", marks=needs_llama),
    pytest.param(anthropic, id="anthropic", marks=needs_llama),
    pytest.param(served("huggingface"), id="huggingface", marks=needs_llama),
    pytest.param(ollama, id="ollama"),
    pytest.param(transformers, id="transformers", marks=needs_torch),
]


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    """Where nobody answers, for all tests of this file."""
    with silent_server() as silent, nobody() as empty:
        yield Places(silent, empty)


@pytest.fixture(scope="module")
def llama() -> Iterator[tuple[str, str]]:
    """A llama.cpp server that talks, and one that makes vectors."""
    with llama_server() as talking, llama_server(embeddings=True) as vectors:
        yield talking, vectors


@pytest.fixture(scope="module")
def scripted() -> Iterator[str]:
    """A server with Ollama's API that knows what the tiny model knows."""
    with ollama_server() as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a folder for transformers."""
    made_in = tmp_path_factory.mktemp("models") / "tiny-qwen"
    subprocess.run([sys.executable, str(TINY.with_name("train.py")), str(made_in)], check=True, capture_output=True)
    return made_in


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
@pytest.mark.parametrize("row", ROWS)
async def test_every_provider_behaves(row, behaviour, request):
    """What a check of the list says holds for the provider of the row."""
    await behaviour(row(request.getfixturevalue))
