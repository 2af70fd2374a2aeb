"""Middleware that keeps words out of what is shown and stored."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ConfigError
from ...llm.messages import LLMMessage, LLMResponse
from ..state import ConversationState
from .base import ConversationMiddleware
from .texts import change_texts
from .words import WordReplacer, replace_words

__all__ = ["ContentFilterMiddleware"]


class ContentFilterMiddleware(ConversationMiddleware):
    """Replaces words and phrases in answers, wherever they stand, also within longer words.

    A streamed answer is filtered as it comes, and reads as the stored one does: a word that comes in two pieces is held
    back until it is whole. Filtered answers have ``content_filtered`` in their metadata. Requests pass as they are.

    Args:
        filter_words: What to replace.
        replacement: What stands in its place.
        case_sensitive: Whether capitals count.
    """

    def __init__(
        self, filter_words: Sequence[str], replacement: str = "[FILTERED]", case_sensitive: bool = True
    ) -> None:
        if isinstance(filter_words, str):
            raise ConfigError("filter_words is a text, not a list of words.", hint=f"Write  [{filter_words!r}]")
        self.filter_words = list(filter_words)
        self.replacement = replacement
        self.case_sensitive = case_sensitive

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        """Let it pass."""
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        """Replace the words."""
        found: list[str] = []

        def replacement(word: str) -> str:
            found.append(word)
            return self.replacement

        change_texts(
            response,
            lambda text: replace_words(text, self.filter_words, replacement, case_sensitive=self.case_sensitive),
        )
        if found:
            response.metadata["content_filtered"] = True
        return response

    def text_filter(self, state: ConversationState) -> WordReplacer:
        """The same for the pieces of a stream."""
        return WordReplacer(self.filter_words, lambda _: self.replacement, case_sensitive=self.case_sensitive)

    def __repr__(self) -> str:
        return f"ContentFilterMiddleware({len(self.filter_words)} words)"
