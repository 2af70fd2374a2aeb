"""Prompts as a library: what they are, where they lie, and how they become text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .builder import AsyncPromptBuilder, PromptBuilder
    from .composite import CompositePromptLibrary
    from .config import ConfigPromptLibrary
    from .files import dump_prompt, parse_prompt_text
    from .filesystem import FileSystemPromptLibrary
    from .library import AbstractPromptLibrary, BasePromptLibrary
    from .types import (
        MessageIndex,
        PromptTemplateDict,
        RAGConfig,
        RenderResult,
        TemplateMode,
        ValidationConfig,
        ValidationLevel,
    )

__all__ = [
    "AbstractPromptLibrary",
    "AsyncPromptBuilder",
    "BasePromptLibrary",
    "CompositePromptLibrary",
    "ConfigPromptLibrary",
    "FileSystemPromptLibrary",
    "MessageIndex",
    "PromptBuilder",
    "PromptTemplateDict",
    "RAGConfig",
    "RenderResult",
    "TemplateMode",
    "ValidationConfig",
    "ValidationLevel",
    "dump_prompt",
    "parse_prompt_text",
]

_HOME = {
    "AbstractPromptLibrary": "library",
    "AsyncPromptBuilder": "builder",
    "BasePromptLibrary": "library",
    "CompositePromptLibrary": "composite",
    "ConfigPromptLibrary": "config",
    "FileSystemPromptLibrary": "filesystem",
    "PromptBuilder": "builder",
    "dump_prompt": "files",
    "parse_prompt_text": "files",
}


def __getattr__(name: str) -> object:
    """Names of this package are imported when they are first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOME.get(name, 'types')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
