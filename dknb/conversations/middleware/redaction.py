"""Middleware that keeps secrets from the model: placeholders go out, and what they stand for is shown."""

from __future__ import annotations

import copy
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ConfigError
from ...llm.messages import LLMMessage, LLMResponse
from ...llm.recordings.scrub import KEY_SHAPES, named_environment_secrets
from ..chaining import finished_gently
from ..state import ConversationState
from .base import ConversationMiddleware
from .copies import Copies, copied, gently, sent
from .placeholders import PlaceholderFilter, Placeholders
from .rewritten import Rewriting, Rewritten
from .texts import change_texts

__all__ = ["RedactionMiddleware"]

_DOMAIN = r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][^\W_]{1,62}"
# The look-behinds let each address begin in one place only: a long word is not searched from each of its letters. What
# follows an address does not matter: one more letter taken out is better than an address sent.
_EMAIL = (
    rf"(?<![\w.+%-])(?<!\w')[\w.+%-]++(?:'[\w.+%-]++)*+[@\uff20]{_DOMAIN}"
    rf"|(?<![\w.+%-])[\w.+-]++%40{_DOMAIN}"
)
#: Name and password in an address, ``scheme://name:password@host``.
_CREDENTIALS = r"(?<=://)[^\s/?#:@\"'<>]*:[^\s/?#\"'<>]+(?=@)"
_PRIVATE_KEY = r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[^-]*(?:-----END (?:[A-Z]+ )?PRIVATE KEY-----)?"
_NAME = re.compile(r"[A-Za-z]\w{0,30}", re.ASCII)
#: What looks like a placeholder and was said by somebody: it gets one of its own, so that it comes back as it was.
_LITERAL = "TEXT"


class RedactionMiddleware(ConversationMiddleware):
    """Takes keys, e-mail addresses and what else you name out of what is sent, and puts it back into what comes.

    A value goes out as ``[EMAIL_1]``, ``[KEY_1]`` or ``[NAME_1]`` (of a pattern of yours called ``name``), the same one
    in the whole conversation. Where an answer has the placeholder, the value is shown and stored instead, in a stream
    too, however it is cut; only the arguments of tools are restored at the end of the stream. The conversation's tree
    keeps what was said; the model, its vendor, recordings and logs see placeholders only. Middleware before it in the
    list sees what was said, and middleware after it sees placeholders: put it before a `ValidationMiddleware`, whose
    judge is a model too, and after whatever adds to the messages.

    Keys are recognised by their shape, as their vendors document it, and by being the value of a variable of this
    environment that is named like a key; name and password in an address count as a key. Names of speakers and documents,
    addresses of images, and keys in the data of tools are searched as texts are. Images, documents that are no text,
    settings and the descriptions of tools are not looked into.

    A copy, also a pickled one, knows no values: neither those of conversations nor the environment's.

    Args:
        patterns: Regular expressions of your own, by what to call them.
        keys: Whether keys and tokens are taken out.
        emails: Whether e-mail addresses are.

    Raises:
        ConfigError: A pattern is none, or is called what no placeholder can be.
    """

    watches_all = True

    def __init__(self, patterns: Mapping[str, str] | None = None, *, keys: bool = True, emails: bool = True) -> None:
        self._patterns = {_kind(name): _checked(name, pattern) for name, pattern in (patterns or {}).items()}
        if keys:
            shapes = [_PRIVATE_KEY, *(shape.pattern for shape in KEY_SHAPES.values()), _CREDENTIALS]
            self._patterns["KEY"] = "|".join(shapes)
        if emails:
            self._patterns["EMAIL"] = _EMAIL
        kinds = "|".join([_LITERAL, *self._patterns])
        searched = {_LITERAL: rf"\[(?:{kinds})_\d+\]", **self._patterns}
        self._search = {kind: re.compile(pattern) for kind, pattern in searched.items()}
        self._tables: dict[str, Placeholders] = {}

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """Put placeholders in the place of what must not go out; what was gone through before is not again."""
        redact = self._redacting(self._table(state))
        if not isinstance(messages, Copies) or messages.is_list:
            async for message in gently(messages):
                change_texts(message, redact.text, names=True)
            return messages
        out = Rewritten(sent(messages), Rewriting(redact.name, redact.message))
        # Each is looked at once, the oldest first: who comes next may only look at the last.
        await finished_gently(out.chaining("looked at", _nothing, None))
        return Copies(out)

    def _redacting(self, table: Placeholders) -> _Redacting:
        known = _environment_values() if "KEY" in self._patterns else None
        return _Redacting(table, self._search, known)

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Put back what the placeholders stand for; the metadata says how many values of each kind are kept back."""
        change_texts(response, (table := self._table(state)).put_back, names=True)
        if table.counts:
            response.metadata["redacted"] = dict(table.counts)
        return response

    def shown(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """A copy with what the placeholders stand for."""
        twin = copy.deepcopy(response)
        change_texts(twin, self._table(state).put_back, names=True)
        return twin

    def text_filter(self, state: ConversationState) -> PlaceholderFilter:
        """The same for the pieces of a stream."""
        return PlaceholderFilter(self._table(state))

    def _table(self, state: ConversationState) -> Placeholders:
        if (table := self._tables.get(state.conversation_id)) is None:
            table = self._tables.setdefault(state.conversation_id, Placeholders(self._search))
        return table

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_tables": {}}

    def __repr__(self) -> str:
        return f"RedactionMiddleware({', '.join(self._patterns)})"


class _Redacting:
    """How the messages of one request are redacted: the same each time, until the environment's keys are others.

    Attributes:
        name: What is kept of it is kept under.
    """

    def __init__(
        self, table: Placeholders, search: Mapping[str, re.Pattern[str]], known: re.Pattern[str] | None
    ) -> None:
        self._table = table
        self._searched = [*search.items()] if known is None else [*search.items(), ("KEY", known)]
        keys = "" if known is None else hashlib.sha256(known.pattern.encode("utf-8", "surrogatepass")).hexdigest()
        self.name = f"{table.name}/{keys}"

    def message(self, message: LLMMessage) -> LLMMessage:
        """A copy without what must not go out; the message itself, if nothing of it must not."""
        if not (message.parts or message.tool_calls or message.name or message.reasoning or message.function_call):
            text = self.text(message.content)
            if text is message.content or text == message.content:
                return message
            twin = copied(message)
            twin.content = text
            return twin
        twin = copied(message)
        change_texts(twin, self.text, names=True)
        return message if twin == message else twin

    def text(self, text: str) -> str:
        """``text`` with placeholders."""
        return self._table.kept(self.name, text, self._redacted)

    def _redacted(self, text: str) -> str:
        out: list[str] = []
        place = 0
        for start, end, kind in self._found(text):
            out += [text[place:start], self._table.placeholder(kind, text[start:end])]
            place = end
        return "".join([*out, text[place:]]) if out else text

    def _found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What is to be taken out, from left to right; where two overlap, the one that begins first, or is longer."""
        spans = [
            (match.start(), -match.end(), kind)
            for kind, pattern in self._searched
            for match in pattern.finditer(text)
            if match[0]
        ]
        reached = 0
        for start, negative_end, kind in sorted(spans):
            if start >= reached:
                reached = -negative_end
                yield start, reached, kind


def _nothing(value: None, message: LLMMessage) -> None:
    """Of messages that are only to be looked at."""


def _environment_values() -> re.Pattern[str] | None:
    """Finds the values of variables that are named like a key; looked up for each request, so that no object has them."""
    values = sorted((value for _, value in named_environment_secrets(os.environ)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, values))) if values else None


def _kind(name: str) -> str:
    if not _NAME.fullmatch(name) or name.upper() in (_LITERAL, "KEY", "EMAIL"):
        raise ConfigError(
            f"A pattern of RedactionMiddleware cannot be called {name!r}.",
            hint="Use letters, digits and '_'; KEY, EMAIL and TEXT are taken.",
        )
    return name.upper()


def _checked(name: str, pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"The pattern {name!r} is no regular expression: {error}.") from error
    return pattern
