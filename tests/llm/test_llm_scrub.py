"""Nothing in a recording tells a key, a cookie, an address, or whose account it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dknb.llm.recordings.recording import Recording
from dknb.llm.recordings.scrub import MARK, Scrubber, named_secrets, written_request

SECRET = "tiger-4711-in-the-tank"


def asking(**changes: Any) -> dict[str, Any]:
    """A request as the pipeline hands it over."""
    messages = [{"role": "user", "content": "Hello"}]
    return {"kind": "complete", "provider": "openai", "model": "gpt-5.4", "messages": messages, **changes}


def written(path: Path, request: dict[str, Any], response: dict[str, Any] | None = None, **more: Any) -> str:
    """The line that a recording writes for a call."""
    recording = Recording(path, "record")
    recording.take(request, more.pop("hide", ())).keep(response or {"content": "Hi"}, **more)
    recording.close()
    return path.read_text().splitlines()[1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


@pytest.mark.parametrize(
    "request_",
    [
        asking(options={"api_key": SECRET}),
        asking(options={"extra_headers": {"X-Anything": SECRET}}),
        asking(options={"default_headers": {"Authorization": f"Bearer {SECRET}"}}),
        asking(options={"extra_body": {"api_key": SECRET}}),
        asking(options={"extra_body": {"an_option_nobody_knows": {"deep": SECRET}}}),
        asking(options={"an_option_nobody_knows": {"deep": [SECRET]}}),
        asking(options={"organization": SECRET, "project": SECRET, "user": SECRET, "metadata": {"user_id": SECRET}}),
        asking(options={"reasoning": {"effort": "low", "access_token": SECRET}}),
        asking(settings={"user_id": SECRET, "a_setting_nobody_knows": SECRET}),
        asking(tools=[{"type": "mcp", "server_label": "x", "headers": {"X-Anything": SECRET}}]),
        asking(tools=[{"type": "mcp", "server_label": "x", "authorization": SECRET}]),
        asking(api_base=f"https://{SECRET}@box.example", cookies={"session": SECRET}, a_field_nobody_knows=SECRET),
    ],
)
def test_only_fields_of_the_tables_are_written(path, request_):
    """A secret that nobody announced is not written, wherever in the request it lies."""
    assert SECRET not in written(path, request_)


@pytest.mark.parametrize("variable", ["ACME_API_KEY", "HF_TOKEN", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "x_apikey"])
def test_a_key_of_the_environment_is_taken_out_of_texts(path, monkeypatch, variable):
    """Somebody pastes a key into a prompt, and the model repeats it."""
    monkeypatch.setenv(variable, SECRET)
    request = asking(messages=[{"role": "user", "content": f"My key is {SECRET}, keep it"}])
    line = json.loads(written(path, request, {"content": f"Your key: {SECRET}", "parts": [{"text": SECRET}]}))
    assert line["request"]["messages"][0]["content"] == f"My key is {MARK}, keep it"
    assert line["response"] == {"content": f"Your key: {MARK}", "parts": [{"text": MARK}]}


def test_the_key_of_the_call_is_taken_out_of_texts(path):
    """A key that was given in code is in no variable; the caller names it."""
    assert SECRET not in written(path, asking(), {"content": f"I see {SECRET}"}, hide=[SECRET])


def test_a_key_in_the_options_is_taken_out_of_texts_too(path):
    """What lies under the name of a secret is a secret everywhere."""
    request = asking(options={"extra_headers": {"Authorization": f"Bearer {SECRET}"}})
    assert SECRET not in written(path, request, {"content": f"I see {SECRET}"})


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-Abc123_def456-ghi789",
        "sk-ant-api03-AAAAAAAAAAAAAAAAAAAA1",
        "hf_AbcdefghijKLMNOPqrstuv",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "org-AbCdEf1234567890abcd",
    ],
)
def test_what_has_the_shape_of_a_key_is_taken_out(key):
    """A key that nobody knows of is recognised by its form."""
    assert Scrubber([]).clean({"text": f"it is {key}."}) == {"text": f"it is {MARK}."}


@pytest.mark.parametrize(
    "text", ["the sk-learn-contrib project", "max_tokens", "a task-oriented-dialogue-system", "hf_hub"]
)
def test_ordinary_words_stay(text):
    """What only looks a little like a key is text."""
    assert Scrubber([]).clean(text) == text


@pytest.mark.parametrize("value", ["", "1", "ollama", "not-needed", "lm-studio"])
def test_a_placeholder_for_a_key_is_no_secret(value):
    """Local servers want a key and do not look at it; words of answers must not vanish for that."""
    text = "Ask ollama or lm-studio; a key is not-needed (1)."
    assert Scrubber([value]).clean(text) == text


def test_a_secret_in_the_answer_is_not_kept_in_pieces(path):
    """Cut into the pieces of a stream, a secret would be recognised by nobody."""
    pieces = [(0.1, {"delta": f"It is {SECRET[:10]}"}), (0.2, {"delta": SECRET[10:]})]
    line = json.loads(written(path, asking(), {"content": f"It is {SECRET}"}, events=pieces, hide=[SECRET]))
    assert (line["response"]["content"], line["events"]) == (f"It is {MARK}", [])


def test_the_metadata_of_an_answer_says_nothing_about_the_account(path):
    """Request ids and organisations go; what was measured stays."""
    account = {"request_id": "req_17", "openai-organization": "acme", "headers": {"cf-ray": "1"}, "cookie": "c"}
    response = {"content": "Hi", "metadata": {"provider": "openai", "duration_s": 2.0, **account}}
    line = json.loads(written(path, asking(), response, events=[(0.1, response)]))
    kept = {"content": "Hi", "metadata": {"provider": "openai", "duration_s": 2.0}}
    assert line["response"] == kept
    assert line["events"] == [[0.1, kept]]


def test_what_decides_the_answer_is_written_as_it_was():
    """The tables let through what a reader of the file, or of a miss, wants to see."""
    request = asking(
        settings={"temperature": 0.5, "stop_sequences": ["END"], "logit_bias": {"50256": -100}},
        options={"reasoning": {"effort": "low"}, "extra_body": {"top_k": 5}},
        tools=[{"name": "login", "parameters": {"properties": {"password": {"type": "string"}}}}],
        tool_choice="auto",
    )
    assert written_request(request) == request


def test_an_argument_called_password_is_left_out_of_what_is_written():
    """A tool call of an earlier turn may carry a password."""
    call = {"name": "login", "arguments": {"user": "ada", "password": SECRET}}
    request = asking(messages=[{"role": "assistant", "content": "", "tool_calls": [call]}])
    assert written_request(request)["messages"][0]["tool_calls"] == [{"name": "login", "arguments": {"user": "ada"}}]


def test_named_secrets_are_found_at_any_depth():
    """Headers lie in options, and options in tools."""
    value = {"tools": [{"headers": {"X-Api-Key": "one"}}], "options": {"authorization": "Bearer two", "n": 3}}
    assert sorted(named_secrets(value)) == ["one", "two"]
