"""Structured output: what is asked for, what comes back, and what happens when it does not fit."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import Literal

import pytest
from llm_server import Reply, stream
from provider_help import CLAUDE, DONE, ask, chunk, streamed, whole
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from dknb.errors import BadRequest, ConfigError, RateLimited, StructuredOutputError
from dknb.llm import EchoProvider, LLMConfig, LLMResponse, RawPart, Recording, SyncLLMProvider, TextPart, ToolCall
from dknb.llm.answers.answer_shape import canonical_format


class City(BaseModel):
    """A city."""

    name: str
    population: int = Field(ge=0)
    tags: list[str] = []


@dataclass
class Point:
    x: int
    y: int


class Pair(TypedDict):
    left: str
    right: str


SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "minLength": 2}}, "required": ["name"]}
PARIS = '{"name": "Paris", "population": 2}'
WRONG = '{"name": "Paris", "population": -2}'
FAULT = "$.population: Input should be greater than or equal to 0 (got -2)"
ADD = {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}


def echo(*replies, **settings):
    return EchoProvider(LLMConfig("echo", **settings)).set_responses(replies)


@pytest.mark.parametrize(
    ("wanted", "said", "parsed"),
    [
        (City, PARIS, City(name="Paris", population=2)),
        (list[City], json.dumps({"value": [json.loads(PARIS)]}), [City(name="Paris", population=2)]),
        (list[City], f"[{PARIS}]", [City(name="Paris", population=2)]),
        (Point, '{"x": 1, "y": 2}', Point(1, 2)),
        (Pair, '{"left": "a", "right": "b"}', {"left": "a", "right": "b"}),
        (Literal["a", "b"], '{"value": "b"}', "b"),
        (City | None, '{"value": null}', None),
        (int, "7", 7),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (SCHEMA, '{"name": "Bo"}', {"name": "Bo"}),
        ({"type": "array", "items": {"type": "integer"}}, '{"value": [1, 2]}', [1, 2]),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}, '{"name": "Bo"}', {"name": "Bo"}),
        ({"type": "json_object"}, '{"any": 1}', {"any": 1}),
        ("json", "[1, 2]", [1, 2]),
    ],
)
async def test_an_answer_is_parsed_into_what_was_asked_for(wanted, said, parsed):
    """Models, other types, schemas, the vendors' dicts, and any JSON."""
    response = await echo(said).complete("hi", response_format=wanted)
    assert response.parsed == parsed
    assert "attempts" not in response.metadata


@pytest.mark.parametrize(
    "said",
    [f"Sure! Here it is:\n```json\n{PARIS}\n```", "{'name': 'Paris', 'population': 2,}", f'{{"example": 1}} {PARIS}'],
)
async def test_an_answer_is_repaired(said):
    """JSON in prose, with faults, or after other JSON is taken, and the answer says so."""
    response = await echo(said).complete("hi", response_format=City)
    assert response.parsed == City(name="Paris", population=2)
    assert len(response.metadata.get("attempts", ())) < 2


async def test_an_answer_that_does_not_fit_is_asked_for_again():
    """The model sees its answer and the faults; usage and price of both are in the answer."""
    seen = []

    def say(messages):
        seen.append([message.content for message in messages])
        return LLMResponse(PARIS if len(seen) > 1 else WRONG, usage={"total_tokens": 5}, cost_usd=0.25)

    response = await EchoProvider().set_response_function(say).complete("hi", response_format=City)
    assert response.parsed == City(name="Paris", population=2)
    assert (response.content, response.usage, response.cost_usd) == (PARIS, {"total_tokens": 10}, 0.5)
    assert [attempt["errors"] for attempt in response.metadata["attempts"]] == [[FAULT], []]
    assert [attempt["cost_usd"] for attempt in response.metadata["attempts"]] == [0.25, 0.25]
    assert seen[0] == ["hi"]
    assert seen[1][:2] == ["hi", WRONG]
    assert FAULT in seen[1][2]
    assert '"population"' in seen[1][2]


@pytest.mark.parametrize(("reasks", "asked"), [(None, 3), (0, 1), (1, 2)])
async def test_the_times_of_asking_are_bounded(reasks, asked):
    """``reask_count`` is 2 by default; then the error holds the answer that was paid for, and never a ``parsed``."""
    provider = echo(*[LLMResponse(WRONG, usage={"total_tokens": 5}) for _ in range(9)])
    settings = {} if reasks is None else {"reask_count": reasks}
    with pytest.raises(StructuredOutputError) as caught:
        await provider.complete("hi", response_format=City, **settings)
    error = caught.value
    assert (error.reason, error.errors) == ("invalid", (FAULT,))
    assert (error.partial.content, error.partial.usage, error.partial.parsed) == (
        WRONG,
        {"total_tokens": 5 * asked},
        None,
    )
    assert FAULT in str(error)
    assert (error.provider, error.model) == ("echo", "echo")


@pytest.mark.parametrize("finish", ["length", "max_tokens", "max_output_tokens"])
async def test_a_cut_answer_says_that_it_was_cut(finish):
    """It is neither repaired nor asked for again; the hint is about max_tokens."""
    provider = echo(LLMResponse('{"name": "Paris", "population": 2, "tags": ["a', finish_reason=finish), PARIS)
    with pytest.raises(StructuredOutputError, match="cut") as caught:
        await provider.complete("hi", response_format=City)
    assert (caught.value.reason, "max_tokens" in caught.value.hint) == ("cut", True)


async def test_an_answer_that_ends_at_the_limit_counts_if_it_is_whole():
    """A finish reason alone does not make an answer wrong."""
    response = await echo(LLMResponse(PARIS, finish_reason="length")).complete("hi", response_format=City)
    assert response.parsed == City(name="Paris", population=2)


@pytest.mark.parametrize(
    "refusal",
    [
        LLMResponse("I can't.", parts=[RawPart({"type": "refusal", "refusal": "I can't."})]),
        LLMResponse("I can't.", finish_reason="refusal"),
        LLMResponse("I can't.", finish_reason="content_filter"),
    ],
)
async def test_a_refusal_says_so(refusal):
    """It is no invalid JSON, and is not asked for again."""
    with pytest.raises(StructuredOutputError, match="refused to answer: I can't") as caught:
        await echo(refusal, PARIS).complete("hi", response_format=City)
    assert caught.value.reason == "refused"


async def test_a_tool_call_is_no_answer_yet():
    """It is given as it is; what follows the tool's result is validated."""
    call = LLMResponse("", tool_calls=[ToolCall("add", {"a": 1}, "c1")])
    provider = echo(call, PARIS)
    first = await provider.complete("hi", tools=[ADD], response_format=City)
    assert (first.parsed, first.tool_calls[0].name) == (None, "add")
    assert (await provider.complete("hi", tools=[ADD], response_format=City)).parsed == City(name="Paris", population=2)


async def test_what_is_asked_again_may_fail():
    """The error is of the shape, holds the answer, and says why; the failure is its cause."""
    with pytest.raises(StructuredOutputError, match="Asking again failed: too many") as caught:
        await echo(WRONG, RateLimited("too many", status=400)).complete("hi", response_format=City)
    assert caught.value.partial.content == WRONG
    assert isinstance(caught.value.__cause__, RateLimited)


async def test_a_stream_ends_with_the_parsed_answer():
    """The pieces are as without a format."""
    pieces = [piece async for piece in echo(PARIS).stream_complete("hi", response_format=City)]
    assert "".join(piece.delta for piece in pieces) == PARIS
    assert pieces[-1].response.parsed == City(name="Paris", population=2)


async def test_a_stream_says_before_it_asks_again():
    """No text comes twice: a piece names the faults, and the last piece has the better answer."""
    pieces = [piece async for piece in echo(WRONG, PARIS).stream_complete("hi", response_format=City)]
    assert "".join(piece.delta for piece in pieces) == WRONG
    assert [piece.metadata["reask"] for piece in pieces if "reask" in piece.metadata and not piece.is_final] == [
        [FAULT]
    ]
    assert pieces[-1].response.content == PARIS
    assert pieces[-1].response.parsed.population == 2


def test_the_sync_face_parses_too():
    """And a callback, for which the answer streams, changes nothing."""
    provider = SyncLLMProvider(echo(PARIS, PARIS, response_format=City))
    assert provider.complete("hi").parsed == City(name="Paris", population=2)
    assert provider.complete("hi", stream_callback=lambda piece: None).parsed == City(name="Paris", population=2)


def test_a_response_keeps_parsed_as_data():
    """``to_dict`` holds JSON data, ``from_dict`` gives that back, and equality does not look at it."""
    response = LLMResponse(PARIS, parsed=City(name="Paris", population=2))
    data = json.loads(json.dumps(response.to_dict()))
    assert data["parsed"] == {"name": "Paris", "population": 2, "tags": []}
    assert LLMResponse.from_dict(data).parsed == data["parsed"]
    assert response == LLMResponse(PARIS, created_at=response.created_at)


def test_a_config_with_a_class_stays_data():
    """``to_dict`` is JSON; pickling keeps the class."""
    config = LLMConfig("echo", response_format=City)
    assert json.loads(json.dumps(config.to_dict()))["response_format"] == canonical_format(City)
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (City(name="a", population=1), "no format"),
        (7, "no format"),
        ({}, "no format"),
        ("jsn", "Did you mean 'json'"),
        ({"type": "objct"}, "Did you mean 'object'"),
    ],
)
def test_what_is_no_format_is_refused(wanted, message):
    """When the setting is made, saying what may be given."""
    with pytest.raises(ConfigError, match=message) as caught:
        LLMConfig("echo", response_format=wanted)
    assert "response_format=City" in caught.value.hint or "pydantic model" in caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (EchoProvider, "has no JSON Schema"),
        ({"type": "object", "properties": 3}, "is no JSON Schema"),
        ({"$ref": "https://example.com/other.json"}, "refers to what it has not"),
    ],
)
async def test_a_schema_that_is_none_is_refused(wanted, message):
    """Before anything is sent, or without fetching anything."""
    with pytest.raises(ConfigError, match=message):
        await echo(PARIS).complete("hi", response_format=wanted)


async def test_each_time_of_asking_is_recorded(tmp_path):
    """A replay gives the same answer from the same two entries, with nobody to ask."""
    path = tmp_path / "answers.jsonl"
    settings = {"provider": "openai-compatible", "response_format": City}
    with Recording(path):
        first, server = await ask(Reply(whole(WRONG)), Reply(whole(PARIS)), **settings)
    with Recording(path, "replay"):
        again, _ = await ask(Reply(status=500), **settings)
    assert len(server.asked) == 2
    assert len(path.read_text().splitlines()) >= 2
    assert (again.parsed, again.usage) == (first.parsed, first.usage)
    assert again.usage["total_tokens"] == 6


REFUSED = Reply(
    {"error": {"message": "Invalid parameter: 'response_format' of type 'json_schema' is not supported"}}, 400
)


async def test_a_server_without_schemas_has_its_model_told(tmp_path):
    """A refusal of the format is followed by the schema in words; the recording knows only the request as it was made."""
    settings = {"provider": "openai-compatible", "response_format": City, "system_prompt": "Be kind."}
    with Recording(tmp_path / "answers.jsonl"):
        response, server = await ask(REFUSED, Reply(whole(PARIS)), **settings)
    with Recording(tmp_path / "answers.jsonl", "replay"):
        again, _ = await ask(Reply(status=500), **settings)
    assert response.parsed == again.parsed == City(name="Paris", population=2)
    first, second = (request.body for request in server.asked)
    assert first["response_format"] == canonical_format(City)
    assert "response_format" not in second
    assert second["messages"][0]["content"].startswith("Be kind.\n\nAnswer with JSON only")
    assert '"population"' in second["messages"][0]["content"]


async def test_another_refusal_is_no_reason_to_tell():
    """Only a refusal that is about the format is."""
    with pytest.raises(BadRequest, match="temperature"):
        await ask(Reply({"error": {"message": "temperature is too high"}}, 400), response_format=City, model="gpt-5")


async def test_a_stream_is_told_too():
    """Before its first piece, a refused format is no failure."""
    said = stream(chunk(PARIS), chunk(finish="stop"), DONE)
    pieces, server = await streamed(REFUSED, said, provider="openai-compatible", response_format=City)
    assert pieces[-1].response.parsed == City(name="Paris", population=2)
    assert "response_format" not in server.asked[1].body


@pytest.mark.parametrize(
    ("settings", "native"),
    [
        ({"provider": "openai", "model": "gpt-4o", "options": {"api": "chat"}}, True),
        ({"provider": "openai", "model": "gpt-4-turbo", "options": {"api": "chat"}}, False),
        ({"provider": "openai", "model": "gpt-3.5-turbo", "options": {"api": "chat"}}, False),
        ({"provider": "huggingface", "model": "a/b"}, True),
    ],
)
async def test_models_without_a_mode_are_told(settings, native):
    """Which have one is data; the others find the schema in the system prompt."""
    _, server = await ask(Reply(whole(PARIS)), response_format=City, **settings)
    body = server.asked[0].body
    assert body.get("response_format") == (canonical_format(City) if native else None)
    assert ("JSON Schema" in json.dumps(body["messages"])) is not native


@pytest.mark.parametrize(("model", "native"), [("claude-sonnet-4-5", True), ("claude-3-haiku-20240307", False)])
async def test_anthropic_takes_schemas_where_the_model_does(model, native):
    """As ``output_config``, with bounds in words and beside other options of it; older models are told."""
    said = Reply({**CLAUDE, "content": [{"type": "text", "text": PARIS}]})
    options = {"output_config": {"effort": "low"}}
    response, server = await ask(said, provider="anthropic", model=model, response_format=City, options=options)
    body = server.asked[0].body
    assert response.parsed == City(name="Paris", population=2)
    assert body["output_config"]["effort"] == "low"
    assert ("format" in body["output_config"]) is native
    if native:
        population = body["output_config"]["format"]["schema"]["properties"]["population"]
        assert (population.get("minimum"), population["description"]) == (None, "(minimum: 0)")
    else:
        assert "JSON Schema" in body["system"]


async def test_any_json_is_told_where_there_is_no_mode():
    """Anthropic has none without a schema."""
    said = Reply({**CLAUDE, "content": [{"type": "text", "text": PARIS}]})
    response, server = await ask(said, provider="anthropic", response_format="json")
    assert response.parsed["name"] == "Paris"
    assert "Answer with JSON only" in server.asked[0].body["system"]


async def test_the_responses_api_takes_the_schema_as_text_format():
    """Flat, as that API has it."""
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": PARIS}]}
    said = Reply({"id": "r", "status": "completed", "model": "gpt-5", "output": [item]})
    response, server = await ask(said, model="gpt-5", options={"api": "responses"}, response_format=City)
    assert response.parsed == City(name="Paris", population=2)
    assert server.asked[0].body["text"]["format"] == {"type": "json_schema", **canonical_format(City)["json_schema"]}


async def test_text_and_then_a_refusal_in_a_stream_is_a_refusal():
    """The refusal is in the answer as in a whole one, with its likelihoods, and the text before it too."""
    piece = {"token": "No", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    no = {"delta": {"refusal": "No."}, "index": 0, "logprobs": {"refusal": [piece]}}
    chunks = (chunk('{"name": '), {"model": "m-1", "choices": [no]}, chunk(finish="stop"), DONE)
    pieces, _ = await streamed(stream(*chunks))
    assert "".join(piece.delta for piece in pieces) == pieces[-1].response.content == '{"name": No.'
    assert pieces[-1].response.parts == [TextPart('{"name": '), RawPart({"type": "refusal", "refusal": "No."})]
    assert [token.token for token in pieces[-1].response.logprobs] == ["No"]
    with pytest.raises(StructuredOutputError) as caught:
        await streamed(stream(*chunks), response_format=City)
    assert caught.value.reason == "refused"


async def test_a_chunk_may_bring_pieces_of_two_answers():
    """Each goes on with its own."""

    def both(one: str, other: str) -> dict:
        return {"model": "m", "choices": [{"index": n, "delta": {"content": t}} for n, t in enumerate((one, other))]}

    pieces, _ = await streamed(stream(both("a", "x"), both("b", "y"), chunk(finish="stop"), DONE))
    assert pieces[-1].response.content == "ab"
    assert [choice["content"] for choice in pieces[-1].response.metadata["choices"]] == ["xy"]


async def test_an_option_beside_the_schema_leaves_it_there():
    """The responses API has both under ``text``."""
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": PARIS}]}
    said = Reply({"id": "r", "status": "completed", "model": "gpt-5", "output": [item]})
    options = {"api": "responses", "text": {"verbosity": "low"}}
    _, server = await ask(said, model="gpt-5", options=options, response_format=City)
    assert server.asked[0].body["text"]["verbosity"] == "low"
    assert server.asked[0].body["text"]["format"]["type"] == "json_schema"


async def test_a_draft_is_not_the_answer():
    """That a model thought about in its text."""
    said = f'<think>{{"name": "Rome", "population": 1}}</think>\n{PARIS}'
    response = await echo(LLMResponse(said)).complete("hi", response_format=City)
    assert response.parsed == City(name="Paris", population=2)
