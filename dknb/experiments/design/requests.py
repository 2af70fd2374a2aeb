"""What is sent for each item of each variant, and the key by which a store knows it again."""

from __future__ import annotations

import hashlib
import json
import pickle
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from ...llm.messages import LLMMessage
from ...llm.request import completion_request
from .models import ModelArm

__all__ = ["Request", "key_of", "request_of", "unmade"]


#: Characters from which on messages are packed.
_LONG = 1_000


class Request(NamedTuple):
    """What is asked for one item of one variant; each repeat asks it again.

    Attributes:
        sent: What is sent, packed where it is long: a run holds all its requests in memory.
        digest: Hash of all that is sent: messages, model and settings.
        twin: How many requests before it are the same: items may say the same, and prompts become the same.
        fault: Why it cannot be made; nothing is sent then.
    """

    sent: tuple[LLMMessage, ...] | bytes
    digest: str
    twin: int
    fault: str | None = None

    @property
    def messages(self) -> tuple[LLMMessage, ...]:
        """What is sent."""
        if isinstance(self.sent, bytes):
            messages: tuple[LLMMessage, ...] = pickle.loads(zlib.decompress(self.sent))
            return messages
        return self.sent


def request_of(messages: Sequence[LLMMessage], model: ModelArm) -> Request:
    """The request with these messages.

    Raises:
        ConfigError: They cannot be sent to the model so.
    """
    asked = completion_request(model.config, messages, not_sent=model.provider.not_sent)
    sent = json.dumps(asked.canonical(), sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    digest = hashlib.sha256(sent.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Request(_packed(tuple(messages)), digest, 0)


def _packed(messages: tuple[LLMMessage, ...]) -> tuple[LLMMessage, ...] | bytes:
    if sum(len(message.content) for message in messages) < _LONG:
        return messages
    return zlib.compress(pickle.dumps(messages), 1)


def unmade(fault: str, prompt: str, model: str, item: str) -> Request:
    """The request of an item that a prompt cannot be rendered for; known by its place, as it says nothing."""
    place = json.dumps([prompt, model, item]).encode("utf-8", "surrogatepass")
    return Request((), f"unmade-{hashlib.sha256(place).hexdigest()[:25]}", 0, fault)


def key_of(request: Request, repeat: int) -> str:
    """The key of a trial: the same whenever the same is sent, whatever item and prompt are called."""
    return f"{request.digest}.{request.twin}.{repeat}"
