"""A RAG configuration made ready: its templates are compiled, values are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ...errors import TemplateError
from ...templates import compile_template
from ...templates.program import CompiledTemplate
from ..types import RAGConfig

__all__ = ["Retrieval", "SearchQuestion", "retrievals_of"]

PLACEHOLDER = "RAG_CONTENT"
ITEM_TEMPLATE = "{{content}}"
K = 5
#: Seconds that a search may take whose configuration does not say.
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class SearchQuestion:
    """What is asked of a data source."""

    adapter_name: str
    query: str
    k: int
    filters: Mapping[str, Any] | None
    timeout: float
    min_score: float | None = None

    @property
    def query_hash(self) -> str:
        """What an earlier answer is found by."""
        return sha256(f"{self.adapter_name}:{self.query}".encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def key(self) -> tuple[str, str, int, str]:
        """Equal for questions that have the same answer."""
        return self.adapter_name, self.query, self.k, repr((self.filters, self.min_score))


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What a prompt retrieves for one of its variables.

    Attributes:
        placeholder: The variable.
        key: Its name in ``rag_metadata``: the placeholder, with a number where two retrievals fill the same one.
        prompt_name: Whose it is, for errors.
        config: The configuration that it was made of.
        query: The template of the query; the prompt's values fill it.
        header: The template of the header; the prompt's values fill it.
        item: The template of one result; its content, score and metadata fill it.
    """

    placeholder: str
    key: str
    prompt_name: str
    config: RAGConfig
    query: CompiledTemplate
    header: CompiledTemplate
    item: CompiledTemplate

    @property
    def variables(self) -> tuple[str, ...]:
        """The prompt's parameters that it takes."""
        return tuple(dict.fromkeys([*self.query.variables, *self.header.variables]))

    @property
    def item_template(self) -> str:
        """The template of one result, as text."""
        return self.config.get("item_template", ITEM_TEMPLATE)

    def question(self, query: str) -> SearchQuestion:
        """The question that is asked with this query."""
        config = self.config
        return SearchQuestion(
            config["adapter_name"],
            query,
            config.get("k", K),
            config.get("filters"),
            config.get("timeout", TIMEOUT),
            config.get("min_score"),
        )


def retrievals_of(configs: Iterable[RAGConfig], prompt_name: str) -> tuple[Retrieval, ...]:
    """The retrievals of a prompt with these configurations. Where several fill one placeholder, their texts are joined.

    Raises:
        TemplateError: A template of a configuration does not parse.
    """
    retrievals: list[Retrieval] = []
    for config in configs:
        placeholder = config.get("placeholder", PLACEHOLDER)
        same = sum(each.placeholder == placeholder for each in retrievals)
        key = f"{placeholder}#{same + 1}" if same else placeholder
        retrievals.append(
            Retrieval(
                placeholder,
                key,
                prompt_name,
                config,
                _compiled(config["query"], "query", key, prompt_name),
                _compiled(config.get("header", ""), "header", key, prompt_name),
                _compiled(config.get("item_template", ITEM_TEMPLATE), "item_template", key, prompt_name),
            )
        )
    return tuple(retrievals)


def _compiled(template: str, part: str, key: str, prompt_name: str) -> CompiledTemplate:
    try:
        return compile_template(template, "mixed")
    except TemplateError as error:
        raise error.named(f"{prompt_name} ({part} of {key})") from error
