"""What stands between a conversation and its model.

Requests pass a list of middleware in its order, responses in reverse; each sees copies. Names are imported at first use:
a conversation without a budget need not know how tokens are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import exports

if TYPE_CHECKING:
    from .answer_cache import Answers, KeptAnswer, MemoryAnswers, StoredAnswers
    from .aside import beside
    from .base import Ask, ConversationMiddleware, Outgoing, TextFilter
    from .budget import BudgetMiddleware
    from .cache import CacheMiddleware
    from .content_filter import ContentFilterMiddleware
    from .copies import gently
    from .exchange import Exchange
    from .log import LoggingMiddleware
    from .metadata import MetadataMiddleware
    from .rate_limit import RateLimitMiddleware
    from .redaction import RedactionMiddleware
    from .validation import ValidationMiddleware

_HOME = {
    "Answers": "answer_cache",
    "Ask": "base",
    "BudgetMiddleware": "budget",
    "CacheMiddleware": "cache",
    "ContentFilterMiddleware": "content_filter",
    "ConversationMiddleware": "base",
    "Exchange": "exchange",
    "KeptAnswer": "answer_cache",
    "LoggingMiddleware": "log",
    "MemoryAnswers": "answer_cache",
    "MetadataMiddleware": "metadata",
    "Outgoing": "base",
    "RateLimitMiddleware": "rate_limit",
    "RedactionMiddleware": "redaction",
    "StoredAnswers": "answer_cache",
    "TextFilter": "base",
    "ValidationMiddleware": "validation",
    "beside": "aside",
    "gently": "copies",
}

__all__ = [
    "Answers",
    "Ask",
    "BudgetMiddleware",
    "CacheMiddleware",
    "ContentFilterMiddleware",
    "ConversationMiddleware",
    "Exchange",
    "KeptAnswer",
    "LoggingMiddleware",
    "MemoryAnswers",
    "MetadataMiddleware",
    "Outgoing",
    "RateLimitMiddleware",
    "RedactionMiddleware",
    "StoredAnswers",
    "TextFilter",
    "ValidationMiddleware",
    "beside",
    "gently",
]

__getattr__, __dir__ = exports(__name__, _HOME)
