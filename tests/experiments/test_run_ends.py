"""How runs end before their end: budgets, early verdicts, models that cannot be asked, recordings."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from run_help import ITEMS, Model, Priced, experiment

from dknb.errors import AuthenticationError, BudgetExceeded, ContentRefused
from dknb.experiments import Experiment, scorer
from dknb.llm import Budget, CostCalculator, EchoProvider, Recording
from dknb.llm.messages import LLMResponse


@pytest.fixture
def priced():
    CostCalculator.set_price("openai-compatible/priced", prompt=100.0)
    yield Priced(max_tokens=10)
    CostCalculator.set_price("openai-compatible/priced")


def test_an_exhausted_budget_ends_the_run_and_a_larger_one_goes_on(priced, tmp_path):
    """Each call costs about 0.12: half a dollar is four calls at most, whatever runs at the same time."""
    data = [{"text": f"t{number} " + "word " * 1000} for number in range(20)]
    result = experiment(priced, tmp_path / "s.db", data=data, prompts=["{{text}}"], scorers=[], budget=0.5).run()
    assert 3 <= len(result.frame) == priced.calls <= 4
    assert result.frame["cost_usd"].sum() <= 0.5
    assert "Stopped by the budget" in result.note
    assert "larger budget" in result.note
    again = experiment(priced, tmp_path / "s.db", data=data, prompts=["{{text}}"], scorers=[], budget=10)
    plan = again.plan()
    assert plan.left == pytest.approx(10 - result.frame["cost_usd"].sum())
    whole = again.run()
    assert len(whole.frame) == priced.calls == 20
    assert whole.note is None


def test_calls_that_reserve_more_than_they_cost_wait_for_each_other(tmp_path):
    """Room for one reservation at a time is room for all, one after the other."""
    CostCalculator.set_price("openai-compatible/priced", prompt=0.001, completion=1.0)
    try:
        model = Priced(max_tokens=100_000)  # each reserves ten cents, and costs next to nothing
        data = [{"text": f"t{number}"} for number in range(30)]
        result = experiment(model, data=data, prompts=["{{text}}"], scorers=[], budget=0.25).run()
    finally:
        CostCalculator.set_price("openai-compatible/priced")
    assert len(result.frame) == 30
    assert result.note is None


def test_a_budget_into_which_no_call_fits_is_refused(priced):
    """The plan says so before; nothing is asked; the error has the numbers."""
    data = [{"text": f"{number} " + "word " * 1000} for number in range(5)]
    run = experiment(priced, data=data, scorers=[], budget=0.01)
    assert run.plan().fits is False
    assert "is not enough" in str(run.plan())
    with pytest.raises(BudgetExceeded, match="It was not made"):
        run.run()
    assert priced.calls == 0


def test_a_budget_cannot_hold_where_a_price_is_not_known():
    """It is refused; a `Budget` that allows unknown prices is not."""
    model = Priced()
    with pytest.raises(BudgetExceeded, match="not known"):
        experiment(model, budget=1).run()
    assert model.calls == 0
    assert len(experiment(model, budget=Budget(1, unknown="allow")).run().frame) == 6


def test_a_model_without_a_key_is_given_up_and_the_others_go_on(tmp_path):
    """One call is enough to know; its trials are missing, not errors, and asked when there is a key."""
    asked = []

    def refuse(messages):
        asked.append(1)
        raise AuthenticationError("No key.")

    models = {"good": EchoProvider(), "bad": EchoProvider().set_response_function(refuse)}
    data = [{"text": str(number)} for number in range(50)]
    told = {
        "data": data,
        "scorers": [],
        "store": tmp_path / "s.db",
        "max_concurrency": 2,
        "progress": False,
        "name": "x",
    }
    result = Experiment(["{{text}}"], models, **told).run()
    assert len(asked) <= 2
    assert result.frame["model"].unique().tolist() == ["good"]
    assert "bad was not asked on: AuthenticationError: No key." in result.note
    with pytest.raises(AuthenticationError):
        Experiment(["{{text}}"], {"bad": models["bad"]}, **{**told, "name": "y"}).run()
    models["bad"].set_response_function(None)
    assert len(Experiment(["{{text}}"], models, **told).run().frame) == 100


def test_what_a_filter_refuses_is_an_error_row():
    """Its kind and its reason stand in the row."""
    model = EchoProvider().add_pattern_response("bad", ContentRefused("Not that."))
    frame = experiment(model).run().frame
    assert frame["error"].dropna().unique().tolist() == ["ContentRefused: Not that."]


def test_an_answer_that_breaks_off_keeps_what_came(tmp_path):
    """The part is the output, its node is marked incomplete, and the row is an error."""

    def cut(messages):
        error = ContentRefused("Cut off.")
        error.partial = LLMResponse("half an ans", "echo")
        raise error

    frame = experiment(EchoProvider().set_response_function(cut), tmp_path / "s.db").run().frame
    assert frame["output"].tolist() == ["half an ans"] * 6
    assert frame["error"].notna().all()
    assert frame["node_id"].notna().all()


def test_a_run_stops_when_the_verdict_is_reached_and_stays_decided(tmp_path):
    """A clear difference needs few items; the same run again asks nothing."""
    data = [{"text": str(number), "answer": f"A {number}"} for number in range(2_000)]
    model = Model(delay=0.001)
    told = {"data": data, "stop": "decided", "baseline": "b", "max_concurrency": 4}
    result = experiment(model, tmp_path / "s.db", **told).run()
    assert 20 <= len(result.frame) < 1_000
    assert "Stopped early" in result.note
    again = Model()
    experiment(again, tmp_path / "s.db", **told).run()
    assert again.asked == []


def test_a_run_stops_by_a_metric_of_which_less_is_better():
    """The verdict on which it stops is that of the comparison: the longer answers are the worse ones."""

    @scorer(kind="ordinal", bounds=(0, 10), higher_is_better=False)
    def words(output):
        return len(output.split())

    prompts = {"short": "{{text}}", "long": "{{text}} and two more words"}
    data = [{"text": str(number)} for number in range(2_000)]
    result = experiment(Model(), prompts=prompts, data=data, scorers=[words], stop="decided").run()
    assert "Stopped early" in result.note
    assert result.watch.verdicts == {"long": "worse"}
    assert result.compare().set_index("variant").loc["long", "verdict"] == "worse"


def test_items_are_run_in_a_shuffled_order_where_the_run_may_stop(tmp_path):
    """The order is that of the seed, and not the data's; completed items are judged in it."""
    data = [{"text": str(number), "answer": "?"} for number in range(60)]
    orders = []
    for seed in (1, 1, 2):
        model = Model()
        experiment(model, data=data, stop="decided", max_concurrency=1, seed=seed).run()
        orders.append([text for text in model.asked if text.startswith("A")])
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0], key=lambda text: int(text[2:]))


def test_items_are_handed_on_in_their_order_whatever_ends_first():
    """What ends first may be what is short: it waits for its turn."""
    from dknb.experiments.running.early import Early

    class Design:
        variants = (type("V", (), {"label": "v"}),)
        items = tuple(type("I", (), {"label": str(number)}) for number in range(4))

        def numbers_of(self, item):
            return range(2 * item, 2 * item + 2)

        def place(self, number):
            return type("P", (), {"item": number // 2, "variant": 0})

    class Watch:
        decided = False

        def __init__(self):
            self.seen = []

        def add(self, item, scores):
            self.seen.append((item, scores["v"]))

    watch = Watch()
    early = Early(watch, Design(), [2, 0, 3, 1], lambda number: None if number == 0 else float(number))
    numbers = list(range(8))
    random.Random(0).shuffle(numbers)
    for number in numbers:
        early.done(number)
    assert watch.seen == [("2", 4.5), ("0", 1.0), ("3", 6.5), ("1", 2.5)]


def test_a_recorded_run_is_replayed_without_a_network(tmp_path):
    """Repeats are samples of their own; what the recording lacks is missing, and said so."""
    first = Priced()
    with Recording(tmp_path / "r.jsonl", "record"):
        before = experiment(first, repeats=2, scorers=[]).run().frame
    second = Priced()
    with Recording(tmp_path / "r.jsonl", "replay"):
        after = experiment(second, repeats=2, scorers=[]).run().frame
    with Recording(tmp_path / "r.jsonl", "replay"):
        more = experiment(second, data=[*ITEMS, {"text": "new"}], scorers=[]).run()
    assert (first.calls, second.calls) == (12, 0)
    assert after["output"].tolist() == before["output"].tolist()
    assert after["cached"].all()
    assert len(more.frame) == 6
    assert "the recording does not have" in more.note


def test_a_run_shows_the_plan_a_bar_and_how_it_ended(capsys, tmp_path: Path):
    """Calls and price before, a bar meanwhile, a line at the end; nothing where it is not wanted."""
    experiment(Model(fail=lambda text: text == "A bad"), tmp_path / "s.db", progress=True).run()
    shown = capsys.readouterr().err
    assert "few: 3 items x 2 variants = 6 trials; 6 calls to make" in shown
    assert "price: $0" in shown
    assert "0/6" in shown
    assert "few: 6 trials in" in shown
    assert "1 error" in shown
    assert "1 trial failed; retry_errors() runs just those." in shown
    experiment(Model(), tmp_path / "s.db", progress=False).run()
    assert capsys.readouterr().err == ""


def test_two_prices_of_a_plan_are_no_mathematics(priced):
    """A page that typesets what stands between dollars is told not to."""
    shown = experiment(priced, budget=2.5).plan()._repr_mimebundle_()
    assert shown["text/plain"].count("$") >= 2
    assert shown["text/html"].startswith('<div class="mathjax_ignore tex2jax_ignore"')


def test_a_bar_that_cannot_be_drawn_stops_nothing(monkeypatch, tmp_path: Path):
    """The result is as it would be without a bar."""

    def fail(*_):
        raise OSError("no terminal")

    monkeypatch.setattr("tqdm.std.tqdm.update", fail)
    assert len(experiment(Model(), tmp_path / "s.db", progress=True).run().frame) == 6
