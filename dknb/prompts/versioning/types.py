"""A version of a prompt, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from ..fields import read_prompt
from ..library import checked
from ..types import PromptTemplateDict
from .times import now_utc

__all__ = ["PromptVersion", "VersionStatus"]


class VersionStatus(Enum):
    """How far a version has come."""

    DRAFT = "draft"
    ACTIVE = "active"
    PRODUCTION = "production"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


@dataclass(frozen=True)
class PromptVersion:
    """A prompt as it was at one time.

    Attributes:
        version_id: Its id, different for every version of every prompt.
        name: The prompt's name.
        prompt_type: ``user`` or ``system``.
        version: Its number, ``1.2.3``.
        template: The template; empty for a prompt that inherits it.
        defaults: Values of parameters that the caller does not give.
        validation: ``{"level", "required_params", "optional_params"}``, or None.
        metadata: What the author says.
        settings: The other keys of the prompt (parameters, sections, extends, ...), as in a file.
        created_at: When it was made, in UTC.
        created_by: By whom.
        parent_version: The id of the version that it was made from.
        tags: Free labels.
        status: How far it has come.
        stands_for: What it was promoted over: the fingerprint of the prompt of that name that the library below had then.
            It is served as long as that prompt stays as it is; None means: whatever is below.
    """

    version_id: str
    name: str
    prompt_type: str
    version: str
    template: str
    defaults: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=now_utc)
    created_by: str | None = None
    parent_version: str | None = None
    tags: list[str] = field(default_factory=list)
    status: VersionStatus = VersionStatus.ACTIVE
    stands_for: str | None = None

    def as_prompt(self) -> PromptTemplateDict:
        """The prompt, as a library gives it; its metadata have its version.

        Raises:
            PromptError: What is stored is no prompt.
        """
        data: dict[str, Any] = {**self.settings, "metadata": {**self.metadata, "version": self.version}}
        if self.template or "extends" not in self.settings:
            data["template"] = self.template
        if self.defaults:
            data["defaults"] = self.defaults
        if self.validation:
            data["validation"] = self.validation
        return checked(read_prompt, data, f"{self.prompt_type}/{self.name}@{self.version}")

    def to_dict(self) -> dict[str, Any]:
        """The version as data that JSON holds."""
        return {**asdict(self), "created_at": self.created_at.isoformat(), "status": self.status.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PromptVersion:
        """The version that ``to_dict`` made data of."""
        created = data["created_at"]
        return cls(
            **{
                **data,
                "created_at": datetime.fromisoformat(created) if isinstance(created, str) else created,
                "status": VersionStatus(data["status"]),
            }
        )
