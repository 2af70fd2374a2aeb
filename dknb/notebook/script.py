"""``dknb.chat``: what a ``%%chat`` cell does, as a function, in a notebook or a plain script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError
from .asking import Question
from .bringing import attachments
from .chatting import put_question
from .extension import session_here
from .views.answer import Reply

__all__ = ["chat"]


def chat(
    text: str | None = None,
    *,
    name: str | None = None,
    source: str | None = None,
    branch: str | None = None,
    model: str | None = None,
    system: str | None = None,
    attach: Sequence[Any] = (),
    tools: Sequence[Any] | None = None,
    response_format: Any = None,
    result: Any = None,
    **settings: Any,
) -> Reply:
    """Ask the model below where the conversation stands, and return its reply.

    Args:
        text: The question, sent as it is.
        name: The conversation to talk in from now on.
        source: A node id or a branch to ask below instead.
        branch: The branch that the answer goes to; made if there is none.
        model: A spec such as ``"openai/gpt-5.4-mini"``, for this question.
        system: A system prompt: a name in the library, or its text.
        attach: Images and documents to send along: paths, addresses, bytes, a matplotlib figure, a PIL image.
        tools: The tools that the model may call.
        response_format: What the answer must be: a pydantic class, a JSON Schema, or ``"json"``; the reply's ``parsed``
            is the object.
        result: What the tool answered that the answer above calls, instead of ``text``: its text, or JSON data. A dict
            is results by the tool's name or the call's id, as where several are called.
        **settings: Settings of the model: ``temperature=0``.

    Raises:
        ConfigError: There is neither text nor a result, or both; or calls wait for results, or none do.
        ProviderError: The call failed; what had arrived is stored.
        BranchError: There is no such branch.
        NodeNotFound: There is no such node.
    """
    if (text is None) == (result is None):
        raise ConfigError("chat takes a text or a result: one of the two.", hint="chat('Why?')  or  chat(result='5')")
    if result is not None and attach:
        raise ConfigError("chat: what is attached goes with a text, not with a result.", hint="Attach it to a question")
    session = session_here()
    if name is not None:
        session.use_conversation(name)
    given = {"tools": tools, "response_format": response_format}
    question = Question(
        text or "",
        session.next_cell(),
        source,
        branch,
        attached=attachments(attach),
        overrides={name: value for name, value in given.items() if value is not None},
        result=result,
    )
    return put_question(session, None, question, session.model(model, settings), system)
