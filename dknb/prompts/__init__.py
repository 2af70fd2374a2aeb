"""Prompts as a library: what they are, where they lie, and how they become text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import exports

if TYPE_CHECKING:
    from .adapters.base import AsyncResourceAdapter, ResourceAdapter, ResourceAdapterBase, SearchResult
    from .adapters.dataknobs import AsyncDataknobsBackendAdapter, DataknobsBackendAdapter
    from .adapters.dictionary import AsyncDictResourceAdapter, DictResourceAdapter
    from .adapters.frame import AsyncDataFrameAdapter, DataFrameAdapter
    from .adapters.memory import InMemoryAdapter, InMemoryAsyncAdapter
    from .adapters.sql.adapter import AsyncSQLAdapter, SQLAdapter
    from .adapters.vectors.adapter import AsyncVectorAdapter, VectorAdapter
    from .builder import AsyncPromptBuilder, PromptBuilder
    from .checking.editor import link_schemas
    from .checking.problems import Problem
    from .composite import CompositePromptLibrary
    from .config import ConfigPromptLibrary
    from .files import dump_prompt, parse_prompt_text
    from .filesystem import FileSystemPromptLibrary
    from .importing.collect import import_prompts
    from .importing.imported import ImportedPrompt
    from .library import AbstractPromptLibrary, BasePromptLibrary
    from .messages import RenderedMessages
    from .parameters import ParameterSpec, check_value, coerce
    from .rag.ablation import LeftOut, left_out
    from .sources.archive import ZipPromptLibrary
    from .sources.opening import open_library
    from .sources.package import PackagePromptLibrary
    from .testing.cases import PromptTest, read_prompt_tests
    from .testing.runs import PromptTestResult, run_prompt_tests
    from .types import (
        MessageIndex,
        PromptTemplateDict,
        RAGConfig,
        RenderResult,
        TemplateMode,
        ValidationConfig,
        ValidationLevel,
    )
    from .versioning.library import VersionedPromptLibrary
    from .versioning.manager import VersionManager

__all__ = [
    "AbstractPromptLibrary",
    "AsyncDataFrameAdapter",
    "AsyncDataknobsBackendAdapter",
    "AsyncDictResourceAdapter",
    "AsyncPromptBuilder",
    "AsyncResourceAdapter",
    "AsyncSQLAdapter",
    "AsyncVectorAdapter",
    "BasePromptLibrary",
    "CompositePromptLibrary",
    "ConfigPromptLibrary",
    "DataFrameAdapter",
    "DataknobsBackendAdapter",
    "DictResourceAdapter",
    "FileSystemPromptLibrary",
    "ImportedPrompt",
    "InMemoryAdapter",
    "InMemoryAsyncAdapter",
    "LeftOut",
    "MessageIndex",
    "PackagePromptLibrary",
    "ParameterSpec",
    "Problem",
    "PromptBuilder",
    "PromptTemplateDict",
    "PromptTest",
    "PromptTestResult",
    "RAGConfig",
    "RenderResult",
    "RenderedMessages",
    "ResourceAdapter",
    "ResourceAdapterBase",
    "SQLAdapter",
    "SearchResult",
    "TemplateMode",
    "ValidationConfig",
    "ValidationLevel",
    "VectorAdapter",
    "VersionManager",
    "VersionedPromptLibrary",
    "ZipPromptLibrary",
    "check_value",
    "coerce",
    "dump_prompt",
    "import_prompts",
    "left_out",
    "link_schemas",
    "open_library",
    "parse_prompt_text",
    "read_prompt_tests",
    "run_prompt_tests",
]

_HOME = {
    "AbstractPromptLibrary": "library",
    "AsyncDataFrameAdapter": "adapters.frame",
    "AsyncDataknobsBackendAdapter": "adapters.dataknobs",
    "AsyncDictResourceAdapter": "adapters.dictionary",
    "AsyncPromptBuilder": "builder",
    "AsyncResourceAdapter": "adapters.base",
    "AsyncSQLAdapter": "adapters.sql.adapter",
    "AsyncVectorAdapter": "adapters.vectors.adapter",
    "BasePromptLibrary": "library",
    "CompositePromptLibrary": "composite",
    "ConfigPromptLibrary": "config",
    "DataFrameAdapter": "adapters.frame",
    "DataknobsBackendAdapter": "adapters.dataknobs",
    "DictResourceAdapter": "adapters.dictionary",
    "FileSystemPromptLibrary": "filesystem",
    "ImportedPrompt": "importing.imported",
    "InMemoryAdapter": "adapters.memory",
    "InMemoryAsyncAdapter": "adapters.memory",
    "LeftOut": "rag.ablation",
    "PackagePromptLibrary": "sources.package",
    "ParameterSpec": "parameters",
    "Problem": "checking.problems",
    "PromptBuilder": "builder",
    "PromptTest": "testing.cases",
    "PromptTestResult": "testing.runs",
    "RenderedMessages": "messages",
    "ResourceAdapter": "adapters.base",
    "ResourceAdapterBase": "adapters.base",
    "SQLAdapter": "adapters.sql.adapter",
    "SearchResult": "adapters.base",
    "VectorAdapter": "adapters.vectors.adapter",
    "VersionManager": "versioning.manager",
    "VersionedPromptLibrary": "versioning.library",
    "ZipPromptLibrary": "sources.archive",
    "check_value": "parameters",
    "coerce": "parameters",
    "dump_prompt": "files",
    "import_prompts": "importing.collect",
    "left_out": "rag.ablation",
    "link_schemas": "checking.editor",
    "open_library": "sources.opening",
    "parse_prompt_text": "files",
    "read_prompt_tests": "testing.cases",
    "run_prompt_tests": "testing.runs",
}

__getattr__, __dir__ = exports(__name__, {name: _HOME.get(name, "types") for name in __all__})
