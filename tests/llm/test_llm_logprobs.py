"""How likely each token was, in one shape whoever tells it."""

from __future__ import annotations

from llm_server import Reply, stream
from provider_help import DONE, ask, streamed, whole

from dknb.llm import LLMResponse, TokenLogprob
from dknb.llm.logprobs import text_logprobs, token_logprobs

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
