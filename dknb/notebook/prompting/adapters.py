"""Data sources that the notebook has: its variables, by the names that prompts and ``--rag`` call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ...errors import ConfigError, MagicError, did_you_mean
from ..session import Session

if TYPE_CHECKING:
    from ...prompts.types import PromptTemplateDict, RAGConfig

__all__ = ["SourcedPrompt", "as_adapter", "retrieving"]

#: The variable that is filled with what was found, where a configuration names no other.
_PLACEHOLDER = "RAG_CONTENT"
#: Parameters that mostly hold what is searched for.
_QUESTIONS = ("query", "question")
#: Columns that mostly hold the text; the others are then facts about it.
_TEXTS = ("content", "text")


@dataclass(frozen=True)
class SourcedPrompt:
    """A prompt with the retrieval that a line adds, and the data sources for it.

    Attributes:
        prompt: The prompt, with the RAG configurations that were added.
        adapters: The data sources, by the names that its configurations have for them.
    """

    prompt: PromptTemplateDict
    adapters: Mapping[str, Any] = field(default_factory=dict)


def as_adapter(name: str, value: Any) -> Any:
    """What a variable is to a prompt that retrieves: itself, or an adapter around a dict, a table or a list of texts.

    Raises:
        ConfigError: It is none of these.
    """
    from ...prompts import adapters

    if hasattr(value, "search"):
        return value
    if isinstance(value, Mapping):
        return adapters.DictResourceAdapter(value)
    if hasattr(value, "columns") and hasattr(value, "iloc"):
        return adapters.DataFrameAdapter(value, next((each for each in _TEXTS if each in value.columns), None))
    if hasattr(value, "to_frame") and hasattr(value, "tolist"):  # a column
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        from ..frames import text_frame

        return adapters.DataFrameAdapter(text_frame(name, value), "content")
    raise ConfigError(
        f"{name!r} is {type(value).__name__!r}, which cannot be searched.",
        hint="Give an adapter of dknb.prompts, a dict, a DataFrame, or a list of texts",
    )


def retrieving(
    session: Session,
    prompt: PromptTemplateDict,
    name: str,
    words: Sequence[str] = (),
    query: str | None = None,
    *,
    given: Mapping[str, Any] | None = None,
    search: bool = True,
) -> SourcedPrompt:
    """The prompt with what ``--rag`` and ``--query`` say, and the adapters that it needs.

    Args:
        session: Whose library and variables are meant.
        prompt: The prompt.
        name: Its name, for messages.
        words: ``VAR``, ``NAME=VAR``, or the name of a RAG configuration of the library. Where both have a name, it is
            the configuration if the template has a place for what that finds.
        query: What to search for in the sources that ``words`` add.
        given: Data sources by name; those that are not given are variables of the notebook.
        search: False leaves the adapters out.

    Raises:
        MagicError: It cannot be told what to search for, or where the results belong.
        ConfigError: A variable is not there, or cannot be searched.
        PromptError: A RAG configuration is broken.
    """
    sources = dict(given or {})
    for word in words:
        label, _, variable = word.partition("=")
        if not variable and _is_config(session, prompt, label):
            refs = [*prompt.get("rag_config_refs", ()), label]
            prompt = {**prompt, "rag_config_refs": list(dict.fromkeys(refs))}
        else:
            sources[label] = _variable(session, variable or label)
    prompt, configs = _with_configs(session, prompt, name, [] if given else list(sources), query)
    if not search:
        return SourcedPrompt(prompt)
    names = dict.fromkeys(str(config.get("adapter_name", "")) for config in configs)
    found = {each: session.namespace[each] for each in names if each in session.namespace}
    return SourcedPrompt(prompt, {each: as_adapter(each, value) for each, value in {**found, **sources}.items()})


def _with_configs(
    session: Session, prompt: PromptTemplateDict, name: str, sources: list[str], query: str | None
) -> tuple[PromptTemplateDict, list[RAGConfig]]:
    """The prompt with a configuration for each source that it has none for, and all its configurations."""
    configs = _configs(session, prompt, name)
    named = {config.get("adapter_name") for config in configs}
    added = [label for label in sources if label not in named]
    if not added:
        if query is not None:
            raise MagicError(
                "--query goes with a variable to search in; what the library retrieves has its own query.",
                hint="Name a variable: --rag VAR",
            )
        return prompt, configs
    more = [_config(prompt, label, query, len(configs) + len(added)) for label in added]
    return {**prompt, "rag_configs": [*prompt.get("rag_configs", ()), *more]}, [*configs, *more]


def _is_config(session: Session, prompt: PromptTemplateDict, label: str) -> bool:
    """Whether a word of ``--rag`` is a configuration of the library; of two of one name, the one the text has a place for."""
    config = session.library.get_rag_config(label)
    if config is None or label not in session.namespace:
        return config is not None
    return config.get("placeholder", _PLACEHOLDER) in _variables(prompt)


def _variables(prompt: PromptTemplateDict) -> Sequence[str]:
    from ...templates import compile_template

    return compile_template(prompt.get("template", ""), prompt.get("template_mode", "mixed")).variables


def _variable(session: Session, name: str) -> Any:
    if name not in session.namespace:
        known = [each for each in session.namespace if not each.startswith("_")]
        raise ConfigError(
            f"There is no variable {name!r} to search in.{did_you_mean(name, known)}",
            hint="--rag takes a variable of the notebook, NAME=VARIABLE, or a RAG configuration of the library",
        )
    return session.namespace[name]


def _configs(session: Session, prompt: PromptTemplateDict, name: str) -> list[RAGConfig]:
    from ...prompts.compose import inherit
    from ...prompts.library import rag_configs_of

    return rag_configs_of(session.library, inherit(prompt, name, session.library).prompt, name)


def _config(prompt: PromptTemplateDict, label: str, query: str | None, sources: int) -> RAGConfig:
    """The configuration for a source that the prompt does not know: its own variable is filled, or the usual one."""
    variables = _variables(prompt)
    placeholder = label if label in variables else _PLACEHOLDER
    if placeholder not in variables or (placeholder == _PLACEHOLDER and sources > 1):
        raise MagicError(
            f"--rag {label}: the template has no {{{{{label}}}}} for what is found.",
            hint=f"Write {{{{{label}}}}}"
            + (f" or {{{{{_PLACEHOLDER}}}}}" if sources == 1 else "")
            + " where it belongs",
        )
    if query is None:
        others = [each for each in variables if each not in (placeholder, label)]
        likely = [each for each in _QUESTIONS if each in others] or (others if len(others) == 1 else [])
        if not likely:
            raise MagicError(
                f"--rag {label}: what is to be searched for?", hint='Say it:  --query "{{question}}"  or a text'
            )
        query = f"{{{{{likely[0]}}}}}"
    config = {"adapter_name": label, "query": query, "placeholder": placeholder}
    return cast("RAGConfig", config)
