"""`ResponseParser`: JSON, code, lists and sections out of what models write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dknb.llm import LLMResponse, ResponseParser
from dknb.llm.answers import text_blocks as blocks_module
from dknb.llm.answers.mended_json import mended

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "parsers.json"
PARSERS = {"extract_json", "extract_code", "extract_list", "extract_sections"}
#: Where Markdown rightly sees more: a fence of four marks holds one of three.
BY_MARKDOWN = {"k-nested-fence": ["```py\na\n```"]}


def shared_cases():
    if not CASES.exists():
        reason = "the shared cases are not beside the repository (../shared/cases)"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    cases = [case for case in json.loads(CASES.read_text()) if case["op"] in PARSERS]
    return [pytest.param(case, id=case["id"]) for case in cases]


@pytest.mark.parametrize("case", shared_cases())
def test_the_shared_cases_hold(case):
    """Each text gives what the case says, or what Markdown says where that is more."""
    settings = {"language": case["language"]} if "language" in case else {}
    found = getattr(ResponseParser, case["op"])(case["text"], **settings)
    assert found == BY_MARKDOWN.get(case["id"], case["expected"])


@pytest.mark.parametrize("method", sorted(PARSERS))
def test_a_response_is_as_good_as_its_text(method):
    """Every method takes an answer too."""
    text = 'As asked:\n\n- one\n\n```json\n{"a": 1}\n```\n'
    parse = getattr(ResponseParser, method)
    assert parse(LLMResponse(text)) == parse(text)
    assert parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no json here", None),
        ('"just a text"', None),
        ("42", None),
        ("Use {curly} words, f(x) = [half", None),
        ('Sure!\n```json\n{"a": {"b": [1, 2]}}\n```\nbye {"c": 3}', {"a": {"b": [1, 2]}}),
        ("x [[1], [2]] y", [[1], [2]]),
        ('{"a": "}{"}', {"a": "}{"}),
        ('{"a": 1}}', {"a": 1}),
        ('{"a": "\\u00e9\\n\\"x\\""}', {"a": 'é\n"x"'}),
        ('As in [1], [2]: {"b": 2}', {"b": 2}),
        ('- [ ] to do\n\n{"b": 2}', {"b": 2}),
        ("As in [1].", [1]),
        ('```json\n[1]\n```\nnot {"b": 2}', [1]),
        ('Write {name: str}, so {"name": "Bo"}', {"name": "Bo"}),
        ('From [0, 1) comes {"a": 1}', {"a": 1}),
        ("[]", []),
        ("{}", {}),
    ],
)
def test_json_is_found_in_prose(text, expected):
    """The first object or array counts; what only looks like one in prose gives way."""
    assert ResponseParser.extract_json(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": [1, 2,],}', {"a": 1, "b": [1, 2]}),
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
        ('{"a": "x"\n "b": ["c" "d"]}', {"a": "x", "b": ["c", "d"]}),
        ("[1 2 3]", [1, 2, 3]),
        ("{'a': True, 'b': None, 'c': 'it's'}", {"a": True, "b": None, "c": "it's"}),
        ("{\u201ca\u201d: \u201cb\u201d}", {"a": "b"}),
        ("{a: 1, b_c: [undefined]}", {"a": 1, "b_c": [None]}),
        ('{"a": 1 // one\n, /* two */ "b": 2 # three\n}', {"a": 1, "b": 2}),
        ('{"a": "x\ny"}', {"a": "x\ny"}),
        ('{"re": "\\d+\\_"}', {"re": "\\d+\\_"}),
        ('{"a": "he said "hi" there"}', {"a": 'he said "hi" there'}),
        ('{"a": "he said "hi", she"}', {"a": 'he said "hi", she'}),
        ('{"a": 0x1F, "b": .5, "c": +3, "d": 1_000, "e": 007}', {"a": 31, "b": 0.5, "c": 3, "d": 1000, "e": 7}),
        ("[1, 2, ...]", [1, 2]),
        ('{"name": Bo Smith, "x": 1}', {"name": "Bo Smith", "x": 1}),
        ('{"a": (1, 2)}', {"a": [1, 2]}),
        ('{"a": [1, 2}', {"a": [1, 2]}),
    ],
)
def test_json_is_repaired(text, expected):
    """The faults that models make are mended."""
    assert ResponseParser.extract_json(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": {"b": 1', {"a": {"b": 1}}),
        ('{"a": "cut he', {"a": "cut he"}),
        ('{"a": 1, "b', {"a": 1}),
        ('{"a": 1, "b":', {"a": 1}),
        ('{"a": 1, "b": tru', {"a": 1}),
        ('{"a": 1, "b": -', {"a": 1}),
        ('{"a": "x\\', {"a": "x"}),
        ('[{"a": 1}, {"a": 2', [{"a": 1}, {"a": 2}]),
    ],
)
def test_json_that_was_cut_keeps_what_is_whole(text, expected):
    """An end that is missing is added; a key without a value is left out."""
    assert ResponseParser.extract_json(text) == expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
CONTAINERS = st.lists(JSON, min_size=2, max_size=4) | st.dictionaries(st.text(), JSON, min_size=1, max_size=4)


@given(CONTAINERS, st.booleans())
def test_what_is_json_comes_back(value, spaced):
    """Any object, and any array that could be no reference, comes back from the prose around it."""
    text = json.dumps(value, indent=2 if spaced else None)
    assert ResponseParser.extract_json(f"Here it is: {text}, as you asked.") == value


@given(CONTAINERS)
def test_one_fault_changes_nothing(value):
    """A comma too many at the end of each list and object is as if it was not there."""
    text = json.dumps(value, indent=1).replace("\n", ",\n").replace("{,", "{").replace("[,", "[").replace(",,", ",")
    assert ResponseParser.extract_json(text) == value


@given(st.text(alphabet="{}[]\"'\\:,/*# \n\tatrue01-.`\u201c"))
def test_no_text_is_too_strange(text):
    """Any text of brackets and quotes gives an object, an array, or nothing."""
    assert isinstance(ResponseParser.extract_json(text), dict | list | None)


@pytest.mark.parametrize("unit", ["{", "[", '{"a":', '{"a":[', "[[1],", '{"', '["', "{'", "{]", "{[", '{"a":"\\'])
def test_deep_and_open_text_is_answered(unit):
    """A long run of openings exhausts no stack."""
    assert isinstance(ResponseParser.extract_json(unit * 20_000), dict | list | None)


def test_code_keeps_its_indent():
    """Blank lines around a block go, its first line's indent stays."""
    assert ResponseParser.extract_code("```py\n\n    x\n  y  \n\n```") == ["    x\n  y"]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("```Python\na\n```\n~~~js\nb\n~~~", "python", ["a"]),
        ("```python3\nb\n```", "python", []),
        ("```c++\nb\n```\n```c\na\n```", "C", ["a"]),
        ("```\na\n```", None, ["a"]),
        ('```python title="a.py"\nx\n```', "python", ["x"]),
        ("```js\nopen", None, ["open"]),
        ("1. Do:\n   ```sh\n   ls\n   ```", "sh", ["ls"]),
        ("`x` and ```y```", None, []),
        ("no code", None, []),
    ],
)
def test_code_is_found_by_its_tag(text, language, expected):
    """The tag is compared whole, in any case; without one, every block counts."""
    assert ResponseParser.extract_code(text, language) == expected


@pytest.mark.parametrize(
    ("text", "bullets", "numbers"),
    [
        ("- a\n* b\n+ c\n\u2022 d", ["a", "b", "c", "d"], []),
        ("Steps:\n1. one\n2) two\n   - inner", ["inner"], ["one", "two"]),
        ("- a\n  goes on\n\n  and on\n- b", ["a\ngoes on\nand on", "b"], []),
        ("- **Bold**: x\n- [ ] task", ["**Bold**: x", "[ ] task"], []),
        ("```\n- code\n```\n- yes\n\n* * *", ["yes"], []),
        ("- \n- a\n-\n", ["a"], []),
        ("none -here 1.2", [], []),
    ],
)
def test_lists_are_found(text, bullets, numbers):
    """Items of bullet and of numbered lists, nested ones too, empty ones and those in code not."""
    assert ResponseParser.extract_list(text) == bullets
    assert ResponseParser.extract_list(text, numbered=True) == numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"main": ""}),
        ("just text", {"main": "just text"}),
        ("\n# A\na\n## B #\n\nb\n", {"A": "a", "B": "b"}),
        ("pre\n\nTitle\n=====\nx", {"main": "pre", "Title": "x"}),
        ("# A\n```\n# not\n```", {"A": "```\n# not\n```"}),
        ("# A\r\na\r\n# B", {"A": "a", "B": ""}),
        ("# A\n1\n# B\n2\n# A\n3", {"A": "1\n\n3", "B": "2"}),
        ("- # in a list\n#not", {"main": "- # in a list\n#not"}),
    ],
)
def test_sections_are_found(text, expected):
    """Heading to text; nothing of the text is lost, and no comment in code is a heading."""
    assert ResponseParser.extract_sections(text) == expected


LINES = st.lists(
    st.sampled_from(
        ["# A", "## B #", "#", "- a", "* b", "1. c", "2) d", "\u2022 e", "", "* * *", "```py", "```", "x = 1"]
    ),
    max_size=12,
)


@given(LINES)
def test_long_texts_are_read_alike(lines):
    """What is read line by line gives what markdown-it gives, for lists and headings with nothing inside."""
    text = "\n\n".join(lines)
    for kind in ("code", "item"):
        slow = [(block.text.strip(), block.tag) for block in blocks_module.blocks(text, kind)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(blocks_module, "_MOST_LINES", 0)
            fast = [(block.text.strip(), block.tag) for block in blocks_module.blocks(text, kind)]
        assert [block for block in fast if block[0]] == [block for block in slow if block[0]]


@given(LINES, st.sampled_from(["\n", "\n\n", "\r\n\r\n"]))
def test_long_texts_have_the_same_sections(lines, between):
    """Headings, and the text below them, are the same line by line; also where no line lies between headings."""
    text = between.join(lines)
    slow = ResponseParser.extract_sections(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "_MOST_LINES", 0)
        assert ResponseParser.extract_sections(text) == slow


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a" => 1}', {"a": 1}),
        ("Ruby: {'a' => {'b'=>[1, 2]}, \"c\" => nil}", {"a": {"b": [1, 2]}, "c": None}),
        ('{"a" = 1}', {"a": 1}),
        ('<think>{"draft": 1}</think>\n{"real": 2}', {"real": 2}),
        ('\n<thinking>[1, 2]</thinking> <think>{"b": 1}</think>{"real": 2}', {"real": 2}),
        ('<think>{"draft": 1}</think>', None),
        ('<think>{"draft": 1}', {"draft": 1}),
        ('{"tag": "<think>a</think>"}', {"tag": "<think>a</think>"}),
        ('```python\nd = {"a": 1}\n```\nso\n```json\n{"b": 2}\n```', {"b": 2}),
        ('```\n{"a": 1}\n```\n```json\n{"b": 2}\n```', {"a": 1}),
        ('```json\n{"b": 2}\n```\n```python\nd = {"a": 1}\n```', {"b": 2}),
        ('```python\nd = {"a": 1}\n```', {"a": 1}),
    ],
)
def test_the_answer_is_told_from_drafts_and_from_other_code(text, expected):
    """What a model thought first, and code beside a fence of JSON, is not the answer; a hash of Ruby is read."""
    assert ResponseParser.extract_json(text) == expected


@pytest.mark.parametrize("depth", [200, 201, 3_000])
@pytest.mark.parametrize("fault", ["", ","])
def test_deep_json_is_whole_or_nothing(depth, fault):
    """Never a part from its midst; what follows it is found."""
    text = "[" * depth + "1" + fault + "]" * depth
    whole = ResponseParser.extract_json(text)
    levels = 0
    while isinstance(whole, list):
        (whole,), levels = whole, levels + 1
    assert (levels, whole) in ((depth, 1), (0, None))
    assert levels == depth or depth > 200
    if not levels:
        assert ResponseParser.extract_json(f'{text} and {{"a": 1}}') == {"a": 1}


def test_the_deepest_json_that_is_mended_has_200_levels():
    """One more is none: it is not read from the second bracket on."""
    assert mended("[" * 200 + "1,]" + "]" * 199, 0).text == "[" * 200 + "1" + "]" * 200
    deeper = mended("[" * 201 + "1,]" + "]" * 200, 0)
    assert (deeper.text, deeper.end) == (None, 404)


def test_a_numbered_list_need_not_begin_with_one():
    """Nor with a blank line before it; a number at the beginning of a line alone is no list."""
    assert ResponseParser.extract_list("Hello\n2. x\n3. y", True) == ["x", "y"]
    assert ResponseParser.extract_list("I was born in\n1986. A great year.", True) == []
    assert ResponseParser.extract_list("Hello\n1. x\n2. y", True) == ["x", "y"]


def test_sections_without_a_text_are_there():
    """Headings that follow each other."""
    assert ResponseParser.extract_sections("# a\n# b\ntext\n# a\nmore") == {"a": "more", "b": "text"}
    assert ResponseParser.extract_sections("# a\n# b") == {"a": "", "b": ""}
