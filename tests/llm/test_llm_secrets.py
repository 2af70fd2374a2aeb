"""Keys go where they were meant to go, and show nowhere."""

from __future__ import annotations

import pytest
from llm_server import Reply, serving
from provider_help import CLAUDE, KEY, provider_at, whole

from dknb.errors import AuthenticationError, BadRequest, ConfigError
from dknb.llm import LLMConfig, create_llm_provider
from dknb.llm.wire.hosts import is_of, is_open_road, origin, without_secrets

VARIABLES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "HF_TOKEN")
GATEWAY = "gateway-secret-98765"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """An environment without keys."""
    for name in (*VARIABLES, "OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "openai-compatible"])
async def test_the_environments_headers_are_for_the_vendor(provider, monkeypatch):
    """An address that the caller gave gets the caller's own headers only."""
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Gateway: {GATEWAY}")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Gateway: {GATEWAY}")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    reply = Reply(CLAUDE if provider == "anthropic" else whole())
    options = {"extra_headers": {"X-Own": "own"}} | ({} if provider == "anthropic" else {"organization": "org-given"})
    async with serving(reply) as server, provider_at(server, provider, options=options) as one:
        await one.complete("hi")
    headers = server.asked[0].headers
    assert GATEWAY not in str(headers)
    assert headers["x-own"] == "own"
    assert headers.get("openai-organization") == options.get("organization")


async def test_headers_of_the_environment_go_to_the_environments_address(monkeypatch):
    """Both are of one hand."""
    async with serving(Reply(whole())) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.root}/v1")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Gateway: {GATEWAY}")
        async with create_llm_provider({"provider": "openai", "model": "m", "api_key": KEY}) as one:
            await one.complete("hi")
    assert server.asked[0].headers["x-gateway"] == GATEWAY


async def test_the_hubs_token_stays_with_the_hub(monkeypatch):
    """An endpoint elsewhere gets the key that was given for it, or none, and needs none."""
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment_0123456789")
    async with serving(Reply(whole())) as server:
        async with provider_at(server, "huggingface", api_key=None) as one:
            assert (await one.complete("hi")).content == "Hello"
        async with provider_at(server, "huggingface") as one:
            await one.complete("hi")
    assert "authorization" not in server.asked[0].headers
    assert server.asked[1].headers["authorization"] == f"Bearer {KEY}"
    for base in ("https://x.eu.endpoints.huggingface.cloud/v1", "https://router.huggingface.co/v1", None):
        config = {"provider": "huggingface", "model": "m", "api_base": base}
        assert create_llm_provider(config)._key() == "hf_of_the_environment_0123456789"
    for base in ("https://huggingface.co.evil.example/v1", "http://router.huggingface.co/v1"):
        assert create_llm_provider({"provider": "huggingface", "model": "m", "api_base": base})._key() is None


@pytest.mark.parametrize(("provider", "variable"), [("openai", VARIABLES[0]), ("anthropic", VARIABLES[1])])
async def test_a_key_of_the_environment_does_not_travel_in_the_open(provider, variable, monkeypatch):
    """Over plain HTTP to another machine; a key that was given for it does, and loopback is no road."""
    monkeypatch.setenv(variable, KEY)
    there = {"provider": provider, "model": "m", "api_base": "http://gateway.invalid/v1", "retry_count": 0}
    with pytest.raises(AuthenticationError, match=f"{variable} was not sent to http://gateway.invalid/v1") as caught:
        await create_llm_provider(there).complete("hi")
    assert "api_key=..." in caught.value.hint
    reply = Reply(CLAUDE if provider == "anthropic" else whole())
    async with serving(reply) as server, provider_at(server, provider, api_key=None) as one:
        assert (await one.complete("hi")).content == "Hello"


async def test_anthropics_token_is_enough(monkeypatch):
    """ANTHROPIC_AUTH_TOKEN alone; a key goes before it."""
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-of-the-environment")
    async with serving(Reply(CLAUDE)) as server:
        for key in (None, KEY):
            async with provider_at(server, "anthropic", api_key=key) as one:
                await one.complete("hi")
    assert "token-of-the-environment" in str(server.asked[0].headers)
    assert KEY in str(server.asked[1].headers)
    assert "token-of-the-environment" not in str(server.asked[1].headers)


async def test_a_new_key_in_the_environment_is_used(monkeypatch):
    """From the next call on; the old one does not show either."""
    old, new = "sk_old_0123456789", "other-key-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", old)
    refused = Reply({"error": {"message": f"neither {old} nor {new}"}}, status=400)
    async with serving(Reply(whole()), refused) as server, provider_at(server, api_key=None) as one:
        await one.complete("hi")
        monkeypatch.setenv("OPENAI_API_KEY", new)
        with pytest.raises(BadRequest, match=r"neither \[key\] nor \[key\]"):
            await one.complete("hi")
    assert server.asked[1].headers["authorization"] == f"Bearer {new}"


async def test_the_callers_headers_do_not_show():
    """In an error that repeats them, in what a config shows, and in what it writes into files."""
    headers = {"Authorization2": f"Bearer {GATEWAY}", "X-Title": "A study", "api-key": "azure-key-12345"}
    refused = Reply({"error": {"message": f"bad {GATEWAY}, azure-key-12345"}}, status=400)
    async with serving(refused) as server, provider_at(server, options={"extra_headers": headers, "top_k": 3}) as one:
        with pytest.raises(BadRequest, match=r"bad \[key\], \[key\]"):
            await one.complete("hi")
        assert GATEWAY not in repr(one.config)
        assert "top_k" in repr(one.config)
        assert "api-key" in repr(one.config)
        assert one.config.to_dict()["options"] == {"extra_headers": {"X-Title": "A study"}, "top_k": 3}
        assert one.config.options["extra_headers"] == headers


@pytest.mark.parametrize(
    "settings",
    [
        {"api_base": "https://box.example/v1?key=hidden-word"},
        {"api_base": "https://box.example/v1#hidden-word"},
        {"api_base": "https://user:hidden-word@box.example/v1"},
        {"api_base": "box.example/v1?key=hidden-word"},
        {"api_base": "user:hidden-word@box.example/v1"},
        {"api_base": "http://user:hidden-word"},
        {"api_base": "hidden-word"},
        {"api_key": 5, "options": {}},
        {"options": "hidden-word"},
        {"api_key": "a", "options": {"api_key": "hidden-word"}},
    ],
)
def test_a_wrong_setting_that_may_be_a_secret_is_not_shown(settings):
    """The error says what is wrong with it all the same."""
    with pytest.raises(ConfigError) as caught:
        LLMConfig("openai", "m", **settings)
    assert "hidden-word" not in f"{caught.value}{caught.value.hint}"


def test_addresses():
    """Whose they are, and what of them is shown."""
    assert is_of("https://eu.api.openai.com/v1", ["openai.com"])
    assert not is_of("https://openai.com.evil.example", ["openai.com"])
    assert not is_of("https://evilopenai.com", ["openai.com"])
    assert origin("HTTPS://Box.example/a") == origin("https://box.example:443/b") != origin("http://box.example/b")
    assert is_open_road("http://192.0.2.1:8000")
    assert not is_open_road("http://127.0.0.1:8000")
    assert without_secrets("http://u:p@box:80/a?b=c#d") == "http://box:80/a"
