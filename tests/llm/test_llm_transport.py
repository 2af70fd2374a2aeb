"""What carries the requests."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import ssl
import sys

import httpx2
import pytest
from llm_server import Reply, nobody, serving, sized
from provider_help import KEY, provider_at, whole

from dknb.errors import BadRequest, ConfigError, ConnectionFailed, ServerError
from dknb.llm import create_llm_provider
from dknb.llm.wire.transport import AiohttpTransport, http_client, proxy_for

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def environment(monkeypatch):
    """An environment without proxies, to put some into."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "scheme", "host", "proxy"),
    [
        ({}, "https", "api.example", None),
        ({"HTTPS_PROXY": "http://proxy:8080"}, "https", "api.example", "http://proxy:8080"),
        ({"HTTPS_PROXY": "http://proxy:8080"}, "http", "api.example", None),
        ({"ALL_PROXY": "proxy:8080"}, "http", "api.example", "http://proxy:8080"),
        ({"HTTPS_PROXY": "http://proxy:8080", "NO_PROXY": "other.example,.example"}, "https", "api.example", None),
        ({"HTTP_PROXY": "http://proxy:8080"}, "http", "localhost", None),
        ({"HTTP_PROXY": "http://proxy:8080"}, "http", "127.0.0.1", None),
        ({"HTTP_PROXY": "http://proxy:8080"}, "http", "::1", None),
    ],
)
def test_the_environment_names_the_proxy(environment, variables, scheme, host, proxy):
    """For the scheme, or for all, unless the host is left out or on this machine."""
    for name, value in variables.items():
        environment.setenv(name, value)
    assert proxy_for(scheme, host) == proxy


async def test_requests_go_through_the_proxy(environment):
    """It is asked for the whole address; a server on this machine is asked itself."""
    async with serving(Reply(whole())) as proxy, serving(Reply(whole())) as local:
        environment.setenv("HTTP_PROXY", proxy.root)
        config = {"provider": "openai", "model": "m", "api_base": "http://models.example/v1", "api_key": KEY}
        async with create_llm_provider(config) as far, provider_at(local) as near:
            assert (await far.complete("hi")).content == "Hello"
            assert (await near.complete("hi")).content == "Hello"
    assert [one.path for one in proxy.asked] == ["http://models.example/v1/chat/completions"]
    assert [one.path for one in local.asked] == ["/v1/chat/completions"]


async def test_a_proxy_that_does_not_speak_http_is_an_error(environment):
    """It is named; nothing is sent around it."""
    environment.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    config = {"provider": "openai", "model": "m", "api_base": "http://models.example/v1", "api_key": KEY}
    async with create_llm_provider({**config, "retry_count": 0}) as provider:
        with pytest.raises(ConnectionFailed, match=r"socks5://127\.0\.0\.1:1080"):
            await provider.complete("hi")


def test_certificates_are_checked():
    """An address of the web is asked with the system's certificates, one without encryption needs none."""
    context = AiohttpTransport()._ssl
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True
    assert AiohttpTransport(certificates=False)._ssl is True


async def test_a_large_body_is_sent_whole():
    """As large as images are, without a warning."""
    async with serving(Reply(whole())) as server, provider_at(server) as provider:
        await provider.complete("x" * 3_000_000)
    assert len(server.asked[0].body["messages"][0]["content"]) == 3_000_000


async def test_half_a_character_is_sent_as_its_escape():
    """Models write half a pair of surrogates at times, and it comes back in the history."""
    async with serving(Reply(whole())) as server, provider_at(server) as provider:
        await provider.complete("half: \ud83d")
    assert server.asked[0].body["messages"][0]["content"] == "half: \ud83d"


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan")])
async def test_what_is_no_json_is_refused_before_it_is_sent(value):
    """The error says so, whatever option it was in."""
    async with serving(Reply(whole())) as server, provider_at(server, options={"metadata": value}) as provider:
        with pytest.raises(ConfigError, match="JSON"):
            await provider.complete("hi")
    assert server.asked == []


async def test_a_redirect_within_the_server_is_followed():
    """With the same method and body; where its status wants another method, it is not."""
    moved = Reply(b"", status=307, headers={"location": "/v2/chat/completions"})
    async with serving(moved, Reply(whole())) as server, provider_at(server) as provider:
        assert (await provider.complete("hi")).content == "Hello"
    assert [asked.path for asked in server.asked] == ["/v1/chat/completions", "/v2/chat/completions"]
    assert server.asked[0].body == server.asked[1].body
    moved.status = 303
    async with serving(moved) as server, provider_at(server) as provider:
        with pytest.raises(BadRequest, match="sends calls on to"):
            await provider.complete("hi")
    assert len(server.asked) == 1


@pytest.mark.parametrize("provider", ["openai", "anthropic", "openai-compatible", "huggingface", "ollama"])
async def test_neither_key_nor_words_go_to_another_server(provider):
    """Another port is another server; and who goes in circles is not followed for ever."""
    async with serving(Reply(whole())) as there, serving(Reply(b"")) as here:
        location = f"http://user:pw@127.0.0.1:{there.port}/v1?token=abc"
        here.replies = [Reply(b"", status=307, headers={"location": location})]
        async with provider_at(here, provider) as one:
            with pytest.raises(BadRequest, match="nothing was sent there") as caught:
                await one.complete("hi")
        assert "pw" not in str(caught.value)
        assert "abc" not in str(caught.value)
        here.replies, here.asked = [Reply(b"", status=307, headers={"location": "/again"})], []
        async with provider_at(here, provider) as one:
            with pytest.raises(BadRequest):
                await one.complete("hi")
    assert there.asked == []
    assert len(here.asked) == 5


@pytest.mark.parametrize(
    "host", ["localhost", "localhost.", "a.localhost", "127.9.9.9", "0.0.0.0", "::1", "[::1]", "::", "::ffff:127.0.0.1"]
)
def test_this_machine_is_not_reached_through_a_proxy(host, environment):
    """However it is written."""
    environment.setenv("http_proxy", "http://proxy.example:3128")
    assert proxy_for("http", host) is None
    assert proxy_for("http", "::ffff:192.0.2.1") == proxy_for("http", "box.example") == "http://proxy.example:3128"


def test_a_proxys_password_is_not_shown(environment):
    """Where it is of a kind that cannot be used."""
    environment.setenv("http_proxy", "socks5://user:hidden-word@proxy.example:1080")
    with pytest.raises(httpx2.ProxyError, match=r"socks5://proxy\.example:1080") as caught:
        proxy_for("http", "box.example")
    assert "hidden-word" not in str(caught.value)


async def test_a_reply_that_does_not_end_is_given_up(monkeypatch):
    """Packed or not: what came is kept, and memory is not."""
    monkeypatch.setattr("dknb.llm.wire.provider.MOST_BYTES", 100_000)
    body = json.dumps(whole()).encode()[:-1] + b" " * 50_000_000 + b"}"
    packed = Reply(gzip.compress(body, 1), headers={"content-encoding": "gzip"})
    for reply in (Reply(body[:200_000]), packed):
        async with serving(reply) as server, provider_at(server) as provider:
            with pytest.raises(ServerError, match="more than 0 MB") as caught:
                await provider.complete("hi")
        assert caught.value.partial.content == "Hello"


async def test_a_reply_packed_as_nobody_asked_is_an_error():
    """Only what can be unpacked bit by bit is asked for."""
    reply = Reply(whole(), headers={"content-encoding": "gzip, gzip"})
    async with serving(reply) as server, provider_at(server) as provider:
        with pytest.raises(ConnectionFailed, match="not asked for"):
            await provider.complete("hi")
    assert server.asked[0].headers["accept-encoding"] == "gzip, deflate"


async def test_hundreds_of_requests_have_connections_at_once():
    """None waits for another to end."""
    waiting, all_there = 0, asyncio.Event()

    async def answer(reader, writer):
        nonlocal waiting
        await reader.readuntil(b"\r\n\r\n")
        waiting += 1
        if waiting == 300:
            all_there.set()
        await all_there.wait()
        writer.write(sized(b"Hello", connection="close"))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with http_client(url) as client, asyncio.timeout(30):
        replies = await asyncio.gather(*[client.get(url) for _ in range(300)])
    server.close()
    assert {reply.text for reply in replies} == {"Hello"}


async def test_a_connection_that_the_server_closed_is_not_used_again():
    """The next call makes a new one, without an error in between."""
    script = [sized(b'{"choices": [{"message": {"content": "Hello"}}]}')]
    async with serving(script) as server, provider_at(server, retry_count=0) as provider:
        for _ in range(3):
            assert (await provider.complete("hi")).content == "Hello"
            await asyncio.sleep(0.05)
    assert (server.connections, len(server.asked)) == (3, 3)


@pytest.mark.parametrize(
    ("url", "kind"),
    [("{closed}/", httpx2.ConnectError), ("ftp://127.0.0.1/", httpx2.UnsupportedProtocol)],
)
async def test_errors_are_those_of_the_library_that_the_sdks_know(url, kind):
    """So that the SDKs make their own of them."""
    with nobody() as closed:
        async with http_client("http://127.0.0.1") as client:
            with pytest.raises(kind):
                await client.get(url.format(closed=closed))


async def test_a_provider_that_is_dropped_hangs_up_in_silence(caplog):
    """Nobody closes providers in a notebook; that is no reason for a message."""
    async with serving(Reply(whole())) as server:
        provider = provider_at(server)
        await provider.complete("hi")
        del provider
        gc.collect()
        await asyncio.wait_for(server.all_gone.wait(), 5)
    assert caplog.text == ""


@pytest.mark.parametrize("how", ["asyncio.run(provider.complete('hi'))", "SyncLLMProvider(provider).complete('hi')"])
async def test_a_script_that_closes_nothing_ends_in_silence(how):
    """Whichever loop the connections were on."""
    code = f"""
import asyncio
from dknb.llm import SyncLLMProvider, create_llm_provider
provider = create_llm_provider({{"provider": "openai", "model": "m", "api_base": BASE, "api_key": "k"}})
{how}
"""
    async with serving(Reply(whole())) as server:
        source = f"BASE = '{server.root}/v1'\n{code}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", source, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
    assert said == b""
    assert len(server.asked) == 1
