"""Flows by name: variables of the notebook, and files of the library's folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import TYPE_CHECKING, Any

from ...errors import PromptError, PromptFileError, did_you_mean
from ..session import Session

if TYPE_CHECKING:
    from ...conversations.flow import ConversationFlow, FlowLibrary

__all__ = ["find_flow", "flow_called", "known_flows"]


def _libraries(session: Session) -> Iterator[FlowLibrary]:
    from ...conversations.flow import FlowLibrary
    from ...prompts.composite import CompositePromptLibrary
    from ...prompts.filesystem import FileSystemPromptLibrary

    library = session.files
    for part in library.libraries if isinstance(library, CompositePromptLibrary) else [library]:
        if isinstance(part, FileSystemPromptLibrary):
            yield FlowLibrary(part.prompt_dir, _functions(session.namespace))


def _functions(namespace: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """What a flow's file may call: the functions that the notebook itself defines, by name."""
    return {
        name: value
        for name, value in namespace.items()
        if isinstance(value, FunctionType) and value.__module__ == "__main__" and not name.startswith("_")
    }


def _variables(session: Session) -> dict[str, ConversationFlow]:
    from ...conversations.flow import ConversationFlow

    return {
        name: value
        for name, value in session.namespace.items()
        if isinstance(value, ConversationFlow) and not name.startswith("_")
    }


def known_flows(session: Session) -> list[str]:
    """The names of the flows, sorted; files that are broken are among them."""
    return sorted({*_variables(session), *(name for library in _libraries(session) for name in library.names())})


def find_flow(session: Session, name: str) -> ConversationFlow:
    """The flow of that name: a variable of the notebook, or read anew from the first folder that has it.

    Raises:
        PromptError: There is none.
        PromptFileError: It is broken.
    """
    if (own := _variables(session).get(name)) is not None:
        return own
    for library in _libraries(session):
        if name in library.names():
            return library.get(name)
    known = known_flows(session)
    raise PromptError(
        f"There is no flow {name!r}.{did_you_mean(name, known)}",
        hint=f"Flows: {', '.join(known)}" if known else "A flow is a file  flows/NAME.yaml  in a folder of prompts",
    )


def flow_called(session: Session, title: str) -> ConversationFlow:
    """The flow that calls itself ``title``, which is the name of its file or is written in it.

    Raises:
        PromptError: There is none, or there are several that differ.
    """
    found: dict[str, ConversationFlow] = {}
    for name in known_flows(session):
        try:
            flow = find_flow(session, name)
        except PromptFileError:
            if name == title:
                raise
            continue
        if flow.name == title:
            found[name] = flow
    if not found:
        return find_flow(session, title)
    first, *others = found.values()
    if any(other != first for other in others):
        raise PromptError(
            f"Several flows call themselves {title!r}: {', '.join(found)}.",
            hint=f"Say which:  %%flow {next(iter(found))} --go-on",
        )
    return first
