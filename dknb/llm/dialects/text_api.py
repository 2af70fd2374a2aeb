"""The dialect of OpenAI's text completions, the older API in which a model goes on with a text; both directions.

Source: the types in ``openai/types/completion*.py`` of openai 3.54.0, which are made from the API's own description.
"""

from __future__ import annotations

from typing import Any

from ..logprobs import text_logprobs
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json
from ..request import ModelRequest
from ..wire.sse import DONE
from .chat_api import chat_usage
from .dialect import Dialect, NoAnswer, StreamError, body_options, told_settings

__all__ = ["TEXT"]

_SETTINGS = {
    "stop_sequences": "stop",
    "user_id": "user",
    **{name: name for name in ("temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty")},
    **{name: name for name in ("seed", "logit_bias", "logprobs", "top_logprobs")},
}


def _body(request: ModelRequest) -> Json:
    prompt = "\n\n".join(message.content for message in request.full_messages())
    settings = dict(told_settings(request, _SETTINGS, "the API of text completions"))
    return {"model": request.model, "prompt": prompt} | _with_one_number(settings | body_options(request))


def _with_one_number(told: Json) -> Json:
    """Likelihoods are asked for as in chat completions; this API has one number for both."""
    if told.get("logprobs") is True:
        told["logprobs"] = told.pop("top_logprobs", 1)
    return told


def _response(data: Json) -> LLMResponse:
    if not data.get("choices"):
        raise NoAnswer
    choice = data["choices"][0]
    return LLMResponse(
        choice["text"],
        model=data.get("model") or "",
        finish_reason=choice.get("finish_reason"),
        usage=chat_usage(data.get("usage")),
        metadata={"id": data["id"]} if data.get("id") else {},
        logprobs=text_logprobs(choice.get("logprobs")),
    )


class _TextStream:
    """Collects the chunks of a streamed text."""

    def __init__(self) -> None:
        self.complete = False
        self.ended = False
        self._whole: Json = {}
        self._text: list[str] = []
        self._finish: str | None = None
        self._logprobs: dict[str, list[Any]] = {}

    def feed(self, event: Json) -> LLMStreamResponse | None:
        if event is DONE:
            self.ended = self.complete = True
            return None
        if event.get("error"):
            raise StreamError(event)
        self._whole |= {name: event[name] for name in ("id", "model", "usage") if event.get(name)}
        for choice in event.get("choices") or ():
            if choice.get("index"):  # another answer, where several were asked for
                continue
            self._finish = choice.get("finish_reason") or self._finish
            self.complete = self._finish is not None
            for name, told in (choice.get("logprobs") or {}).items():
                self._logprobs.setdefault(name, []).extend(told or ())
            if text := choice.get("text"):
                self._text.append(text)
                return LLMStreamResponse(text)
        return None

    def response(self) -> LLMResponse:
        choice = {"text": "".join(self._text), "finish_reason": self._finish, "logprobs": self._logprobs}
        return _response({**self._whole, "choices": [choice]})


TEXT = Dialect("text", _body, _response, _TextStream, {"stream": True, "stream_options": {"include_usage": True}})
