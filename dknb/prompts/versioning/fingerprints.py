"""What tells whether a prompt is still the same."""

from __future__ import annotations

import hashlib
import json

from ..files import plain_prompt
from ..types import PromptTemplateDict

__all__ = ["prompt_fingerprint"]


def prompt_fingerprint(prompt: PromptTemplateDict | None) -> str:
    """A text that is another for every other prompt; ``none`` where there is no prompt."""
    if prompt is None:
        return "none"
    text = json.dumps(plain_prompt(prompt), sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
