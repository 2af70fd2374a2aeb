"""One call of a judge, and its row for the ledger."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...._sync import in_thread
from ....conversations.ledger import CallRecord
from ....errors import BudgetExceeded, ConfigError, ReplayMiss
from ....llm.config import LLMConfig
from ....llm.messages import LLMResponse
from ....llm.registry import create_llm_provider
from ..calls import call_made, made_call

__all__ = ["JudgeCall", "JudgeModel"]


@dataclass(frozen=True, slots=True)
class JudgeCall:
    """What came of a call: the text, or why there is none; and its row."""

    text: str | None
    reason: str | None
    call: CallRecord


class JudgeModel:
    """The model of a judge.

    Args:
        model: A spec or a config, or a provider, async or not.
        settings: Settings of its calls, ``{"temperature": 0}``.

    Raises:
        ConfigError: It is none.
    """

    def __init__(self, model: Any, settings: Mapping[str, Any] | None = None) -> None:
        self.provider = create_llm_provider(model) if isinstance(model, str | Mapping | LLMConfig) else model
        if not callable(getattr(self.provider, "complete", None)):
            raise ConfigError(
                f"{model!r:.100} is no model.", hint='Give a spec, as "openai/gpt-5.4-mini", or a provider'
            )
        self.settings = dict(settings or {})
        if self.settings and hasattr(self.provider, "config"):
            self.provider.config.with_settings(**self.settings)  # a setting that is wrong is said before the run

    async def ask(self, text: str) -> JudgeCall:
        """Have it answer.

        Raises:
            BudgetExceeded: It may cost more than is left.
            ReplayMiss: It is not in the recording that alone may answer.
        """
        return await made_call(lambda: self._asked(text))

    async def _asked(self, text: str) -> JudgeCall:
        began = time.perf_counter()
        complete: Any = self.provider.complete
        try:
            if inspect.iscoroutinefunction(complete):
                response = await complete(text, **self.settings)
            else:
                response = await in_thread(complete, text, **self.settings)
        except (BudgetExceeded, ReplayMiss):
            raise
        except asyncio.CancelledError:
            call_made(self._without_answer("cancelled", began))
            raise
        except Exception as error:  # noqa: BLE001 - the trial keeps its other scores
            record = call_made(self._without_answer(type(error).__name__, began))
            return JudgeCall(None, f"the judge did not answer: {type(error).__name__}: {error}", record)
        record = call_made(self._record(response, round(time.perf_counter() - began, 6)))
        return JudgeCall(response.content, None, record)

    def _without_answer(self, outcome: str, began: float) -> CallRecord:
        return CallRecord(
            kind="judge",
            provider=getattr(self.provider, "provider", None),
            model=getattr(self.provider, "model", None),
            duration_s=round(time.perf_counter() - began, 6),
            outcome=outcome,
        )

    def _record(self, response: LLMResponse, seconds: float) -> CallRecord:
        usage = response.usage or {}
        replayed = bool(response.metadata.get("replayed"))
        return CallRecord(
            kind="judge",
            provider=response.metadata.get("provider", getattr(self.provider, "provider", None)),
            model=response.model or getattr(self.provider, "model", None),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            cached_tokens=usage.get("cached_tokens"),
            cost_usd=0.0 if replayed else response.cost_usd,
            duration_s=seconds,
            outcome="replayed" if replayed else "complete",
        )
