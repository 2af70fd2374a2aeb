"""Models with open weights, by their names wherever they run; first match counts.

What a server says of its own model (Ollama's ``show``) counts before this.
"""

from __future__ import annotations

from .family import CHAT, CODE, EMBEDDINGS, JSON, REASONING, TOOLS, VISION, Family

__all__ = ["OPEN"]

_DEEPSEEK = "api-docs.deepseek.com/guides/reasoning_model; Nov 2026"
_OLLAMA = "ollama.com/search, filters embedding, vision, tools and thinking; Nov 2026"

OPEN = (
    Family(r".*embed|bge-|(?:multilingual-)?e5-|gte-|all-minilm|mxbai-|snowflake-arctic-emb", _OLLAMA, EMBEDDINGS),
    # The penalties and the temperature are ignored, these are errors.
    Family(
        r"deepseek-reasoner",
        _DEEPSEEK,
        (*CHAT, *CODE, *JSON, *TOOLS, *REASONING),
        refuses=("logprobs", "top_logprobs"),
        longest_answer=64_000,
    ),
    Family(r"deepseek-r1", _OLLAMA, (*CHAT, *CODE, *REASONING)),
    Family(r"gpt-oss", _OLLAMA, (*CHAT, *CODE, *JSON, *TOOLS, *REASONING)),
    Family(
        r"llama-?4|qwen[\d.]*-?vl|mistral-small-?3\.[12]|gemma-?[4-9]", _OLLAMA, (*CHAT, *CODE, *JSON, *TOOLS, *VISION)
    ),
    Family(
        r"llava|bakllava|moondream|minicpm-v|gemma-?3(?!n|-1b|:1b|:270m)|llama-?3\.2-vision", _OLLAMA, (*CHAT, *VISION)
    ),
)
