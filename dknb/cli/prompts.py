"""``dknb prompts``: whether the prompts of a library are sound, and prompts of other systems, from the command line."""

from __future__ import annotations

from pathlib import Path

from .._text import printable
from ..errors import PromptError, PromptFileError
from ..prompts._disk import shown
from ..prompts.checking.problems import Problem
from ..prompts.filesystem import FileSystemPromptLibrary
from ..prompts.library import AbstractPromptLibrary

__all__ = ["check_prompts", "import_into", "link_editors", "test_prompts"]


def check_prompts(folder: Path | None) -> tuple[str, bool]:
    """What is wrong in a library, its flows and its tests, one line each, and whether nothing of it is an error.

    Args:
        folder: The library: a folder, a zip file, or ``package:NAME``; None for the project's.

    Raises:
        PromptError: It is not there.
    """
    library, name = _any_library(folder)
    problems = library.validate()
    told = {(problem.file, problem.message) for problem in problems}
    beside = _problems_beside(library) if isinstance(library, FileSystemPromptLibrary) else []
    problems += [each for each in beside if (each.file, each.message) not in told]
    lines = [
        f"{problem.severity}: {problem}" + (f"\n    {problem.hint}" if problem.hint else "") for problem in problems
    ]
    errors = sum(problem.severity == "error" for problem in problems)
    counts = f"{_counted(errors, 'error')}, {_counted(len(problems) - errors, 'warning')}"
    found = counts if problems else "no problem was found"
    return printable("\n".join([*lines, f"{name}: {found}"])), errors == 0


def _problems_beside(library: FileSystemPromptLibrary) -> list[Problem]:
    """What is wrong in the flows and tests of a folder; functions that flows call are those of the program that runs them."""
    from ..conversations.flow import FlowLibrary
    from ..conversations.flow.checking import AnyFunction

    flows = FlowLibrary(library.prompt_dir, AnyFunction())
    return [*flows.validate(library.list_user_prompts()), *_problems_of_tests(library)]


def _problems_of_tests(library: FileSystemPromptLibrary) -> list[Problem]:
    """What is wrong in the file of tests, if there is one."""
    from ..prompts.testing.cases import file_of_tests, read_well_formed

    path = file_of_tests(library.prompt_dir)
    if not path.is_file():
        return []
    try:
        errors = read_well_formed(path)[1]
    except PromptFileError as error:
        errors = [error]
    return [_problem(error) for error in errors]


def _problem(error: PromptFileError) -> Problem:
    place = (error.line, error.column or 1) if error.line is not None else None
    return Problem(error.message, file=error.file, place=place, hint=error.hint)


def test_prompts(folder: Path | None, words: str | None) -> tuple[str, bool]:
    """How the tests of a library went, and whether all passed; a test that is none fails, and the others run.

    Args:
        folder: The library; None for the project's.
        words: Run only tests whose name or prompt has these words in it; None for all.

    Raises:
        PromptError: The folder is not there, or no test has those words.
        PromptFileError: There is no file of tests, it does not parse, or it has no test.
    """
    from ..prompts.testing.cases import file_of_tests, read_well_formed
    from ..prompts.testing.runs import report, run_prompt_tests, untested

    library = _library(folder)
    path = file_of_tests(library.prompt_dir)
    every, errors = read_well_formed(path) if path.is_file() else ([], [])
    if not every and not errors:
        raise PromptFileError(
            f"{shown(library.prompt_dir)} has no {'test in its' if path.is_file() else 'file'} {path.name}.",
            hint="Write one test to begin with:  - {name: it renders, prompt: NAME, params: {}, expect: {missing: []}}",
        )
    chosen = [test for test in every if words is None or words in test.name or words in f"{test.kind}/{test.prompt}"]
    if words is not None and not chosen:
        raise PromptError(f"No test has {words!r} in its name or its prompt.", hint="Leave --only out to run all.")
    results = run_prompt_tests(library, chosen)
    without = untested(library, every) if words is None else []
    wrong = [f"{_problem(error)}\n    {error.hint or 'It was not run.'}\n" for error in errors]
    if wrong:
        wrong.append(f"{_counted(len(errors), 'test')} not run, of the file's {len(every) + len(errors)}")
    said = "\n".join([*wrong, report(results, without)])
    return printable(said), not errors and all(result.passed for result in results)


def import_into(path: Path, folder: Path | None) -> tuple[str, bool]:
    """Import prompts of other systems into a library; whether all were, and a text about each.

    The text says what each became, what reads otherwise than it did, and what was skipped.

    Args:
        path: A dotprompt, Prompty, CSV or TSV file, or a folder of such.
        folder: The library, which is made if it is not there; None for the project's.

    Raises:
        PromptError: There is nothing that can be imported, or a file is in the way; nothing is written then.
    """
    from ..prompts.importing.collect import import_prompts

    into = _project_library() if folder is None else folder
    found = import_prompts(path, into)
    lines = [
        f"{each.source} -> {each.kind}/{each.name}" + "".join(f"\n    {note}" for note in each.notes) for each in found
    ]
    lines += [f"skipped: {error}" + (f"\n    {error.hint}" if error.hint else "") for error in found.skipped]
    skipped = f", {len(found.skipped)} skipped" if found.skipped else ""
    said = f"{_counted(len(found), 'prompt')} imported into {shown(into.absolute())}{skipped}"
    return printable("\n".join([*lines, said])), not found.skipped


def link_editors(folder: Path | None) -> str:
    """Name its schema in each file of a library, so that editors complete and check it; says which were changed.

    Raises:
        PromptError: The folder is not there, or a file cannot be written.
    """
    from ..prompts.checking.editor import link_schemas

    library = _library(folder)
    changed = link_schemas(library.prompt_dir)
    lines = [shown(path) for path in changed]
    return printable("\n".join([*lines, f"{_counted(len(changed), 'file')} changed; editors find the schemas now"]))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _project_library() -> Path:
    from ..conversations.project import find_project

    return find_project().library_path


def _any_library(folder: Path | None) -> tuple[AbstractPromptLibrary, str]:
    """The library, and what messages call it."""
    from ..prompts.sources.opening import open_library

    if folder is not None and _is_packed(folder):
        package = str(folder).startswith("package:")
        return open_library(str(folder)), str(folder) if package else shown(folder.absolute())
    library = _library(folder)
    return library, shown(library.prompt_dir)


def _is_packed(folder: Path) -> bool:
    """Whether it is a library that is no folder: ``package:NAME``, or a zip file."""
    return str(folder).startswith("package:") or (folder.suffix.lower() == ".zip" and not folder.is_dir())


def _library(folder: Path | None) -> FileSystemPromptLibrary:
    if folder is None:
        folder = _project_library()
    if _is_packed(folder):
        raise PromptError(
            f"{folder} is no folder, which this needs.", hint=f"It can be checked:  dknb prompts check {folder}"
        )
    library = FileSystemPromptLibrary(folder)
    if not library.prompt_dir.is_dir():
        raise PromptError(f"There is no folder {folder}.", hint="Name the folder that holds system/ and user/.")
    return library
