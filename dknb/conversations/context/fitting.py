"""Making a conversation fit: counting, choosing, and asking for a summary where one is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...llm.messages import LLMMessage
from ..history import History
from ..node import ConversationNode
from ..state import ConversationState
from ..storage import ConversationStorage
from ..tree import Tree
from ..turns import ChatModel
from .fit import Fit, Fitted
from .marks import as_sent, stands_for, summary_above
from .selection import Selection, select
from .summaries import Summaries

if TYPE_CHECKING:
    from ...llm.counting.tokens import TokenCount

__all__ = ["Fitter", "count_messages"]

NodeTree = Tree[ConversationNode]

#: Of the budget, what a summary may have.
_SUMMARY_SHARE = 4


@dataclass(slots=True)
class Fitter:
    """Makes what is sent fit, for one call.

    Attributes:
        llm: The provider that will answer, and that summarises.
        state: The conversation.
        storage: Its store.
        settings: Settings of the call: its model, its tools.
        cell: The notebook cell that asks.
    """

    llm: ChatModel
    state: ConversationState
    storage: ConversationStorage
    settings: Mapping[str, Any] = field(default_factory=dict)
    cell: str | None = None

    async def fit(self, history: History, fit: Fit) -> Fitted:
        """What is sent of ``history``.

        Raises:
            ContextTooLong: The last question alone does not fit.
            ConfigError: No budget is given, and the model's context window is not known.
            ProviderError: The summary could not be had.
        """
        plan = await asyncio.to_thread(self._plan, history, fit)
        if plan.cut is not None:
            scribe = Summaries(self.llm, self.state, self.storage, self.settings, self.cell)
            room = _room_of_summary(plan.budget)
            plan.summary = await scribe.write(plan.summary, plan.cut, plan.counting.of, plan.budget - room, room)
            plan.chosen = await asyncio.to_thread(_after_summary, history, plan)
        return plan.fitted(history, fit)

    def _plan(self, history: History, fit: Fit) -> _Plan:
        model = self.settings.get("model") or getattr(self.llm, "model", None) or "default"
        counting = Counting(model, history.opening, self.settings)
        budget = self._budget(fit, model) if fit.budget is None else fit.budget
        most = fit.last if fit.strategy == "keep_last" else None
        chosen = select(history.nodes_upward(), counting.of, budget - counting.frame, most)
        plan = _Plan(counting, budget, chosen)
        if fit.strategy != "summarise" or chosen.whole:
            return plan
        plan.summary = summary_above(history)
        if plan.summary is not None:
            plan.chosen = _after_summary(history, plan)
        if plan.summary is None or not plan.chosen.whole:
            plan.cut = _cut(history, plan, fit.last)
        return plan

    def _budget(self, fit: Fit, model: str) -> int:
        from ...llm.counting.model_facts import context_window

        window = context_window(model, getattr(self.llm, "provider", None))
        if window is None:
            raise ConfigError(
                f"The context window of the model {model!r} is not known.", hint="Say how much fits: Fit(budget=8_000)"
            )
        return max(window - fit.reserve, 1)


@dataclass(slots=True)
class _Plan:
    """What will be sent: the chosen messages, and before them the summary, which is to be written up to ``cut`` first."""

    counting: Counting
    budget: int
    chosen: Selection
    summary: NodeTree | None = None
    cut: NodeTree | None = None

    def fitted(self, history: History, fit: Fit) -> Fitted:
        dropped = len(history) - len(history.opening) - len(self.chosen.nodes)
        if not dropped:
            return Fitted(history, self.counting.total(self.chosen.tokens), self.budget, fit.strategy)
        said = [] if self.summary is None else [as_sent(self.summary)]
        tokens = self.chosen.tokens + sum(map(self.counting.of_message, said))
        return Fitted(
            [*history.opening, *said, *(node.data.message for node in self.chosen.nodes)],
            self.counting.total(tokens),
            self.budget,
            fit.strategy,
            dropped,
            None if self.summary is None else self.summary.data.seq,
            0 if self.summary is None else stands_for(self.summary),
        )


class Counting:
    """The tokens of messages for one model; what the call has beside them is ``frame``. Making one takes time."""

    def __init__(self, model: str, opening: list[LLMMessage], settings: Mapping[str, Any]) -> None:
        self._model = model
        self._empty = count_messages([], model)
        frame = count_messages(
            opening,
            model,
            tools=list(settings.get("tools") or ()),
            response_format=settings.get("response_format"),
        )
        self.frame = int(frame)
        self._exact = frame.exact

    def of_message(self, message: LLMMessage) -> int:
        """The tokens of one message, with what the vendor puts around it."""
        count = count_messages([message], self._model)
        self._exact = self._exact and count.exact
        return int(count) - int(self._empty)

    def of(self, node: NodeTree) -> int:
        """The tokens of a node's message."""
        return self.of_message(node.data.message)

    def total(self, messages: int) -> TokenCount:
        """The tokens of the whole prompt, whose messages have that many beside the frame."""
        return type(self._empty)(self.frame + messages, self._exact)


def count_messages(messages: Iterable[LLMMessage], model: str, **request: Any) -> TokenCount:
    """The tokens of messages as a prompt of ``model``, with the rest of the ``request``; it takes time."""
    from ...llm.counting.tokens import TokenCounter

    return TokenCounter.count_messages(messages, model, **request)


def _after_summary(history: History, plan: _Plan) -> Selection:
    """The messages after the summary that fit beside it."""
    room = plan.budget - plan.counting.frame
    path: Iterator[NodeTree] = history.nodes_upward()
    if plan.summary is not None:
        last = plan.summary.parent
        room -= plan.counting.of_message(as_sent(plan.summary))
        path = takewhile(lambda node: node is not last, path)
    return select(path, plan.counting.of, room)


def _cut(history: History, plan: _Plan, last: int) -> NodeTree | None:
    """The node up to which a new summary is to stand for what was said; None if the one that there is goes further."""
    room = plan.budget - plan.counting.frame - _room_of_summary(plan.budget)
    cut = select(history.nodes_upward(), plan.counting.of, room, last).nodes[0].parent
    known = plan.summary.parent if plan.summary is not None else None
    return None if cut is None or (known is not None and cut.depth <= known.depth) else cut


def _room_of_summary(budget: int) -> int:
    return max(budget // _SUMMARY_SHARE, 64)
