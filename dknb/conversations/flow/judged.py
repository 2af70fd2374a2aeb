"""Conditions that judge what an answer means: with a model, or with a list of words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError
from ...templates import render_conditional_template
from .conditions import TransitionCondition
from .judge import Judge

__all__ = ["MODEL", "LLMClassifierCondition", "SentimentCondition"]

#: Under this name the context of a condition has the flow's model.
MODEL = "_llm_provider"

_SENTIMENTS = ("positive", "negative", "neutral")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_POSITIVE = frozenset(
    [
        "amazing",
        "awesome",
        "brilliant",
        "delighted",
        "enjoy",
        "enjoyed",
        "excellent",
        "fantastic",
        "fine",
        "glad",
        "good",
        "grateful",
        "great",
        "happy",
        "helpful",
        "impressed",
        "like",
        "liked",
        "love",
        "loved",
        "nice",
        "perfect",
        "pleased",
        "positive",
        "satisfied",
        "super",
        "sure",
        "thank",
        "thanks",
        "wonderful",
        "works",
        "worked",
        "yes",
    ]
)
_NEGATIVE = frozenset(
    [
        "angry",
        "annoyed",
        "annoying",
        "awful",
        "bad",
        "broken",
        "bug",
        "complaint",
        "confused",
        "disappointed",
        "disappointing",
        "dislike",
        "dissatisfied",
        "fail",
        "failed",
        "fails",
        "frustrated",
        "frustrating",
        "hate",
        "horrible",
        "negative",
        "poor",
        "problem",
        "problems",
        "sad",
        "slow",
        "sorry",
        "terrible",
        "unhappy",
        "unfortunately",
        "useless",
        "worse",
        "worst",
        "wrong",
    ]
)
_NOT = frozenset(["no", "not", "never", "neither", "nor", "hardly", "without", "cannot"])
#: How many words a "not" turns round.
_REACH = 3


@dataclass(frozen=True)
class LLMClassifierCondition(TransitionCondition):
    """True when a model puts the answer into the class that is expected.

    Attributes:
        classifier_prompt: A template; ``{{response}}`` is the answer, and other names are the context's.
        expected_value: What the model must say, whatever its capitals and the marks around it.
        llm_config: The model to ask; the flow's own by default.
    """

    classifier_prompt: str
    expected_value: str
    llm_config: Any = None

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """What the model says.

        Raises:
            ConfigError: There is no model to ask.
        """
        asked = render_conditional_template(self.classifier_prompt, {**context, "response": response})
        if self.llm_config is None:
            said = await _model_of(context).complete(asked)
        else:
            from ...llm import create_llm_provider

            async with create_llm_provider(self.llm_config) as model:
                judge = context.get(MODEL)
                said = await (judge.complete(asked, llm=model) if isinstance(judge, Judge) else model.complete(asked))
        return _plain(said.content) == _plain(self.expected_value)


def _model_of(context: Mapping[str, Any]) -> Any:
    model = context.get(MODEL)
    if model is None:
        raise ConfigError(
            "An LLMClassifierCondition has no model to ask.",
            hint='Run it in a flow, or say which:  LLMClassifierCondition(…, llm_config="openai/…")',
        )
    return model


def _plain(text: str) -> str:
    return text.strip(" \t\r\n.,:;!?\"'`*_()[]").casefold()


@dataclass(frozen=True)
class SentimentCondition(TransitionCondition):
    """True when the English words of the answer sound as expected: a count of words, with "not" before them turned round.

    For more than a first guess let a model judge: `LLMClassifierCondition`.

    Attributes:
        expected_sentiment: ``"positive"``, ``"negative"`` or ``"neutral"``.
        threshold: The share of words with a sentiment, from 0 to 1, that must have this one.
    """

    expected_sentiment: str
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.expected_sentiment not in _SENTIMENTS:
            raise ConfigError(
                f"There is no sentiment {self.expected_sentiment!r}.", hint=f"Give one of {', '.join(_SENTIMENTS)}"
            )
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"The threshold of a sentiment is {self.threshold!r}.", hint="Give a share from 0 to 1")

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """Whether it sounds so."""
        sentiment, share = sentiment_of(response)
        return sentiment == self.expected_sentiment and share >= self.threshold


def sentiment_of(text: str) -> tuple[str, float]:
    """The sentiment of most words that have one, and their share; ``("neutral", 1.0)`` when none has."""
    counts = {"positive": 0, "negative": 0}
    turned = 0
    for match in _WORD.finditer(text.lower()):
        word = match[0]
        if word in _NOT or word.endswith(("n't", "n\u2019t")):
            turned = _REACH
            counts["negative"] += word == "no"
            continue
        if word in _POSITIVE or word in _NEGATIVE:
            counts["positive" if (word in _POSITIVE) is (turned == 0) else "negative"] += 1
            turned = 0
        turned = max(0, turned - 1)
    total = sum(counts.values())
    if not total:
        return "neutral", 1.0
    if counts["positive"] == counts["negative"]:
        return "neutral", 0.5
    winner = max(counts, key=lambda name: counts[name])
    return winner, counts[winner] / total
