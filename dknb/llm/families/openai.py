"""OpenAI's models; first match counts."""

from __future__ import annotations

from .family import CHAT, CODE, EMBEDDINGS, JSON, REASONING, TOOLS, VISION, Family

__all__ = ["OPENAI"]

#: Reasoning models sample in their own way. `stop`: SDK openai 3.54.0, completion_create_params.py. Those that may be
#: asked not to reason (effort "none", since gpt-5.1) take temperature, top_p and logprobs then, and gpt-5.6 no more.
_SAMPLING = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "stop_sequences",
    "logprobs",
)
_NO_SAMPLING = (
    "community.openai.com/t/1110750 (table of parameters), 1341049; github.com/vercel/ai/issues/10932; Nov 2026"
)
_COMPARE = "developers.openai.com/api/docs/models (as genai-prices 0.2.3 and its forum repeat it); Nov 2026"

#: What reasoning models speak: "work better with the Responses API", developers.openai.com/api/docs/guides/reasoning.
_BOTH = ("responses", "chat")
#: Models of types/shared/responses_model.py that are not in chat_model.py beside it, openai 3.54.0; November 2026.
_ALONE = ("responses",)

_FULL = (*CHAT, *CODE, *JSON, *TOOLS, *VISION)

OPENAI = (
    Family(r"text-embedding-", _COMPARE, EMBEDDINGS),
    Family(
        r"(?:chatgpt|gpt)-image|gpt-5[^/]*-image|dall-e|sora|tts-|whisper|(?:omni|text)-moderation|gpt-(?:realtime|live)"
        r"|gpt-.*(?:-tts|transcribe|-realtime)",
        _COMPARE,
        (),
    ),
    Family(r"gpt-3\.5-turbo-instruct|(?:davinci|babbage)-002", _COMPARE, (CHAT[0], CHAT[2]), longest_answer=4_096),
    Family(
        r"o1-(?:mini|preview)",
        _NO_SAMPLING,
        (*CHAT, *CODE, *REASONING),
        refuses=(*_SAMPLING, "tools", "response_format", "reasoning_effort"),
        system_role="user",
        longest_answer=65_536,
    ),
    Family(
        r"o[134](?:-mini)?-(?:pro|deep-research)|computer-use-preview|gpt-5-(?:pro|codex)|gpt-5\.5-pro"
        r"|gpt-5\.1-codex-max|gpt-5\.6-cyber|gpt-6-(?:cyber|rosalind)|gpt-6\.2-astra-law|gpt-(?:daybreak|rosalind)-",
        _NO_SAMPLING,
        (*_FULL, *REASONING),
        refuses=_SAMPLING,
        apis=_ALONE,
    ),
    Family(
        r"o3-mini",
        _NO_SAMPLING,
        (*CHAT, *CODE, *JSON, *TOOLS, *REASONING),
        refuses=_SAMPLING,
        longest_answer=100_000,
        apis=_BOTH,
    ),
    Family(r"o\d", _NO_SAMPLING, (*_FULL, *REASONING), refuses=_SAMPLING, longest_answer=100_000, apis=_BOTH),
    Family(r"gpt-5-chat", _COMPARE, (*CHAT, *CODE, *JSON, *VISION), longest_answer=16_384),
    Family(r"gpt-\d[\d.]*-chat|gpt-chat", _COMPARE, _FULL, longest_answer=16_384),
    Family(r"gpt-oss", _COMPARE, (*CHAT, *CODE, *JSON, *TOOLS, *REASONING), longest_answer=131_072),
    Family(r"gpt-[5-9]", _NO_SAMPLING, (*_FULL, *REASONING), refuses=_SAMPLING, longest_answer=128_000, apis=_BOTH),
    Family(r"codex-mini", _NO_SAMPLING, (*_FULL, *REASONING), refuses=_SAMPLING, longest_answer=100_000, apis=_BOTH),
    Family(r"gpt-4\.1", _COMPARE, _FULL, longest_answer=32_768),
    Family(r"(?:chatgpt-)?gpt-4o-2024-05-13", _COMPARE, _FULL, longest_answer=4_096),
    Family(r"chatgpt-4o", _NO_SAMPLING, (*CHAT, *CODE, *JSON, *VISION), refuses=("tools",), longest_answer=16_384),
    Family(r"gpt-4o-(?:mini-)?audio|gpt-audio", _NO_SAMPLING, (*CHAT, *CODE, *TOOLS), longest_answer=16_384),
    Family(r"gpt-4o|gpt-4\.5", _COMPARE, _FULL, longest_answer=16_384),
    Family(r"gpt-4-(?:turbo|vision)", _COMPARE, _FULL, longest_answer=4_096),
    Family(r"gpt-4-(?:1106|0125)", _COMPARE, (*CHAT, *CODE, *JSON, *TOOLS), longest_answer=4_096),
    Family(r"gpt-4", _COMPARE, (*CHAT, *CODE, *TOOLS), longest_answer=8_192),
    Family(r"gpt-3\.5", _COMPARE, (*CHAT, *CODE, *JSON, *TOOLS), longest_answer=4_096),
)
