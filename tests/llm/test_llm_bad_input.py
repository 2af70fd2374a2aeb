"""What cannot be asked is refused with one of our errors, before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from llm_scripted import Scripted
from llm_server import Reply, serving
from provider_help import provider_at, whole

from dknb.errors import ConfigError, ServerError
from dknb.llm import EchoProvider, ImagePart, LLMConfig, LLMMessage, MessageBuilder, create_llm_provider

TOOL = {"name": "f", "parameters": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(
    "messages",
    [
        None, 5, b"x", {5}, [None], ["text"], [[]], {}, {"role": "user", "content": "x", "metadata": 5},
        [{"role": "assistant", "content": None, "tool_calls": 5}],
        [{"role": "assistant", "content": None, "function_call": 5}],
        [{"role": "user", "content": "x", "extra": 5}],
    ],
)  # fmt: skip
async def test_what_is_no_message_is_refused(messages):
    """Nothing is sent."""
    provider = Scripted("a")
    with pytest.raises(ConfigError):
        await provider.complete(messages)
    assert provider.requests == []


@pytest.mark.parametrize(
    "messages",
    [{"role": "user", "content": "x"}, (one for one in [LLMMessage("user", "x")]), [LLMMessage("user", "x")]],
)
async def test_whatever_has_messages_in_it_is_taken(messages):
    """One as a dict, and those that come one by one."""
    provider = Scripted("a")
    await provider.complete(messages)
    assert list(provider.requests[0].messages) == [LLMMessage("user", "x")]


async def test_a_tool_choice_is_a_name():
    """Or a word, or a vendor's dict."""
    with pytest.raises(ConfigError, match="tool_choice is 5"):
        await Scripted("a").complete("hi", tools=[TOOL], tool_choice=5)


@pytest.mark.parametrize(
    "options",
    [
        {"extra_headers": {"X-A": "a\r\nX-B: 1"}},
        {"extra_headers": {"X-A: a\r\nX": "1"}},
        {"extra_headers": {"X-A": 5}},
        {"extra_headers": {"X-A": "é"}},
        {"extra_headers": {"": "a"}},
        {"extra_headers": ["X-A"]},
        {"extra_headers": "X-A: 5"},
        {"betas": ["a\r\nX: y"]},
        {"betas": [5]},
        {"betas": "a"},
        {"betas": 5},
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(options):
    """By its name; a value may be secret, and is not shown."""
    with pytest.raises(ConfigError, match=r"extra_headers|betas") as caught:
        LLMConfig("anthropic", "m", options={"betas": ["x-1"], **options})
    assert "X-B" not in str(caught.value)


class Middleware:
    def process_request(self, messages, config):
        messages[0].metadata["seen"] = True
        messages[0].parts.append("x")
        return messages


async def test_one_middleware_needs_no_list():
    """What it changes in place changes nothing of the caller's; anything else is refused."""
    message = LLMMessage("user", "x", metadata={"a": {}})
    await create_llm_provider("echo", middleware=Middleware()).complete([message])
    assert message == LLMMessage("user", "x", metadata={"a": {}})
    for wrong in (5, None, [None]):
        with pytest.raises(ConfigError, match="is no middleware"):
            create_llm_provider("echo", middleware=wrong)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
def test_a_device_and_a_pipe_are_no_files(tmp_path):
    """One never ends, the other never begins."""
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(ConfigError, match="a device or a pipe"):
            ImagePart.of(Path(path))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}], r"for the places \[0, 0\]"),
        ([{"index": 0, "embedding": [1]}, {"index": 7, "embedding": [2]}], r"for the places \[0, 7\]"),
        ([{"index": 0, "embedding": [1]}, {"index": "1", "embedding": [2]}], "for the places"),
        ([{"embedding": [1.0, float("nan")]}, {"embedding": [2, 3]}], "numbers that are none"),
        ([{"embedding": [1.0]}, {"embedding": [2, 3]}], "of length 1 and 2"),
        ([{"embedding": []}, {"embedding": []}], "of length 0"),
        ([{"embedding": [1.0]}], "1 vectors for 2 texts"),
    ],
)
async def test_vectors_that_are_none_are_refused(rows, said):
    """Each text has one, all are of one length, and all numbers are numbers."""
    async with serving(Reply({"data": rows})) as server, provider_at(server, retry_count=0) as provider:
        with pytest.raises(ServerError, match=said):
            await provider.embed(["a", "b"])


async def test_vectors_in_another_order_are_put_in_order():
    """By their index."""
    rows = [{"index": 1, "embedding": [1]}, {"index": 0, "embedding": [2]}]
    async with serving(Reply({"data": rows})) as server, provider_at(server) as provider:
        assert await provider.embed(["a", "b"]) == [[2.0], [1.0]]


@pytest.mark.parametrize("provider", [EchoProvider({"echo_prefix": "> "}), EchoProvider(options={"echo_prefix": "> "})])
async def test_echo_takes_its_options_alone(provider):
    """As settings, or by name."""
    assert (await provider.complete("hi")).content == "> hi"


def test_a_template_may_have_variables_called_role_and_template():
    """The names of the arguments are free for them."""
    builder = MessageBuilder().from_template("user", "{{role}} {{template}}", role="a", template="b")
    assert builder.build() == [LLMMessage("user", "a b")]


async def test_an_answer_with_strange_headers_set_is_sent():
    """What can be sent goes out."""
    options = {"extra_headers": {"X-A": "a b\tc"}}
    async with serving(Reply(whole())) as server, provider_at(server, options=options) as provider:
        await provider.complete("hi")
    assert server.asked[0].headers["x-a"] == "a b\tc"
