"""Running the tests of prompts, and saying how they went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import DknbError
from ..builder import PromptBuilder
from ..library import AbstractPromptLibrary
from ..rag.passages import estimated_tokens
from ..types import RenderResult, ValidationLevel
from ..versioning.library import VersionedPromptLibrary
from ..versioning.numbers import split_name
from .cases import Expectation, PromptTest

__all__ = ["PromptTestResult", "report", "run_prompt_tests", "untested"]

_SHOWN = 1_000  # characters of a text that a report shows


@dataclass(frozen=True, slots=True)
class PromptTestResult:
    """How a test went.

    Attributes:
        test: The test.
        failures: What was not as expected; empty when it passed.
        text: What was rendered; None when it ended with an error.
    """

    test: PromptTest
    failures: tuple[str, ...]
    text: str | None

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.failures


class _FixedResults:
    """A data source that finds what a test says."""

    def __init__(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._results = [{"score": 1.0, "metadata": {}, **result} for result in results]

    def search(self, query: str, k: int = 5, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return self._results[:k]

    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        return default


def run_prompt_tests(library: AbstractPromptLibrary, tests: Iterable[PromptTest]) -> list[PromptTestResult]:
    """Render each test's prompt and compare; nothing is asked of a model, and only a test's own results are searched.

    A test may name a version, as ``critique@1.0.0``.
    """
    served = library if isinstance(library, VersionedPromptLibrary) else VersionedPromptLibrary(library)
    return [_run(served, test) for test in tests]


def _run(library: AbstractPromptLibrary, test: PromptTest) -> PromptTestResult:
    sources = {name: _FixedResults(results) for name, results in (test.results or {}).items()}
    builder = PromptBuilder(library, sources, ValidationLevel.WARN, raise_on_rag_error=True)
    try:
        result = _rendered(builder, test)
    except DknbError as error:
        return PromptTestResult(test, tuple(_failed_wrongly(test.expect, error)), None)
    return PromptTestResult(test, tuple(_differences(test.expect, result)), result.content)


def _rendered(builder: PromptBuilder, test: PromptTest) -> RenderResult:
    with_results = test.results is not None
    if test.kind == "system":
        return builder.render_system_prompt(test.prompt, test.params, with_results)
    if test.kind == "messages":
        return builder.render_message_index(test.prompt, test.variant, test.params, with_results).result
    return builder.render_user_prompt(test.prompt, test.variant, test.params, with_results)


def _failed_wrongly(expect: Expectation, error: DknbError) -> Iterable[str]:
    if expect.error is None:
        yield f"it failed: {error}"
    elif expect.error not in str(error):
        yield f"it failed with other words than {expect.error!r}: {error}"


def _differences(expect: Expectation, result: RenderResult) -> Iterable[str]:
    text = result.content
    if expect.error is not None:
        yield f"it was rendered, and not an error with {expect.error!r}"
        return
    yield from (f"it does not contain {each!r}" for each in expect.contains if each not in text)
    yield from (f"it contains {each!r}" for each in expect.not_contains if each in text)
    if expect.equals is not None and text != expect.equals:
        yield f"it is not equal to {_shortened(expect.equals)!r}"
    if expect.max_tokens is not None and (tokens := estimated_tokens(text)) > expect.max_tokens:
        yield f"it has about {tokens} tokens, more than {expect.max_tokens}"
    yield from _about_values(expect, result)


def _about_values(expect: Expectation, result: RenderResult) -> Iterable[str]:
    missing = set(result.params_missing)
    if missing != (expect.missing or set()):
        expected = f", not {', '.join(sorted(expect.missing)) or 'nothing'}" if expect.missing is not None else ""
        yield f"missing is {', '.join(sorted(missing)) or 'nothing'}{expected}"
    if expect.missing is None:
        yield from (f"warning: {warning}" for warning in result.validation_warnings)


def untested(library: AbstractPromptLibrary, tests: Iterable[PromptTest]) -> list[str]:
    """The entries of a library that no test is about, as ``user/summarise``."""
    names = {
        "system": library.list_system_prompts(),
        "user": library.list_user_prompts(),
        "messages": library.list_message_indexes(),
    }
    every = [f"{kind}/{name}" for kind, listed in names.items() for name in listed]
    tested = {f"{test.kind}/{name}" for test in tests for name in (test.prompt, split_name(test.prompt)[0])}
    return [entry for entry in every if entry not in tested]


def report(results: Sequence[PromptTestResult], without_test: Sequence[str] = ()) -> str:
    """What failed, where and why; then how many tests there were, and which prompts have none."""
    lines = [line for result in results if not result.passed for line in _failure(result)]
    failed = sum(not result.passed for result in results)
    count = f"{len(results)} test{'' if len(results) == 1 else 's'} of prompts"
    ended = f"{len(results) - failed} passed, {failed} failed" if failed else "all passed"
    lines.append(f"{count}: {ended}" if results else "no tests of prompts were run")
    if without_test:
        lines.append(f"without a test: {', '.join(without_test)}")
    return "\n".join(lines)


def _failure(result: PromptTestResult) -> Iterable[str]:
    test = result.test
    yield f"{test.place}: {test.name} ({test.kind}/{test.prompt})"
    yield from (f"    {failure}" for failure in result.failures)
    if result.text is not None:
        yield from (f"    | {line}" for line in _shortened(result.text).split("\n"))
    yield ""


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
