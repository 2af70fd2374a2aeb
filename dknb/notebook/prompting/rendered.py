"""A rendered prompt, as ``dknb.prompt``, a form and ``--as`` give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ...templates.types import RenderResult
from ..views.prompt import RenderedPrompt
from ..views.retrieved import SearchDone, retrieved

if TYPE_CHECKING:
    from ...llm.messages import LLMMessage

__all__ = ["PromptRender", "as_render"]

#: Tokens of an answer of usual length, for the upper end of a price.
_USUAL_ANSWER = 500


@dataclass
class PromptRender(RenderResult):
    """A rendered prompt that shows itself in a notebook, and is its text where text is wanted.

    Attributes:
        name: The name of the prompt.
        model: The spec of the model that its tokens and price are told for.
        suggestions: For missing parameters, the variables of the notebook that may have been meant.
        messages: The messages, where it is a sequence of messages: ``content`` has the texts of all of them.
    """

    name: str = "prompt"
    model: str = "echo"
    suggestions: Mapping[str, str] = field(default_factory=dict)
    messages: Sequence[LLMMessage] | None = None

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each parameter came from: ``line``, ``form``, ``caller``, ``notebook``, ``default``, ``adapter:NAME``."""
        origins: Mapping[str, str] = self.metadata.get("param_origins", {})
        return origins

    @property
    def retrieved(self) -> list[SearchDone]:
        """The searches that were made for it, with the passages that they put into the text."""
        return retrieved(self.rag_metadata)

    @property
    def tokens(self) -> tuple[int, bool]:
        """How many tokens the text is for the model, and whether that is exact."""
        from ...llm.counting.tokens import TokenCounter

        count = TokenCounter.count(self.content, self.model)
        return count.count, count.exact

    @property
    def cost_usd(self) -> tuple[float, float] | None:
        """The price of sending it, in dollars: with no answer, and with one of usual length; None where unknown."""
        from ...llm.counting.costs import CostCalculator

        low = CostCalculator.estimate_cost(self.content, self.model, 0)
        high = CostCalculator.estimate_cost(self.content, self.model, _USUAL_ANSWER)
        return None if low is None or high is None else (low, high)

    def __str__(self) -> str:
        return self.content

    def picture(self) -> RenderedPrompt:
        """What there is to see of it."""
        text, places = _spoken(self.messages) if self.messages is not None else (self.content, [])
        return RenderedPrompt(
            content=text,
            name=self.name,
            mode=str(self.metadata.get("template_mode", "mixed")),
            used=self.params_used,
            origins=self.origins,
            missing={name: self.suggestions.get(name) for name in self.params_missing},
            warnings=self.validation_warnings,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
            model=self.model,
            retrieved=retrieved(self.rag_metadata, places),
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from ..views.prompt import prompt_bundle

        return prompt_bundle(self.picture())


def _spoken(messages: Sequence[LLMMessage]) -> tuple[str, list[int]]:
    """The messages below each other, each after who says it, and where each text begins."""
    pieces: list[str] = []
    places: list[int] = []
    at = 0
    for message in messages:
        head = ("\n\n" if pieces else "") + f"[{message.role}]\n"
        places.append(at + len(head))
        pieces.append(head + message.content)
        at += len(pieces[-1])
    return "".join(pieces), places


def as_render(
    result: RenderResult,
    name: str,
    model: str,
    *,
    called: str = "caller",
    suggestions: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    messages: Sequence[LLMMessage] | None = None,
) -> PromptRender:
    """What a builder gave, as the notebook gives it on; ``called`` is who its caller is to the user."""
    facts = {each.name: getattr(result, each.name) for each in fields(RenderResult)}
    origins = result.metadata.get("param_origins", {})
    named = {key: called if origin == "caller" else origin for key, origin in origins.items()}
    facts["metadata"] = {**result.metadata, "param_origins": named}
    facts["validation_warnings"] = [*result.validation_warnings, *warnings]
    return PromptRender(**facts, name=name, model=model, suggestions=suggestions or {}, messages=messages)
