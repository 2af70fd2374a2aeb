"""A run gives one tidy row a trial."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import BaseModel
from run_help import ITEMS, Model, experiment

from dknb.experiments import Experiment
from dknb.llm import CostCalculator, EchoProvider


def test_the_frame_has_a_row_a_trial_and_the_columns_of_the_contract():
    """Items in their order, in each the variants, in each the repeats."""
    frame = experiment(Model(), repeats=2).run().frame
    assert list(frame.columns) == [
        "item", "variant", "prompt", "version", "model", "repeat", "output", "parsed", "exact",
        "prompt_tokens", "completion_tokens", "cached", "cost_usd", "duration_s", "error", "node_id",
    ]  # fmt: skip
    assert len(frame) == 12
    assert frame["item"].tolist()[:5] == ["0", "0", "0", "0", "1"]
    assert frame["variant"].tolist()[:5] == ["a", "a", "b", "b", "a"]
    assert frame["repeat"].tolist()[:4] == [0, 1, 0, 1]
    assert frame["output"].tolist()[:3] == ["A good", "A good", "B good"]
    assert frame["exact"].tolist()[:3] == [1.0, 1.0, 0.0]
    assert frame["exact"].dtype == frame["cost_usd"].dtype == "float64"
    assert frame["error"].isna().all()
    assert not frame["cached"].any()


def test_items_are_called_by_the_index_or_by_a_column():
    """The index of a DataFrame names the items; ``item=`` names a column instead."""
    data = pd.DataFrame(ITEMS, index=["x", "y", "z"])
    assert experiment(Model(), data=data).run().frame["item"].unique().tolist() == ["x", "y", "z"]
    frame = experiment(Model(), data=data, item="text").run().frame
    assert frame["item"].unique().tolist() == ["good", "bad", "ugly"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.csv", "text,answer\ngood,A good\nNA,\n"),
        ("d.jsonl", '{"text": "good", "answer": "A good"}\n{"text": "NA"}\n'),
    ],
)
def test_data_may_lie_in_a_file(tmp_path, name, text):
    """A cell of a CSV file is its text, also one that reads NA; an empty one is missing."""
    path = tmp_path / name
    path.write_text(text)
    frame = experiment(Model(), data=path, prompts=["A {{text}}"]).run().frame
    assert frame["output"].tolist() == ["A good", "A NA"]
    assert frame["exact"].fillna(-1).tolist() == [1.0, -1.0]


def test_parameters_may_come_from_columns_of_other_names_and_be_the_same_for_all():
    """``params`` renames, ``values`` holds for all items."""
    frame = (
        experiment(Model(), prompts=["{{tone}}: {{body}}"], params={"body": "text"}, values={"tone": "kind"})
        .run()
        .frame
    )
    assert frame["output"].tolist() == ["kind: good", "kind: bad", "kind: ugly"]


def test_a_default_holds_where_a_value_is_missing():
    """A missing value is no value."""
    prompt = {"template": "{{text}}", "defaults": {"text": "nothing"}}
    frame = experiment(Model(), prompts=[prompt], data=[{"text": None}, {"text": "x"}], scorers=[]).run().frame
    assert frame["output"].tolist() == ["nothing", "x"]


def test_models_have_labels_of_their_own():
    """One prompt on two models is told apart by the models, two on two by both."""
    models = {"one": EchoProvider(), "two": EchoProvider(options={"echo_prefix": "> "})}
    frame = Experiment(["A {{text}}"], models, ITEMS, store="memory", progress=False).run().frame
    assert frame["variant"].unique().tolist() == frame["model"].unique().tolist() == ["one", "two"]
    frame = (
        Experiment({"a": "A {{text}}", "b": "B {{text}}"}, models, ITEMS, store="memory", progress=False).run().frame
    )
    assert frame["variant"].unique().tolist() == ["a | one", "a | two", "b | one", "b | two"]
    assert frame["output"].tolist()[:2] == ["Echo: A good", "> A good"]


def test_two_settings_of_one_model_are_told_apart_by_them():
    """The label has what differs."""
    models = [{"provider": "echo", "temperature": 0.0}, {"provider": "echo", "temperature": 1.0}]
    frame = Experiment(["A {{text}}"], models, ITEMS, store="memory", progress=False).run().frame
    assert frame["variant"].unique().tolist() == ["echo temperature=0.0", "echo temperature=1.0"]


def test_a_system_message_and_a_function_as_a_prompt():
    """A system message is sent before what a function of the row gives."""
    frame = (
        experiment(
            EchoProvider(options={"echo_system": True}),
            prompts=[lambda row: f"do {row['text']}"],
            system="Be {{text}}.",
            scorers=[],
        )
        .run()
        .frame
    )
    assert frame["output"].tolist()[0] == "[System: Be good.]\nEcho: do good"


class Found(BaseModel):
    text: str
    number: int


def test_what_answers_must_be_is_parsed_also_out_of_the_store(tmp_path):
    """``response_format`` gives objects, when they come and when they are served again."""
    provider = EchoProvider().add_pattern_response(".*", '{"text": "x", "number": 2}')
    for _ in range(2):
        frame = experiment(provider, tmp_path / "s.db", response_format=Found, scorers=[]).run().frame
        assert frame["parsed"].tolist() == [Found(text="x", number=2)] * 6
    assert frame["cached"].all()


def test_parse_reads_answers_and_what_it_cannot_read_has_a_reason():
    """A function of the output that raises costs no answer."""
    run = experiment(Model(), parse=lambda output: {"n": 1 / output.count("good")}, scorers=[])
    frame = run.run().frame
    assert frame["parsed"].tolist() == [{"n": 1.0}, {"n": 1.0}, None, None, None, None]
    assert frame["error"].isna().all()
    assert experiment(Model(), prompts=['{"a": 1} {{text}}'], parse="json").run().frame["parsed"][0] == {"a": 1}


def test_prices_are_known_or_unknown_and_never_taken_for_nothing():
    """A provider whose price nobody knows gives NaN; one that is told gives dollars."""
    known = EchoProvider().add_pattern_response(".*", {"content": "x", "cost_usd": 0.5})
    assert experiment(known).run().frame["cost_usd"].tolist() == [0.5] * 6
    plan = experiment({"provider": "openai-compatible", "model": "own", "api_base": "http://127.0.0.1:9/v1"}).plan()
    assert (plan.low, plan.high, plan.unpriced) == (None, None, ("openai-compatible/own",))
    CostCalculator.set_price("openai-compatible/own", prompt=1.0)
    try:
        plan = experiment({"provider": "openai-compatible", "model": "own", "api_base": "http://127.0.0.1:9/v1"}).plan()
        assert 0 < plan.low < plan.high
    finally:
        CostCalculator.set_price("openai-compatible/own")
