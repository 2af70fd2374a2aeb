"""OpenAI's batches: a file of requests, and a batch that names it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..parts import Json
from ..wire.upload import form_with_file
from .lines import ENDPOINTS, line_bytes, openai_request
from .service import BatchService, BatchStatus, checked_identity, counted, told_identity

__all__ = ["OpenAIBatches"]


class OpenAIBatches(BatchService):
    """Those of OpenAI, and of servers that are shaped alike."""

    most, most_bytes = 50_000, 190_000_000  # developers.openai.com, API reference, create batch: 50,000 and 200 MB

    def line(self, custom_id: str, body: Json, api: str) -> bytes:
        """A request as it lies in the batch."""
        return line_bytes(openai_request(custom_id, body, api))

    async def create(self, lines: Sequence[bytes], tag: str, api: str) -> Json:
        """Submit a batch; asked once."""
        form = form_with_file({"purpose": "batch"}, f"dknb-{tag}.jsonl", b"".join(lines))
        file, _ = await self.provider._ask("/files", form)
        body = {
            "input_file_id": told_identity(file, self.provider),
            "endpoint": ENDPOINTS[api],
            "completion_window": "24h",
        }
        return (await self.provider._ask("/batches", body | {"metadata": {"dknb": tag}}, retry_count=0))[0]

    async def find(self, tag: str, total: int, since: datetime) -> Json | None:
        """The batch of that tag; None if there is none."""
        async for row in self._listed("/batches", "after", since):
            if (row.get("metadata") or {}).get("dknb") == tag:
                return row
        return None

    def status(self, told: Json) -> BatchStatus:
        """What the vendor's object says."""
        counts, said = told.get("request_counts") or {}, str(told.get("status"))
        ended = {"failed": "failed", "completed": "ended", "expired": "ended", "cancelled": "ended"}
        errors = (told.get("errors") or {}).get("data") or ()
        return BatchStatus(
            ended.get(said, "running"),  # type: ignore[arg-type]  # they are its words
            counted(counts.get("total")),
            counted(counts.get("completed")),
            counted(counts.get("failed")),
            said,
            tuple(_problem(error) for error in errors if isinstance(error, dict)),
        )

    def results(self, told: Json) -> list[str]:
        """Where the results are."""
        files = [told.get("output_file_id"), told.get("error_file_id")]
        return [f"/files/{checked_identity(file)}/content" for file in files if file]

    def path(self, identity: str, action: str = "") -> str:
        """Where a batch is."""
        return f"/batches/{checked_identity(identity)}{action}"


def _problem(error: Json) -> str:
    line = f"line {error['line']}: " if error.get("line") is not None else ""
    return f"{line}{error.get('message') or error.get('code') or 'no reason given'}"[:500]
