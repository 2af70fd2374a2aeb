"""What of a notebook's variables a prompt gets by their names: data, and nothing that does something."""

from __future__ import annotations

import collections
import dataclasses
import enum
import io
import logging
import os
import re
import sqlite3
import threading
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dknb.errors import TemplateError
from dknb.notebook.prompting.values import NotebookValues, is_data
from dknb.prompts.types import RenderResult

EVIL = """Summarise {{text}} {% if df is defined %}{{ df.eval("a.__class__") }}{% endif %}"""


@dataclasses.dataclass
class Report:
    title: str = "Report"

    def wipe(self):
        self.title = "wiped"
        return "wiped"


class Client:
    """A client that the user wrote."""

    api_key = "sk-secret"


class Session:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class Connected(sqlite3.Connection):
    """A class of the user's made from one that does things."""


class Colour(enum.Enum):
    RED = "red"


DATA = {
    "a text": "a",
    "a number": np.float64(1.5),
    "a list": [1],
    "a dict that grows": collections.defaultdict(list),
    "a date": date(2024, 1, 2),
    "a path": Path("a"),
    "a table": pd.DataFrame({"a": [1]}),
    "an array": np.arange(3),
    "a column": pd.Series([1]),
    "an object of the user": Report(),
    "an enum of the user": Colour.RED,
    "a result": RenderResult("text"),
    "nothing": None,
}
NO_DATA = {
    "a function": len,
    "a class": Report,
    "a module": os,
    "a method": Report().wipe,
    "the environment": os.environ,
    "a buffer": io.StringIO("x"),
    "a logger": logging.getLogger("a"),
    "a pattern": re.compile("(a+)+$"),
    "a lock": threading.Lock(),
    "a thread": threading.Thread(),
    "a generator": (each for each in "a"),
    "a client": Client(),
    "what is to be closed": Session(),
    "numpy's functions": np.add,
    "an error": ValueError("x"),
}


@pytest.mark.parametrize("value", DATA.values(), ids=DATA)
def test_data_is_handed_over(value):
    """As it is."""
    values = NotebookValues({"name": value})
    assert values["name"] is value
    assert values.withheld(["name"]) == []


@pytest.mark.parametrize("value", NO_DATA.values(), ids=NO_DATA)
def test_what_does_something_counts_as_missing(value):
    """And it is said why, and what to do."""
    values = NotebookValues({"name": value})
    assert ("name" in values, list(values), len(values)) == (False, [], 0)
    with pytest.raises(KeyError):
        values["name"]
    (told,) = values.withheld(["name", "other"])
    assert told.startswith(f"'name' of the notebook is a {type(value).__name__}, not data")
    assert told.endswith("give what is to be read of it: name=...")


def test_files_and_connections_are_no_data(tmp_path):
    """Also where the class is the user's own."""
    (tmp_path / "a").write_text("x")
    with (tmp_path / "a").open() as file:
        assert not is_data(file)
    for kind in (sqlite3.Connection, Connected):
        connection = kind(":memory:")
        assert not is_data(connection)
        connection.close()


@pytest.fixture
def library(notebook, project):
    """A function that writes a prompt into the project."""

    def put(name, text):
        (project / "prompts" / "user").mkdir(parents=True, exist_ok=True)
        (project / "prompts" / "user" / f"{name}.md").write_text(text)

    return put


def test_a_library_file_runs_nothing_in_the_notebook(notebook, library, project):
    """It names variables of the notebook, and gets at nothing through them."""
    library("evil", EVIL)
    library("caller", "{{report.wipe()}}")
    library("reader", "{{path.read_text()}}")
    report = Report()
    (project / "key").write_text("s3cret")
    notebook.shell.user_ns.update(df=pd.DataFrame({"a": [1]}), report=report, path=project / "key")
    for line, reached in [("evil text=hi", "'eval'"), ("caller", "'wipe'"), ("reader", "'read_text'")]:
        with pytest.raises(TemplateError, match=f"access to attribute {reached} of .* object is unsafe") as caught:
            notebook.shell.run_line_magic("prompt", line)
        assert caught.value.hint == "Compute it in a cell and give the result as a parameter."
    assert report.title == "Report"


def test_a_render_says_why_a_variable_was_not_taken(notebook, library, capsys):
    """The prompt keeps its hole, and the view tells it."""
    library("asks", "Key: {{client}}")
    notebook.shell.user_ns["client"] = Client()
    notebook.shell.run_line_magic("prompt", "asks")
    shown = capsys.readouterr().out
    assert "Key: {{client}}" in shown
    assert "'client' of the notebook is a Client, not data" in shown
