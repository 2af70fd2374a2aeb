"""A template calls what only looks at data, and the user's own code where it was given: nothing else."""

from __future__ import annotations

import builtins
import collections
import contextlib
import datetime
import functools
import importlib
import io
import logging
import os
import pathlib
import re
import sqlite3
import subprocess
import types
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from dknb.errors import TemplateError
from dknb.templates import TemplateMode, compile_template
from dknb.templates.origin import refusing_calls

HINT = "Compute it in a cell and give the result as a parameter."
GLOBALS = "a.__class__.__init__.__globals__.get('sys').modules.get('os')"

FILES = [
    "{{ path.read_text() }}",
    "{{ path.write_text('x') }}",
    "{{ path.with_name('new').touch() }}",
    "{{ path.open().read() }}",
    "{{ (path / '../new').write_bytes(b) }}",
    "{{ path.joinpath('/etc/hostname').read_text() }}",
    "{{ path|attr('read_text') }}",
    "{{ (path|attr('unlink'))() }}",
    "{{ path['unlink']() }}",
    "{{ [path]|map(attribute='unlink')|first }}",
    "{% set f = path.unlink %}{{ f() }}",
    "{% macro m(f) %}{{ f() }}{% endmacro %}{{ m(path.unlink) }}",
    "{{ '{0.unlink}'.format(path) }}",
    "{% for each in path.parent.iterdir() %}{{ each }}{% endfor %}",
    "{{ file.read() }}",
    "{{ file.buffer.raw.read() }}",
    "{{ file.write('x') }}",
    "{{ file.close() }}",
    "{{ connection.execute('create table t (x)') }}",
    "{{ connection.backup(connection) }}",
    "{{ logger.info('x') }}",
]
TABLES = [
    '{{ df.eval("' + GLOBALS + ".system('touch new')" + '") }}',
    '{{ df.query("' + GLOBALS + ".system('touch new') == 0" + '") }}',
    "{{ df.pipe(evaluate) }}",
    "{{ df.apply('mean') }}",
    "{{ df.a.agg('to_csv') }}",
    "{{ df.a.map(evaluate) }}",
    "{{ df.to_csv('new') }}",
    "{{ df.to_csv(path_or_buf='new') }}",
    "{{ df.to_string('new') }}",
    "{{ df.to_string(buf='new') }}",
    "{{ df.to_json(path_or_buf='new') }}",
    "{{ df.to_markdown('new') }}",
    "{{ df.to_html('new') }}",
    "{{ df.to_string(formatters=[evaluate]) }}",
    "{{ df.to_dict('list', evaluate) }}",
    "{{ df.to_pickle('new') }}",
    "{{ df.to_parquet('new') }}",
    "{{ df.to_sql('t', connection) }}",
    "{{ df.drop(columns=['a'], inplace=true) }}",
    "{{ df.sort_values('a', inplace=true) }}",
    "{{ df.reset_index(inplace=true) }}",
    "{{ df.pop('a') }}",
    "{{ df.insert(0, 'z', 1) }}",
    "{{ df.sample(10 ** 8, replace=true) }}",
    "{{ df.a.repeat(10 ** 8) }}",
    "{{ df.a.update([9, 9, 9]) }}",
    "{{ df[evaluate] }}",
    "{{ df.loc[evaluate] }}",
    "{{ df.loc[evaluate, 'a'] }}",
    "{{ df.get(evaluate) }}",
    "{{ array.tofile('new') }}",
    "{{ array.dump('new') }}",
    "{{ array.fill(9) }}",
    "{{ array.sort() }}",
    "{{ array.sum(0, 'int64', array) }}",
    "{{ array.sum(out=array) }}",
    "{{ array.round(1, array) }}",
    "{{ array.repeat(10 ** 8) }}",
    "{{ array[none] }}",
]
CHANGES = [
    *("{{ xs.append(1) }}", "{{ xs.sort(key=evaluate) }}", "{{ d.pop('a') }}", "{{ counter.update('a') }}"),
    *(
        "{{ ordered.move_to_end('a') }}",
        "{{ deque.rotate(1) }}",
        "{{ array_of_bytes.extend(b) }}",
        "{{ user.clear() }}",
    ),
    *("{{ environ.update({'X': '1'}) }}", "{{ environ.setdefault('X', '1') }}", "{{ generator.close() }}"),
    *("{{ chain.pop('a') }}", "{{ ('x'|safe).format.__self__ }}", "{{ pattern.match('aaa') }}"),
]
CALLABLES: dict[str, Any] = {
    "os.system": os.system,
    "subprocess.run": subprocess.run,
    "Popen": subprocess.Popen,
    "io.open": io.open,
    "FileIO": io.FileIO,
    "Path": pathlib.Path,
    "eval": eval,
    "exec": exec,
    "partial(eval)": functools.partial(eval),
    "cached eval": functools.lru_cache(eval),
    "import_module": importlib.import_module,
    "read_csv": pd.read_csv,
    "np.load": np.load,
    "yaml.unsafe_load": yaml.unsafe_load,
    "a class": type("Mine", (subprocess.Popen,), {}),
    "a bound method": Path("x").write_text,
    "a bound builtin": [].append,
    "type": type,
    "len": len,
    "a compiler": compile_template,
}


class Own:
    """An object of the user's."""

    def __init__(self, name: str = "own") -> None:
        self.name = name
        self.run = os.system
        self.module = os
        self.told: list[str] = []

    def tell(self, word: str) -> str:
        self.told.append(word)
        return f"{self.name}:{word}"

    def __call__(self) -> str:
        return "called"


@functools.lru_cache
def cached(number: int) -> int:
    return number + 1


@pytest.fixture
def given(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Values that could do a lot."""
    path = tmp_path / "there"
    path.write_text("s3cret")
    with path.open("r+") as file, contextlib.closing(sqlite3.connect(":memory:")) as connection:
        yield {**_values(), "path": path, "file": file, "connection": connection}


def _values() -> dict[str, Any]:
    return {
        "logger": logging.getLogger("a"),
        "df": pd.DataFrame({"a": [1, 2, 3]}),
        "array": np.arange(3),
        "evaluate": eval,
        "b": b"x",
        "xs": [2, 1],
        "d": {"a": 1},
        "counter": collections.Counter("ab"),
        "ordered": collections.OrderedDict(a=1, b=2),
        "deque": collections.deque([1, 2]),
        "array_of_bytes": bytearray(b"a"),
        "user": collections.UserDict(a=1),
        "environ": os.environ,
        "generator": (each for each in [1]),
        "chain": collections.ChainMap({"a": 1}),
        "pattern": re.compile("(a+)+$"),
    }


@pytest.mark.parametrize("template", [*FILES, *TABLES, *CHANGES])
def test_nothing_is_called_that_does_more_than_look(
    template: str, given: dict[str, Any], tmp_path: Path, monkeypatch: Any
) -> None:
    """It is an error of ours with the place; files, data and the environment are as they were."""
    monkeypatch.chdir(tmp_path)
    untouched, environment = _values(), dict(os.environ)
    for mode in TemplateMode:
        with pytest.raises(TemplateError) as caught:
            compile_template(template, mode).render(given)
        assert caught.value.line == 1
    assert [each.name for each in tmp_path.iterdir()] == ["there"]
    assert given["path"].read_text() == "s3cret"
    assert given["df"].to_dict() == {"a": {0: 1, 1: 2, 2: 3}}
    assert given["array"].tolist() == [0, 1, 2]
    assert [given[name] for name in CHANGED] == [untouched[name] for name in CHANGED]
    assert dict(os.environ) == environment
    assert list(given["generator"]) == [1]


CHANGED = ("xs", "d", "counter", "ordered", "deque", "array_of_bytes", "user", "chain")


@pytest.mark.parametrize("function", CALLABLES.values(), ids=CALLABLES)
def test_what_is_given_is_called_only_if_it_is_the_users_own(function: Any) -> None:
    """Functions and classes of Python, of installed packages and of ours are refused by name, whatever leads to them."""
    for template in ("{{ f('1') }}", "{{ {'a': [f]}['a'][0]('1') }}", "{% set g = f %}{{ g('1') }}"):
        with pytest.raises(TemplateError, match="a template cannot call '") as caught:
            compile_template(template, "mixed").render({"f": function})
        assert caught.value.hint == HINT
    with pytest.raises(TemplateError):
        compile_template("{{ ['1']|map(f)|list }}", "mixed").render({"f": function})


def test_the_error_names_what_was_reached_for_and_says_what_to_do() -> None:
    """For an attribute as for a call."""
    with pytest.raises(TemplateError, match=r"access to attribute 'eval' of 'DataFrame' object is unsafe") as caught:
        compile_template("{{ df.eval('a') }}", "mixed").render({"df": pd.DataFrame()})
    assert caught.value.hint == HINT
    with pytest.raises(TemplateError, match=r"a template cannot call 'Path\.read_text' of a PosixPath|WindowsPath"):
        compile_template("{{ f() }}", "mixed").render({"f": Path("x").read_text})


def test_the_users_own_code_is_called_where_it_was_given() -> None:
    """Functions, methods, what has a cache around it, and objects that can be called."""
    own = Own()
    given = {"f": lambda word: word.upper(), "own": own, "cached": cached}
    text = "{{ f('a') }} {{ own.tell('b') }} {{ own() }} {{ cached(1) }} {{ [own]|map(attribute='name')|first }}"
    assert compile_template(text, "mixed").render(given).text == "A own:b called 2 own"
    assert own.told == ["b"]


@pytest.mark.parametrize("template", ["{{ f('a') }}", "{{ own.tell('b') }}", "{{ own() }}", "{{ own.run('x') }}"])
def test_no_code_of_the_user_is_called_where_names_come_from_elsewhere(template: str) -> None:
    """A notebook's variables are there to be read, not to be run by whoever wrote the prompt."""
    given = {"f": lambda word: word, "own": Own()}
    with refusing_calls(), pytest.raises(TemplateError):
        compile_template(template, "mixed").render(given)
    assert given["own"].told == []  # type: ignore[attr-defined]
    with refusing_calls():
        assert compile_template("{{ own.name|upper }}", "mixed").render(given).text == "OWN"


def test_what_was_given_by_hand_is_called_even_there() -> None:
    """That function, and no other code of the user's."""
    given = {"f": lambda word: word.upper(), "g": lambda word: word, "own": Own()}
    with refusing_calls(but=[given["f"], given["own"], 1]):
        assert compile_template("{{ f('a') }}", "mixed").render(given).text == "A"
        for template in ("{{ g('a') }}", "{{ own() }}", "{{ own.tell('b') }}"):
            with pytest.raises(TemplateError):
                compile_template(template, "mixed").render(given)
    assert given["own"].told == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("template", ["{{ own.module.getcwd() }}", "{{ own.module }}", "{{ own.run('true') }}"])
def test_an_object_of_the_user_leads_to_nothing_of_others(template: str) -> None:
    """Modules and functions that it holds stay its own."""
    with pytest.raises(TemplateError):
        compile_template(template, "mixed").render({"own": Own()})


LOOKS = {
    "{{ df.a.sum() }} {{ df.shape[0] }} {{ df.columns.tolist()|join }} {{ df['a']|list }}": "6 3 a [1, 2, 3]",
    "{{ df.head(1).to_csv(index=false) }}": "a\n1\n",
    "{{ df.to_dict('list') }} {{ df.a.max() }} {{ df.a.mean()|round(1) }}": "{'a': [1, 2, 3]} 3 2.0",
    "{{ df.to_json(orient='records') }}": '[{"a":1},{"a":2},{"a":3}]',
    "{% for at, row in df.iterrows() %}{{ row.a }}{% endfor %}": "123",
    "{{ df.describe().loc['max', 'a'] }} {{ df.iloc[0].a }}": "3.0 1",
    "{{ array.sum() }} {{ array[1].item() + 1 }} {{ array.tolist() }} {{ array[1:].shape }}": "3 2 [0, 1, 2] (2,)",
    "{{ stamp.strftime('%Y') }} {{ stamp.year }} {{ day.isoformat() }} {{ (day - day).days }}": "2024 2024 2024-05-06 0",
    "{{ path.name }} {{ path.with_suffix('.md').name }} {{ path.parts|length > 1 }}": "there there.md True",
    "{{ d.items()|list }} {{ d.get('z', 1) }} {{ xs.index(1) }} {{ counter.most_common(1) }}": (
        "[('a', 1)] 1 1 [('a', 1)]"
    ),
    "{{ 'a'.upper() }} {{ ('<'|e).lower() }} {{ 5 .bit_length() }} {{ 1.5.is_integer() }}": "A &lt; 3 False",
    "{{ user.items()|list }} {{ frozen.keys()|list }} {{ half.limit_denominator(2) }}": "[('a', 1)] ['k'] 1/2",
    "{{ money.quantize(cent) }} {{ day.replace(year=2000) }} {{ match.group(1) }}": "1.50 2000-05-06 b",
    "{{ point.x }} {{ point.index(2) }} {{ 'ab'.translate('ab'.maketrans('a', 'b')) }}": "1 1 bb",
}


@pytest.mark.parametrize(("template", "text"), LOOKS.items())
def test_what_only_looks_is_called(template: str, text: str, given: dict[str, Any]) -> None:
    """Plain data, tables, dates, numbers, paths as texts."""
    more = {
        "stamp": pd.Timestamp("2024-05-06"),
        "day": datetime.date(2024, 5, 6),
        "frozen": types.MappingProxyType({"k": 1}),
        "half": Fraction(1, 2),
        "money": Decimal("1.5"),
        "cent": Decimal("0.01"),
        "match": re.match("a(b)", "ab"),
        "point": collections.namedtuple("Point", "x y")(1, 2),
    }
    assert compile_template("{# #}" + template, "jinja2").render({**given, **more}).text == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ d.new }}",
        "{{ d['new'] }}",
        "{{ '{0[new]}'.format(d) }}",
        "{{ '%(new)s' % d }}",
        "{{ '{new}'.format_map(d) }}",
    ],
)
def test_a_dict_that_grows_when_it_is_looked_into_does_not(template: str) -> None:
    """Whether the template finds nothing there or fails."""
    grows: collections.defaultdict[str, list[int]] = collections.defaultdict(list, old=[1])
    with contextlib.suppress(TemplateError):
        compile_template(template, "mixed").render({"d": grows})
    assert dict(grows) == {"old": [1]}
    assert compile_template("{{ d.old }}{{ d['old'] }}{{ d['items']()|list }}", "mixed").render({"d": grows}).text == (
        "[1][1][('old', [1])]"
    )


def test_no_builtin_function_is_the_users_own() -> None:
    """All of them are refused when they are given."""
    for name in dir(builtins):
        function = getattr(builtins, name)
        if callable(function) and function not in (dict, range):
            with pytest.raises(TemplateError):
                compile_template("{{ f() }}", "mixed").render({"f": function})
