"""Hugging Face's router through their own client library, on loopback."""

from __future__ import annotations

import asyncio
import sys

import pytest
from llm_server import HANG, Reply, serving, stream
from provider_help import DONE, chunk, whole

from dknb.errors import AuthenticationError, ConfigError, MissingExtra, ModelNotFound, ServerError
from dknb.llm import LLMMessage, ToolCall, create_llm_provider
from dknb.llm.providers.model_folder import ModelFolder, names_folder

pytest.importorskip("huggingface_hub")

TOKEN = "hf_0123456789abcdefghij"


def provider_at(server, model="some/model", **settings):
    base = {"api_base": f"{server.root}/v1", "api_key": TOKEN, "retry_delay": 0.0}
    return create_llm_provider({"provider": "huggingface", "model": model, **base, **settings})


@pytest.fixture
def hub(monkeypatch):
    """Has the library's own addresses lead to a server of the test, and a model on two servers behind the router."""
    from huggingface_hub import constants
    from huggingface_hub.hf_api import InferenceProviderMapping
    from huggingface_hub.inference._providers import _common

    def lead(server):
        monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", server.root + "/{provider}")
        monkeypatch.setattr("dknb.llm.providers.hub_client._ROUTER", f"{server.root}/v1")
        for name, task in (("groq", "conversational"), ("scaleway", "feature-extraction")):
            row = {"provider": name, "hf_model_id": "some/model", "providerId": f"{name}-name", "status": "live"}
            known = {"some/model": InferenceProviderMapping(task=task, **row)}
            monkeypatch.setitem(_common.HARDCODED_MODEL_INFERENCE_MAPPING, name, known)

    return lead


def routed(**settings):
    config = {"provider": "huggingface", "model": "some/model", "api_key": TOKEN, "retry_count": 0, **settings}
    return create_llm_provider(config)


async def test_the_router_is_asked_with_our_body(hub):
    """At its one address for chats, with the token; nulls in a schema stay, which the library would drop."""
    schema = {"type": "object", "properties": {"a": {"const": None}}}
    async with serving(Reply(whole(), headers={"x-inference-provider": "cerebras"})) as server:
        hub(server)
        async with routed() as provider:
            response = await provider.complete("hi", tools=[{"name": "f", "parameters": schema}], max_tokens=5)
        asked = server.asked[0]
    assert (asked.path, asked.headers["authorization"]) == ("/v1/chat/completions", f"Bearer {TOKEN}")
    assert asked.body["tools"][0]["function"]["parameters"] == schema
    assert (asked.body["model"], asked.body["max_tokens"]) == ("some/model", 5)
    assert (response.content, response.metadata["server"]) == ("Hello", "cerebras")


async def test_a_server_can_be_named(hub):
    """The library knows its address and its name of the model; an organisation may pay."""
    async with serving(Reply(whole())) as server:
        hub(server)
        async with routed(options={"inference_provider": "groq", "bill_to": "my-org"}) as provider:
            response = await provider.complete("hi")
        asked = server.asked[0]
    assert (asked.path, asked.body["model"]) == ("/groq/openai/v1/chat/completions", "groq-name")
    assert asked.headers["x-hf-bill-to"] == "my-org"
    assert "inference_provider" not in asked.body
    assert response.metadata["server"] == "groq"


async def test_a_named_server_streams(hub):
    """And takes what the chat dialect says."""
    async with serving(stream(chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE)) as server:
        hub(server)
        async with routed(options={"inference_provider": "groq"}) as provider:
            pieces = [piece async for piece in provider.stream_complete("hi", temperature=0.5)]
        body = server.asked[0].body
    assert [piece.delta for piece in pieces if piece.delta] == ["Hel", "lo"]
    assert (body["stream"], body["temperature"]) == (True, 0.5)


async def test_vectors_come_from_a_server_for_feature_extraction(hub):
    """In the form that this server has for them."""
    rows = {"data": [{"embedding": [1, 0]}, {"embedding": [0, 1]}]}
    async with serving(Reply(rows)) as server:
        hub(server)
        async with routed(options={"inference_provider": "scaleway"}) as provider:
            assert await provider.embed(["a", "b"]) == [[1.0, 0.0], [0.0, 1.0]]
        asked = server.asked[0]
    assert (asked.path, asked.body) == ("/scaleway/v1/embeddings", {"input": ["a", "b"], "model": "scaleway-name"})


async def test_vectors_for_each_token_are_refused(hub, monkeypatch):
    """What Hugging Face's own servers give for a model that is not made for sentences; the hint names one that is."""
    from huggingface_hub.inference._providers import PROVIDERS, hf_inference

    monkeypatch.setattr(hf_inference, "_check_supported_task", lambda model, task: None)
    async with serving(Reply([[[1, 0], [0, 1]]]), Reply([[1, 0]])) as server:
        hub(server)
        monkeypatch.setattr(PROVIDERS["hf-inference"]["feature-extraction"], "base_url", server.root)
        async with routed(options={"inference_provider": "hf-inference"}) as provider:
            with pytest.raises(ConfigError, match="a vector for each token"):
                await provider.embed("a")
            assert await provider.embed("a") == [1.0, 0.0]
        assert server.asked[1].path == "/models/some/model/pipeline/feature-extraction"


async def test_a_server_that_has_not_the_model_is_named(hub):
    """Before anything is sent."""
    async with serving(Reply(whole())) as server:
        hub(server)
        with pytest.raises(ConfigError, match="'no-such' not supported"):
            await routed(options={"inference_provider": "no-such"}).complete("hi")
        with pytest.raises(ConfigError, match="Task 'text-generation' not supported for provider 'groq'"):
            await routed(options={"inference_provider": "groq"}, mode="text").complete("hi")
        assert server.asked == []


async def test_the_token_may_be_that_of_the_login(hub, monkeypatch, tmp_path):
    """As `hf auth login` writes it; HF_TOKEN goes before it, and without either the error names the variable."""
    from huggingface_hub import constants

    (tmp_path / "token").write_text("hf_of_the_login")
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    async with serving(Reply(whole())) as server:
        hub(server)
        with pytest.raises(AuthenticationError, match="HF_TOKEN is not set"):
            await routed(api_key=None).complete("hi")
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        async with routed(api_key=None) as provider:
            await provider.complete("hi")
        monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
        async with routed(api_key=None) as provider:
            await provider.complete("hi")
        sent = [asked.headers["authorization"] for asked in server.asked]
    assert sent == ["Bearer hf_of_the_login", "Bearer hf_of_the_environment"]


async def test_an_endpoint_of_ones_own_is_asked_in_openais_form():
    """At api_base: chats, completions, vectors and the list of models."""
    rows = {"data": [{"index": 0, "embedding": [1, 0]}]}
    text = {"choices": [{"text": "there", "finish_reason": "stop"}]}
    models = {"data": [{"id": "some/model"}]}
    async with serving(Reply(whole()), Reply(text), Reply(rows), Reply(models)) as server, provider_at(server) as one:
        assert (await one.complete("hi")).content == "Hello"
        assert (await one.complete("hi", mode="text")).content == "there"
        assert await one.embed("hi") == [1.0, 0.0]
        assert await one.validate_model() is True
        paths = [asked.path for asked in server.asked]
    assert paths == ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models"]


async def test_tools_are_called_and_answered():
    """In the chat dialect, both directions."""
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    reply = {**whole(), "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    async with serving(Reply(reply), Reply(whole("2"))) as server, provider_at(server) as provider:
        answer = await provider.complete("hi", tools=[{"name": "add", "parameters": {"type": "object"}}])
        assert answer.tool_calls == [ToolCall("add", {"a": 1}, "c1", raw_arguments='{"a": 1}')]
        result = LLMMessage("tool", "2", tool_call_id="c1")
        assert (await provider.complete([LLMMessage("user", "hi"), answer.to_message(), result])).content == "2"
        sent = server.asked[1].body["messages"]
    assert sent[1:] == [message, {"role": "tool", "content": "2", "tool_call_id": "c1"}]


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (404, ModelNotFound), (503, ServerError)])
async def test_a_refusal_is_an_error_of_ours(status, kind):
    """With what the server said, and without the token, though the server repeats it."""
    reply = Reply({"error": f"no, {TOKEN}"}, status=status, headers={"x-request-id": "r1"})
    async with serving(reply) as server, provider_at(server, retry_count=0) as provider:
        with pytest.raises(kind, match="no, ") as caught:
            await provider.complete("hi")
    assert (caught.value.status, caught.value.request_id) == (status, "r1")
    assert TOKEN not in str(caught.value)


async def test_a_call_that_is_cancelled_hangs_up():
    """In the middle of a stream: the connection is not kept until the client is closed."""
    async with serving(stream(chunk("Hel"), HANG)) as server, provider_at(server) as provider:
        pieces = provider.stream_complete("hi")
        await anext(pieces)
        await pieces.aclose()
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_the_price_is_that_of_the_server_that_ran_the_model():
    """None as long as nobody says who it was."""
    reply = {**whole(), "model": "gpt-oss-20b"}
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000}
    async with (
        serving(
            Reply({**reply, "usage": usage}, headers={"x-inference-provider": "groq"}), Reply({**reply, "usage": usage})
        ) as server,
        provider_at(server, "openai/gpt-oss-20b") as provider,
    ):
        told, untold = await provider.complete("hi"), await provider.complete("hi")
    assert told.cost_usd is not None
    assert told.cost_usd > 0
    assert untold.cost_usd is None


async def test_the_package_is_an_extra(monkeypatch):
    """Without it, the error says how to get it."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra) as caught:
        await routed().complete("hi")
    assert caught.value.hint == 'Install it with:  pip install "dknb[huggingface]"'


# Folders


@pytest.mark.parametrize("model", ["./m", "../m", "/models/m", "~/m"])
def test_what_begins_as_a_path_is_a_folder(model):
    """Whether or not it is there."""
    assert names_folder(model) is True


def test_a_name_on_the_hub_is_no_folder_unless_it_is_there(tmp_path, monkeypatch):
    """A folder of that name with a config.json is."""
    monkeypatch.chdir(tmp_path)
    assert names_folder("org/model") is False
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert names_folder("org/model") is False
    (tmp_path / "org" / "model" / "config.json").write_text("{}")
    assert names_folder("org/model") is True


async def test_a_folder_without_a_model_is_told_by_the_first_call(tmp_path):
    """And a missing one; neither needs torch or a key."""
    with pytest.raises(ModelNotFound, match="There is no folder"):
        await create_llm_provider(f"huggingface/{tmp_path}/none").complete("hi")
    with pytest.raises(ModelNotFound, match="holds no model"):
        await create_llm_provider(f"huggingface/{tmp_path}").complete("hi")
    assert await create_llm_provider(f"huggingface/{tmp_path}").validate_model() is False


def test_a_folder_says_what_its_model_can(tmp_path):
    """By its config and its tokenizer's."""
    (tmp_path / "config.json").write_text('{"architectures": ["GPT2LMHeadModel"]}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert ModelFolder.at(str(tmp_path)) == ModelFolder(str(tmp_path), tmp_path, writes=True, chats=False)
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    assert ModelFolder.at(str(tmp_path)) == ModelFolder(str(tmp_path), tmp_path, writes=False, chats=True)
