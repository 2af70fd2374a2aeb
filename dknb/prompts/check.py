"""What is wrong in a prompt library, found without a value or a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import DknbError, PromptError, PromptFileError
from ..templates import compile_template
from .compose import inherit
from .library import AbstractPromptLibrary, rag_configs_of
from .plan import plan_of
from .types import PromptTemplateDict, PromptType

__all__ = ["library_problems"]


def library_problems(library: AbstractPromptLibrary, lookup: AbstractPromptLibrary) -> list[str]:
    """One line for each problem of an entry of ``library``; bases and references are looked up in ``lookup``."""
    return [
        *_prompt_problems(library, lookup, "system", library.list_system_prompts),
        *_prompt_problems(library, lookup, "user", library.list_user_prompts),
        *_problems("messages", library.list_message_indexes, lambda name: _check_messages(library, name)),
        *_problems("rag", library.list_rag_configs, library.get_rag_config),
    ]


def _problems(kind: str, names: Callable[[], list[str]], check: Callable[[str], object]) -> Iterator[str]:
    try:
        listed = names()
    except PromptError as error:
        yield f"{kind}: {error}"
        return
    for name in listed:
        try:
            check(name)
        except DknbError as error:
            where = f"{kind}/{name}: "
            placed = isinstance(error, PromptFileError) or str(error).startswith(where)
            yield str(error) if placed else f"{where}{error}"


def _prompt_problems(
    library: AbstractPromptLibrary, lookup: AbstractPromptLibrary, kind: PromptType, names: Callable[[], list[str]]
) -> Iterator[str]:
    def check(name: str) -> None:
        index = 0
        while (prompt := library.find_prompt(name, kind, index)) is not None:
            _check_prompt(prompt, name, kind, lookup)
            index += 1
        if index == 0:
            raise PromptError("Its file is a link that leads nowhere.")

    return _problems(kind, names, check)


def _check_prompt(prompt: PromptTemplateDict, name: str, kind: PromptType, lookup: AbstractPromptLibrary) -> None:
    whole = inherit(prompt, name, lookup, kind).prompt
    rag_configs_of(lookup, whole, name)
    # A prompt without a template of its own or of a base is there to be extended.
    if "template" in whole:
        plan_of(whole, name, kind)


def _check_messages(library: AbstractPromptLibrary, name: str) -> None:
    index = library.get_message_index(name)
    for message in (index or {}).get("messages", ()):
        compile_template(message["content"], "mixed", prompt_name=name)
