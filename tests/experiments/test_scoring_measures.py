"""Overlap with a reference, similarity, length, price and time."""

from __future__ import annotations

import asyncio
import builtins

import pytest
from scoring_help import only, scored, trial, value

from dknb.errors import ConfigError, MissingExtra
from dknb.experiments.scoring import MetricKind, score_trial, scorers_of
from dknb.llm import EchoProvider


@pytest.mark.parametrize(
    ("options", "output", "answer", "expected"),
    [
        ({}, "police kill the gunman", "police killed the gunman", 0.75),
        ({}, "the gunman kill police", "police killed the gunman", 0.5),
        ({"part": "recall"}, "a b c d", "a b", 1.0),
        ({"part": "precision"}, "a b c d", "a b", 0.5),
        ({}, "Привет, мир", "привет мир", 1.0),
        ({}, "東京は日本", "東京の日本", 0.8),
        ({}, "", "a", 0.0),
        ({}, "a b", ["x", "a b"], 1.0),
    ],
)
async def test_rouge_l_is_that_of_its_paper(options, output, answer, expected):
    """Lin's (2004) sentences of section 3.1, whose ROUGE-L he gives as 3/4 and 2/4; and scripts other than Latin."""
    assert await value({"rouge_l": options}, output, answer) == pytest.approx(expected, abs=1e-12)


async def test_bleu_is_that_of_sacrebleu():
    """From 0 to 100."""
    from sacrebleu import sentence_bleu

    output, answer = "The dog bit the man in the park.", "The dog had bit the man in a park."
    expected = sentence_bleu(output, [answer]).score
    assert 10 < expected < 90
    assert await value("bleu", output, answer) == pytest.approx(expected, abs=1e-9)
    assert await value("bleu", answer, answer) == 100.0
    assert await value("bleu", "", answer) == 0.0


@pytest.mark.parametrize(("name", "package"), [("rouge_l", "rouge_score"), ("bleu", "sacrebleu")])
def test_a_missing_package_names_its_extra(name, package, monkeypatch):
    """Before the run, not in its middle."""
    real = builtins.__import__

    def without(asked, *args, **kwargs):
        if asked.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return real(asked, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra) as caught:
        scorers_of(name)
    assert caught.value.hint == 'Install it with:  pip install "dknb[scores]"'


class _Counting(EchoProvider):
    """Echo, which counts what it is asked to embed."""

    def __init__(self):
        super().__init__()
        self.asked: list[list[str]] = []

    async def embed(self, texts, **overrides):
        self.asked.append(list(texts))
        return await super().embed(texts, **overrides)


async def test_similarity_embeds_each_text_once_and_many_together():
    """100 trials at a time are one request; the same texts again are none."""
    model = _Counting()
    scorer = only({"similarity": {"model": model}})
    trials = [trial(f"answer {n % 10}", {"answer": "answer 0"}) for n in range(100)]
    done = await asyncio.gather(*[score_trial([scorer], each) for each in trials])
    assert [len(texts) for texts in model.asked] == [10]
    assert done[0].values == {"similarity": pytest.approx(1.0)}
    assert -1.0 <= done[1].values["similarity"] < 0.99
    assert [call.kind for each in done for call in each.calls] == ["embed"]
    assert await score_trial([scorer], trials[3]) == done[3].__class__({"similarity": done[3].values["similarity"]})
    assert len(model.asked) == 1


async def test_similarity_of_nothing_is_none():
    """An empty answer is not near to anything, and is not sent."""
    assert await value({"similarity": "echo"}, " ", "a") == 0.0


async def test_similarity_takes_a_function():
    """Anything that makes vectors of texts; one that fails is a reason, and may be tried again."""
    vectors = iter([OSError("down"), [[1.0, 0.0], [1.0, 1.0]]])

    def embed(texts):
        found = next(vectors)
        if isinstance(found, Exception):
            raise found
        return found

    scorer = only({"similarity": {"model": embed}})
    first = await score_trial([scorer], trial("a", {"answer": "b"}))
    assert first.errors == {"similarity": "OSError: down"}
    second = await score_trial([scorer], trial("a", {"answer": "b"}))
    assert second.values == {"similarity": pytest.approx(0.5**0.5)}


def test_similarity_needs_a_model():
    """Which is said before the run."""
    with pytest.raises(ConfigError, match="needs model"):
        scorers_of("similarity")
    with pytest.raises(ConfigError, match="embeds nothing"):
        scorers_of({"similarity": {"model": 3}})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("length", 11.0), ({"length": "words"}, 3.0), ({"length": "tokens"}, 4.0), ("price", 0.5), ("time", 2.0)],
)
async def test_measures_are_numbers_of_the_trial(spec, expected):
    """Of which less is better."""
    assert await value(spec, "one two thr") == pytest.approx(expected, abs=1.0 if spec == {"length": "tokens"} else 0)
    (kind,) = only(spec).kinds.values()
    assert kind == MetricKind("continuous", higher_is_better=False)


async def test_what_is_not_known_is_not_zero():
    """A price that nobody knows is no score."""
    done = await scored(["price", "time"], "x", cost_usd=None, duration_s=None)
    assert done.values == {"price": None, "time": None}
    assert done.errors["price"] == "the price of the call is not known"


def test_longer_may_be_better():
    """Where one says so."""
    assert only({"length": {"better": "higher"}}).higher_is_better == {"length": True}
