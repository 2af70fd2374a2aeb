"""Every recorded exchange as a VCR file would have it: imported, it answers the same call made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from llm_recorded import answer_in, answer_of, is_stream, recorded

from dknb.errors import ReplayMiss
from dknb.llm import LLMMessage, Recording, create_llm_provider
from dknb.llm.recordings.vcr_import import import_vcr

RECORDED = recorded()
HOSTS = {
    "openai": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "huggingface": "https://router.huggingface.co",
}
CALLS = [
    name
    for name, exchange in RECORDED.items()
    if exchange["status"] == 200 and exchange["path"].endswith(("/chat/completions", "/responses", "/messages"))
]
OTHERS = [name for name in RECORDED if name not in CALLS and RECORDED[name]["path"] != "/v1/embeddings"]

pytestmark = pytest.mark.skipif(not RECORDED, reason="the recorded exchanges (../shared/wire) are not here")


def vcr_file(path: Path, exchange: dict[str, Any]) -> Path:
    """The exchange as vcrpy writes it."""
    request = {
        "body": json.dumps(exchange["request"]) if exchange["request"] is not None else None,
        "headers": {"authorization": ["Bearer sk-test-0123456789abcdef0123"], "content-type": ["application/json"]},
        "method": exchange["method"],
        "uri": HOSTS[exchange["provider"]] + exchange["path"],
    }
    response = {
        "body": {"string": exchange["response"]},
        "headers": {"content-type": [exchange["content_type"]], "date": ["Tue, 03 Mar 2026 10:00:00 GMT"]},
        "status": {"code": exchange["status"], "message": "OK"},
    }
    path.write_text(yaml.safe_dump({"version": 1, "interactions": [{"request": request, "response": response}]}))
    return path


def provider_of(exchange: dict[str, Any]) -> Any:
    """A provider that would fail if it called."""
    return create_llm_provider(
        {
            "provider": exchange["provider"],
            "model": exchange["request"]["model"],
            "api_base": "http://127.0.0.1:9/v1",
            "api_key": "none",
            "options": {"api": "responses"} if exchange["path"].endswith("/responses") else {},
        }
    )


def call_of(exchange: dict[str, Any]) -> dict[str, Any]:
    """The arguments of ``complete`` that a user would write: settings by our names, the rest as options."""
    body = {name: value for name, value in exchange["request"].items() if name not in ("model", "stream")}
    body.pop("stream_options", None)
    messages = [LLMMessage.from_dict(item) for item in body.pop("messages", None) or body.pop("input")]
    for name in ("system", "instructions"):
        if name in body:
            messages.insert(0, LLMMessage("system", body.pop(name)))
    call = {"messages": messages, "tools": body.pop("tools", None), "tool_choice": body.pop("tool_choice", None)}
    for name in ("max_tokens", "response_format", "seed"):
        if name in body:
            call[name] = body.pop(name)
    return {**call, "options": body}


@pytest.mark.parametrize("name", CALLS)
async def test_an_imported_exchange_answers_the_same_call(tmp_path, name):
    """In a strict replay, with the text, the calls, the usage and the end that the vendor's reply had."""
    exchange = RECORDED[name]
    into = tmp_path / "answers.jsonl"
    report = await import_vcr(vcr_file(tmp_path / "cassette.yaml", exchange), into)
    assert (report.added, report.left_out) == (1, [])
    provider = provider_of(exchange)
    with Recording(into, "replay"):
        response = await provider.complete(**call_of(exchange))
    assert answer_of(response) == answer_in(exchange)
    assert response.metadata["replayed"] is True


@pytest.mark.parametrize("name", [name for name in CALLS if is_stream(RECORDED[name])])
async def test_an_imported_stream_comes_back_in_its_pieces(tmp_path, name):
    """Its pieces add up to the text."""
    exchange = RECORDED[name]
    into = tmp_path / "answers.jsonl"
    await import_vcr(vcr_file(tmp_path / "cassette.yaml", exchange), into)
    provider = provider_of(exchange)
    with Recording(into, "replay"):
        pieces = [piece async for piece in provider.stream_complete(**call_of(exchange))]
    assert "".join(piece.delta for piece in pieces) == answer_in(exchange)["text"]
    assert answer_of(pieces[-1].response) == answer_in(exchange)


@pytest.mark.parametrize("name", CALLS)
async def test_another_question_is_not_answered(tmp_path, name):
    """One word more, and the imported entry is only the nearest."""
    exchange = RECORDED[name]
    into = tmp_path / "answers.jsonl"
    await import_vcr(vcr_file(tmp_path / "cassette.yaml", exchange), into)
    call = call_of(exchange)
    provider = provider_of(exchange)
    with Recording(into, "replay"), pytest.raises(ReplayMiss, match="The nearest one"):
        await provider.complete(**{**call, "messages": [*call["messages"], LLMMessage("user", "Please.")]})


async def test_imported_vectors_answer_the_same_call(tmp_path):
    """Whether they came as numbers or as base64."""
    exchange = RECORDED["openai-embeddings-json-00"]
    into = tmp_path / "answers.jsonl"
    await import_vcr(vcr_file(tmp_path / "cassette.yaml", exchange), into)
    provider = provider_of(exchange)
    texts = exchange["request"]["input"]
    with Recording(into, "replay"):
        vectors = await provider.embed(texts if isinstance(texts, list) else [texts])
    assert len(vectors) == len(json.loads(exchange["response"])["data"])
    assert all(isinstance(value, float) for value in vectors[0])


@pytest.mark.parametrize("name", OTHERS)
async def test_what_is_no_call_of_a_model_is_named(tmp_path, name):
    """A list of models, a count of tokens and a refusal are left out, and said to be."""
    exchange = RECORDED[name]
    report = await import_vcr(vcr_file(tmp_path / "cassette.yaml", exchange), tmp_path / "answers.jsonl")
    assert report.added == 0
    ((number, what, why),) = report.left_out
    assert (number, what) == (1, f"{exchange['method']} {exchange['path']}")
    assert "refused" in why if exchange["status"] != 200 else "no call of a model" in why
