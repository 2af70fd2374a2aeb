"""A family of models: what is particular about models whose names match."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..config import ModelCapability

__all__ = ["CHAT", "CODE", "EMBEDDINGS", "JSON", "REASONING", "TOOLS", "VISION", "Family"]

#: Abilities by short names, for the tables; what chats also streams.
CHAT = (ModelCapability.TEXT_GENERATION, ModelCapability.CHAT, ModelCapability.STREAMING)
CODE = (ModelCapability.CODE,)
EMBEDDINGS = (ModelCapability.EMBEDDINGS,)
JSON = (ModelCapability.JSON_MODE,)
REASONING = (ModelCapability.REASONING,)
TOOLS = (ModelCapability.FUNCTION_CALLING,)
VISION = (ModelCapability.VISION,)


@dataclass(frozen=True)
class Family:
    """One row of a table of models.

    Attributes:
        names: What a model's name begins with, as a regular expression.
        source: Where the row comes from, and when it was read.
        capabilities: What the models can do; None where only their provider is known to.
        refuses: Settings and options that the models refuse.
        apart: Settings of which the models take only one.
        system_role: The role of a system message; ``"user"`` for models that have none.
        answer_tokens: The ``max_tokens`` to send where the vendor demands one and the caller gave none.
        longest_answer: The most tokens that an answer may have, reasoning included.
        apis: The vendor's APIs that the models speak, the one that its documentation recommends first.
    """

    names: str
    source: str
    capabilities: tuple[ModelCapability, ...] | None = None
    refuses: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    system_role: str = "system"
    answer_tokens: int | None = None
    longest_answer: int | None = None
    apis: tuple[str, ...] = ("chat",)

    def has(self, model: str) -> bool:
        """Whether a model, by its bare name in lower case, belongs to the family."""
        return re.match(self.names, model) is not None
