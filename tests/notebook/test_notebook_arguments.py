"""The line of a magic."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dknb.conversations.project import find_project
from dknb.errors import ConfigError, MagicError
from dknb.notebook.arguments import LineParser, split_pairs
from dknb.notebook.line_words import split_line


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


PIECES = st.sampled_from(
    [" ", "\t", "'", '"', "a", "é", "=", "-", "--as", "$x", "#", "\\", "|", ">>", "''", "}", "(", "\n", "n="]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_a_line_without_brackets_splits_as_in_a_shell_without_escapes(line):
    """What `shlex` says is what we say, also of lines that do not end."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="")
    lexer.whitespace_split = True
    lexer.commenters = lexer.escape = ""
    try:
        expected = list(lexer)
    except ValueError:
        with pytest.raises(MagicError, match="a quote in the line is not closed"):
            split_line("%%x", line)
        return
    assert split_line("%%x", line) == expected


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('options={"api": "responses"}', {"api": "responses"}),
        ("""'options={"api": "responses"}'""", {"api": "responses"}),
        ("""options='{"api": "responses"}'""", {"api": "responses"}),
        ("options={'api': 'responses'}", {"api": "responses"}),
        ('options={"a b": ["c d", {"e": "f}"}], "g": true}', {"a b": ["c d", {"e": "f}"}], "g": True}),
        ("options={'a': true, 'b': None, 'c': -1.5, 'd': False}", {"a": True, "b": None, "c": -1.5, "d": False}),
        (r'options={"a": "\"]"}', {"a": '"]'}),
        ('options=["a", "b"]', ["a", "b"]),
        ("options=[a, b]", "[a, b]"),
        ("options={{x}}", "{{x}}"),
        ("options={1, 2}", "{1, 2}"),
        ("options='{'", "{"),
        ("options=a{", "a{"),
        ("options=True", True),
        ("options=None", None),
    ],
)
def test_a_value_in_brackets_goes_to_its_end(line, value):
    """Its own quotes stay, spaces do not split it, and it is JSON or what Python writes for it."""
    words = split_line("%%x", f"before {line} after")
    assert (words[0], words[-1], len(words)) == ("before", "after", 3)
    assert split_pairs(words)[1] == {"options": value}


def test_several_values_in_brackets_stand_on_a_line():
    """Each ends where it closes."""
    line = 'rate_limit={"requests": 60} stop_sequences=["a", "b"] timeout={"call": 2} x'
    words, values = split_pairs(split_line("%%x", line))
    assert words == ["x"]
    assert values == {"rate_limit": {"requests": 60}, "stop_sequences": ["a", "b"], "timeout": {"call": 2}}


def test_the_parameters_of_a_type_stay_with_it():
    """`dict[str, int]` is a word; a bracket elsewhere holds nothing together."""
    assert split_line("%%x", "--schema dict[str, list[int]] {a b} x.[ b") == [
        "--schema", "dict[str, list[int]]", "{a", "b}", "x.[", "b",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ['options={"a": 1', "options=[}", 'options={"a: 1}', "options=[(1]"])
def test_a_bracket_that_is_not_closed_is_said(line):
    """The error shows where it begins."""
    with pytest.raises(MagicError, match="a bracket in the line is not closed: 'options="):
        split_line("%%x", f"before {line}")


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
