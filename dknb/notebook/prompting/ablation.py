"""``dknb.leave_one_out``: what each retrieved text does to a prompt, as a DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..._sync import run
from ...llm.messages import LLMResponse
from ..extension import session_here
from ..sending import call_record
from ..session import Session
from .adapters import retrieving
from .finding import FoundPrompt, find_prompt
from .named import NamedPrompt
from .rendering import builder_for

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]

    from ...prompts.types import PromptTemplateDict

__all__ = ["leave_one_out"]

_INLINE = "<inline>"


def leave_one_out(
    prompt: str | PromptTemplateDict | NamedPrompt,
    params: Mapping[str, Any] | None = None,
    *,
    adapters: Mapping[str, Any] | None = None,
    ask: str | Callable[[str], Any] | None = None,
) -> DataFrame:
    """What changes in a prompt without each of the texts that are retrieved for it. It searches once.

    Args:
        prompt: A name in the library, a prompt's dict, or what `dknb.prompt` gave. Of messages, the texts below each
            other are the prompt.
        params: Values of parameters.
        adapters: As for `dknb.prompt`.
        ask: A model's spec, or a function from a text to an answer, which may be a coroutine function: it is asked once
            with the whole prompt and once without each text.

    Returns:
        A row for each text: placeholder, chunk (from 1), source, score, tokens_saved, change (lines that go begin with
        ``-``), prompt; where something is asked, also answer, answer_without and similarity (0 to 1, the same).

    Raises:
        PromptNotFound: There is no such prompt.
        DknbError: It cannot be rendered, or a call failed.
    """
    from ...llm.counting.tokens import TokenCounter
    from ...prompts.rag.ablation import left_out
    from ..frames import left_out_frame

    session = session_here()
    spec = session.model(ask, {}).spec if isinstance(ask, str) else session.config.spec
    found, given = _found(session, prompt)
    rag = retrieving(session, found.prompt, found.name, given={**given, **(adapters or {})})
    rows = run(
        left_out(
            builder_for(session, rag, spec),
            found.name if found.kind == "messages" else rag.prompt,
            params,
            prompt_type=found.kind,
            name=None if found.name == _INLINE else found.name,
            ask=_asker(session, ask) if isinstance(ask, str) else ask,
            count_tokens=lambda text: TokenCounter.count(text, spec).count,
        )
    )
    return left_out_frame(rows, answered=ask is not None)


def _found(session: Session, prompt: str | PromptTemplateDict | NamedPrompt) -> tuple[FoundPrompt, Mapping[str, Any]]:
    """The prompt, and the data sources that came with it."""
    if isinstance(prompt, NamedPrompt):
        return prompt.found(), prompt.adapters
    if isinstance(prompt, str):
        return find_prompt(session, prompt), {}
    return FoundPrompt(_INLINE, "user", prompt), {}


def _asker(session: Session, spec: str) -> Callable[[str], Any]:
    """What asks a model, and writes down what that cost."""
    config = session.model(spec, {})
    provider = session.provider(config)

    async def ask(text: str) -> LLMResponse:
        response = await provider.complete(text)
        await session.storage.record_call(call_record(config, session.next_cell(), response, "complete"))
        return response

    return ask
