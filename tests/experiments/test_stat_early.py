"""What a comparison says of a run that could stop early."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError
from dknb.experiments import Experiment, load_experiment
from dknb.llm import EchoProvider


def _experiment(path, share, **told):
    """Two prompts of which ``b`` is right, and ``a`` on a share of the items only."""
    data = [{"text": f"t{at}", "answer": f"b t{at}", "a": "b" if at % 100 < 100 * share else "a"} for at in range(400)]
    prompts = {"a": "{{a}} {{text}}", "b": "b {{text}}"}
    told = {"stop": "decided", "baseline": "a", "progress": False} | told
    return Experiment(prompts, EchoProvider({"echo_prefix": ""}), data, scorers=["exact"], store=path, **told)


def test_the_verdict_of_an_early_stop_is_that_of_the_table(tmp_path):
    """With the interval that holds at all times, which is wider than that of as many items."""
    path = str(tmp_path / "s.db")
    result = _experiment(path, 0.5).run()
    assert len(result.frame) < 400
    table = result.compare().set_index("variant")
    assert result.watch.verdicts == {"b": "better"}
    assert table.loc["b", ["verdict", "difference_method", "test"]].tolist() == ["better", *["anytime-valid bets"] * 2]
    from dknb.experiments import compare

    fixed = compare(result.frame, "exact", "a", kinds=result.kinds).set_index("variant").loc["b"]
    assert table.loc["b", "difference_low"] < fixed["difference_low"]
    assert table.loc["b", "p"] > fixed["p"]
    assert any("anytime-valid" in note for note in table.attrs.get("notes", result.compare().attrs["notes"]))
    loaded = load_experiment(result.name, store=path).compare().set_index("variant")
    assert loaded.loc["b", "difference_low"] == table.loc["b", "difference_low"]


def test_another_baseline_is_told_not_to_allow_for_the_looks(tmp_path):
    """The watch knows nothing of it."""
    table = _experiment(str(tmp_path / "s.db"), 0.5).run().compare("b")
    assert any("do not allow for" in note for note in table.attrs["notes"])
    assert "anytime-valid bets" not in table["test"].tolist()


def test_margin_and_confidence_reach_what_stops_the_run(tmp_path):
    """A wide margin is tied, where the default one goes on to the end."""
    wide = _experiment(str(tmp_path / "w.db"), 0.97, margin=0.3, confidence=0.9).run()
    assert (wide.watch.verdicts, wide.watch.confidence, wide.watch.margin) == ({"b": "tied"}, 0.9, 0.3)
    assert len(wide.frame) < 800
    assert wide.compare().set_index("variant").loc["b", ["verdict", "margin"]].tolist() == ["tied", 0.3]


@pytest.mark.parametrize("told", [{"margin": -1}, {"margin": "x"}, {"confidence": 95}, {"stop": None, "margin": 0.1}])
def test_a_margin_that_cannot_be_is_refused_before_the_run(tmp_path, told):
    """As is one that nothing would use."""
    with pytest.raises(ConfigError) as caught:
        _experiment(str(tmp_path / "s.db"), 0.5, **told)
    assert caught.value.hint
