"""What the usage of real answers teaches about token estimates, model by model, as long as the process lives.

A model without a published tokenizer is counted with another's. Each answer says how many tokens its prompt really had;
the quotient of both is the model's factor. To learn costs a call nothing: an answer is only noted, and counted when the
next estimate for its model is asked for.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..messages import LLMMessage
from ..opened import sum_over
from ..parts import DocumentPart, ImagePart, RawPart, ToolResult
from ..request import ModelRequest
from .counts import is_count
from .model_facts import whole_prompt

__all__ = ["asked_at", "forget", "learn", "learned_factor"]

#: Estimates the prompt of messages and tools without what was learned.
Estimate: TypeAlias = Callable[[Sequence[LLMMessage], Sequence[Mapping[str, Any]]], int]

#: Answers that are noted for one model until it is asked for, and models.
_NOTES, _MODELS = 4, 64
#: Whose models are named so.
_VENDORS = {"claude-": "anthropic", "gpt-": "openai"}
#: Providers whose usage is made up.
_PRETENDERS = frozenset({"echo"})
#: How much of what is known stays when another answer is learned.
_KEPT = 0.9
#: The most that an answer may tell, as a factor of the estimate: what is beyond is a server's mistake, or its malice.
_LEAST_FACTOR, _MOST_FACTOR = 0.25, 4.0
#: What the estimate itself weighs, in tokens, against what was learned; so that one short prompt does not mislead.
_PRIOR = 300


@dataclass
class _Model:
    notes: deque[tuple[ModelRequest, int]] = field(default_factory=lambda: deque(maxlen=_NOTES))
    real: float = _PRIOR
    estimated: float = _PRIOR


#: Who has a model: its provider, and the server's address where that is not the vendor's own.
_Place: TypeAlias = tuple[str, str | None]
_models: OrderedDict[tuple[str, *_Place], _Model] = OrderedDict()
_lock = threading.Lock()
_asked_at: ContextVar[_Place | None] = ContextVar("dknb_asked_at", default=None)


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def asked_at(provider: str, address: str | None) -> Iterator[None]:
    """Estimates inside are for a model there: what another server said of one with the same name does not count."""
    token = _asked_at.set((provider, address))
    try:
        yield
    finally:
        _asked_at.reset(token)


def learn(request: ModelRequest, usage: Mapping[str, int] | None, address: str | None = None) -> None:
    """Note how many tokens the prompt of ``request`` really had; takes no time, whatever its length."""
    if (
        request.kind != "complete"
        or request.provider in _PRETENDERS
        or not usage
        or not all(is_count(number) for number in usage.values())
        or not (prompt := whole_prompt(request.provider, usage))
    ):
        return
    place = (request.model.lower().rpartition("/")[2], request.provider, address)
    with _lock:
        model = _models.setdefault(place, _Model())
        _models.move_to_end(place)
        model.notes.append((request, prompt))
        if len(_models) > _MODELS:
            _models.popitem(last=False)


def learned_factor(model: str, estimate: Estimate) -> float:
    """How many tokens a model really has for each that ``estimate`` counts; 1 when nothing was learned.

    The model goes by its name in lower case, without what stands before its last slash, and by where it is `asked_at`.
    """
    if (known := _known(model)) is None:
        return 1.0
    with _lock:
        notes = [known.notes.popleft() for _ in range(len(known.notes))]
    real: float
    for request, real in notes:
        if _is_text(request):
            estimated = estimate(request.whole(), request.tools)
            real = min(max(real, _LEAST_FACTOR * estimated), _MOST_FACTOR * estimated)
            with _lock:
                known.real = _PRIOR + (known.real - _PRIOR) * _KEPT + real
                known.estimated = _PRIOR + (known.estimated - _PRIOR) * _KEPT + estimated
    return known.real / known.estimated


def _known(model: str) -> _Model | None:
    """What is known of a model: at the place where it is asked, or anywhere where nobody says which.

    Anywhere means at its vendor, for a model that has one, whoever else has one of that name.
    """
    if (place := _asked_at.get()) is not None:
        return _models.get((model, *place))
    vendor = next((vendor for begins, vendor in _VENDORS.items() if model.startswith(begins)), None)
    with _lock:
        found = [one for (name, provider, _), one in _models.items() if name == model and vendor in (None, provider)]
    return found[-1] if found else None


def forget() -> None:
    """Forget all that was learned."""
    with _lock:
        _models.clear()


def _is_text(request: ModelRequest) -> bool:
    """Whether the prompt is text and tools of ours alone: what else a vendor adds has nothing to do with its length."""
    if any(request.options.get(name) for name in ("thinking", "reasoning")) or "response_format" in request.settings:
        return False
    if any(tool.get("type") not in (None, "function", "custom") for tool in request.tools):
        return False
    return not sum_over(request.whole(), "beyond text", _beyond_text)


def _beyond_text(message: LLMMessage) -> int:
    """How many parts of a message are no text."""
    blocks = sum(isinstance(part, ToolResult) and not isinstance(part.content, str) for part in message.parts)
    return blocks + sum(isinstance(part, (ImagePart, DocumentPart, RawPart)) for part in message.parts)
