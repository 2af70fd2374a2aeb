"""Flows by name: variables of the notebook, and files of the library's folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from ...errors import PromptError, PromptFileError, did_you_mean
from ..prompting.finding import find_prompt, known_prompts
from ..prompting.line_values import line_values
from ..prompting.source import whole_prompt
from ..session import Session

if TYPE_CHECKING:
    from ...conversations.flow import ConversationFlow, FlowLibrary

__all__ = ["context_of", "find_flow", "flow_called", "known_flows"]


def _libraries(session: Session) -> Iterator[FlowLibrary]:
    from ...conversations.flow import FlowLibrary
    from ...prompts.composite import CompositePromptLibrary
    from ...prompts.filesystem import FileSystemPromptLibrary

    library = session.library
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
        PromptError: There is none.
    """
    known = known_flows(session)
    for name in sorted(known, key=lambda name: name != title):
        try:
            flow = find_flow(session, name)
        except PromptFileError:
            if name == title:
                raise
            continue
        if flow.name == title:
            return flow
    return find_flow(session, title)


def context_of(session: Session, flow: ConversationFlow, given: Mapping[str, str]) -> dict[str, Any]:
    """The values that the words of a line stand for; what the prompts of the flow declare says what a word means.

    Raises:
        PromptError: A prompt of the flow is broken.
    """
    known = known_prompts(session, ("user",)) if given else []
    specs: dict[str, Any] = {}
    for state in flow.states.values():
        if state.prompt_name in known:
            prompt = whole_prompt(session, find_prompt(session, state.prompt_name, ("user",)))
            specs = {**prompt.get("parameters", {}), **specs}
    return line_values(given, specs)
