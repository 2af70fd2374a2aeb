"""VCR recordings as they are written in the wild: what is read of them, what is left out, and what is refused."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from dknb.errors import RecordingError
from dknb.llm import Recording, create_llm_provider
from dknb.llm.recordings.file import RecordingFile
from dknb.llm.recordings.vcr_import import import_vcr

CHAT = "https://api.openai.com/v1/chat/completions"
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Capital of France?"}], "temperature": 0}
REPLY = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Paris."}}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14},
}


def pair(request: Any = None, response: Any = None, *, uri: str = CHAT, status: int = 200) -> dict[str, Any]:
    """An interaction; what is given of request and response takes the place of the usual bodies."""
    usual = {"body": json.dumps(BODY)}, {"body": {"string": json.dumps(REPLY)}}
    return {
        "request": {"method": "POST", "uri": uri, "headers": {}, **(usual[0] if request is None else request)},
        "response": {
            "status": {"code": status, "message": "OK"},
            **(usual[1] if response is None else response),
            "headers": {"Date": ["Tue, 03 Mar 2026 10:00:00 GMT"], **(response or {}).get("headers", {})},
        },
    }


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def written(folder: Path, whole: Any, name: str = "cassette.yaml") -> Path:
    """A VCR file with this content."""
    path = folder / name
    path.write_text(whole if isinstance(whole, str) else yaml.safe_dump(whole))
    return path


async def answer(into: Path, spec: str = "openai/gpt-4o", ask: str = "Capital of France?", **how: Any) -> Any:
    """What the recording answers to a call made here."""
    provider = create_llm_provider(spec)
    with Recording(into, "replay"):
        return await provider.complete(ask, **({"temperature": 0.0} | how))


def gzipped(value: Any) -> bytes:
    return gzip.compress(json.dumps(value).encode())


VARIANTS = {
    "text": pair(),
    "parsed bodies": pair({"parsed_body": BODY}, {"parsed_body": REPLY}),
    "a compressed reply": pair(None, {"body": {"string": gzipped(REPLY)}, "headers": {"content-encoding": ["gzip"]}}),
    "a compressed request": pair({"body": gzipped(BODY)}, None),
    "a deflated reply": pair(
        None,
        {"body": {"string": zlib.compress(json.dumps(REPLY).encode())}, "headers": {"Content-Encoding": ["deflate"]}},
    ),
    "a reply that was decompressed but says otherwise": pair(
        None, {"body": {"string": json.dumps(REPLY)}, "headers": {"Content-Encoding": ["br"]}}
    ),
    "bodies in base64": pair(
        {"body": {"base64_string": base64.b64encode(json.dumps(BODY).encode()).decode()}},
        {"body": {"base64_string": base64.b64encode(json.dumps(REPLY).encode()).decode()}},
    ),
    "bodies of a type, with the time beside them": {
        "request": {"method": "POST", "uri": CHAT, "body": {"type": "json", "content": BODY}},
        "response": {"status": 200, "body": {"type": "json", "content": REPLY}},
        "recorded_at": "2026-03-03T11:00:00+01:00",
    },
    "an older stub of httpx": pair(None, {"status_code": 200, "content": json.dumps(REPLY)}),
}


@pytest.mark.parametrize("variant", VARIANTS)
async def test_bodies_are_read_however_they_are_written(tmp_path, into, variant):
    """The answer, its usage, its price and its time are those of the reply."""
    report = await import_vcr(written(tmp_path, {"version": 1, "interactions": [VARIANTS[variant]]}), into)
    assert (report.added, report.known, report.left_out) == (1, 0, [])
    response = await answer(into)
    assert (response.content, response.model, response.finish_reason) == ("Paris.", "gpt-4o-2024-08-06", "stop")
    assert response.usage["total_tokens"] == 14
    assert response.cost_usd > 0
    assert response.created_at.isoformat() == "2026-03-03T10:00:00+00:00"
    assert "duration_s" not in response.metadata


@pytest.mark.parametrize("layout", ["two lists", "JSON", "gzipped", "another name"])
async def test_files_are_read_however_they_are_laid_out(tmp_path, into, layout):
    """As vcrpy's own serializers write them, and as other projects vary them."""
    one = pair()
    whole = {"interactions": [one]}
    if layout == "two lists":
        path = written(tmp_path, {"requests": [one["request"]], "responses": [one["response"]]})
    elif layout == "JSON":
        path = written(tmp_path, json.dumps(whole), "cassette.json")
    elif layout == "gzipped":
        path = tmp_path / "cassette.yaml.gz"
        path.write_bytes(gzip.compress(yaml.safe_dump(whole).encode()))
    else:
        path = written(tmp_path, {"http_interactions": [one]})
    assert (await import_vcr(path, into)).added == 1
    assert (await answer(into)).content == "Paris."


async def test_equal_requests_become_samples_in_their_order(tmp_path, into):
    """And importing the same file again adds nothing."""
    replies = [{**REPLY, "choices": [{**REPLY["choices"][0], "message": {"content": text}}]} for text in ("one", "two")]
    path = written(tmp_path, {"interactions": [pair(None, {"parsed_body": reply}) for reply in replies]})
    await import_vcr(path, into)
    again = await import_vcr(path, into)
    assert (again.added, again.known) == (0, 2)
    provider = create_llm_provider("openai/gpt-4o")
    with Recording(into, "replay"):
        said = [(await provider.complete("Capital of France?", temperature=0.0)).content for _ in range(2)]
    assert said == ["one", "two"]


async def test_an_ollama_stream_of_lines_is_imported(tmp_path, into):
    """Its settings lie in ``options``, its stream is NDJSON."""
    body = {
        "model": "llama3.2",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "options": {"temperature": 0, "num_predict": 20},
        "keep_alive": "5m",
    }
    lines = [
        {"model": "llama3.2", "message": {"role": "assistant", "content": "Hel"}, "done": False},
        {"model": "llama3.2", "message": {"role": "assistant", "content": "lo"}, "done": False},
        {"model": "llama3.2", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop",
         "prompt_eval_count": 9, "eval_count": 2},
    ]  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    one = pair({"parsed_body": body}, {"body": {"string": text}}, uri="http://localhost:11434/api/chat")
    assert (await import_vcr(written(tmp_path, {"interactions": [one]}), into)).added == 1
    response = await answer(into, "ollama/llama3.2", "Hi", max_tokens=20, system_prompt="Be brief.")
    assert (response.content, response.usage["completion_tokens"]) == ("Hello", 2)


async def test_another_server_is_openai_compatible_unless_it_is_said_otherwise(tmp_path, into):
    """A proxy before OpenAI may be told to be OpenAI."""
    path = written(tmp_path, {"interactions": [pair(uri="https://llm.example.org/v1/chat/completions")]})
    await import_vcr(path, into)
    await import_vcr(path, into, "openai")
    provider = create_llm_provider(
        {"provider": "openai-compatible", "model": "gpt-4o", "api_base": "http://127.0.0.1:9"}
    )
    with Recording(into, "replay"):
        assert (await provider.complete("Capital of France?", temperature=0.0)).content == "Paris."
    assert (await answer(into)).content == "Paris."


LEFT_OUT = {
    "it is no call of a model": pair(uri="https://api.openai.com/v1/files"),
    "the server refused it (status 429)": pair(status=429),
    "compressed as 'br'": pair(None, {"body": {"string": b"\x21\x34\x20"}, "headers": {"content-encoding": ["br"]}}),
    "its request is not one of this API (KeyError: 'messages')": pair({"parsed_body": {"model": "m"}}, None),
    "its request is not one of this API (JSONDecodeError": pair({"body": "--multipart"}, None),
    "its reply is no answer (ValueError: there is no answer": pair(None, {"parsed_body": {**REPLY, "choices": []}}),
    "its reply is no answer (ValueError: the stream was cut": pair(
        None, {"body": {"string": 'data: {"choices": [{"index": 0, "delta": {"content": "Pa'}}
    ),
    "it is not written as VCR does (KeyError: 'method')": {"request": {"uri": CHAT}, "response": {}},
}


@pytest.mark.parametrize("why", LEFT_OUT)
async def test_what_cannot_be_imported_is_named_with_its_reason(tmp_path, into, why):
    """And does not keep the others out."""
    report = await import_vcr(written(tmp_path, {"interactions": [LEFT_OUT[why], pair()]}), into)
    ((number, _, reason),) = report.left_out
    assert (report.added, number) == (1, 1)
    assert why in reason


@pytest.mark.parametrize("header", ["authorization", "X-Goog-Api-Key", "Cookie", "Acme-Api-Key", "X-Auth-Token"])
async def test_no_secret_of_the_file_comes_along(tmp_path, into, monkeypatch, header):
    """Neither that of a header, nor one of this environment, nor what has the shape of a key."""
    monkeypatch.setenv("ACME_API_KEY", "acme-4711-very-secret")
    said = "Keys: plain-but-secret-key, acme-4711-very-secret, sk-proj-0123456789abcdefghij0123"
    body = {**BODY, "messages": [{"role": "user", "content": said}]}
    headers = {header: ["Bearer plain-but-secret-key"]}
    reply = {**REPLY, "choices": [{"finish_reason": "stop", "message": {"content": f"You said: {said}"}}]}
    await import_vcr(
        written(tmp_path, {"interactions": [pair({"parsed_body": body, "headers": headers}, {"parsed_body": reply})]}),
        into,
    )
    text = into.read_text()
    assert [secret for secret in said.removeprefix("Keys: ").split(", ") if secret in text] == []
    assert text.count("[removed]") == 6


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("just: a mapping\n", "is no VCR recording: it has no interactions"),
        ("- a\n- list\n", "is no VCR recording"),
        ("interactions: [unclosed\n", "cannot be read as YAML"),
        ("interactions:\n- !!python/object/apply:os.system ['true']\n", "cannot be read as YAML"),
        ("{broken json", "cannot be read as YAML"),
        ("interactions: " + "[" * 100_000, "nested deeper than 200 levels"),
    ],
)
async def test_another_file_is_refused(tmp_path, into, content, why):
    """With what is wrong with it; nothing in it is run, and no recording is made."""
    with pytest.raises(RecordingError, match=why):
        await import_vcr(written(tmp_path, content), into)
    assert not into.exists()


async def test_aliases_that_stand_for_too_much_are_refused(tmp_path, into):
    """Ten lines of aliases of aliases would take all memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(RecordingError, match="aliases stand for more"):
        await import_vcr(written(tmp_path, "\n".join([*lines, "interactions: *a9"])), into)


async def test_a_missing_file_is_named(tmp_path, into):
    """Before the recording is made."""
    with pytest.raises(RecordingError, match=r"none\.yaml cannot be read"):
        await import_vcr(tmp_path / "none.yaml", into)
    assert not into.exists()


async def test_what_is_imported_can_be_listed_whole(tmp_path, into):
    """The request is kept as ours, so that it can be shown, compared and asked again."""
    await import_vcr(written(tmp_path, {"interactions": [pair()]}), into)
    file = RecordingFile(into, writable=False)
    ((_, request),) = file.first_requests()
    file.close()
    assert request == {
        "kind": "complete",
        "provider": "openai",
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Capital of France?"}],
        "settings": {"temperature": 0},
    }
