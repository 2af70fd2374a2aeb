"""Models behind one door: messages, providers, tokens, costs, record and replay."""

from __future__ import annotations

from .._lazy import exports

#: Where each public name lives; imported when it is asked for.
_HOMES = {
    "AnthropicAdapter": "dialects.adapter",
    "AsyncLLMProvider": "base",
    "BatchAnswer": "batches.batches",
    "BatchStatus": "batches.service",
    "Batches": "batches.batches",
    "Budget": "calls.budget",
    "Concurrency": "calls.concurrency",
    "CompletionMode": "config",
    "CostCalculator": "counting.costs",
    "CostEstimate": "counting.costs",
    "DocumentPart": "parts",
    "EchoProvider": "providers.echo",
    "AnthropicProvider": "providers.anthropic",
    "HuggingFaceProvider": "providers.huggingface",
    "ImagePart": "parts",
    "LLMAdapter": "dialects.adapter",
    "LLMConfig": "config",
    "LLMMessage": "messages",
    "LLMMiddleware": "calls.middleware",
    "LLMProvider": "base",
    "LLMProviderFactory": "registry",
    "LLMResponse": "messages",
    "LLMStreamResponse": "messages",
    "LocalProvider": "providers.local",
    "MessageBuilder": "builder",
    "MessageTemplate": ".templates",
    "ModelCapability": "config",
    "ModelRequest": "request",
    "OllamaAdapter": "dialects.adapter",
    "OllamaProvider": "providers.ollama",
    "OpenAIAdapter": "dialects.adapter",
    "OpenAICompatibleProvider": "providers.compatible",
    "OpenAIProvider": "providers.openai",
    "RawPart": "parts",
    "ReasoningPart": "parts",
    "ResponseParser": "answers.parsing",
    "Recording": "recordings.recording",
    "RecordingReader": "recordings.reader",
    "SyncLLMProvider": "sync",
    "TemplateStrategy": ".templates",
    "TextPart": "parts",
    "TokenCount": "counting.tokens",
    "TokenCounter": "counting.tokens",
    "TransformersProvider": "providers.transformers_provider",
    "TokenLogprob": "logprobs",
    "ToolCall": "parts",
    "ToolCallPiece": "parts",
    "ToolResult": "parts",
    "create_llm_provider": "registry",
    "import_vcr": "recordings.vcr_import",
    "normalize_llm_config": "config",
    "parse_spec": "config",
    "render_conditional_template": ".templates",
    "validate_arguments": "answers.tool_arguments",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = exports(__name__, _HOMES)
