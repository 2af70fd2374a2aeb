"""Trials and judges for the tests of scorers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dknb.experiments.scoring import Scored, Scorer, score_trial, scorers_of
from dknb.experiments.trials import Trial
from dknb.llm import EchoProvider


def trial(output: str | None, row: Mapping[str, Any] | None = None, **facts: Any) -> Trial:
    """A trial with this output for an item with these columns."""
    whole: dict[str, Any] = {
        "item": "1", "variant": "a", "prompt": "p", "version": None, "model": "echo", "repeat": 0, "parsed": None,
        "prompt_tokens": 1, "completion_tokens": 1, "cached": False, "cost_usd": 0.5, "duration_s": 2.0, "error": None,
        "node_id": None, "request": "What is it?",
    }  # fmt: skip
    return Trial(output=output, row=row or {}, **{**whole, **facts})


async def scored(spec: Any, output: str | None, row: Mapping[str, Any] | None = None, **facts: Any) -> Scored:
    """What a scorer says of an output."""
    return await score_trial(scorers_of(spec), trial(output, row, **facts))


async def value(spec: Any, output: str | None, answer: Any = None, **facts: Any) -> float | None:
    """The one number that a scorer gives an output for an item whose answer this is."""
    done = await scored(spec, output, {"answer": answer}, **facts)
    (number,) = done.values.values()
    return number


def only(spec: Any, **options: Any) -> Scorer:
    """The one scorer of a specification."""
    (made,) = scorers_of(spec, **options)
    return made


def judge_that_says(*said: str | Callable[[str], str]) -> EchoProvider:
    """A model that says these, one a call; or what a function makes of the question."""
    echo = EchoProvider()
    if len(said) == 1 and callable(said[0]):
        function = said[0]
        echo.set_response_function(lambda messages: function(messages[-1].content))
    else:
        echo.set_responses([each for each in said if isinstance(each, str)])
    return echo
