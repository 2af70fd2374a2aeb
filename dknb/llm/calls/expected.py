"""How many tokens a call will probably take, before it is made."""

from __future__ import annotations

import json

from ..config import LLMConfig
from ..counting.tokens import TokenCounter
from ..request import ModelRequest

__all__ = ["ANSWER_TOKENS", "expected_usage", "prompt_tokens"]

#: How long an answer is taken to be at most where the call sets no ``max_tokens``.
ANSWER_TOKENS = 1_000


def expected_usage(request: ModelRequest, config: LLMConfig) -> dict[str, int]:
    """The tokens of the prompt (with its tools), and the most that the answer is taken to have.

    That is ``max_tokens``, or 1,000 where it is not set; vectors have no answer.
    """
    answer = 0 if request.kind == "embed" else config.max_tokens or ANSWER_TOKENS
    return {"prompt_tokens": prompt_tokens(request), "completion_tokens": answer}


def prompt_tokens(request: ModelRequest) -> int:
    """About how many tokens the messages and tools of a request have, or its texts."""
    model = request.model
    if request.kind == "embed":
        return sum(TokenCounter.estimate_tokens(text, model) for text in request.texts)
    prompt: int = TokenCounter.estimate_messages_tokens(request.full_messages(), model)
    if request.tools:
        prompt += TokenCounter.estimate_tokens(json.dumps(list(request.tools), default=str), model)
    return prompt
