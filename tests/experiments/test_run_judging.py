"""What a run says of its price: judges are in it, and what earlier runs have spent."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_help import Model, Priced, experiment

from dknb.errors import BudgetExceeded
from dknb.experiments import LLMJudge, PairwiseJudge
from dknb.llm import CostCalculator, EchoProvider

DATA = [{"text": f"{number} " + "word " * 200, "answer": "x"} for number in range(10)]


@pytest.fixture
def priced() -> Iterator[None]:
    """A model that has a price: ten dollars for a million tokens in, forty for those out."""
    CostCalculator.set_price("openai-compatible/priced", prompt=10.0, completion=40.0)
    yield
    CostCalculator.set_price("openai-compatible/priced")


def judge() -> Any:
    """A dear model that always says the same."""
    return Priced(says='{"scores": {"c": 5}}', max_tokens=100)


@pytest.mark.usefixtures("priced")
def test_the_plan_counts_judges_and_their_price(tmp_path: Path) -> None:
    """Votes, and both orders of each pair; what they cost decides whether the budget is enough."""
    scorers = [LLMJudge(judge(), votes=3, criteria={"c": "good"}), PairwiseJudge(judge())]
    run = experiment(Model(), tmp_path / "s.db", data=DATA, scorers=scorers, budget=0.05)
    plan = run.plan()
    assert (plan.calls, plan.judge_calls) == (20, 20 * 3 + 10 * 2)
    assert plan.low is not None
    assert plan.high is not None
    assert plan.high > plan.low > 80 * 100 * 10 / 1e6  # each judge is told more than 100 tokens
    assert plan.high > 80 * 100 * 40 / 1e6  # and may say 100
    assert plan.fits is False
    assert "20 calls to make, about 80 calls of judges" in str(plan)
    assert "is not enough" in str(plan)


@pytest.mark.usefixtures("priced")
def test_scores_that_a_budget_has_cut_are_told_and_planned(tmp_path: Path) -> None:
    """The note says what is missing and how to go on; a larger budget makes the scores, and asks nothing anew."""
    told: dict[str, Any] = {"data": DATA, "name": "x"}
    model = Model()
    cut = experiment(model, tmp_path / "s.db", scorers=[LLMJudge(judge(), criteria={"c": "good"})], budget=0.03, **told)
    result = cut.run()
    unscored = int(result.frame["judge"].isna().sum())
    assert 0 < unscored < 20
    assert f"{unscored} trials are not scored by judge yet; run() with a larger budget goes on." in str(result.note)
    whole = experiment(model, tmp_path / "s.db", scorers=[LLMJudge(judge(), criteria={"c": "good"})], budget=5, **told)
    plan = whole.plan()
    assert (plan.calls, plan.judge_calls) == (0, unscored)
    assert f"no calls to make, about {unscored} calls of judges" in str(plan)
    assert plan.low
    assert whole.run().note is None
    assert len(model.asked) == 20
    assert whole.plan().judge_calls == 0


def test_a_judge_without_a_known_price_is_no_budget_s() -> None:
    """It is refused before the first call, and the plan names it."""
    unknown = EchoProvider({"provider": "openai-compatible", "model": "nobody-knows", "api_base": "http://localhost:9"})
    model = Model()
    run = experiment(model, scorers=[LLMJudge(unknown, criteria={"c": "good"})], budget=1)
    assert run.plan().low is None
    assert "nobody-knows" in str(run.plan())
    with pytest.raises(BudgetExceeded, match="nobody-knows"):
        run.run()
    assert model.asked == []


@pytest.mark.usefixtures("priced")
def test_a_budget_s_message_knows_what_earlier_runs_have_spent(tmp_path: Path) -> None:
    """The limit that was given, and not what was left of it."""
    dear = Priced(max_tokens=10)
    first = experiment(dear, tmp_path / "s.db", data=DATA[:5], scorers=[], budget=0.5).run()
    spent = first.frame["cost_usd"].sum()
    limit = spent * 1.5
    result = experiment(dear, tmp_path / "s.db", data=DATA, scorers=[], budget=limit).run()
    assert f"of the budget of ${limit:.4g}" in str(result.note)
    assert "($0 spent" not in str(result.note)
    assert result.frame["cost_usd"].sum() <= limit


def test_an_interrupt_in_scoring_names_what_is_not_scored(tmp_path: Path) -> None:
    """The note of a run that was broken off between answer and score."""

    def stop(_: Any) -> str:
        raise KeyboardInterrupt

    run = experiment(
        Model(), tmp_path / "s.db", scorers=[LLMJudge(EchoProvider().set_response_function(stop), criteria={"c": "x"})]
    )
    result = run.run()
    assert "Interrupted." in str(result.note)
    assert "not scored by judge yet; run() goes on." in str(result.note)


def test_a_result_can_be_copied_and_sent(tmp_path: Path) -> None:
    """Without what ran it."""
    result = experiment(Model(), tmp_path / "s.db").run()
    for other in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert other.frame.equals(result.frame)
        assert other.experiment is None
        assert other.metrics == ("exact",)
    assert result.experiment is not None


def test_other_data_under_a_made_name_are_another_experiment(tmp_path: Path) -> None:
    """Rows that were added, and edited prompts, are not: what is there is not asked again."""
    told: dict[str, Any] = {"store": tmp_path / "s.db", "scorers": [], "name": None}
    model = Model()
    first = experiment(model, data=DATA[:4], **told)
    first.run()
    other = experiment(model, data=DATA[6:], **told)
    other.run()
    assert other.name == f"{first.name} (2)"
    grown = experiment(model, data=DATA[:5], **told)
    grown.run()
    assert grown.name == first.name
    assert len(model.asked) == 8 + 8 + 2
    again = experiment(model, data=DATA[6:], **told)
    assert again.run().frame["cached"].all()
    assert again.name == other.name
