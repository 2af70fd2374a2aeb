"""A result: its comparison, flips, plans, files, figure and display."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

import dknb.notebook
from dknb.errors import ConfigError, ExperimentError, TooFewItems
from dknb.experiments import ExperimentResult, power, read_trials
from dknb.experiments.statistics.figures import pareto

HOSTILE = "<script>alert(1)</script> $x$"
SCHEMA = Path(dknb.notebook.__file__).parent / "schemas" / "comparison.schema.json"


@pytest.fixture
def frame():
    """Three variants on 60 items with two repeats; the last one is better and costs more."""
    rng = np.random.default_rng(8)
    rates = {"plain@1.0": 0.5, HOSTILE: 0.5, "plain@1.1": 0.9}
    rows = [
        {
            "item": f"q{item}",
            "variant": variant,
            "repeat": repeat,
            "output": f"{variant} says {item}.{repeat}",
            "passed": float(rng.random() < rate),
            "prompt_tokens": 10,
            "cost_usd": 0.001 * (at + 1),
            "error": None,
        }
        for item in range(60)
        for at, (variant, rate) in enumerate(rates.items())
        for repeat in range(2)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def result(frame):
    """The result with these trials."""
    return ExperimentResult(frame, ["passed"], name="critique", baseline="plain@1.0")


def test_flips_show_both_outputs(result):
    """The items on which two variants differ, the largest differences first, with a repeat on which they do."""
    flips = result.flips("plain@1.0", "plain@1.1")
    assert (flips["difference"] != 0).all()
    assert flips["difference"].abs().is_monotonic_decreasing
    scores = result.frame.set_index("output")["passed"]
    assert all(scores[row.output_a] != scores[row.output_b] for row in flips.itertuples())
    means = result.frame.groupby(["variant", "item"])["passed"].mean()
    assert len(flips) == (means["plain@1.0"] != means["plain@1.1"]).sum()


def test_a_summary_adds_up(result):
    """Trials, tokens and prices by variant; what is not known is NaN."""
    row = result.summary().set_index("variant").loc["plain@1.1"]
    assert row[["items", "trials", "errors", "prompt_tokens"]].to_list() == [60, 120, 0, 1200]
    assert row["cost_usd"] == pytest.approx(0.36)
    assert np.isnan(row["completion_tokens"])


def test_a_pilot_plans_the_next_run(result):
    """Fewer items for larger effects and for more repeats, and the price of them."""
    small, large = result.power(effect=0.1), power(effect=0.2, pilot=result)
    assert small.n > 3 * large.n
    assert small.cost_usd == pytest.approx(small.n * 2 * 0.003)
    assert result.power(effect=0.1, repeats=8).n < small.n
    assert result.power(n=small.n).effect == pytest.approx(0.1, rel=0.02)
    assert str(large).startswith(
        f"{large.n:,} items (the same items for both) find a difference of 0.2 with a power of 8"
    )
    with pytest.raises(ConfigError, match="What shall be planned"):
        result.power()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_trials_come_back_from_a_file(result, tmp_path, ending):
    """The comparison is the same afterwards."""
    path = tmp_path / f"trials.{ending}"
    getattr(result, f"to_{ending}")(path)
    again = read_trials(path, metrics=["passed"], baseline="plain@1.0")
    pd.testing.assert_frame_equal(again.compare(), result.compare())


@pytest.mark.parametrize(("text", "message"), [
    ("item,score\na,1\n", "no column 'variant'"),
    ("item,variant,score\na,,1\n", "1 rows have no variant"),
    ("item,variant,note\na,v,x\n", "no column of numbers"),
    ("item,variant,repeat,score\na,v,0,1\na,v,0,1\n", "1 trials are there twice: item 'a', variant 'v', repeat 0"),
])  # fmt: skip
def test_a_file_that_holds_no_trials_is_refused(tmp_path, text, message):
    """With what is wrong."""
    path = tmp_path / "trials.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_trials(path)


def test_a_file_that_is_no_table_is_refused(tmp_path):
    """Of another kind, or not there."""
    with pytest.raises(ExperimentError, match="neither CSV nor Parquet"):
        read_trials(tmp_path / "trials.xlsx")
    with pytest.raises(ExperimentError, match="cannot be read"):
        read_trials(tmp_path / "none.csv")


def test_numbers_as_labels_stay_labels(tmp_path):
    """An item 007 is no 7."""
    path = tmp_path / "trials.csv"
    path.write_text("item,variant,score\n007,1,1\n007,2,0.5\n")
    assert read_trials(path).frame[["item", "variant"]].to_numpy().tolist() == [["007", "1"], ["007", "2"]]


def _luminance(colour):
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_figure_can_be_read_in_any_theme(result):
    """It brings its own paper; marks differ in shape and stand out from it; names are no mathematics."""
    from matplotlib import style

    with style.context("dark_background"):
        figure = result.plot()
        figure.canvas.draw()
    intervals, prices = figure.axes
    points = [line for line in intervals.lines if line.get_marker() not in ("None", "none", "")]
    assert len({line.get_marker() for line in points}) == 3
    assert all(_contrast(line.get_color(), figure.get_facecolor()) >= 4.5 for line in points)
    labels = [
        *intervals.get_yticklabels(),
        *intervals.get_xticklabels(),
        intervals.title,
        prices.title,
        prices.yaxis.label,
    ]
    assert all(_contrast(label.get_color(), figure.get_facecolor()) >= 4.5 for label in labels)
    assert HOSTILE in [label.get_text() for label in intervals.get_yticklabels()]
    assert prices.get_xlabel() == "price of a trial in US dollars"


def test_the_pareto_front_has_none_that_is_dearer_and_no_better():
    """The cheapest first; of two at a price the better one."""
    assert pareto([3.0, 1.0, 2.0, 2.0, 4.0], [0.9, 0.5, 0.4, 0.7, 0.9]) == [1, 3, 0]


def test_a_figure_needs_no_prices(frame):
    """And leaves no figure with pyplot."""
    figure = ExperimentResult(frame.drop(columns="cost_usd"), ["passed"]).plot()
    assert len(figure.axes) == 1


def test_a_figure_shows_itself_in_a_notebook(result):
    """As a picture with its size on the page, whether or not pyplot was ever loaded."""
    from IPython.core.formatters import DisplayFormatter

    data, told = DisplayFormatter().format(result.plot())
    assert data["image/png"].startswith(b"\x89PNG")
    width, height = (int.from_bytes(data["image/png"][at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (2 * told["image/png"]["width"], 2 * told["image/png"]["height"])


def test_a_result_is_shown_as_a_table(result):
    """Our own type as the schema has it, and HTML and text in which names are only names."""
    bundle = result._repr_mimebundle_()
    payload = bundle["application/vnd.dknb.comparison+json"]
    jsonschema.validate(payload, json.loads(SCHEMA.read_text()))
    assert payload["variants"][0]["name"] == "plain@1.1"
    assert "<script>" not in bundle["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $x$" in bundle["text/html"]
    assert "▲ better" in bundle["text/html"]
    lines = bundle["text/plain"].splitlines()
    assert lines[:2] == ["critique: 360 trials", "passed (higher is better)"]
    assert lines[3].startswith("plain@1.1")
    assert lines[3].endswith("▲ better")
    assert "|" in lines[3]
    json.dumps(payload, allow_nan=False)


def test_what_cannot_be_compared_is_shown_all_the_same(frame):
    """Too few items, no trials, no metric: a page says so, and an explicit comparison raises."""
    few = ExperimentResult(frame[frame["item"].isin(["q1", "q2"])], ["passed"])
    with pytest.raises(TooFewItems):
        few.compare()
    assert "8 more items" in few._repr_mimebundle_()["text/plain"]
    assert (
        ExperimentResult(frame[:0], ["passed"])._repr_mimebundle_()["text/plain"].startswith("0 trials\nThere are no")
    )
    assert "no metric" in ExperimentResult(frame, [])._repr_mimebundle_()["text/plain"]
    assert few.plot().axes


def test_several_metrics_are_all_shown(frame):
    """One table each, and the further ones in the payload."""
    result = ExperimentResult(frame.assign(words=np.arange(360.0)), ["passed", "words"])
    result.note = "stopped early"
    bundle = result._repr_mimebundle_()
    assert [metric["metric"] for metric in bundle["application/vnd.dknb.comparison+json"]["further"]] == ["words"]
    assert bundle["text/html"].count("<table>") == 2
    assert bundle["text/plain"].splitlines()[-4] == "stopped early"


def test_what_was_read_cannot_be_retried(result):
    """There is no experiment behind it."""
    with pytest.raises(ExperimentError, match="read, not run"):
        result.retry_errors()
    with pytest.raises(ConfigError, match=r"no metric 'pased'\. Did you mean 'passed'"):
        result.compare(metric="pased")
