"""Providers as promptfoo calls them, and as they are called here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["model_of", "provider_of"]

#: Settings by promptfoo's names, where they are not ours.
_SETTINGS = {"apiBaseUrl": "api_base", "apiKey": "api_key", "stop": "stop_sequences", "timeout": "timeout"}
_SAME = ("temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty", "seed", "response_format")
_VENDORS = {"openai": "openai", "anthropic": "anthropic", "ollama": "ollama", "huggingface": "huggingface"}
#: The words between a vendor and a model.
_KINDS = {"chat", "messages", "responses", "completion", "text-generation"}
#: Settings that are no part of a file that others read.
_SECRET = ("api_key",)


def model_of(told: Any, notes: list[str]) -> tuple[str, Any] | None:
    """Label and settings of a model; None, and a note, for a provider that has no equal."""
    if isinstance(told, str):
        return _named(told, {}, None, notes)
    if isinstance(told, Mapping) and isinstance(told.get("id"), str):
        notes += [
            f"Provider {told['id']!r}: {key!r} has no equal." for key in told if key not in ("id", "label", "config")
        ]
        return _named(told["id"], told.get("config") or {}, told.get("label"), notes)
    if isinstance(told, Mapping) and len(told) == 1:
        ((name, inner),) = told.items()
        inner = inner if isinstance(inner, Mapping) else {}
        return _named(str(name), inner.get("config") or {}, inner.get("label"), notes)
    notes.append(f"Provider {told!r:.80} has no equal.")
    return None


def _named(name: str, config: Mapping[str, Any], label: str | None, notes: list[str]) -> tuple[str, Any] | None:
    vendor, _, rest = name.partition(":")
    if vendor == "echo":
        return label or name, {"provider": "echo", "model": "echo", "options": {"echo_prefix": ""}}
    kind, _, model = rest.partition(":")
    if kind not in _KINDS:
        kind, model = "", rest
    if vendor not in _VENDORS or not model or kind == "completion":
        notes.append(f"Provider {name!r} has no equal; give models= yourself.")
        return None
    settings: dict[str, Any] = {"provider": _VENDORS[vendor], "model": model}
    if kind == "responses" and vendor == "openai":
        settings["options"] = {"api": "responses"}
    for key, value in config.items():
        if key in _SAME or key in _SETTINGS:
            settings[_SETTINGS.get(key, key)] = value
        else:
            notes.append(f"Provider {name!r}: the setting {key!r} has no equal.")
    return label or name, settings


def provider_of(label: str, config: Any, notes: list[str]) -> Any:
    """A model as promptfoo takes it; keys are left out."""
    told = config.to_dict()
    vendor, model = config.provider, config.model
    ids = {
        "openai": f"openai:chat:{model}",
        "anthropic": f"anthropic:messages:{model}",
        "ollama": f"ollama:chat:{model}",
    }
    ids |= {
        "echo": "echo",
        "openai-compatible": f"openai:chat:{model}",
        "huggingface": f"huggingface:text-generation:{model}",
    }
    if vendor not in ids:
        notes.append(f"Model {label!r}: {vendor} has no equal; its name is written as it is.")
    identity = ids.get(vendor, f"{vendor}:{model}")
    if (told.get("options") or {}).get("api") == "responses":
        identity = f"openai:responses:{model}"
    settings: dict[str, Any] = {}
    for name, value in told.items():
        if name in ("provider", "model", *_SECRET) or value is None or (vendor == "echo" and name == "options"):
            continue
        theirs = next((key for key, ours in _SETTINGS.items() if ours == name), name if name in _SAME else None)
        if theirs is None:
            notes.append(f"Model {label!r}: {name!r} has no equal.")
        else:
            settings[theirs] = value
    return {"id": identity, "label": label, **({"config": settings} if settings else {})}
