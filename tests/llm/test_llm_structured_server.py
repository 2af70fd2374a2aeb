"""Structured output from a real llama.cpp server: its grammar makes the answer fit, and where it has none, words do."""

from __future__ import annotations

from typing import Literal

import pytest
from llama_help import TINY, llama_server, needs_llama
from pydantic import BaseModel

from dknb.llm import create_llm_provider

pytestmark = needs_llama


class City(BaseModel):
    city: str
    population: int


class Mood(BaseModel):
    mood: Literal["good", "bad"]
    sure: bool


WIRES = {
    "chat": ("openai-compatible", "/v1", {}),
    "responses": ("openai", "/v1", {"api": "responses"}),
    "router": ("huggingface", "/v1", {}),
}


@pytest.fixture(scope="module")
def root():
    """The server's address, for all tests of this file."""
    with llama_server() as address:
        yield address


def at(root, wire):
    name, path, options = WIRES[wire]
    config = {"provider": name, "model": "tiny", "api_base": root + path, "api_key": "no-key", "temperature": 0}
    return create_llm_provider({**config, "max_tokens": 200, "reask_count": 0, "options": options})


# This server takes no schema on /v1/responses.
@pytest.mark.parametrize("wire", ["chat", "router"])
async def test_the_grammar_makes_answers_fit(root, wire):
    """A shape that the model never learned comes out all the same, at the first time of asking."""
    async with at(root, wire) as provider:
        response = await provider.complete("Hello", response_format=Mood)
    assert isinstance(response.parsed, Mood)
    assert "attempts" not in response.metadata


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stream_of_it_is_parsed(root, wire):
    """What the model learned to say fits a schema of it, and the pieces add up to it."""
    async with at(root, wire) as provider:
        pieces = [piece async for piece in provider.stream_complete("Give me JSON", response_format=City)]
    assert isinstance(pieces[-1].response.parsed, City)
    assert City.model_validate_json("".join(piece.delta for piece in pieces)) == pieces[-1].response.parsed


async def test_a_model_in_process_fits_too():
    """The same grammar, with no server."""
    async with create_llm_provider({"provider": "local", "model": str(TINY), "temperature": 0}) as provider:
        response = await provider.complete("Hello", response_format=Mood, max_tokens=200)
    assert isinstance(response.parsed, Mood)
