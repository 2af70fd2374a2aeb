"""The picture of a rendered prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .prompt_html import prompt_html, shown_origin, shown_value
from .retrieved import SearchDone, passage_said, search_said, segments
from .text import MIME, money, printable, shorten, verbatim

__all__ = ["RenderedPrompt", "payload", "prompt_bundle"]


@dataclass(frozen=True)
class RenderedPrompt:
    """What is shown of a prompt that was rendered, with what it would take to send it.

    Attributes:
        content: The text.
        name: The name of the prompt.
        mode: The template language.
        used: The parameters that went into it.
        origins: Where each came from: ``line``, ``form``, ``notebook``, ``default``, ``caller`` or ``adapter:NAME``.
        missing: The parameters without a value, each with a name of the notebook that may have been meant.
        warnings: What validation had to say.
        tokens: How many tokens the text is, and whether that is exact.
        cost_usd: The price of sending it: with no answer, and with an answer of usual length. None when not known.
        model: The spec of the model that tokens and price are for.
        retrieved: The searches that were made for it, with the passages that they put into the text.
    """

    content: str
    name: str | None = None
    mode: str = "mixed"
    used: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str | None] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    tokens: tuple[int, bool] | None = None
    cost_usd: tuple[float, float] | None = None
    model: str | None = None
    retrieved: Sequence[SearchDone] = ()


def prompt_bundle(prompt: RenderedPrompt) -> dict[str, Any]:
    """The prompt as a MIME bundle: our own type, HTML and text."""
    facts = _facts(prompt)
    return {
        MIME["prompt"]: payload(prompt),
        "text/html": verbatim(prompt_html(prompt, facts)),
        "text/plain": _plain(prompt, facts),
    }


def payload(prompt: RenderedPrompt) -> dict[str, Any]:
    """The data of the picture, as ``prompt.schema.json`` has it."""
    text, passages = _placed(prompt)
    return {
        "version": 1,
        "name": prompt.name,
        "mode": prompt.mode,
        "text": text,
        "params_used": [
            {"name": name, "value": shown_value(value), **_origin(prompt, name)} for name, value in prompt.used.items()
        ],
        "params_missing": [{"name": name, "suggestion": near} for name, near in prompt.missing.items()],
        "warnings": [printable(warning) for warning in prompt.warnings],
        "tokens": None if prompt.tokens is None else {"count": prompt.tokens[0], "exact": prompt.tokens[1]},
        "cost_usd": None if prompt.cost_usd is None else {"low": prompt.cost_usd[0], "high": prompt.cost_usd[1]},
        "model": prompt.model,
        "passages": passages,
        "searches": [_search(each) for each in prompt.retrieved],
    }


def _placed(prompt: RenderedPrompt) -> tuple[str, list[dict[str, Any]]]:
    """The text as it is shown, and the passages with their places in it, counted as JavaScript counts."""
    pieces: list[str] = []
    passages: list[dict[str, Any]] = []
    at = 0
    for stretch, passage in segments(prompt.content, prompt.retrieved):
        shown = printable(stretch)
        end = at + len(shown.encode("utf-16-le", "surrogatepass")) // 2
        if passage is not None:
            source = printable(shorten(passage.source, 200))
            passages.append({"start": at, "end": end, "source": source, "score": passage.score})
        pieces.append(shown)
        at = end
    return "".join(pieces), passages


def _search(retrieval: SearchDone) -> dict[str, Any]:
    return {
        "placeholder": retrieval.placeholder,
        "adapter": printable(retrieval.adapter),
        "query": printable(shorten(retrieval.query, 500)),
        "found": retrieval.found,
        "dropped": retrieval.dropped,
    }


def _origin(prompt: RenderedPrompt, name: str) -> dict[str, str | None]:
    origin, _, adapter = prompt.origins.get(name, "caller").partition(":")
    return {"origin": origin, "adapter": printable(adapter) or None}


def _facts(prompt: RenderedPrompt) -> str:
    facts = [prompt.name or "prompt", prompt.mode]
    if prompt.tokens is not None:
        count, exact = prompt.tokens
        facts.append(f"{'' if exact else '≈ '}{count:,} tokens")
    if prompt.model is not None:
        facts.append(f"{_price(prompt)} with {prompt.model}")
    return " · ".join(facts)


def _price(prompt: RenderedPrompt) -> str:
    if prompt.cost_usd is None:
        return money(None)
    low, high = prompt.cost_usd
    return money(low) if low == high else f"{money(low)} to {money(high)} with an answer"


def _plain(prompt: RenderedPrompt, facts: str) -> str:
    lines = [printable(prompt.content), "", f"-- {printable(facts)}"]
    for name, value in prompt.used.items():
        lines.append(
            f"   {printable(name)} = {shorten(shown_value(value), 80)!r} ({shown_origin(prompt.origins.get(name))})"
        )
    for name, near in prompt.missing.items():
        lines.append(f"   {printable(name)}: missing" + (f" (did you mean {printable(near)}?)" if near else ""))
    for retrieval in prompt.retrieved:
        lines.append(f"   {search_said(retrieval)}")
        lines += [f"      {passage_said(each)}, characters {each.start} to {each.end}" for each in retrieval.passages]
    lines += [f"   warning: {printable(warning)}" for warning in prompt.warnings]
    return "\n".join(lines)
