"""What cannot be run is told before any call."""

from __future__ import annotations

import pandas as pd
import pytest
from run_help import ITEMS, Model, experiment

from dknb.errors import ConfigError, DesignError, DknbError, PromptNotFound
from dknb.experiments import Experiment
from dknb.prompts import ConfigPromptLibrary


@pytest.mark.parametrize(
    ("told", "kind", "words"),
    [
        ({"prompts": ["nope"]}, PromptNotFound, ["'nope'"]),
        ({"prompts": []}, DesignError, ["no prompt"]),
        ({"prompts": ["{{txt}}"]}, DesignError, ["'txt'", "'text'"]),
        ({"prompts": {"a": "x {{text}}", "b": 3}}, DesignError, ["3"]),
        ({"data": []}, DesignError, ["no rows"]),
        ({"data": 5}, DesignError, ["int"]),
        ({"data": "no.xyz"}, DesignError, ["no.xyz"]),
        ({"data": "no.csv"}, DesignError, ["no.csv"]),
        ({"data": pd.DataFrame({"text": ["a", "b"], "answer": "c"}, index=[7, 7])}, DesignError, ["'7'"]),
        ({"data": pd.DataFrame([[1, 2]], columns=["text", "text"])}, DesignError, ["'text'"]),
        ({"item": "id"}, DesignError, ["'id'"]),
        ({"params": {"text": "texts"}}, DesignError, ["'texts'", "'text'"]),
        ({"values": {"text": "x"}}, DesignError, ["'text'"]),
        ({"scorers": ["exat"]}, ConfigError, ["'exat'", "'exact'"]),
        ({"scorers": [{"exact": {"target": "anser"}}]}, ConfigError, ["'anser'"]),
        ({"baseline": "c"}, ConfigError, ["'c'"]),
        ({"metric": "exakt"}, ConfigError, ["'exakt'", "'exact'"]),
        ({"repeats": 0}, ConfigError, ["repeats"]),
        ({"max_concurrency": 0}, ConfigError, ["max_concurrency"]),
        ({"stop": "soon"}, ConfigError, ["'soon'"]),
        ({"stop": "decided", "scorers": []}, ConfigError, ["metric"]),
        ({"parse": "jsn"}, DesignError, ["'jsn'", "'json'"]),
        ({"budget": -1}, ConfigError, ["-1"]),
        ({"budget": float("nan")}, ConfigError, ["nan"]),
        ({"budget": "5"}, ConfigError, ["'5'"]),
        ({"budget": True}, ConfigError, ["True"]),
        ({"store": 5}, ConfigError, ["5"]),
        ({"temprature": 1}, ConfigError, ["'temprature'", "'temperature'"]),
        ({"name": " "}, DknbError, ["blank"]),
    ],
)
def test_a_slip_is_told_with_what_was_meant(told, kind, words):
    """Unknown names, columns, labels and settings; nothing is asked."""
    model = Model()
    with pytest.raises(kind) as caught:
        experiment(model, **told)
    for word in words:
        assert word in f"{caught.value} {caught.value.hint}"
    assert model.asked == []


def test_unknown_models_and_models_that_are_there_twice():
    """A provider's name is checked when the experiment is made."""
    with pytest.raises(ConfigError, match="'echo'"):
        Experiment(["{{text}}"], ["ecco"], ITEMS, store="memory")
    with pytest.raises(DesignError, match="twice"):
        Experiment(["{{text}}"], ["echo", "echo"], ITEMS, store="memory")


def test_repeats_at_temperature_0_are_warned_of():
    """They may all say the same."""
    with pytest.warns(UserWarning, match="temperature 0"):
        experiment("echo", repeats=3, temperature=0)


def test_prompts_of_a_library_with_versions_and_messages():
    """Names with versions, and message indexes with examples, are rendered by the library."""
    library = ConfigPromptLibrary(
        {
            "user": {"critique": {"template": "Judge {{text}}", "metadata": {"version": "1.0"}}},
            "messages": {
                "shots": {
                    "messages": [
                        {"role": "system", "content": "Be brief."},
                        {"role": "user", "content": "1"},
                        {"role": "assistant", "content": "one"},
                        {"role": "user", "content": "{{text}}"},
                    ]
                }
            },
        }
    )
    run = Experiment(["critique", "shots"], "echo", ITEMS, library=library, store="memory", progress=False)
    frame = run.run().frame
    assert frame["output"].tolist()[:2] == ["Echo: Judge good", "Echo: good"]
    assert frame["version"].tolist()[:2] == ["1.0", None]
    assert frame["node_id"].tolist()[1].count(".") == 4  # system, question, answer, question, answer


def test_the_baseline_may_be_called_by_its_model_where_that_is_clear():
    """With one prompt on two models, a model is a variant."""
    run = Experiment(["{{text}}"], {"x": "echo", "y": "echo"}, ITEMS, baseline="y", store="memory", progress=False)
    assert run.run().baseline == "y"
