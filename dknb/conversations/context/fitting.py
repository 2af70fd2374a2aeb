"""Making a conversation fit: counting, choosing, and asking for a summary where one is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, ContextTooLong
from ...llm.messages import LLMMessage
from ..history import History
from ..node import ConversationNode
from ..state import ConversationState
from ..storage import ConversationStorage
from ..tree import Tree
from ..turns import ChatModel
from .fit import Fit, Fitted, Strategy
from .marks import as_sent, stands_for, summary_above
from .selection import Selection, select
from .summaries import Summaries

if TYPE_CHECKING:
    from ...llm.counting.tokens import TokenCount

__all__ = ["Fitter", "count_messages"]

NodeTree = Tree[ConversationNode]

#: Of the budget, what a summary may have.
_SUMMARY_SHARE = 4

#: What ends a summary that is not sent to its end.
CUT = " […]"

#: What is done where there is no room for a summary.
_INSTEAD: Strategy = "drop_oldest"


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
            await asyncio.to_thread(plan.put_summary, history)
        return plan.fitted(history, fit)

    def _plan(self, history: History, fit: Fit) -> _Plan:
        model = self.settings.get("model") or getattr(self.llm, "model", None) or "default"
        counting = Counting(model, history.opening, self.settings)
        budget = self._budget(fit, model) if fit.budget is None else fit.budget
        most = fit.last if fit.strategy == "keep_last" else None
        chosen = select(history.nodes_upward(), counting.of, budget - counting.frame, most)
        plan = _Plan(counting, budget, chosen, chosen)
        if fit.strategy != "summarise" or chosen.whole:
            return plan
        plan.summary = summary_above(history)
        plan.put_summary(history)
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
    """What will be sent: the chosen messages, and before them the summary, which is to be written up to ``cut`` first.

    ``said`` is what is sent of the summary; None if there is none, or no room for it: then ``alone`` is chosen.
    """

    counting: Counting
    budget: int
    alone: Selection
    chosen: Selection
    summary: NodeTree | None = None
    cut: NodeTree | None = None
    said: LLMMessage | None = None

    def put_summary(self, history: History) -> None:
        """Send the summary, and what fits beside it: as much of it as has room, and none where the question has none."""
        if self.summary is None:
            return
        text = self.summary.data.message.content
        self.said, self.chosen = None, self.alone
        for most in (None, _room_of_summary(self.budget)):
            said = as_sent(text if most is None else self._beginning(text, most))
            room = self.budget - self.counting.frame - self.counting.of_message(said)
            try:
                chosen = select(_nodes_after(self.summary, history), self.counting.of, room)
            except ContextTooLong:
                continue
            self.said, self.chosen = said, chosen
            if chosen.whole or self.counting.of_message(said) <= _room_of_summary(self.budget):
                return

    def _beginning(self, text: str, most: int) -> str:
        """As much of a summary's text as has at most ``most`` tokens when it is sent."""
        while text and (tokens := self.counting.of_message(as_sent(text + CUT))) > most:
            text = text[: min(len(text) - 1, len(text) * most // tokens)]
        return text + CUT

    def fitted(self, history: History, fit: Fit) -> Fitted:
        dropped = len(history) - len(history.opening) - len(self.chosen.nodes)
        if not dropped:
            return Fitted(history, self.counting.total(self.chosen.tokens), self.budget, fit.strategy)
        kept = [node.data.message for node in self.chosen.nodes]
        if self.summary is None or self.said is None:
            tokens, instead = self.chosen.tokens, None if fit.strategy != "summarise" else _INSTEAD
            sent = [*history.opening, *kept]
            return Fitted(sent, self.counting.total(tokens), self.budget, fit.strategy, dropped, instead=instead)
        return Fitted(
            [*history.opening, self.said, *kept],
            self.counting.total(self.chosen.tokens + self.counting.of_message(self.said)),
            self.budget,
            fit.strategy,
            dropped,
            self.summary.data.seq,
            stands_for(self.summary),
            self.said.content != as_sent(self.summary.data.message.content).content,
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


def _nodes_after(summary: NodeTree, history: History) -> Iterator[NodeTree]:
    """What was said after a summary, from the end upward."""
    return takewhile(lambda node: node is not summary.parent, history.nodes_upward())


def _cut(history: History, plan: _Plan, last: int) -> NodeTree | None:
    """The node up to which a new summary is to stand for what was said.

    None if the one that there is goes further, or if the last question would leave it no room.
    """
    room = plan.budget - plan.counting.frame - _room_of_summary(plan.budget)
    try:
        cut = select(history.nodes_upward(), plan.counting.of, room, last).nodes[0].parent
    except ContextTooLong:
        return None
    known = plan.summary.parent if plan.summary is not None else None
    return None if cut is None or (known is not None and cut.depth <= known.depth) else cut


def _room_of_summary(budget: int) -> int:
    return max(budget // _SUMMARY_SHARE, 64)
