"""How likely each token was, in one shape whoever tells it."""

from __future__ import annotations

import pytest
from llm_server import Reply, stream
from provider_help import DONE, ask, streamed, whole

from dknb.errors import ConfigError
from dknb.llm import LLMConfig, LLMResponse, TokenLogprob, create_llm_provider
from dknb.llm.logprobs import text_logprobs, token_logprobs
from dknb.llm.recordings.scrub import written_request
from dknb.llm.request import completion_request

ROWS = [
    {"token": "Hel", "logprob": -0.25, "bytes": [72], "top_logprobs": [{"token": "Hel", "logprob": -0.25}]},
    {"token": "lo", "logprob": -0.5, "top_logprobs": []},
]
TOKENS = [TokenLogprob("Hel", -0.25, (("Hel", -0.25),)), TokenLogprob("lo", -0.5)]
ASKED = {"logprobs": True, "top_logprobs": 1}


def choice(**fields):
    return {"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": None, **fields}]}


async def test_chat_completions_tell_them_whole_and_streamed():
    """The options go into the body as they are."""
    answer = whole()
    answer["choices"][0]["logprobs"] = {"content": ROWS}
    response, server = await ask(Reply(answer), options=ASKED)
    assert response.logprobs == TOKENS
    assert {name: server.asked[0].body[name] for name in ASKED} == ASKED
    said = stream(
        choice(delta={"content": "Hel"}, logprobs={"content": ROWS[:1]}),
        choice(delta={"content": "lo"}, logprobs={"content": ROWS[1:]}),
        choice(delta={}, finish_reason="stop"),
        DONE,
    )
    pieces, _ = await streamed(said, options=ASKED)
    assert pieces[-1].response.logprobs == TOKENS


async def test_responses_are_asked_in_their_own_way():
    """The same options; the API wants them named as something to include."""
    text = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": ROWS}
    item = {"type": "message", "id": "msg", "role": "assistant", "status": "completed", "content": [text]}
    answer = {"id": "r", "model": "m", "status": "completed", "output": [item]}
    response, server = await ask(Reply(answer), options={"api": "responses", **ASKED})
    assert response.logprobs == TOKENS
    assert server.asked[0].body["include"] == ["message.output_text.logprobs"]
    assert server.asked[0].body["top_logprobs"] == 1
    assert "logprobs" not in server.asked[0].body


OLD = {
    "tokens": ["Hel", "lo"],
    "token_logprobs": [None, -0.5],
    "top_logprobs": [None, {"la": -2.0, "lo": -0.5}],
    "text_offset": [0, 3],
}


async def test_text_completions_have_an_older_form():
    """Their option is one number; a first token without a value is left out."""
    answer = {"id": "c", "model": "m", "choices": [{"index": 0, "text": "Hello", "logprobs": OLD}]}
    response, server = await ask(Reply(answer), mode="text", options={"logprobs": True, "top_logprobs": 2})
    assert response.logprobs == [TokenLogprob("lo", -0.5, (("lo", -0.5), ("la", -2.0)))]
    assert server.asked[0].body["logprobs"] == 2
    halves = [{name: told[:1] for name, told in OLD.items()}, {name: told[1:] for name, told in OLD.items()}]
    said = stream(*[choice(text="x", logprobs=half) for half in halves], choice(text="", finish_reason="stop"), DONE)
    pieces, _ = await streamed(said, mode="text")
    assert pieces[-1].response.logprobs == response.logprobs


TOLD = {**whole(), "choices": [{**whole()["choices"][0], "logprobs": {"content": ROWS}}]}
RESPONSE = {"id": "r", "model": "m", "status": "completed", "output": []}
OLLAMA = {"model": "m", "message": {"role": "assistant", "content": "Hello"}, "done": True, "logprobs": ROWS}


@pytest.mark.parametrize(
    ("answer", "given", "sent"),
    [
        (TOLD, {}, {"logprobs": True, "top_logprobs": 2}),
        (TOLD, {"provider": "huggingface"}, {"logprobs": True, "top_logprobs": 2}),
        (RESPONSE, {"options": {"api": "responses"}}, {"include": ["message.output_text.logprobs"], "top_logprobs": 2}),
        (TOLD, {"mode": "text"}, {"logprobs": 2}),
        (OLLAMA, {"provider": "ollama"}, {"logprobs": True, "top_logprobs": 2}),
    ],
    ids=["chat", "huggingface", "responses", "text", "ollama"],
)
async def test_as_a_setting_they_are_asked_for_in_each_api_s_own_form(answer, given, sent):
    """How many is enough to ask for them; False and None ask for nothing."""
    if given.get("mode") == "text":
        answer = {**answer, "choices": [{"index": 0, "text": "Hello"}]}
    _, server = await ask(Reply(answer), **given, top_logprobs=2)
    body = server.asked[0].body
    assert {name: body.get(name) for name in ("logprobs", "top_logprobs", "include") if name in body} == sent
    for off in (False, None):
        _, server = await ask(Reply(answer), **given, logprobs=off)
        assert not {"logprobs", "top_logprobs", "include"} & server.asked[0].body.keys()


async def test_text_completions_are_asked_for_one_where_nothing_says_how_many():
    """True alone is no number."""
    answer = {"id": "c", "model": "m", "choices": [{"index": 0, "text": "Hello"}]}
    _, server = await ask(Reply(answer), mode="text", logprobs=True)
    assert server.asked[0].body["logprobs"] == 1


async def test_an_api_that_has_none_says_so():
    """Anthropic's, before anything is sent, and Echo, unless it was told to say some."""
    with pytest.raises(ConfigError, match="logprobs is True, but Anthropic's messages API has no such setting"):
        await ask(provider="anthropic", logprobs=True)
    with pytest.raises(ConfigError, match="Echo knows no likelihoods"):
        await create_llm_provider("echo").complete("hi", logprobs=True)
    told = LLMResponse("Hello", logprobs=TOKENS)
    provider = create_llm_provider("echo").set_responses([told])
    assert (await provider.complete("hi", logprobs=True)).logprobs == TOKENS


def test_settings_that_contradict_each_other_are_refused():
    """And so is what is no count."""
    with pytest.raises(ConfigError, match="top_logprobs is 2, but logprobs is False"):
        LLMConfig("echo", logprobs=False, top_logprobs=2)
    with pytest.raises(ConfigError, match="top_logprobs is -1"):
        LLMConfig("echo", top_logprobs=-1)


def test_a_request_without_them_is_recorded_as_ever():
    """Only what is asked for is part of what a recording is keyed by."""
    asked = completion_request(LLMConfig("openai", "m", logprobs=True), "hi").canonical()
    assert asked["settings"] == {"logprobs": True}
    assert written_request(asked)["settings"] == {"logprobs": True}
    for off in ({}, {"logprobs": False}):
        assert "settings" not in completion_request(LLMConfig("openai", "m", **off), "hi").canonical()


def test_they_survive_json():
    """As a recording keeps them."""
    response = LLMResponse("Hello", logprobs=TOKENS)
    assert LLMResponse.from_dict(response.to_dict()).logprobs == TOKENS


def test_an_answer_is_not_lost_for_a_form_that_nobody_knows():
    """What can be read is; there are none where there are none."""
    assert token_logprobs([*ROWS, {"odd": 1}]) == TOKENS
    assert token_logprobs("what") == []
    assert text_logprobs(None) == []
    assert text_logprobs({"content": None, "refusal": ROWS}) == TOKENS
