"""What each retrieved text does to a prompt: rendered again without it, and answered again where a model is given."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher, unified_diff
from typing import Any, Literal, cast

from ...errors import PromptError, RAGError
from ..types import PromptTemplateDict, PromptType, RenderResult
from .passages import CountTokens, estimated_tokens, source_of

__all__ = ["LeftOut", "left_out"]

#: Prompts that are sent at a time.
_AT_A_TIME = 4


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A prompt without one of the texts that were retrieved for it.

    Attributes:
        placeholder: The variable that the text went into.
        chunk: Its place among the results, from 1.
        source: Where it comes from, as its metadata say.
        score: How well it fitted the query.
        tokens_saved: How many tokens the prompt has less.
        change: What changes in the prompt: its lines that go begin with ``-``, those that come with ``+``.
        prompt: The prompt without it.
        answer: What the model says to the whole prompt; None without a model.
        answer_without: What it says to this one.
        similarity: How alike the two are, from 0 to 1 (the same).
    """

    placeholder: str
    chunk: int
    source: str | None
    score: float | None
    tokens_saved: int
    change: str
    prompt: str
    answer: str | None = None
    answer_without: str | None = None
    similarity: float | None = None


async def left_out(
    builder: Any,
    prompt: str | PromptTemplateDict,
    params: Mapping[str, Any] | None = None,
    *,
    prompt_type: PromptType | Literal["messages"] = "user",
    index: int = 0,
    name: str | None = None,
    ask: Callable[[str], Any] | None = None,
    count_tokens: CountTokens = estimated_tokens,
) -> list[LeftOut]:
    """Render a prompt without each of the texts that it retrieves, one after the other. It searches once.

    Args:
        builder: An ``AsyncPromptBuilder`` or ``PromptBuilder`` with the adapters that the prompt needs.
        prompt: The name of a prompt in its library, or a prompt's dict.
        params: Values of parameters.
        prompt_type: Of which type the prompt is; of ``messages``, all texts together are the prompt.
        index: Which variant of it.
        name: What messages call a prompt that is given as a dict.
        ask: Gives a model's answer to a text, as text or with a ``content``; may be a coroutine function. It is called
            once for the whole prompt and once for each text left out.
        count_tokens: Counts the tokens of a text; else four characters are one.

    Raises:
        RAGError: A search failed.
        PromptError: The prompt retrieves nothing, or it is neither a name nor a prompt.
        DknbError: The prompt cannot be rendered.

    Warns:
        UserWarning: Nothing was found, so that there is no row.
    """
    if not isinstance(prompt, str | Mapping):
        raise PromptError(
            f"A prompt is a name or a dict, not {type(prompt).__name__!r}.",
            hint='Write left_out(builder, "name", {...})',
        )
    called = prompt if isinstance(prompt, str) else name
    shown = repr(called) if called else "The prompt"

    async def rendered(cached: Mapping[str, Any] | None = None) -> RenderResult:
        how = {"params": params, "return_rag_metadata": True, "cached_rag": cached}
        if not isinstance(prompt, str):
            made = await _waited(builder.render_inline, prompt, prompt_type=prompt_type, name=name, **how)
        elif prompt_type == "messages":
            made = (await _waited(builder.render_message_index, prompt, index, **how)).result
        elif prompt_type == "system":
            made = await _waited(builder.render_system_prompt, prompt, **how)
        else:
            made = await _waited(builder.render_user_prompt, prompt, index, **how)
        return cast(RenderResult, made)

    whole = await rendered()
    found = whole.rag_metadata or {}
    _refuse_without_results(found, shown)
    rows = []
    if not (chunks := _chunks(found)):
        _warn_of_nothing(found, shown)
    for key, chunk in chunks:
        without = (await rendered(_without(found, key, chunk))).content
        result = found[key]["results"][chunk]
        saved = count_tokens(whole.content) - count_tokens(without)
        change = _change(whole.content, without)
        rows.append(LeftOut(key, chunk + 1, source_of(result), result.get("score"), saved, change, without))
    return rows if ask is None else await _answered(rows, whole.content, ask)


def _refuse_without_results(found: Mapping[str, Any], shown: str) -> None:
    """What failed, or was never searched for, is no result that leaves nothing out."""
    if not found:
        raise PromptError(
            f"{shown} retrieves nothing, so there is nothing to leave out.",
            hint="Give it rag_configs or rag_config_refs, and no value for their placeholders.",
        )
    for key, entry in found.items():
        if entry.get("error") is not None:
            raise RAGError(
                f"Retrieval for {key!r} from {entry['adapter_name']!r} failed: {entry['error']}",
                adapter_name=entry["adapter_name"],
                placeholder=key,
                query=entry["query"],
            )


def _warn_of_nothing(found: Mapping[str, Any], shown: str) -> None:
    """Say why there is no row: an empty list alone looks like a failure."""
    searches = [f"{entry['adapter_name']!r} for {entry['query']!r}" for entry in found.values()]
    dropped = any(entry["dropped"] for entry in found.values())
    why = "went into it, for its max_tokens" if dropped else "was found for it"
    warnings.warn(
        f"{shown}: nothing {why}, so there is nothing to leave out. It searched {'; '.join(searches)}.", stacklevel=2
    )


def _chunks(found: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Placeholder and index of each result that the prompt has."""
    return [
        (key, chunk)
        for key, entry in found.items()
        for chunk in range(len(entry["results"]))
        if all(chunk != dropped["result"] for dropped in entry["dropped"])
    ]


async def _waited(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of what may or may not be a coroutine function, without holding up the loop."""
    if inspect.iscoroutinefunction(method):
        return await method(*args, **kwargs)
    result = await asyncio.to_thread(method, *args, **kwargs)
    return await result if inspect.isawaitable(result) else result


def _without(found: Mapping[str, Any], key: str, chunk: int) -> dict[str, Any]:
    """The metadata of a render in which one result was not found."""
    entry = {name: value for name, value in found[key].items() if name != "formatted_content"}
    entry["results"] = [result for index, result in enumerate(entry["results"]) if index != chunk]
    return {**found, key: entry}


def _change(before: str, after: str) -> str:
    lines = unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))


async def _answered(rows: list[LeftOut], whole: str, ask: Callable[[str], Any]) -> list[LeftOut]:
    room = asyncio.Semaphore(_AT_A_TIME)

    async def answer(text: str) -> str:
        async with room:
            said = await _waited(ask, text)
        return said if isinstance(said, str) else str(said.content)

    told, *others = await asyncio.gather(answer(whole), *(answer(row.prompt) for row in rows))
    return [
        replace(row, answer=told, answer_without=other, similarity=SequenceMatcher(None, told, other).ratio())
        for row, other in zip(rows, others, strict=True)
    ]
