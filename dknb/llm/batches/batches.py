"""`Batches`: submit many requests at once, look how far they are, collect what is answered."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...errors import BatchError, ConfigError, DknbError, ProviderError, RateLimited, ReplayMiss
from ..answers.schema_modes import as_sent
from ..answers.structured import structured
from ..calls.outcome import finish
from ..calls.sound import check_calls, sound
from ..messages import LLMResponse, utc_now
from ..parts import Json
from ..recordings.recording import active
from ..request import ModelRequest, completion_request
from ..sync import SyncLLMProvider
from .download import lines_of
from .lines import BatchLine, Outcome, read_result
from .service import BatchService, BatchStatus, told_identity
from .services import service_of

__all__ = ["BatchAnswer", "Batches"]


@dataclass(frozen=True)
class BatchAnswer:
    """What became of one request.

    Attributes:
        custom_id: The id that it was given.
        outcome: ``"complete"``, ``"errored"``, ``"expired"`` or ``"cancelled"``.
        response: The answer, also one that does not have the shape asked for.
        error: Why there is none, or why it cannot be used.
    """

    custom_id: str
    outcome: Outcome
    response: LLMResponse | None = None
    error: DknbError | None = None


class Batches:
    """The batches of one model.

    A *handle*, plain JSON data, stands for a batch: keep it, and another process collects.

    Args:
        provider: A provider of OpenAI or Anthropic, or one that is openai-compatible.
        **overrides: Settings of `LLMConfig` for all requests.

    Raises:
        ConfigError: The provider has no batches, or a setting is wrong.
    """

    def __init__(self, provider: Any, **overrides: Any) -> None:
        self._provider: Any = provider
        if isinstance(provider, SyncLLMProvider):
            self._provider = provider._provider
        self._service: BatchService = service_of(self._provider)
        self._config = self._provider._settings(overrides)
        self._dialect = self._provider._dialect(self._config)

    @property
    def most(self) -> tuple[int, int]:
        """The most requests, and bytes, that one batch may have."""
        return self._service.most, self._service.most_bytes

    @property
    def api(self) -> str:
        """Which of the vendor's APIs answers."""
        return str(self._dialect.api)

    def line(self, custom_id: str, messages: Any) -> bytes:
        """A request as a line of the vendor's batch files.

        Raises:
            ConfigError: It cannot be sent so.
        """
        body = self._dialect.body(as_sent(self._request(messages), self._config))
        try:
            return self._service.line(custom_id, body, self.api)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"The request {custom_id!r} cannot be written: {error}") from error

    async def submit(self, requests: Mapping[str, Any] | Sequence[bytes], *, tag: str | None = None) -> Json:
        """Hand requests to the vendor; the handle of the batch.

        A submission whose reply is lost is looked for among the account's batches before it is made again.

        Args:
            requests: Messages by their ids (up to 64 letters, digits, ``-`` and ``_``), or lines as of ``line``.
            tag: What finds the batch again; made up if it is not given. Anthropic's is found by ids that begin with it
                and ``-``.

        Raises:
            ConfigError: There are none, or too many.
            BatchError: It is not known whether it was submitted.
            ProviderError: The vendor did not take it.
            ReplayMiss: Only a recording may answer, and batches are not recorded.
        """
        _refuse_replay()
        lines = self._lines(requests)
        tag = tag or secrets.token_hex(6)
        since = utc_now()
        return self._handle(await self._created(lines, tag, since), tag, len(lines), since)

    async def find(self, tag: str, total: int, since: datetime) -> Json | None:
        """The handle of a batch whose submission broke off; None if the vendor has none.

        Args:
            tag: Its tag.
            total: Its requests.
            since: When it was about to be submitted.

        Raises:
            BatchError: There is one that may be it, which cannot be told yet.
        """
        told = await self._service.find(tag, total, since)
        return None if told is None else self._handle(told, tag, total, since)

    async def status(self, handle: Mapping[str, Any]) -> BatchStatus:
        """How far a batch is.

        Raises:
            ProviderError: The vendor could not be asked.
        """
        return self._service.status(await self._service.get(self._identity(handle)))

    async def cancel(self, handle: Mapping[str, Any]) -> BatchStatus:
        """Have a batch stopped; what was answered by then can be collected, and is paid for.

        Raises:
            ProviderError: The vendor could not be asked.
        """
        return self._service.status(await self._service.cancel(self._identity(handle)))

    async def collect(self, handle: Mapping[str, Any]) -> AsyncGenerator[BatchAnswer, None]:
        """The answers of a batch in whatever order they come; none while it runs.

        Raises:
            BatchError: The vendor did not take it; or what came has fewer answers than it says.
            ProviderError: The results could not be fetched.
        """
        told = await self._service.get(self._identity(handle))
        status = self._service.status(told)
        if status.state == "running":
            return
        if status.state == "failed":
            raise self._error("; ".join(status.problems) or f"the batch is {status.said}", "failed")
        seen: set[str] = set()
        for path in self._service.results(told):
            async with aclosing(lines_of(self._provider, path)) as lines:
                async for line in lines:
                    answer = await self.read(line)
                    seen.add(answer.custom_id)
                    yield answer
        if len(seen) < status.complete:
            raise self._error(f"there are {len(seen):,} results, and {status.complete:,} were told", "uncertain")

    async def read(self, line: Mapping[str, Any]) -> BatchAnswer:
        """A line of results as an answer, priced as a batch's.

        Raises:
            ProviderError: It is no line of results.
        """
        faults = self._provider._faults(self._request("-"))
        try:
            found = read_result(line)
        except Exception as error:
            raise faults.not_an_answer(json.dumps(line, default=str)[:200]) from error
        try:
            return BatchAnswer(found.custom_id, "complete", await self._answer(found, faults))
        except ProviderError as error:
            partial = error.partial if isinstance(error.partial, LLMResponse) else None
            outcome: Outcome = "errored" if found.outcome == "complete" else found.outcome
            return BatchAnswer(found.custom_id, outcome, partial, error)

    # How

    async def _answer(self, found: BatchLine, faults: Any) -> LLMResponse:
        if found.outcome in ("expired", "cancelled"):
            raise self._error(f"the request {found.custom_id!r} was not answered in time or cancelled", found.outcome)
        headers = {"x-request-id": found.request_id} if found.request_id else {}
        if found.outcome == "errored" and found.status is not None:
            raise faults.refused(found.status, json.dumps(found.body), headers)
        if found.body.get("error"):
            raise faults.in_stream(found.body, headers)
        request = self._request("-")
        try:
            response = sound(self._dialect.response(found.body), request)
        except ProviderError:
            raise
        except Exception as error:  # a reply may be anything, and the dialect stumble anywhere
            raise faults.not_an_answer(json.dumps(found.body)[:200], headers=headers) from error
        response.metadata |= {"request_id": found.request_id} if found.request_id else {}
        response.metadata["service_tier"] = "batch"
        await finish(response, request, None, self._config.api_base)
        return await self._shaped(response, request)

    async def _shaped(self, response: LLMResponse, request: ModelRequest) -> LLMResponse:
        """The answer in its shape; nobody is there to be asked again."""

        async def there(_: ModelRequest) -> LLMResponse:
            return response

        try:
            check_calls(response, request)
        except ProviderError as error:
            error.partial = error.partial or response
            raise
        return await structured(there, request, replace(self._config, reask_count=0))

    def _request(self, messages: Any) -> ModelRequest:
        return completion_request(self._config, messages, not_sent=self._provider.not_sent)

    def _lines(self, requests: Mapping[str, Any] | Sequence[bytes]) -> list[bytes]:
        if isinstance(requests, Mapping):
            lines = [self.line(custom_id, messages) for custom_id, messages in requests.items()]
        else:
            lines = list(requests)
        if not lines:
            raise ConfigError("There is nothing to submit.")
        most, most_bytes = self.most
        if len(lines) > most or sum(map(len, lines)) > most_bytes:
            raise ConfigError(
                f"{len(lines):,} requests of {sum(map(len, lines)):,} bytes are too much for one batch.",
                hint=f"At most {most:,} requests and {most_bytes:,} bytes",
            )
        return lines

    async def _created(self, lines: Sequence[bytes], tag: str, since: datetime) -> Json:
        config = self._provider.config
        for attempt in range(config.retry_count + 1):
            try:
                return await self._service.create(lines, tag, self.api)
            except ProviderError as error:
                # Refused for now, it was not made; of any other failure that passes nobody knows.
                if not error.retryable or attempt == config.retry_count:
                    raise
                pause = error.retry_after or config.retry_delay * 2**attempt
                await asyncio.sleep(min(pause, 60.0))
                if not isinstance(error, RateLimited):
                    found = await self._service.find(tag, len(lines), since)
                    if found is not None:
                        return found
        raise AssertionError("unreachable")

    def _handle(self, told: Json, tag: str, total: int, since: datetime) -> Json:
        return {
            "provider": self._config.provider,
            "model": self._config.model,
            "api": self.api,
            "id": told_identity(told, self._provider),
            "tag": tag,
            "requests": total,
            "submitted_at": since.isoformat(),
        }

    @staticmethod
    def _identity(handle: Mapping[str, Any]) -> str:
        identity = handle.get("id")
        if not isinstance(identity, str):
            raise ConfigError(f"{dict(handle)!r:.100} is no handle of a batch.")
        return identity

    def _error(self, text: str, reason: str) -> BatchError:
        error = BatchError(
            f"The batch of {self._config.spec}: {text}.", provider=self._config.provider, model=self._config.model
        )
        error.reason = reason
        return error


def _refuse_replay() -> None:
    recording = active()
    if recording is not None and recording.mode == "replay":
        raise ReplayMiss(
            "Only a recording may answer, and batches are not recorded.", hint="Replay with run(), or stop replaying"
        )
