"""Making, finding and promoting versions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

from ...errors import VersioningError, VersionNotFound
from ..files import plain_prompt
from ..types import PromptTemplateDict, PromptType, ValidationConfig
from .numbers import check_number, next_patch, sort_key
from .storage import Change, StorageLike, VersionStorage, version_storage
from .types import PromptVersion, VersionStatus

__all__ = ["VersionManager", "active_of", "version_of"]

_ATTEMPTS = 100


class VersionManager:
    """The versions of prompts.

    Args:
        storage: Where they are kept: a storage, the path of an SQLite file, ``postgresql://...``, or a dict; in memory if it
            is not given.
    """

    def __init__(self, storage: VersionStorage | StorageLike = None) -> None:
        self.storage: VersionStorage = version_storage(storage)

    async def create_version(
        self,
        name: str,
        prompt_type: PromptType,
        template: str | PromptTemplateDict,
        version: str | None = None,
        defaults: Mapping[str, Any] | None = None,
        validation: Mapping[str, Any] | ValidationConfig | None = None,
        metadata: Mapping[str, Any] | None = None,
        created_by: str | None = None,
        parent_version: str | None = None,
        tags: Iterable[str] = (),
        status: VersionStatus = VersionStatus.ACTIVE,
    ) -> PromptVersion:
        """Keep a prompt as it is now.

        Args:
            name: The prompt's name.
            prompt_type: ``user`` or ``system``.
            template: Its template, or the whole prompt.
            version: Its number; None takes the next patch (``1.0.0`` first).
            defaults: Values of parameters, on top of the prompt's own.
            validation: Which parameters must have a value, instead of the prompt's own.
            metadata: What the author says, on top of the prompt's own.
            created_by: By whom it is made.
            parent_version: The id of the version that it is made from; None means the newest.
            tags: Free labels.
            status: How far it has come.

        Raises:
            VersioningError: The number is none, or taken; or the prompt holds what no store does.
        """
        if prompt_type not in ("user", "system"):
            raise VersioningError(f"There are no versions of type {prompt_type!r}.", hint="Give 'user' or 'system'.")
        if version is not None:
            check_number(version)
        own = plain_prompt(template)
        if validation is not None:
            own = {**own, **plain_prompt({"validation": cast(ValidationConfig, validation)})}
        made = PromptVersion(
            version_id=str(uuid4()),
            name=name,
            prompt_type=prompt_type,
            version=version or "",
            template=str(own.pop("template", "")),
            defaults={**cast(dict[str, Any], own.pop("defaults", {})), **(defaults or {})},
            validation=cast("dict[str, Any] | None", own.pop("validation", None)),
            metadata={**cast(dict[str, Any], own.pop("metadata", {})), **(metadata or {})},
            settings=own,
            created_by=created_by,
            parent_version=parent_version,
            tags=list(tags),
            status=VersionStatus(status),
        )
        _refuse_unstorable(made)
        return await asyncio.to_thread(self._add, made)

    async def get_version(
        self, name: str, prompt_type: PromptType = "user", version: str = "latest", version_id: str | None = None
    ) -> PromptVersion | None:
        """A version by its id, or by its number: ``latest``, one that is there, or the newest that begins so (``1.2``)."""
        if version_id is not None:
            return await asyncio.to_thread(self.storage.find, version_id)
        return version_of(await self.list_versions(name, prompt_type), version)

    async def list_versions(
        self,
        name: str,
        prompt_type: PromptType = "user",
        tags: Iterable[str] | None = None,
        status: VersionStatus | None = None,
    ) -> list[PromptVersion]:
        """The versions of a prompt, the newest number first: those with any of ``tags``, and of that status."""
        wanted = set(tags or ())
        return [
            version
            for version in newest_first(await asyncio.to_thread(self.storage.versions, name, prompt_type))
            if (not wanted or wanted & set(version.tags)) and (status is None or version.status is status)
        ]

    async def get_active_version(self, name: str, prompt_type: PromptType | None = None) -> PromptVersion | None:
        """The version that is served: the one in production, else the newest that is active.

        Without a type, a user prompt of that name is looked for first.
        """
        kinds: tuple[PromptType, ...] = ("user", "system") if prompt_type is None else (prompt_type,)
        for kind in kinds:
            if (found := active_of(await self.list_versions(name, kind))) is not None:
                return found
        return None

    async def promote_version(self, version_id: str, stands_for: str | None = None) -> PromptVersion:
        """Put a version into production; the one that was there becomes active.

        Args:
            version_id: Which.
            stands_for: The `prompt_fingerprint` of the prompt that it takes the place of: it is served as long as that one stays as
                it is. None means: whatever the library below has.

        Raises:
            VersionNotFound: There is no version of that id.
        """

        def change(each: PromptVersion) -> PromptVersion:
            if each.version_id == version_id:
                return replace(each, status=VersionStatus.PRODUCTION, stands_for=stands_for)
            demoted = each.status is VersionStatus.PRODUCTION
            return replace(each, status=VersionStatus.ACTIVE) if demoted else each

        return await self._change(version_id, change)

    async def withdraw(self, name: str, prompt_type: PromptType = "user") -> list[PromptVersion]:
        """Let no version of a prompt be served: those in production and the active ones become drafts. They are returned."""
        served = (VersionStatus.PRODUCTION, VersionStatus.ACTIVE)

        def change(each: PromptVersion) -> PromptVersion:
            return replace(each, status=VersionStatus.DRAFT, stands_for=None) if each.status in served else each

        before = [each for each in await self.list_versions(name, prompt_type) if each.status in served]
        if before:
            await asyncio.to_thread(self.storage.update, name, prompt_type, change)
        return before

    async def update_status(self, version_id: str, status: VersionStatus) -> PromptVersion:
        """Say how far a version has come.

        Raises:
            VersionNotFound: There is no version of that id.
        """
        if VersionStatus(status) is VersionStatus.PRODUCTION:
            return await self.promote_version(version_id)
        return await self._change_one(version_id, lambda each: replace(each, status=VersionStatus(status)))

    async def tag_version(self, version_id: str, tag: str) -> PromptVersion:
        """Put a label on a version.

        Raises:
            VersionNotFound: There is no version of that id.
        """
        return await self._change_one(
            version_id, lambda each: replace(each, tags=list(dict.fromkeys([*each.tags, tag])))
        )

    async def untag_version(self, version_id: str, tag: str) -> PromptVersion:
        """Take a label off a version.

        Raises:
            VersionNotFound: There is no version of that id.
        """
        return await self._change_one(
            version_id, lambda each: replace(each, tags=[label for label in each.tags if label != tag])
        )

    async def delete_version(self, version_id: str) -> bool:
        """Forget a version; False if there is none of that id."""
        return await asyncio.to_thread(self.storage.remove, version_id)

    async def get_version_history(self, name: str, prompt_type: PromptType = "user") -> list[PromptVersion]:
        """The versions of a prompt as they were made, the oldest first."""
        return sorted(await self.list_versions(name, prompt_type), key=lambda version: version.created_at)

    def _add(self, made: PromptVersion) -> PromptVersion:
        for _ in range(_ATTEMPTS):
            there = self.storage.versions(made.name, made.prompt_type)
            number = made.version or next_patch(each.version for each in there)
            newest = newest_first(there)
            parent = made.parent_version or (newest[0].version_id if newest else None)
            numbered = replace(made, version=number, parent_version=parent)
            if self.storage.add(numbered):
                return numbered
            if made.version:
                break
        raise VersioningError(
            f"Prompt {made.name!r} has a version {made.version or number} already.", hint="Leave the number out."
        )

    async def _require(self, version_id: str) -> PromptVersion:
        version = await asyncio.to_thread(self.storage.find, version_id)
        if version is None:
            raise VersionNotFound(f"There is no version {version_id!r}.", hint="list_versions() has their ids.")
        return version

    async def _change_one(self, version_id: str, change: Change) -> PromptVersion:
        return await self._change(version_id, lambda each: change(each) if each.version_id == version_id else each)

    async def _change(self, version_id: str, change: Change) -> PromptVersion:
        version = await self._require(version_id)
        await asyncio.to_thread(self.storage.update, version.name, version.prompt_type, change)
        return await self._require(version_id)


def newest_first(versions: Iterable[PromptVersion]) -> list[PromptVersion]:
    """Versions by their numbers, the greatest first."""
    return sorted(versions, key=lambda version: sort_key(version.version), reverse=True)


def active_of(versions: list[PromptVersion]) -> PromptVersion | None:
    """Of versions, the newest first: the one that is served."""
    for status in (VersionStatus.PRODUCTION, VersionStatus.ACTIVE):
        for version in versions:
            if version.status is status:
                return version
    return None


def version_of(versions: list[PromptVersion], number: str) -> PromptVersion | None:
    """Of versions, the newest first: the one of that number, else the newest whose number begins with it."""
    if number == "latest":
        return versions[0] if versions else None
    exact = next((version for version in versions if version.version == number), None)
    return exact or next((version for version in versions if version.version.startswith(number + ".")), None)


def _refuse_unstorable(version: PromptVersion) -> None:
    try:
        json.dumps(version.to_dict(), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise VersioningError(
            f"Prompt {version.name!r} cannot be kept as a version: {error}.",
            hint="Defaults and metadata of a version are text, numbers, true or false, lists and mappings.",
        ) from error
