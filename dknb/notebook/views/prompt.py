"""The picture of a rendered prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .text import MIME, escape, money, printable, shorten, verbatim

__all__ = ["RenderedPrompt", "prompt_bundle"]

_ORIGINS = {"line": "this line", "notebook": "notebook", "default": "default", "caller": "caller"}
_MUTED = "color:var(--jp-ui-font-color2, #616161)"
_WARNING = "color:var(--jp-warn-color0, #a35200)"


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt that was rendered, with what it would take to send it.

    Attributes:
        content: The text.
        name: The name of the prompt.
        mode: The template language.
        used: The parameters that went into it.
        origins: Where each came from: ``"line"``, ``"notebook"``, ``"default"`` or ``"caller"``.
        missing: The parameters without a value, each with a name of the notebook that may have been meant.
        warnings: What validation had to say.
        tokens: How many tokens the text is, and whether that is exact.
        cost_usd: The price of sending it: with no answer, and with an answer of usual length. None when not known.
        model: The spec of the model that tokens and price are for.
        metadata: The metadata of the prompt and of its render.
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
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.content

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return prompt_bundle(self)


def prompt_bundle(prompt: RenderedPrompt) -> dict[str, Any]:
    """The prompt as a MIME bundle: our own type, HTML and text."""
    return {MIME["prompt"]: payload(prompt), "text/html": verbatim(_html(prompt)), "text/plain": _plain(prompt)}


def payload(prompt: RenderedPrompt) -> dict[str, Any]:
    """The data of the picture, as ``prompt.schema.json`` has it."""
    return {
        "version": 1,
        "name": prompt.name,
        "mode": prompt.mode,
        "text": printable(prompt.content),
        "params_used": [
            {"name": name, "value": _value(value), "origin": prompt.origins.get(name, "caller")}
            for name, value in prompt.used.items()
        ],
        "params_missing": [{"name": name, "suggestion": near} for name, near in prompt.missing.items()],
        "warnings": [printable(warning) for warning in prompt.warnings],
        "tokens": None if prompt.tokens is None else {"count": prompt.tokens[0], "exact": prompt.tokens[1]},
        "cost_usd": None if prompt.cost_usd is None else {"low": prompt.cost_usd[0], "high": prompt.cost_usd[1]},
        "model": prompt.model,
    }


def _value(value: Any) -> str:
    return printable(shorten(str(value), 500))


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


def _missing_line(name: str, near: str | None) -> str:
    return f"{name}: missing" + (f" (did you mean {near}?)" if near else "")


def _plain(prompt: RenderedPrompt) -> str:
    lines = [printable(prompt.content), "", f"-- {printable(_facts(prompt))}"]
    for name, value in prompt.used.items():
        lines.append(
            f"   {printable(name)} = {shorten(_value(value), 80)!r} ({_ORIGINS[prompt.origins.get(name, 'caller')]})"
        )
    lines += [f"   {printable(_missing_line(name, near))}" for name, near in prompt.missing.items()]
    lines += [f"   warning: {printable(warning)}" for warning in prompt.warnings]
    return "\n".join(lines)


def _html(prompt: RenderedPrompt) -> str:
    rows = [
        f'<tr><td style="text-align:left"><code>{escape(name)}</code></td>'
        f'<td style="text-align:left;white-space:pre-wrap">{escape(shorten(_value(value), 160))}</td>'
        f'<td style="text-align:left;{_MUTED}">{_ORIGINS[prompt.origins.get(name, "caller")]}</td></tr>'
        for name, value in prompt.used.items()
    ]
    rows += [
        f'<tr><td style="text-align:left"><code>{escape(name)}</code></td>'
        f'<td style="text-align:left;{_WARNING}" colspan="2">missing'
        + (f" · did you mean <code>{escape(near)}</code>?" if near else "")
        + "</td></tr>"
        for name, near in prompt.missing.items()
    ]
    table = f'<table style="margin:4px 0">{"".join(rows)}</table>' if rows else ""
    warnings = "".join(f'<div style="{_WARNING}">⚠ {escape(warning)}</div>' for warning in prompt.warnings)
    return (
        '<div style="border-left:3px solid var(--jp-brand-color1, #1976d2);padding:4px 10px;'
        f'white-space:pre-wrap;overflow-wrap:anywhere">{escape(prompt.content)}</div>'
        f'<div style="{_MUTED};font-size:90%;margin-top:4px">{escape(_facts(prompt))}</div>{table}{warnings}'
    )
