"""Anthropic's models; first match counts.

``answer_tokens`` is no more than any model of the family gives, and enough for most answers.
"""

from __future__ import annotations

from .family import CHAT, CODE, JSON, REASONING, TOOLS, VISION, Family

__all__ = ["ANTHROPIC"]

_OVERVIEW = "platform.claude.com/docs/en/models/overview and its pages of single models; Nov 2026"
_FIRST = "docs.aihubmix.com/en/api/Claude-Native (Anthropic's table of models); Nov 2026"
_ONE_OF_TWO = "github.com/SalesforceAIResearch/MCP-Universe/issues/49 (since Opus 4.1); Nov 2026"
_NO_SAMPLING = (
    "platform.claude.com/docs/en/about-claude/models/migration-guide; openrouter.ai/docs/cookbook (claude-4-7, claude-5-5)"
    "; Nov 2026"
)
#: Since Opus 4.7 the models refuse another value than the default.
_SAMPLING = ("temperature", "top_p", "top_k")
_EITHER = ("temperature", "top_p")

_BASIC = (*CHAT, *CODE, *TOOLS, *VISION)
_NOW = (*_BASIC, *JSON, *REASONING)

ANTHROPIC = (
    Family(r"claude-(?:[12](?:\.|-|$)|instant)", _FIRST, CHAT, answer_tokens=4_096, longest_answer=4_096),
    Family(r"claude-3-(?:opus|sonnet|haiku)", _FIRST, _BASIC, answer_tokens=4_096, longest_answer=4_096),
    Family(r"claude-3-5", _FIRST, _BASIC, answer_tokens=8_192, longest_answer=8_192),
    Family(r"claude-3-7", _OVERVIEW, (*_BASIC, *REASONING), answer_tokens=8_192, longest_answer=64_000),
    Family(r"claude-opus-4-1", _ONE_OF_TWO, _NOW, apart=_EITHER, answer_tokens=8_192, longest_answer=32_000),
    Family(r"claude-opus-4-5", _ONE_OF_TWO, _NOW, apart=_EITHER, answer_tokens=8_192, longest_answer=64_000),
    Family(r"claude-opus-4-6", _ONE_OF_TWO, _NOW, apart=_EITHER, answer_tokens=8_192, longest_answer=128_000),
    Family(r"claude-opus-4-[7-9]", _NO_SAMPLING, _NOW, refuses=_SAMPLING, answer_tokens=8_192, longest_answer=128_000),
    Family(r"claude-opus-4", _OVERVIEW, (*_BASIC, *REASONING), answer_tokens=8_192, longest_answer=32_000),
    Family(
        r"claude-(?:sonnet|haiku)-4-5", _ONE_OF_TWO, _NOW, apart=_EITHER, answer_tokens=8_192, longest_answer=64_000
    ),
    Family(r"claude-sonnet-4-6", _ONE_OF_TWO, _NOW, apart=_EITHER, answer_tokens=8_192, longest_answer=128_000),
    Family(r"claude-sonnet-4", _OVERVIEW, (*_BASIC, *REASONING), answer_tokens=8_192, longest_answer=64_000),
    Family(r"claude-[a-z]+-[5-9]", _NO_SAMPLING, _NOW, refuses=_SAMPLING, answer_tokens=8_192, longest_answer=128_000),
    Family(r"", _OVERVIEW, answer_tokens=8_192),
)
