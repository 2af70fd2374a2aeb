"""The line of a magic."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError, MagicError
from dknb.notebook.arguments import LineParser, split_line, split_pairs
from dknb.notebook.project import find_project


@pytest.fixture
def parser():
    parser = LineParser("%%thing", "Does a thing.")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--as", dest="bind")
    return parser


def test_quotes_hold_words_together_and_nothing_is_expanded():
    """Braces, dollars, hashes and backslashes are themselves."""
    assert split_line("%%x", r'a="b c" {y} $z C:\x #7') == ["a=b c", "{y}", "$z", r"C:\x", "#7"]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("n=3", 3),
        ("n=1.5", 1.5),
        ("n=true", True),
        ("n=null", None),
        ("n=[1,2]", [1, 2]),
        ("n=no", "no"),
        ("n=NaN", "NaN"),
        ("n=a=b", "a=b"),
        ("n=", ""),
    ],
)
def test_values_are_numbers_json_or_text(word, value):
    """What is no JSON is text; YAML's 'no' is not false."""
    assert split_pairs([word, "plain"]) == (["plain"], {"n": value})


@pytest.mark.parametrize("line", ["x >> answer", "x --as answer", ">> answer"])
def test_a_result_is_bound_by_arrow_or_option(parser, line):
    """Both ways to name a variable mean the same."""
    assert parser.parse(line).bind == "answer"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--rum", "no option '--rum'. Did you mean '--run'?"),
        ('"open', "a quote in the line is not closed"),
        ("x >> 9a", "'9a' is no name for a variable"),
        ("x >>", "'' is no name for a variable"),
        ("--as", "expected one argument"),
    ],
)
def test_a_line_that_does_not_parse_says_why(parser, line, message):
    """The error names the magic and what is wrong with the line."""
    with pytest.raises(MagicError, match="%%thing") as caught:
        parser.parse(line)
    assert message in str(caught.value)


def test_a_project_is_found_upwards(tmp_path):
    """The nearest folder with a marker is the root, and its settings are read."""
    (tmp_path / "pyproject.toml").write_text('[tool.dknb]\nmodel = "openai/gpt-5.4-mini"\n')
    (tmp_path / "a" / "b").mkdir(parents=True)
    project = find_project(tmp_path / "a" / "b")
    assert project.root == tmp_path
    assert project.model == "openai/gpt-5.4-mini"
    assert project.conversation_name(tmp_path / "a" / "talk.ipynb") == "a/talk"
    assert len(project.conversation_name(tmp_path / f"{'x' * 250}.ipynb")) == 200
    assert project.conversation_name(tmp_path / "two\nlines.ipynb") == "two lines"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[tool.dknb]\nmodle = "echo"\n', "Did you mean 'model'?"),
        ("[tool.dknb]\nmodel = 3\n", "must be text"),
        ("[", "cannot be read"),
    ],
)
def test_broken_settings_say_what_is_wrong(tmp_path, text, message):
    """A setting that is unknown, of the wrong type or unreadable is named."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        find_project(tmp_path)
    assert message in str(caught.value)
