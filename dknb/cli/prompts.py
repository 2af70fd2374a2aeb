"""``dknb prompts``: whether the prompts of a library are sound, from the command line."""

from __future__ import annotations

from pathlib import Path

from ..errors import PromptError, PromptFileError
from ..prompts._disk import shown
from ..prompts.filesystem import FileSystemPromptLibrary

__all__ = ["check_prompts", "test_prompts"]


def check_prompts(folder: Path | None) -> tuple[str, bool]:
    """What ``validate()`` finds in a library, one line each, and whether nothing of it is an error.

    Args:
        folder: The library; None for the project's.

    Raises:
        PromptError: The folder is not there.
    """
    library = _library(folder)
    problems = library.validate()
    lines = [
        f"{problem.severity}: {problem}" + (f"\n    {problem.hint}" if problem.hint else "") for problem in problems
    ]
    errors = sum(problem.severity == "error" for problem in problems)
    found = f"{errors} errors, {len(problems) - errors} warnings" if problems else "no problem was found"
    return "\n".join([*lines, f"{shown(library.prompt_dir)}: {found}"]), errors == 0


def test_prompts(folder: Path | None, words: str | None) -> tuple[str, bool]:
    """How the tests of a library went, and whether all passed.

    Args:
        folder: The library; None for the project's.
        words: Run only tests whose name or prompt has these words in it; None for all.

    Raises:
        PromptError: The folder is not there, or no test has those words.
        PromptFileError: There is no file of tests, or it is broken.
    """
    from ..prompts.testing.cases import file_of_tests, read_prompt_tests
    from ..prompts.testing.runs import report, run_prompt_tests, untested

    library = _library(folder)
    path = file_of_tests(library.prompt_dir)
    if not path.is_file():
        raise PromptFileError(
            f"{shown(library.prompt_dir)} has no file {path.name}.",
            hint="Write one test to begin with:  - {name: it renders, prompt: NAME, params: {}, expect: {missing: []}}",
        )
    every = read_prompt_tests(path)
    chosen = [test for test in every if words is None or words in test.name or words in f"{test.kind}/{test.prompt}"]
    if words is not None and not chosen:
        raise PromptError(f"No test has {words!r} in its name or its prompt.", hint="Leave --only out to run all.")
    results = run_prompt_tests(library, chosen)
    without = untested(library, every) if words is None else []
    return report(results, without), all(result.passed for result in results)


def _library(folder: Path | None) -> FileSystemPromptLibrary:
    if folder is None:
        from ..notebook.project import find_project

        folder = find_project().library_path
    library = FileSystemPromptLibrary(folder)
    if not library.prompt_dir.is_dir():
        raise PromptError(f"There is no folder {folder}.", hint="Name the folder that holds system/ and user/.")
    return library
