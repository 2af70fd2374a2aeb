"""Settings that an API has no field for are refused before anything is sent."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError
from dknb.llm import LLMConfig
from dknb.llm.dialects.chat_api import ChatTraits, chat_dialect
from dknb.llm.dialects.messages_api import MESSAGES
from dknb.llm.dialects.responses_api import RESPONSES
from dknb.llm.dialects.text_api import TEXT
from dknb.llm.request import completion_request

VALUES = {
    "temperature": 0.5,
    "max_tokens": 5,
    "top_p": 0.5,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "stop_sequences": ["END"],
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    "seed": 7,
    "logit_bias": {"50256": -100},
    "user_id": "u",
}
MISSING = {
    "chat": (chat_dialect(ChatTraits()), ()),
    "responses": (
        RESPONSES,
        ("frequency_penalty", "presence_penalty", "stop_sequences", "seed", "logit_bias"),
    ),
    "messages": (MESSAGES, ("frequency_penalty", "presence_penalty", "seed", "logit_bias")),
    "text": (TEXT, ("response_format",)),
}


@pytest.mark.parametrize("api", MISSING)
@pytest.mark.parametrize("name", VALUES)
def test_a_setting_is_sent_or_refused(api, name):
    """Never left out in silence; the message names it and the API, the hint what there is."""
    dialect, missing = MISSING[api]
    request = completion_request(LLMConfig("openai", "m", **{name: VALUES[name]}), "hi")
    if name not in missing:
        wanted = {"type": "object"} if name == "response_format" else VALUES[name]
        assert str(wanted) in str(dialect.body(request))
        return
    with pytest.raises(ConfigError, match=f"{name} is .* has no such setting") as caught:
        dialect.body(request)
    assert "temperature" in caught.value.hint
