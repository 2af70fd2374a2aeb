"""What prompts were before they were saved anew: the versions that ``NAME@1.2`` means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._sync import run

if TYPE_CHECKING:
    from ...prompts.types import PromptTemplateDict, PromptType
    from ...prompts.versioning import PromptVersion, VersionManager

__all__ = ["keep_version", "version_numbers"]


def keep_version(manager: VersionManager, name: str, kind: PromptType, prompt: PromptTemplateDict) -> PromptVersion:
    """The version that is this prompt, made if there is none: of the number that its metadata tell, or the next patch.

    It is a draft: what is served stays what the file says.

    Raises:
        PromptError: The versions cannot be read or written, or a value fits into no store.
    """
    return run(_kept(manager, name, kind, prompt))


async def _kept(manager: VersionManager, name: str, kind: PromptType, prompt: PromptTemplateDict) -> PromptVersion:
    from ...prompts.versioning import VersionStatus

    versions = await manager.list_versions(name, kind)
    for version in versions:
        if _content(version.as_prompt()) == _content(prompt):
            return version
    told = prompt.get("metadata", {}).get("version")
    free = told is not None and _is_number(str(told)) and all(str(told) != each.version for each in versions)
    number = str(told) if free else None
    return await manager.create_version(name, kind, prompt, number, status=VersionStatus.DRAFT)


def _is_number(text: str) -> bool:
    from ...errors import PromptError
    from ...prompts.versioning.numbers import check_number

    try:
        check_number(text)
    except PromptError:
        return False
    return True


def _content(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """What a prompt says, without the number of its version."""
    metadata = {key: value for key, value in prompt.get("metadata", {}).items() if key != "version"}
    return {key: value for key, value in {**prompt, "metadata": metadata}.items() if value}


def version_numbers(manager: VersionManager, name: str) -> list[str]:
    """The versions of the prompts of that name, the newest first."""
    kinds: tuple[PromptType, PromptType] = ("user", "system")
    return list(dict.fromkeys(each.version for kind in kinds for each in run(manager.list_versions(name, kind))))
