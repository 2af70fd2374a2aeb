"""How much of a conversation may be sent, and what was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from ...errors import ConfigError, did_you_mean
from ...llm.messages import LLMMessage

if TYPE_CHECKING:
    from ...llm.counting.tokens import TokenCount

__all__ = ["Fit", "Fitted", "Strategy"]

Strategy: TypeAlias = Literal["drop_oldest", "keep_last", "summarise"]


@dataclass(frozen=True, slots=True)
class Fit:
    """How a conversation is made to fit. The system prompt and the last question are always sent.

    A tool's call is never sent without its result, nor a result without its call. Turns are left out whole, but for the
    last one: of it, the oldest calls of tools. So more than ``last`` messages may be sent: the question and the results
    that the last message belongs to.

    Attributes:
        budget: Most tokens of a prompt, with its tools; None for the model's context window less ``reserve``.
        strategy: ``drop_oldest`` leaves out the oldest turns; ``keep_last`` sends the last ``last`` messages, if
            that tears nothing;
            ``summarise`` sends a summary in the place of what does not fit, and at most ``last`` messages beside it. The
            model is asked for it once: it becomes a node of the tree, below the last message that it stands for. Of one
            that comes out too long the beginning is sent; where the last question leaves it no room, none.
        last: Messages from the end, for the strategies that say so.
        reserve: Tokens left for the answer, where the budget is the model's context window.
    """

    budget: int | None = None
    strategy: Strategy = "drop_oldest"
    last: int = 6
    reserve: int = 1_024

    def __post_init__(self) -> None:
        known = get_args(Strategy)
        if self.strategy not in known:
            raise ConfigError(
                f"Unknown strategy {self.strategy!r}.{did_you_mean(str(self.strategy), known)}",
                hint=f"Strategies: {', '.join(known)}",
            )
        for name in ("budget", "last", "reserve"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ConfigError(f"{name} must be a whole number above 0, not {value!r}.", hint="Fit(budget=8_000)")


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is sent.

    Attributes:
        messages: The messages, the system prompt first.
        tokens: How many tokens they have, with the tools of the call; ``exact`` says whether they were counted.
        budget: How many they may have.
        strategy: How they were chosen.
        dropped: How many messages of the conversation are not among them.
        summary_seq: The number of the node whose summary stands for some of those; None if there is none.
        summarised: How many it stands for.
        summary_cut: Whether only the beginning of it is sent, since the whole is too long.
        instead: The strategy that was followed in the place of ``strategy``, because there is no room for a summary.
    """

    messages: Sequence[LLMMessage]
    tokens: TokenCount
    budget: int
    strategy: Strategy
    dropped: int = 0
    summary_seq: int | None = None
    summarised: int = 0
    summary_cut: bool = False
    instead: Strategy | None = None

    def told(self) -> dict[str, Any]:
        """The same for the metadata of the answer, as JSON data."""
        told: dict[str, Any] = {"strategy": self.strategy, "budget": self.budget, "tokens": int(self.tokens)}
        told |= {"exact": self.tokens.exact, "messages": len(self.messages), "dropped": self.dropped}
        if self.summary_seq is not None:
            told |= {"summary_seq": self.summary_seq, "summarised": self.summarised}
        if self.summary_cut:
            told["summary_cut"] = True
        if self.instead is not None:
            told["instead"] = self.instead
        return told
