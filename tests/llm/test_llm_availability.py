"""What can be used right now: keys, packages, and an Ollama server that answers, is none, hangs, or is not there."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dknb.llm.providers import availability
from dknb.llm.providers.availability import Availability, ollama_url, usable_models

SECRET = "sk-tiger-4711-in-the-tank"


@contextmanager
def server(body: bytes = b"", content_type: str = "application/json", status: int = 200, hang: bool = False):
    """A server on loopback that answers every GET alike; yields its ``host:port``."""
    go_on = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if hang:
                go_on.wait(10)
                return
            self.send_response(status if self.path == "/api/tags" else 404)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Tests are quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.server_address[1]}"
    finally:
        go_on.set()
        listening.shutdown()
        listening.server_close()
        thread.join()


@pytest.fixture
def nobody() -> Iterator[str]:
    """A ``host:port`` at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


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
    body = json.dumps({"models": [{"name": "llama3.2:latest"}, {"name": "qwen3:0.6b"}]}).encode()
    with server(body) as host:
        row = await ollama(host)
    assert row == Availability(
        "ollama", True, f"the server at http://{host} answers", models=("llama3.2:latest", "qwen3:0.6b")
    )


async def test_an_ollama_server_without_models_says_how_to_get_one():
    """It answers, but there is nothing to use."""
    with server(b'{"models": []}') as host:
        row = await ollama(host)
    assert (row.usable, row.reason) == (False, f"the server at http://{host} has no models")
    assert row.hint == "Get one:  ollama pull llama3.2"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": b"<html>Hello</html>", "content_type": "text/html; charset=utf-8"}, "it answers with text/html, not"),
        ({"body": b'["no", "models"]'}, "it answers with application/json, not with a list of models"),
        ({"body": b"{}", "status": 502}, "it answers with status 502"),
    ],
)
async def test_what_is_no_ollama_server_is_not_taken_for_one(answer, reason):
    """Something else may listen at that port."""
    with server(**answer) as host:
        row = await ollama(host)
    assert not row.usable
    assert row.reason.startswith(f"what listens at http://{host} is not Ollama: {reason}")


async def test_a_server_that_hangs_is_given_up():
    """A display must not wait for it."""
    with server(hang=True) as host:
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
    with server(b'{"models": [{"name": "llama3.2"}]}') as host:
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
