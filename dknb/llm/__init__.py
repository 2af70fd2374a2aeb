"""Models behind one door: messages, providers, tokens, costs, record and replay."""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: Where each public name lives; imported when it is asked for.
_HOMES = {
    "AnthropicAdapter": ".adapter",
    "AsyncLLMProvider": ".base",
    "Budget": ".budget",
    "Concurrency": ".concurrency",
    "CompletionMode": ".config",
    "CostCalculator": ".costs",
    "CostEstimate": ".costs",
    "DocumentPart": ".parts",
    "EchoProvider": ".echo",
    "AnthropicProvider": ".anthropic",
    "HuggingFaceProvider": ".huggingface",
    "ImagePart": ".parts",
    "LLMAdapter": ".adapter",
    "LLMConfig": ".config",
    "LLMMessage": ".messages",
    "LLMMiddleware": ".middleware",
    "LLMProvider": ".base",
    "LLMProviderFactory": ".registry",
    "LLMResponse": ".messages",
    "LLMStreamResponse": ".messages",
    "LocalProvider": ".local",
    "MessageBuilder": ".builder",
    "MessageTemplate": "..templates",
    "ModelCapability": ".config",
    "ModelRequest": ".request",
    "OllamaAdapter": ".adapter",
    "OllamaProvider": ".ollama",
    "OpenAIAdapter": ".adapter",
    "OpenAICompatibleProvider": ".compatible",
    "OpenAIProvider": ".openai",
    "RawPart": ".parts",
    "ReasoningPart": ".parts",
    "ResponseParser": ".parsing",
    "Recording": ".recording",
    "RecordingReader": ".recording_reader",
    "SyncLLMProvider": ".sync",
    "TemplateStrategy": "..templates",
    "TextPart": ".parts",
    "TokenCount": ".tokens",
    "TokenCounter": ".tokens",
    "TransformersProvider": ".transformers_provider",
    "TokenLogprob": ".logprobs",
    "ToolCall": ".parts",
    "ToolCallPiece": ".parts",
    "ToolResult": ".parts",
    "create_llm_provider": ".registry",
    "import_vcr": ".vcr_import",
    "normalize_llm_config": ".config",
    "parse_spec": ".config",
    "render_conditional_template": "..templates",
    "validate_arguments": ".tool_arguments",
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
