"""How many tokens a prompt has, offline, and whether that was counted or estimated.

OpenAI's models are counted with their own tokenizers. No other vendor publishes the tokenizer of its models; their
tokens are those of ``o200k_base`` times a factor of the family, which the usage of real answers then corrects, model by
model. `AsyncLLMProvider.count_tokens` asks the vendor where the vendor counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError
from ..families.table import apis_of
from ..messages import LLMMessage, message_of
from ..opened import sum_over
from ..parts import DocumentPart, ImagePart, RawPart, ReasoningPart, TextPart, ToolResult
from .calibration import learned_factor
from .image_tokens import image_tokens
from .model_facts import context_window
from .token_weights import weighed_tokens
from .tokenizers import encoding_of, tokens_in
from .tool_tokens import call_overhead, tools_overhead, tools_text

__all__ = ["TokenCount", "TokenCounter", "context_window"]

_USUAL_ENCODING = "o200k_base"

#: Tokens for each token of ``o200k_base``: first match counts. Measured with ctok 1.3.0, which rebuilds the counts of
#: Anthropic's endpoint, on prose, Markdown, Python and JSON, 22 November 2026: 1.02 to 1.21 for Claude 3 to 4.6, 1.38 to
#: 1.6 for the tokenizer since Opus 4.7. Other languages have more (German: 1.5 and 2).
_FACTORS = (
    (re.compile(r"claude-(?:v?[12]|instant|3|(?:opus|sonnet|haiku)-4(?!-[78]))"), 1.08),
    (re.compile(r"claude"), 1.45),
)

#: What a request costs beside its messages, and a message beside its text: first match counts. The last row is OpenAI's
#: (Cookbook, "How to count tokens"); the others are fitted to recorded exchanges (`tests/llm/test_llm_token_usage.py`,
#: 22 November 2026). Llama 3 is told the date.
_FRAMES = (
    (re.compile(r"o1-(?:mini|preview)"), 10, 4),
    (re.compile(r"o\d|gpt-[5-9](?!.*chat)"), 2, 4),
    (re.compile(r"claude"), 2, 3),
    (re.compile(r"(?:meta-)?llama-?3[.-][1-3]"), 27, 4),
    (re.compile(r""), 3, 4),
)
_PER_NAME = 1
#: The models for which the Cookbook's numbers hold to the token.
_DOCUMENTED = re.compile(r"(?:chatgpt-)?gpt-4o|gpt-4|gpt-3\.?5")
#: A page of a PDF, which is text and picture, and its bytes (Anthropic, "PDF support": 1,500 to 3,000 a page).
_PER_PAGE, _BYTES_OF_PAGE = 2_000, 50_000
_UNSEEN_DOCUMENT = 2_000


class TokenCount(int):
    """A number of tokens; ``exact`` says whether a tokenizer counted it, ``method`` says it in a word.

    >>> TokenCount(6, exact=False).method, TokenCount(6, exact=False) + 1
    ('estimate', 7)
    """

    exact: bool

    def __new__(cls, count: float, exact: bool) -> TokenCount:  # noqa: D102 - the class says it
        self = super().__new__(cls, count)
        self.exact = exact
        return self

    def __getnewargs__(self) -> tuple[int, bool]:  # type: ignore[override]  # ours takes one more
        return int(self), self.exact

    def __repr__(self) -> str:
        return f"TokenCount({int(self)}, exact={self.exact})"

    __str__ = int.__repr__

    @property
    def count(self) -> int:
        """The number."""
        return int(self)

    @property
    def method(self) -> str:
        """``"exact"`` or ``"estimate"``."""
        return "exact" if self.exact else "estimate"


class TokenCounter:
    """Counts tokens without a network.

    The first count of a process loads a tokenizer's table, a third of a second; so make it in a thread where a loop runs.
    """

    @staticmethod
    def count(text: str, model: str = "default") -> TokenCount:
        """The tokens of a text for a model (a spec or a bare name), and whether the number is exact.

        Raises:
            ConfigError: It is no text.
        """
        if not isinstance(text, str):
            raise ConfigError(f"{text!r:.100} is no text.", hint="For messages:  TokenCounter.count_messages(...)")
        name = _bare(model)
        count, exact = _in_text(text, name)
        return TokenCount(count if exact else _corrected(count, name), exact)

    @staticmethod
    def count_messages(
        messages: str | Iterable[LLMMessage | Mapping[str, Any]],
        model: str = "default",
        tools: Sequence[Mapping[str, Any]] = (),
        tool_choice: str | Mapping[str, Any] | None = None,
        response_format: str | Mapping[str, Any] | None = None,
        api: str | None = None,
    ) -> TokenCount:
        """The tokens of a call's prompt, with what the vendor puts around messages and tools.

        Pictures count by the vendor's formula, where their size is known; a schema counts as its text, which is an
        estimate.

        Args:
            messages: What ``complete`` takes: a text, messages, or their plain data.
            model: The model, as a spec or a bare name.
            tools: The tools that are sent along.
            tool_choice: Which of them the model is to call.
            response_format: The shape of the answer.
            api: ``"chat"`` or ``"responses"``, where tools cost less; None is the first where the model speaks it.

        Raises:
            ConfigError: There is something else among them.
        """
        name = _bare(model)
        given = [LLMMessage("user", messages)] if isinstance(messages, str) else messages
        given = [given] if isinstance(given, (LLMMessage, Mapping)) else given
        if api is None:
            api = "chat" if "chat" in apis_of("openai", name) else "responses"
        count, exact = _in_prompt(given, name, tools, tool_choice, api)
        if isinstance(response_format, Mapping):
            count, exact = count + _in_text(json.dumps(_schema(response_format)), name)[0], False
        return TokenCount(count if exact or encoding_of(name) else _corrected(count, name), exact)

    @staticmethod
    def estimate_tokens(text: str, model: str = "default") -> TokenCount:
        """How many tokens a text has for a model, as exactly as is known."""
        return TokenCounter.count(text, model)

    @staticmethod
    def estimate_messages_tokens(
        messages: str | Iterable[LLMMessage | Mapping[str, Any]], model: str = "default"
    ) -> TokenCount:
        """How many tokens the messages of one call have, with what the vendor puts around them."""
        return TokenCounter.count_messages(messages, model)

    @staticmethod
    def fits_in_context(text: str, model: str = "default", max_tokens: int | None = None) -> bool:
        """Whether a text (probably) fits into a model.

        Args:
            text: The text.
            model: The model, as a spec or a bare name.
            max_tokens: The most tokens to allow; None for the model's whole context window.

        Raises:
            ConfigError: No ``max_tokens``, and the model's context window is not known.
        """
        most = context_window(model) if max_tokens is None else max_tokens
        if most is None:
            raise ConfigError(
                f"The context window of the model {model!r} is not known.", hint="Say how much fits: max_tokens=8192"
            )
        return TokenCounter.count(text, model) <= most


def _bare(model: str) -> str:
    return model.lower().rpartition("/")[2]


def _corrected(count: int, name: str) -> int:
    return round(count * learned_factor(name, lambda messages, tools: _in_prompt(messages, name, tools)[0]))


def _in_text(text: str, name: str) -> tuple[int, bool]:
    """The tokens of a text, without what was learned, and whether that is exact."""
    encoding = encoding_of(name)
    counted = tokens_in(text, encoding or _USUAL_ENCODING)
    if counted is not None and encoding:
        return counted
    factor = next((factor for pattern, factor in _FACTORS if pattern.match(name)), 1.0)
    count = weighed_tokens(text) if counted is None else counted[0]
    return max(round(count * factor), bool(text)), False


def _schema(response_format: Mapping[str, Any]) -> Any:
    """The schema in a format, where one is."""
    return response_format.get("json_schema", response_format).get("schema", response_format)


def _in_prompt(
    messages: Iterable[LLMMessage | Mapping[str, Any]],
    name: str,
    tools: Sequence[Mapping[str, Any]],
    tool_choice: str | Mapping[str, Any] | None = None,
    api: str = "chat",
) -> tuple[int, bool]:
    total, _ = _frame(name)
    tally = _Tally() + sum_over(messages, f"tokens/{name}", lambda message: _in_message(message_of(message), name))
    total += tally.tokens
    exact = _DOCUMENTED.match(name.removeprefix("ft:")) is not None and not tools and not tally.inexact
    if tools:
        total += tools_overhead(name, tool_choice, api) + _in_text(tools_text(tools, name), name)[0]
    return total, exact


def _frame(name: str) -> tuple[int, int]:
    """What a request costs beside its messages, and a message beside its text."""
    return next((request, message) for pattern, request, message in _FRAMES if pattern.match(name))


@dataclass(frozen=True, slots=True)
class _Tally:
    """Tokens of messages, without what was learned, and of how many they are not exact; can be added to others, and to 0."""

    tokens: int = 0
    inexact: int = 0

    def __add__(self, other: _Tally | int) -> _Tally:
        if isinstance(other, int):
            return self
        return _Tally(self.tokens + other.tokens, self.inexact + other.inexact)

    __radd__ = __add__

    def __sub__(self, other: _Tally) -> _Tally:
        return _Tally(self.tokens - other.tokens, self.inexact - other.inexact)


def _in_message(message: LLMMessage, name: str) -> _Tally:
    _, total = _frame(name)
    counts = [_in_text(text, name) for text in _texts(message)]
    exact = all([one for _, one in counts]) and _is_plain(message)
    total += _PER_NAME * bool(message.name) + sum([count for count, _ in counts])
    total += len(message.tool_calls) * call_overhead(name)
    total += sum([_unreadable(part, name) for part in message.parts])
    return _Tally(total, int(not exact))


def _is_plain(message: LLMMessage) -> bool:
    return not message.tool_calls and all([isinstance(part, TextPart) for part in message.parts])


def _texts(message: LLMMessage) -> Iterator[str]:
    yield message.content
    if message.name:
        yield message.name
    for call in message.tool_calls:
        yield from (call.name, call.arguments_json)
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield part.content if isinstance(part.content, str) else json.dumps(part.content, ensure_ascii=False)
        elif isinstance(part, RawPart):
            yield json.dumps(part.block, ensure_ascii=False, default=str)
        elif isinstance(part, ReasoningPart) and part.signature:
            yield part.text
        elif isinstance(part, DocumentPart) and _is_text(part):
            yield part.data or ""


def _is_text(part: DocumentPart) -> bool:
    return (part.media_type or "").startswith("text/")


def _unreadable(part: object, name: str) -> int:
    """The tokens of a picture or of a document that is no text."""
    if isinstance(part, ImagePart):
        return image_tokens(part, name)
    if isinstance(part, DocumentPart) and not _is_text(part):
        pages = len(part.data or "") * 3 // 4 // _BYTES_OF_PAGE
        return max(1, pages) * _PER_PAGE if part.data else _UNSEEN_DOCUMENT
    return 0
