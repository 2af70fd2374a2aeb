"""What a prompt library holds, as plain dicts, and what a render gives."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from ..templates.types import RenderResult, TemplateMode, ValidationConfig, ValidationLevel
from .parameters import ParameterSpec

__all__ = [
    "KINDS",
    "Entry",
    "Kind",
    "MessageIndex",
    "ParameterSpec",
    "PromptTemplateDict",
    "PromptType",
    "RAGConfig",
    "RenderResult",
    "TemplateMode",
    "ValidationConfig",
    "ValidationLevel",
]

#: The kinds of things in a library; a library in a folder has one sub-folder for each.
Kind = Literal["system", "user", "messages", "rag"]
PromptType = Literal["system", "user"]
KINDS: tuple[Kind, ...] = ("system", "user", "messages", "rag")


class RAGConfig(TypedDict, total=False):
    """What to search for, and how to put the results into a prompt.

    Attributes:
        adapter_name: The data source to search in.
        query: A template of the query.
        k: Number of results, at least 1.
        filters: Handed to the data source.
        placeholder: The variable that the results become; ``RAG_CONTENT`` if it is not given.
        header: Text above the results.
        item_template: A template of one result; ``{{content}}`` if it is not given.
        timeout: Seconds that the search may take; 10 if it is not given.
        max_tokens: About how many tokens the results may take; those of the lowest score are dropped first.
        min_score: The score that a result must have; all are taken if it is not given.
    """

    adapter_name: str
    query: str
    k: int
    filters: dict[str, Any]
    placeholder: str
    header: str
    item_template: str
    timeout: float
    max_tokens: int
    min_score: float


class PromptTemplateDict(TypedDict, total=False):
    """A prompt of a library.

    Attributes:
        template: The text with its variables; inherited where it is missing.
        parameters: What is declared about parameters, by name; their defaults are in ``defaults``.
        defaults: Values of parameters that the caller does not give.
        validation: Which parameters must have a value, and what happens when one has none.
        metadata: Whatever the author wants to say (version, description, when to use it, ...).
        sections: Named pieces of template that ``{{NAME}}`` places.
        extends: The prompt whose keys this one inherits.
        rag_config_refs: Names of RAG configurations in the library.
        rag_configs: RAG configurations of this prompt alone.
        template_mode: ``mixed`` (the default) or ``jinja2``.
    """

    template: str
    parameters: dict[str, ParameterSpec]
    defaults: dict[str, Any]
    validation: ValidationConfig
    metadata: dict[str, Any]
    sections: dict[str, str]
    extends: str
    rag_config_refs: list[str]
    rag_configs: list[RAGConfig]
    template_mode: str


class MessageIndex(TypedDict, total=False):
    """A sequence of messages.

    Attributes:
        messages: Each is ``{"role", "content"}`` with a template as content, or, for few-shot examples,
            ``{"examples", "messages"}``: messages that are repeated for each example. The examples are mappings whose
            keys are variables in there, or the name of a parameter that holds such a list.

    The other keys are those of a prompt; they hold for every message.
    """

    messages: list[dict[str, Any]]
    parameters: dict[str, ParameterSpec]
    defaults: dict[str, Any]
    validation: ValidationConfig
    metadata: dict[str, Any]
    sections: dict[str, str]
    extends: str
    rag_config_refs: list[str]
    rag_configs: list[RAGConfig]
    template_mode: str


#: What a library has under one name: the variants of a prompt (mostly one), a message index, or a RAG configuration.
Entry = tuple[PromptTemplateDict, ...] | MessageIndex | RAGConfig
