"""Anthropic's batches: all requests in one body."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

from ...errors import BatchError
from ..parts import Json
from ..wire.upload import Upload
from .download import lines_of
from .lines import anthropic_request, line_bytes
from .service import BatchService, BatchStatus, checked_identity, counted

__all__ = ["AnthropicBatches"]

_ROOT = "/v1/messages/batches"
_LEFT = ("errored", "expired", "canceled")


class AnthropicBatches(BatchService):
    """Those of Anthropic, which keeps no tag: a lost batch is known by its results alone."""

    most, most_bytes = 100_000, 250_000_000  # platform.claude.com, Message Batches: 100,000 and 256 MB

    def line(self, custom_id: str, body: Json, api: str) -> bytes:
        """A request as it lies in the batch."""
        return line_bytes(anthropic_request(custom_id, body))

    async def create(self, lines: Sequence[bytes], tag: str, api: str) -> Json:
        """Submit a batch; asked once."""
        whole = b'{"requests":[' + b",".join(line.rstrip() for line in lines) + b"]}"
        return (await self.provider._ask(_ROOT, Upload(whole, "application/json"), retry_count=0))[0]

    async def find(self, tag: str, total: int, since: datetime) -> Json | None:
        """The batch of that tag; None if there is none."""
        unsure: list[str] = []
        async for row in self._listed(_ROOT, "after_id", since):
            if self.status(row).total != total:
                continue
            if self.status(row).state == "running":
                unsure.append(str(row.get("id")))
            elif await self._is_of(row, tag):
                return row
        if unsure:
            error = BatchError(
                f"{unsure[0]} may be the batch whose submission broke off: that can only be told when it has ended.",
                provider=self.provider.provider,
                model=self.provider.model,
                hint="Collect later. To be sure that nothing is paid twice, nothing is submitted until then",
            )
            error.reason = "uncertain"
            raise error
        return None

    async def _is_of(self, row: Json, tag: str) -> bool:
        async with aclosing(lines_of(self.provider, self.results(row)[0])) as lines:
            async for line in lines:
                return str(line.get("custom_id")).startswith(f"{tag}-")
        return False

    def status(self, told: Json) -> BatchStatus:
        """What the vendor's object says."""
        counts, said = told.get("request_counts") or {}, str(told.get("processing_status"))
        numbers = {name: counted(counts.get(name)) for name in ("processing", "succeeded", *_LEFT)}
        return BatchStatus(
            "ended" if said == "ended" else "running",
            sum(numbers.values()),
            numbers["succeeded"],
            sum(numbers[name] for name in _LEFT),
            said,
        )

    def results(self, told: Json) -> list[str]:
        """Where the results are."""
        # The reply tells a whole address too; a key goes to the address that it was given for, and to no other.
        return [self.path(str(told.get("id")), "/results")]

    def path(self, identity: str, action: str = "") -> str:
        """Where a batch is."""
        return f"{_ROOT}/{checked_identity(identity)}{action}"
