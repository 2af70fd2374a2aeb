"""The dialect of OpenAI's text completions, the older API in which a model goes on with a text; both directions.

Source: the types in ``openai/types/completion*.py`` of openai 3.54.0, which are made from the API's own description.
"""

from __future__ import annotations

from .chat_api import chat_usage
from .dialect import Dialect, NoAnswer, StreamError, body_options
from .messages import LLMResponse, LLMStreamResponse
from .parts import Json
from .request import ModelRequest
from .sse import DONE

__all__ = ["TEXT"]

_FIELDS = {"stop_sequences": "stop", "user_id": "user"}


def _body(request: ModelRequest) -> Json:
    prompt = "\n\n".join(message.content for message in request.full_messages())
    settings = {_FIELDS.get(name, name): value for name, value in request.settings.items()}
    return {"model": request.model, "prompt": prompt} | settings | body_options(request)


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
    )


class _TextStream:
    """Collects the chunks of a streamed text."""

    def __init__(self) -> None:
        self.complete = False
        self.ended = False
        self._whole: Json = {}
        self._text: list[str] = []
        self._finish: str | None = None

    def feed(self, event: Json) -> LLMStreamResponse | None:
        if event is DONE:
            self.ended = self.complete = True
            return None
        if event.get("error"):
            raise StreamError(event)
        self._whole |= {name: event[name] for name in ("id", "model", "usage") if event.get(name)}
        for choice in event.get("choices") or ():
            self._finish = choice.get("finish_reason") or self._finish
            self.complete = self._finish is not None
            if text := choice.get("text"):
                self._text.append(text)
                return LLMStreamResponse(text)
        return None

    def response(self) -> LLMResponse:
        choice = {"text": "".join(self._text), "finish_reason": self._finish}
        return _response({**self._whole, "choices": [choice]})


TEXT = Dialect("text", _body, _response, _TextStream, {"stream": True, "stream_options": {"include_usage": True}})
