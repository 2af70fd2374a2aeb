"""The tests of a library, read from its ``tests.yaml``.

The file is a list; a test of it looks like this::

    - name: a focus is kept
      prompt: summarise            # its name; kind is user, unless it says system or messages
      params: {text: The mill burned., focus: the fire}
      expect:
        contains: [about the fire, The mill burned.]
        max_tokens: 120

``dknb/prompts/schemas/prompt-tests.schema.json`` describes all keys; ``Expectation`` says what each of them means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from ...errors import PromptFileError, did_you_mean
from .. import _yaml
from .._disk import read_text, shown
from ..checks import FieldError, count, list_of, mapping, mapping_of, number, record, text
from ..checks import Path as KeyPath
from ..layout import TESTS_FILE

__all__ = ["TESTS_FILE", "Expectation", "PromptTest", "file_of_tests", "read_prompt_tests", "read_well_formed"]

TestedKind = Literal["user", "system", "messages"]
_KINDS = ("user", "system", "messages")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a render must be like; what is None or empty is not looked at.

    Attributes:
        contains: Texts that are in it.
        not_contains: Texts that are not.
        equals: All of its text.
        missing: The names that have no value, in any order. Without it a name that has none is a failure.
        error: Words of the error that the render ends with; nothing else is looked at then.
        max_tokens: How many tokens it has at most, by the estimate of the filter ``count_tokens``.
    """

    contains: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()
    equals: str | None = None
    missing: frozenset[str] | None = None
    error: str | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class PromptTest:
    """One test of one prompt.

    Attributes:
        name: What it holds, in a few words.
        prompt: The name of the prompt.
        expect: What its render must be like.
        kind: ``user``, ``system`` or ``messages``.
        variant: Which variant of a user prompt, from 0.
        params: The values for it.
        results: What the searches of data sources find, by the name of the source: a list of ``content``, ``score`` and
            ``metadata``. Without it the prompt is rendered without retrieval.
        place: The file, and the line of the test in it.
    """

    name: str
    prompt: str
    expect: Expectation
    kind: TestedKind = "user"
    variant: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    place: str = ""


def file_of_tests(folder: str | Path) -> Path:
    """The file with the tests of the library in a folder; it may not be there."""
    return Path(folder).expanduser().absolute() / TESTS_FILE


def read_prompt_tests(path: str | Path) -> list[PromptTest]:
    """The tests in a file, in its order.

    Raises:
        PromptFileError: The file cannot be read, or holds something else; the message has line and column.
    """
    tests, errors = read_well_formed(path)
    if errors:
        raise errors[0]
    return tests


def read_well_formed(path: str | Path) -> tuple[list[PromptTest], list[PromptFileError]]:
    """The tests in a file that are right, and what is wrong with the others, each with line and column.

    Raises:
        PromptFileError: The file cannot be read, or is no list.
    """
    file = Path(path)
    source = read_text(file)
    called = shown(file.absolute())
    data = _yaml.load(source, called)
    places = _yaml.KeyPlaces(source)
    tests: list[PromptTest] = []
    errors: list[PromptFileError] = []

    def told(error: FieldError) -> PromptFileError:
        line, column = places.find(error.path, at_key=error.at_key) or (1, 1)
        return PromptFileError(error.message, file=called, line=line, column=column, hint=error.hint)

    try:
        items = cast("list[object]", list_of(lambda value, at: value)(data or [], ()))
    except FieldError as error:
        raise told(error) from None
    for index, item in enumerate(items):
        try:
            tests.append(_placed(_test(item, (index,)), called, places.find((index,))))
        except FieldError as error:
            errors.append(told(error))
    return tests, errors


def _placed(test: PromptTest, file: str, found: tuple[int, int] | None) -> PromptTest:
    return replace(test, place=f"{file}:{found[0]}" if found else file)


def _texts(value: object, at: KeyPath) -> tuple[str, ...]:
    """A text, or a list of texts."""
    if isinstance(value, str):
        return (value,)
    return tuple(cast("list[str]", list_of(text)(value, at)))


def _kind(value: object, at: KeyPath) -> str:
    if value in _KINDS:
        return str(value)
    near = did_you_mean(value, _KINDS) if isinstance(value, str) else ""
    raise FieldError(f"{'.'.join(map(str, at))} cannot be {value!r}.{near}", at, f"It is one of: {', '.join(_KINDS)}.")


def _index(value: object, at: KeyPath) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise FieldError(f"{'.'.join(map(str, at))} must be a whole number from 0.", at)


_FIELDS = {
    "contains": _texts,
    "not_contains": _texts,
    "equals": text,
    "missing": _texts,
    "error": text,
    "max_tokens": count,
}
_EXPECT = record("an expectation", _FIELDS)
_RESULT = record("a result", {"content": text, "score": number, "metadata": mapping}, required=["content"])


def _expect(value: object, at: KeyPath) -> Expectation:
    given = cast("dict[str, Any]", _EXPECT(value, at))
    if not given:
        raise FieldError("A test needs something to expect.", at, f"Give one of: {', '.join(_FIELDS)}.")
    if "error" in given and len(given) > 1:
        raise FieldError("A render that ends with an error has nothing else to expect.", (*at, "error"), at_key=True)
    if "missing" in given:
        given["missing"] = frozenset(given["missing"])
    return Expectation(**given)


_TEST = record(
    "a test",
    {
        "name": text,
        "prompt": text,
        "kind": _kind,
        "variant": _index,
        "params": mapping,
        "results": mapping_of(list_of(_RESULT)),
        "expect": _expect,
    },
    required=["name", "prompt", "expect"],
)


def _test(value: object, at: KeyPath) -> PromptTest:
    return PromptTest(**cast("dict[str, Any]", _TEST(value, at)))
