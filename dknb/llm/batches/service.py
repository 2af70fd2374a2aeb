"""A vendor's batch API, asked through a provider: what the two have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...errors import ConfigError, ServerError
from ..parts import Json

if TYPE_CHECKING:
    from ..wire.provider import WireProvider

__all__ = ["BatchService", "BatchStatus", "checked_identity", "counted", "told_identity"]

_IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,128}")
#: Objects of a list that are asked for at once, and lists that are asked for at most.
_PAGE, _PAGES = 100, 50
#: Seconds by which clocks may differ.
_SKEW = 300.0


@dataclass(frozen=True)
class BatchStatus:
    """How far a batch is.

    Attributes:
        state: ``"running"``, ``"ended"`` (all that there will be is there), or ``"failed"`` (it was not taken).
        total: Requests in it.
        complete: Those that were answered.
        errored: Those that failed, expired or were cancelled.
        said: The vendor's own word for its state.
        problems: Why it failed.
    """

    state: Literal["running", "ended", "failed"]
    total: int
    complete: int
    errored: int
    said: str
    problems: tuple[str, ...] = ()


class BatchService(ABC):
    """A vendor's batch API, asked through a provider.

    Attributes:
        most: Requests that a batch may have.
        most_bytes: Bytes that it may have.
    """

    most: ClassVar[int]
    most_bytes: ClassVar[int]

    def __init__(self, provider: WireProvider) -> None:
        self.provider = provider

    @abstractmethod
    def line(self, custom_id: str, body: Json, api: str) -> bytes:
        """A request as it lies in the batch."""

    @abstractmethod
    async def create(self, lines: Sequence[bytes], tag: str, api: str) -> Json:
        """Submit a batch, asked once."""

    @abstractmethod
    async def find(self, tag: str, total: int, since: datetime) -> Json | None:
        """The batch of that tag, as the vendor tells it; None if there is none.

        Raises:
            BatchError: There is one that may be it, which cannot be told yet.
        """

    @abstractmethod
    def status(self, told: Json) -> BatchStatus:
        """What the vendor's object says."""

    @abstractmethod
    def results(self, told: Json) -> list[str]:
        """Where the results are."""

    @abstractmethod
    def path(self, identity: str, action: str = "") -> str:
        """Where a batch is."""

    async def get(self, identity: str) -> Json:
        """The batch as the vendor tells it."""
        return (await self.provider._ask(self.path(identity), None))[0]

    async def cancel(self, identity: str) -> Json:
        """Have a batch stopped."""
        return (await self.provider._ask(self.path(identity, "/cancel"), {}))[0]

    async def _listed(self, path: str, cursor: str, since: datetime) -> AsyncIterator[Json]:
        """The batches of the account since then, the newest first."""
        after = ""
        for _ in range(_PAGES):
            page, _ = await self.provider._ask(f"{path}?limit={_PAGE}{after}", None)
            rows = [row for row in page.get("data") or () if isinstance(row, dict)]
            for row in rows:
                if (at := _time(row.get("created_at"))) is not None and (since - at).total_seconds() > _SKEW:
                    return
                yield row
            if not rows or not page.get("has_more"):
                return
            after = f"&{cursor}={checked_identity(rows[-1].get('id'))}"


def checked_identity(identity: Any) -> str:
    """An id, as it may stand in an address.

    Raises:
        ConfigError: It may not.
    """
    if not isinstance(identity, str) or not _IDENTITY.fullmatch(identity):
        raise ConfigError(f"{identity!r:.100} is no id of a batch or a file.")
    return identity


def told_identity(told: Json, provider: WireProvider) -> str:
    """The id of what a vendor says it made.

    Raises:
        ServerError: It tells none.
    """
    identity = told.get("id")
    if not isinstance(identity, str) or not _IDENTITY.fullmatch(identity):
        raise ServerError(
            f"{provider.label} answered with something that has no id: {told!r:.100}",
            provider=provider.provider,
            model=provider.model,
        )
    return identity


def counted(value: Any) -> int:
    """A number of requests, as far as it is one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _time(told: Any) -> datetime | None:
    """A time, in seconds since 1970 or as text."""
    try:
        if isinstance(told, int | float):
            return datetime.fromtimestamp(told, timezone.utc)
        at = datetime.fromisoformat(str(told))
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)
