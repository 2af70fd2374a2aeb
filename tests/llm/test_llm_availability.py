"""What can be used right now: keys, packages, and an Ollama server that answers, is none, hangs, or is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import llm_server
import pytest
from llm_server import HANG, Raw, Reply, serving

from dknb.llm.providers import availability
from dknb.llm.providers.availability import Availability, ollama_url, usable_models

SECRET = "sk-tiger-4711-in-the-tank"


@asynccontextmanager
async def server(reply: Reply | Raw) -> AsyncIterator[str]:
    """A server on loopback that answers alike for ever; yields its ``host:port``."""
    async with serving(reply) as fake:
        yield f"127.0.0.1:{fake.port}"
    assert {asked.path for asked in fake.asked} == {"/api/tags"}


@pytest.fixture
def nobody() -> Iterator[str]:
    """A ``host:port`` at which nobody listens."""
    with llm_server.nobody() as url:
        yield url.removeprefix("http://")


async def rows(environment: dict[str, str], **how: float) -> dict[str, Availability]:
    """The rows by provider."""
    return {row.provider: row for row in await usable_models(environment, **how)}


async def ollama(host: str, **how: float) -> Availability:
    """Ollama's row."""
    return (await rows({"OLLAMA_HOST": host}, **how))["ollama"]


async def test_every_provider_has_a_row(nobody):
    """Also those that cannot be used; Echo always can."""
    found = await rows({"OLLAMA_HOST": nobody})
    assert list(found)[:6] == ["echo", "openai", "anthropic", "ollama", "huggingface", "local"]
    assert [row.usable for row in found.values()][:6] == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY"), ("huggingface", "HF_TOKEN")],
)
async def test_a_key_makes_a_vendor_usable_and_is_never_shown(nobody, provider, variable):
    """Whether it is set is said; nothing of it is."""
    missing = (await rows({"OLLAMA_HOST": nobody, variable: " "}))[provider]
    assert (missing.usable, missing.reason) == (False, f"{variable} is not set")
    assert missing.hint == f"Set the key before Jupyter starts:  export {variable}=..."
    there = (await rows({"OLLAMA_HOST": nobody, variable: SECRET}))[provider]
    assert (there.usable, there.reason, there.hint) == (True, f"{variable} is set", "")
    assert "tank" not in repr(there)


async def test_vendors_list_a_few_models_without_being_asked(nobody):
    """From the tables; no network is touched."""
    found = await rows({"OLLAMA_HOST": nobody})
    assert all(name.startswith("gpt-") for name in found["openai"].models)
    assert all(name.startswith("claude-") for name in found["anthropic"].models)
    assert len(found["openai"].models) == len(found["anthropic"].models) == 6


async def test_a_package_that_is_missing_is_named(nobody, monkeypatch):
    """With the command that installs it."""
    monkeypatch.setattr(availability, "find_spec", lambda name: None)
    row = (await rows({"OLLAMA_HOST": nobody, "ANTHROPIC_API_KEY": SECRET}))["anthropic"]
    assert (row.usable, row.reason) == (False, "the package 'anthropic' is not installed")
    assert row.hint == "Install it:  pip install anthropic"


async def test_a_login_of_hugging_face_is_as_good_as_a_token(nobody, tmp_path):
    """Where their command line leaves it; the variable is named where it is set."""
    (tmp_path / "token").write_text("hf_secret")
    row = (await rows({"OLLAMA_HOST": nobody, "HF_HOME": str(tmp_path)}))["huggingface"]
    assert (row.usable, row.reason) == (True, "hf auth login has been run")
    row = (await rows({"OLLAMA_HOST": nobody, "HF_HOME": str(tmp_path), "HF_TOKEN": SECRET}))["huggingface"]
    assert (row.usable, row.reason) == (True, "HF_TOKEN is set")


async def test_an_ollama_server_tells_its_models():
    """Their names, as it spells them."""
    models = [{"name": "llama3.2:latest"}, {"name": "qwen3:0.6b"}]
    async with server(Reply({"models": models})) as host:
        row = await ollama(host)
    assert row == Availability(
        "ollama", True, f"the server at http://{host} answers", models=("llama3.2:latest", "qwen3:0.6b")
    )


async def test_an_ollama_server_without_models_says_how_to_get_one():
    """It answers, but there is nothing to use."""
    async with server(Reply({"models": []})) as host:
        row = await ollama(host)
    assert (row.usable, row.reason) == (False, f"the server at http://{host} has no models")
    assert row.hint == "Get one:  ollama pull llama3.2"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Reply(b"<html>Hello</html>", content_type="text/html; charset=utf-8"), "it answers with text/html, not"),
        (Reply(["no", "models"]), "it answers with application/json, not with a list of models"),
        (Reply({}, 502), "it answers with status 502"),
    ],
)
async def test_what_is_no_ollama_server_is_not_taken_for_one(answer, reason):
    """Something else may listen at that port."""
    async with server(answer) as host:
        row = await ollama(host)
    assert not row.usable
    assert row.reason.startswith(f"what listens at http://{host} is not Ollama: {reason}")


async def test_a_server_that_hangs_is_given_up():
    """A display must not wait for it."""
    async with server([HANG]) as host:
        row = await ollama(host, timeout=0.1)
    assert (row.usable, row.reason) == (False, f"http://{host} does not answer within 0.1 s")


async def test_where_nobody_listens_the_hint_says_how_to_start(nobody):
    """The usual case of somebody without Ollama."""
    row = await ollama(nobody)
    assert (row.usable, row.reason) == (False, f"there is no server at http://{nobody}")
    assert row.hint.startswith("Start it:  ollama serve")


async def test_a_host_that_is_no_address_is_a_row_too():
    """A slip in a variable must not hide the other providers."""
    row = await ollama("127.0.0.1:port")
    assert (row.usable, row.reason) == (False, "OLLAMA_HOST is not an address")


async def test_a_proxy_is_not_asked_for_a_server_on_this_machine(monkeypatch, nobody):
    """Proxies are for the world outside."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{nobody}")
    async with server(Reply({"models": [{"name": "llama3.2"}]})) as host:
        row = await ollama(host)
    assert row.models == ("llama3.2",)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("127.0.0.1:11500", "http://127.0.0.1:11500"),
        ("box.example", "http://box.example:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:11500", "http://127.0.0.1:11500"),
        (":11500", "http://127.0.0.1:11500"),
        ("::1", "http://[::1]:11434"),
        ("[::]:11500", "http://[::1]:11500"),
        ("http://box.example:99", "http://box.example:99"),
        ("http://box.example", "http://box.example:80"),
        ("https://box.example/ollama/", "https://box.example:443/ollama"),
        ("http://user:password@box.example:99", "http://box.example:99"),
        (' "box.example:99" ', "http://box.example:99"),
    ],
)
def test_every_way_to_write_the_host_is_understood(host, url):
    """As Ollama itself reads the variable."""
    assert ollama_url(host) == url
