"""Templates and values at random: pieces of the language in any order, and whatever a caller may pass."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

__all__ = ["FUZZ", "PARAMS", "TEMPLATES", "VALUES"]

#: Examples are the same in each run, so that a failure is everybody's and a green run means the same for all.
FUZZ = settings(max_examples=2_000, derandomize=True, deadline=None, database=None)

_NAMES = ["x", "y", "i", "xs", "m", "loop", "self", "é"]
_OPERATORS = [
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "~",
    "==",
    "<",
    "in",
    "not in",
    "is",
    "and",
    "or",
    "|",
    ".",
    ",",
    "=",
]
_WORDS = [
    *("if", "else", "elif", "endif", "for", "in", "endfor", "recursive", "set", "endset", "macro", "endmacro", "call"),
    *("endcall", "filter", "endfilter", "raw", "endraw", "block", "endblock", "with", "endwith", "include", "import"),
    *("extends", "from", "autoescape", "endautoescape", "not", "is", "none", "true", "range", "namespace", "joiner"),
]
_FILTERS = [
    *("upper", "join", "list", "length", "sort", "map", "select", "replace", "center", "indent", "wordwrap", "urlize"),
    *("tojson", "attr", "default", "first", "batch", "slice", "sum", "groupby", "unique", "xmlattr", "format", "round"),
    *("striptags", "truncate", "random", "items", "dictsort", "safe", "e", "pprint", "nothing", "count_tokens"),
]
_LITERALS = [
    "0",
    "1",
    "-1",
    "9999999",
    "1.5",
    "1e400",
    "'a'",
    '"{0}"',
    "'__class__'",
    "'_p'",
    "[]",
    "{}",
    "()",
    "[1, 2]",
]
_MARKS = [
    "((",
    "))",
    "(",
    ")",
    "{{",
    "}}",
    "{%",
    "%}",
    "{%-",
    "-%}",
    "{#",
    "#}",
    "{",
    "}",
    "[",
    "]",
    ":",
    "'",
    '"',
    "\\",
]
_TEXT = [" ", "\n", "\r\n", "\t", "text ", "$x$", "\x00", "\u2028", "\U0001f600", "ß", "_", "{{x}}", "{x}", "{x!r:>9}"]

_ATOM = st.sampled_from([*_NAMES, *_LITERALS])
_CALL = st.builds("{}({})".format, st.sampled_from([*_NAMES, *_WORDS, "x.upper", "'%s'.format"]), _ATOM)
_EXPRESSION = st.recursive(
    _ATOM | _CALL,
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(_OPERATORS), inner),
        st.builds("{}|{}".format, inner, st.sampled_from(_FILTERS)),
        st.builds("{}|{}({})".format, inner, st.sampled_from(_FILTERS), inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}[{}:]".format, inner, inner),
        st.builds("{}.{}".format, inner, st.sampled_from([*_NAMES, "__class__", "_p", "items()", "format", "y"])),
        st.builds("{} if {} else {}".format, inner, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({})".format, inner),
    ),
    max_leaves=6,
)
_BODY = st.deferred(lambda: TEMPLATES)
_STATEMENT = st.one_of(
    st.builds("{{{{ {} }}}}".format, _EXPRESSION),
    st.builds("(({}{{{{{}}}}}))".format, st.sampled_from(_TEXT), st.sampled_from(_NAMES)),
    st.builds("{{% if {} %}}{}{{% endif %}}".format, _EXPRESSION, st.sampled_from(_TEXT)),
    st.builds("{{% for i in {} %}}{{{{ {} }}}}{{% endfor %}}".format, _EXPRESSION, _EXPRESSION),
    st.builds("{{% for i in {0} %}}{{% for y in {0} %}}{{% endfor %}}{{% endfor %}}".format, _EXPRESSION),
    st.builds("{{% set x = {} %}}".format, _EXPRESSION),
    st.builds("{{% macro m(a={}) %}}{{{{ {} }}}}{{% endmacro %}}{{{{ m({}) }}}}".format, *[_EXPRESSION] * 3),
    st.builds("{{% filter {} %}}{}{{% endfilter %}}".format, st.sampled_from(_FILTERS), st.sampled_from(_TEXT)),
)
_RUBBLE = st.sampled_from([*_MARKS, *_TEXT, *_WORDS, *_NAMES, *_OPERATORS, *_FILTERS])

#: Statements that mostly parse, pieces that mostly do not, and plain text.
TEMPLATES = st.lists(_STATEMENT | _RUBBLE, max_size=12).map("".join) | st.text(max_size=40)


class Rude:
    """A value whose methods raise, and which has something private."""

    _p = "private"

    def __str__(self) -> str:
        raise RuntimeError("rude")

    __repr__ = __str__

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


class Endless:
    """Something to go through that does not end."""

    def __iter__(self) -> Iterator[int]:
        return itertools.count()


_PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=9),
    st.sampled_from(["{{x}}", "((", "{% raw %}", "a" * 5_000, "<!--" * 50, datetime.date(2026, 1, 1), 10**50]),
)
_OBJECTS = st.sampled_from([Rude, Endless, itertools.count, dict, lambda: (each for each in "ab"), lambda: len]).map(
    lambda make: make()
)

#: Whatever a caller may pass.
VALUES = st.recursive(
    _PLAIN | _OBJECTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "_p", "é", "items"]), inner, max_size=3)
    ),
    max_leaves=5,
)
PARAMS = st.dictionaries(st.sampled_from(["x", "y", "xs", "i", "m"]), VALUES, max_size=4)
