"""How many tokens a call will probably take, before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import LLMConfig
from ..counting.calibration import asked_at
from ..counting.tokens import TokenCount, TokenCounter
from ..families.apis import api_of
from ..families.table import is_reasoning
from ..request import ModelRequest

__all__ = ["ANSWER_TOKENS", "THINKING_TOKENS", "expected_usage", "prompt_tokens"]

#: How long an answer is taken to be at most where nothing limits it; and that of a model that thinks before it answers.
ANSWER_TOKENS, THINKING_TOKENS = 1_000, 8_000
#: What vendors call the most tokens of an answer, and the number of answers, in options.
_MOST_TOKENS = (
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "max_new_tokens",
    "num_predict",
    "n_predict",
)
_ANSWERS = ("n", "best_of", "num_return_sequences")


def expected_usage(request: ModelRequest, config: LLMConfig) -> dict[str, int]:
    """The tokens of the prompt (with its tools), and the most that the answer is taken to have.

    That is ``max_tokens``, or what the options call so; without it 1,000, or 8,000 where the model thinks first; and
    so much for each of ``n`` answers. Vectors have none.
    """
    prompt = int(prompt_tokens(request, config))
    return {"prompt_tokens": prompt, "completion_tokens": 0 if request.kind == "embed" else _answer(config)}


def _answer(config: LLMConfig) -> int:
    told = config.options
    limits = [config.max_tokens, *(_number(told.get(name)) for name in _MOST_TOKENS)]
    most = max((limit for limit in limits if limit), default=None)
    if most is None:
        thinking = _thinking(config)
        most = ANSWER_TOKENS if thinking is None else max(THINKING_TOKENS, thinking + ANSWER_TOKENS)
    return most * max([_number(told.get(name)) or 1 for name in _ANSWERS])


def _thinking(config: LLMConfig) -> int | None:
    """The tokens that a model is allowed for its thoughts, 0 where nobody says; None when it does not think."""
    told = config.options
    asked, effort = _mapping(told.get("thinking")), _mapping(told.get("reasoning"))
    allowed = _number(asked.get("budget_tokens")) or _number(effort.get("max_tokens"))
    if allowed or asked.get("type") in ("enabled", "adaptive") or told.get("think"):
        return allowed or 0
    off = "none" in (told.get("reasoning_effort"), effort.get("effort")) or told.get("think") is False
    # Claude thinks only when it is asked to.
    return 0 if config.provider != "anthropic" and not off and is_reasoning(config.provider, config.model) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def prompt_tokens(request: ModelRequest, config: LLMConfig) -> TokenCount:
    """How many tokens the prompt of a request has, with its tools and the schema of its answer; or its texts have.

    Takes time: tables are loaded, and tokenizers are not fast. Of a history only what is new since the last time is counted.
    """
    model = request.model
    with asked_at(request.provider, config.api_base):
        if request.kind == "embed":
            counts = [TokenCounter.count(text, model) for text in request.texts]
            return TokenCount(sum(counts), all([count.exact for count in counts]))
        return TokenCounter.count_messages(
            request.whole(),
            model,
            request.tools,
            request.tool_choice,
            request.settings.get("response_format"),
            api_of(config) if config.provider == "openai" else "chat",
        )
