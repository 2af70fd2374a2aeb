"""The conditions of flows, each by itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dknb.conversations.flow import (
    AlwaysCondition,
    CompositeCondition,
    ContextCondition,
    CustomCondition,
    JSONCondition,
    KeywordCondition,
    LLMClassifierCondition,
    RegexCondition,
    SentimentCondition,
    TransitionCondition,
    always,
    context_condition,
    keyword_condition,
    regex_condition,
)
from dknb.errors import ConfigError
from dknb.llm import EchoProvider

JSON = 'Sure:\n```json\n{"status": "open", "count": 1, "ok": true, "tags": ["a", "b"], "user.name": "Ann"}\n```'


@pytest.mark.parametrize(
    ("condition", "answer", "expected"),
    [
        (AlwaysCondition(), "", True),
        (KeywordCondition(["solved", "done"]), "All DONE.", True),
        (KeywordCondition(["solved"]), "unsolved", True),
        (KeywordCondition(["solved"], match_whole_word=True), "unsolved", False),
        (KeywordCondition(["solved"], match_whole_word=True), "It is solved.", True),
        (KeywordCondition(["c++"], match_whole_word=True), "I like C++, a lot", True),
        (KeywordCondition(["Solved"], case_sensitive=True), "solved", False),
        (KeywordCondition(["a.c"]), "abc", False),
        (KeywordCondition(["STRASSE"]), "strasse", True),
        (RegexCondition(r"\d{3}"), "call 112", True),
        (RegexCondition("ok"), "OK", False),
        (RegexCondition("ok", re.IGNORECASE), "OK", True),
        (RegexCondition("^b", re.MULTILINE), "a\nb", True),
        (JSONCondition(), JSON, True),
        (JSONCondition(), "no JSON here", False),
        (JSONCondition("status"), JSON, True),
        (JSONCondition("state"), JSON, False),
        (JSONCondition("status", "open"), JSON, True),
        (JSONCondition("status", "closed"), JSON, False),
        (JSONCondition("count", 1), JSON, True),
        (JSONCondition("count", 1.0), JSON, True),
        (JSONCondition("count", True), JSON, False),
        (JSONCondition("ok", True), JSON, True),
        (JSONCondition("tags.1", "b"), JSON, True),
        (JSONCondition("tags.2"), JSON, False),
        (JSONCondition("tags", ["a", "b"]), JSON, True),
        (JSONCondition("user.name", "Ann"), JSON, True),
        (JSONCondition("count", lambda count: count > 5), JSON, False),
        (JSONCondition(schema={"required": ["status"]}), JSON, True),
        (JSONCondition(schema={"required": ["state"]}), JSON, False),
        (JSONCondition("status", schema={"properties": {"count": {"type": "string"}}}), JSON, False),
        (CustomCondition(lambda response: len(response) > 3), "long", True),
        (CustomCondition(lambda response, context: context["x"] in response), "an x", True),
        (ContextCondition(lambda context: context["x"] == "x"), "", True),
        (CompositeCondition([always(), KeywordCondition(["b"])], "and"), "a", False),
        (CompositeCondition([always(), KeywordCondition(["b"])], "or"), "a", True),
        (CompositeCondition([KeywordCondition(["a"]), KeywordCondition(["b"])]), "a b", True),
        (SentimentCondition("positive"), "That is great, thanks!", True),
        (SentimentCondition("positive"), "That is not great", False),
        (SentimentCondition("negative"), "It isn't good", True),
        (SentimentCondition("positive"), "A goodbye", False),
        (SentimentCondition("neutral"), "The train leaves at five.", True),
        (SentimentCondition("negative", 0.9), "bad, terrible, but nice", False),
        (SentimentCondition("negative", 0.6), "bad, terrible, but nice", True),
    ],
)
async def test_a_condition_sees_the_answer(condition: TransitionCondition, answer: str, expected: bool) -> None:
    """And says whether it is so."""
    assert await condition.evaluate(answer, {"x": "x"}) is expected


async def test_functions_may_be_async() -> None:
    """Those of custom conditions and of the context."""

    async def custom(response: str, context: dict[str, Any]) -> bool:
        return response == context["x"]

    async def of_context(context: dict[str, Any]) -> bool:
        return bool(context["x"])

    assert await CustomCondition(custom).evaluate("1", {"x": "1"})
    assert await context_condition(of_context).evaluate("", {"x": 1})


async def test_a_composite_asks_no_more_than_it_must() -> None:
    """The first that decides it is the last that is asked."""
    asked: list[str] = []
    parts = [
        CustomCondition(lambda r: asked.append("a") or True),
        CustomCondition(lambda r: asked.append("b") or False),
    ]
    assert await CompositeCondition(parts, "or").evaluate("", {})
    assert asked == ["a"]


async def test_a_classifier_has_its_own_model_if_told_so() -> None:
    """The answer is data in its prompt."""
    condition = LLMClassifierCondition("{{response}}", "Echo: {{x}}", llm_config="echo")
    assert await condition.evaluate("{{x}}", {"x": "secret"})


@pytest.mark.parametrize(("says", "expected"), [("Billing", True), (" billing.\n", True), ("not billing", False)])
async def test_a_classifier_compares_what_the_model_says(says: str, expected: bool) -> None:
    """Whatever its capitals and the marks around it."""
    echo = EchoProvider().set_responses([says])
    condition = LLMClassifierCondition("Which topic? {{response}}", "billing")
    assert await condition.evaluate("my invoice", {"_llm_provider": echo}) is expected


async def test_a_classifier_without_a_model_says_so() -> None:
    """Instead of being false."""
    with pytest.raises(ConfigError, match="no model to ask"):
        await LLMClassifierCondition("x", "y").evaluate("", {})


async def test_a_schema_does_not_hang() -> None:
    """A pattern in it is bounded too, and what it refers to elsewhere is never fetched."""
    slow = JSONCondition(schema={"properties": {"a": {"pattern": "^(a|aa)+$"}}})
    with pytest.raises(TimeoutError, match="took too long"):
        await slow.evaluate('{"a": "' + "a" * 60 + '!"}', {})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SentimentCondition("happy"), "no sentiment 'happy'"),
        (lambda: SentimentCondition("positive", 2), "threshold of a sentiment is 2"),
        (lambda: CompositeCondition([], "and"), "needs conditions"),
        (lambda: CompositeCondition([always()], "xor"), "operator of a condition is 'xor'"),
        (lambda: KeywordCondition([""]), "keywords of a condition"),
    ],
)
def test_a_condition_that_cannot_be_is_refused(make: Any, says: str) -> None:
    """When it is made."""
    with pytest.raises(ConfigError, match=says):
        make()


def test_the_short_forms_make_the_same() -> None:
    """`always`, `keyword_condition`, `regex_condition`, `context_condition`."""
    assert always() == AlwaysCondition()
    assert keyword_condition(["a"], case_sensitive=True) == KeywordCondition(["a"], True)
    assert regex_condition("a", flags=re.IGNORECASE) == RegexCondition("a", re.IGNORECASE)
    assert context_condition(bool) == ContextCondition(bool)
