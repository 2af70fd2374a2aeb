"""Models behind one door: messages, providers, tokens, costs, record and replay."""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: Where each public name lives; imported when it is asked for.
_HOMES = {
    "AsyncLLMProvider": ".base",
    "CompletionMode": ".config",
    "CostCalculator": ".costs",
    "DocumentPart": ".parts",
    "EchoProvider": ".echo",
    "AnthropicProvider": ".anthropic",
    "HuggingFaceProvider": ".huggingface",
    "ImagePart": ".parts",
    "LLMConfig": ".config",
    "LLMMessage": ".messages",
    "LLMProvider": ".base",
    "LLMProviderFactory": ".registry",
    "LLMResponse": ".messages",
    "LLMStreamResponse": ".messages",
    "MessageBuilder": ".builder",
    "MessageTemplate": "..templates",
    "ModelCapability": ".config",
    "ModelRequest": ".request",
    "OllamaProvider": ".ollama",
    "OpenAICompatibleProvider": ".compatible",
    "OpenAIProvider": ".openai",
    "RawPart": ".parts",
    "ReasoningPart": ".parts",
    "Recording": ".recording",
    "SyncLLMProvider": ".sync",
    "TemplateStrategy": "..templates",
    "TextPart": ".parts",
    "TokenCounter": ".tokens",
    "ToolCall": ".parts",
    "ToolResult": ".parts",
    "create_llm_provider": ".registry",
    "normalize_llm_config": ".config",
    "parse_spec": ".config",
    "render_conditional_template": "..templates",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
