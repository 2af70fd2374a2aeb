"""Hugging Face: open models, through the router to whoever runs them."""

from __future__ import annotations

from .openai_shaped import OpenAIShapedProvider

__all__ = ["HuggingFaceProvider"]


class HuggingFaceProvider(OpenAIShapedProvider):
    """Models behind Hugging Face's inference router; the key is a token of theirs (``HF_TOKEN``)."""

    label = "Hugging Face"

    def _base_url(self) -> str:
        return self.config.api_base or "https://router.huggingface.co/v1"
