"""Whether an answer is one: what a dialect or another package's provider made of a reply, looked at before it is used.

What is beside the answer (its usage, its model's name, why it ended) is left out where it is rubbish, since an answer
that was paid must not be lost for it. Without a text, or with a call that cannot be read, it is no answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...errors import ServerError
from ..counting.counts import tidy_usage
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import ToolCall, arguments_of
from ..request import ModelRequest

__all__ = ["check_calls", "fault_of", "has_text", "sound", "sound_piece", "tidy"]

#: What is told of an answer and read here as text.
_TOLD = ("service_tier", "server", "priced_as")
#: What is beside an answer's text and calls: its name, what it must be, and what stands for nothing.
_BESIDE: tuple[tuple[str, type[Any], Callable[[], Any]], ...] = (
    ("model", str, str),
    ("metadata", dict, dict),
    ("finish_reason", str, lambda: None),
    ("reasoning", str, lambda: None),
    ("function_call", dict, lambda: None),
)
#: How vendors call it that an answer became too long.
_TOO_LONG = frozenset({"length", "max_tokens", "max_output_tokens"})


def tidy(response: LLMResponse) -> None:
    """Leave out what is rubbish beside the answer itself."""
    for name, kind, nothing in _BESIDE:
        if not isinstance(getattr(response, name), kind):
            setattr(response, name, nothing())
    response.usage = tidy_usage(response.usage)
    price: Any = response.cost_usd
    if not isinstance(price, (int, float)) or not math.isfinite(price) or price < 0:
        response.cost_usd = None
    for name in _TOLD:
        if not isinstance(response.metadata.get(name, ""), str):
            del response.metadata[name]


def fault_of(response: LLMResponse) -> str | None:
    """Why a response is no answer; None where it is one."""
    content: Any = response.content
    if not isinstance(content, str):
        return f"its text is {content!r:.100}"
    for call in response.tool_calls:
        told: tuple[Any, Any, Any] = (call.name, call.arguments, call.raw_arguments or "")
        if not all(isinstance(one, kind) for one, kind in zip(told, (str, dict, str), strict=True)):
            return f"it calls {call.name!r:.50} with {call.arguments_json!r:.100}"
    return None


def sound(answer: Any, request: ModelRequest) -> LLMResponse:
    """The answer that an attempt brought, without rubbish.

    Raises:
        ServerError: It is none.
    """
    if not isinstance(answer, LLMResponse):
        raise _no_answer(f"{answer!r:.100}, which is no LLMResponse", request)
    tidy(answer)
    if (fault := fault_of(answer)) is not None:
        raise _no_answer(f"something that is no answer: {fault}", request)
    for call in answer.tool_calls:
        _put(answer, call, _mended(replace(call, id=call.id if isinstance(call.id, str) else None)))
    return answer


def sound_piece(piece: Any, request: ModelRequest) -> LLMStreamResponse:
    """The piece of a stream; the last one with a sound response.

    Raises:
        ServerError: It is none.
    """
    if not isinstance(piece, LLMStreamResponse) or not has_text(piece):
        raise _no_answer(f"{piece!r:.100} in a stream, which is no LLMStreamResponse", request)
    if piece.response is not None:
        sound(piece.response, request)
    return piece


def _no_answer(what: str, request: ModelRequest) -> ServerError:
    return ServerError(
        f"The provider {request.provider!r} gave {what}.",
        provider=request.provider,
        model=request.model,
        hint="That is a fault of the server, or of the package that adds the provider",
    )


# The arguments of tool calls


def check_calls(response: LLMResponse, request: ModelRequest) -> None:
    """See that each tool call of an answer can be made.

    Raises:
        ServerError: The arguments of one are no JSON object; ``partial`` is the answer, and the call's
            ``raw_arguments`` what had arrived.
    """
    for call in response.tool_calls or _old_call(response):
        if (error := call.error) is not None:
            raise _broken_call(call, error, response, request)


def _broken_call(call: ToolCall, error: str, response: LLMResponse, request: ModelRequest) -> ServerError:
    text = call.arguments_json
    shown = text if len(text) <= 100 else f"{text[:40]} ... {text[-60:]}"
    message = f"{request.provider}/{request.model} called {call.name!r}, and {error}"
    hint = "Ask again"
    if response.finish_reason in _TOO_LONG:
        message = f"{request.provider}/{request.model} called {call.name!r}, and was cut at the token limit: {error}"
        hint = f"Let it say more:  max_tokens={2 * (request.settings.get('max_tokens') or 2_048)}"
    broken = ServerError(
        f"{message}. They are {shown!r}.",
        provider=request.provider,
        model=request.model,
        hint=f"{hint}. The error's `partial` is the answer, with what arrived in the call's `raw_arguments`",
    )
    broken.partial = response
    return broken


def _old_call(response: LLMResponse) -> list[ToolCall]:
    """The call in the old form of a single one, where the server wrote that."""
    told = response.function_call or {}
    text = told.get("arguments")
    if not isinstance(text, str):
        return []
    return [_mended(ToolCall(str(told.get("name")), arguments_of(text), raw_arguments=text))]


def _put(response: LLMResponse, call: ToolCall, better: ToolCall) -> None:
    if better == call:
        return
    response.tool_calls = [better if one is call else one for one in response.tool_calls]
    response.parts = [better if one is call else one for one in response.parts]


def _mended(call: ToolCall) -> ToolCall:
    """The call with its arguments read where they are whole but not quite JSON; what was cut is not guessed at."""
    text = (call.raw_arguments or "").strip()
    if call.error is None or not text.startswith("{"):
        return call
    from ..answers.mended_json import mended

    made = mended(text, 0)
    if made.text is None or not made.closed or text[made.end :].strip():
        return call
    try:
        arguments = json.loads(made.text)
    except (ValueError, RecursionError):
        return call
    return replace(call, arguments=arguments)


def has_text(piece: LLMStreamResponse) -> bool:
    """Whether what a piece of a stream brings is text where it must be."""
    call = piece.tool_call
    texts: tuple[Any, ...] = (piece.delta, piece.reasoning)
    if call is not None:
        texts += (call.name, call.arguments)
    return all([isinstance(text, str) for text in texts])
