"""From the name of a prompt and values to text, for callers that await and for callers that cannot.

A render has stages: *plan* reads files and compiles, *fetch* asks the adapters for values that the caller did not give,
*render* is computation alone; when it lacks retrieved text, *search* gets it and it renders again. Only fetch and search
wait for others, so only they are coroutines; the async builder runs the rest in a thread, because a disk may be slow and
a template long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .. import _sync
from ..templates.types import member
from .fields import read_prompt
from .library import AbstractPromptLibrary, checked
from .plan import Plan, Plans
from .rag.cache import ExpiringCache
from .rag.findings import Retrieving
from .rag.passages import CountTokens, estimated_tokens
from .rag.search import Answer, search_all
from .render import Call, Renderable, Unanswered, attempt
from .types import PromptTemplateDict, PromptType, RenderResult, ValidationLevel
from .values import Index, checked_params, told_apart, values_of

if TYPE_CHECKING:
    from .messages import IndexPlan, RenderedMessages
    from .parameters import ParameterSpec

__all__ = ["AsyncPromptBuilder", "PromptBuilder"]

T = TypeVar("T")


class _Lacking(NamedTuple):
    """Names that the adapters must be asked for first."""

    names: list[str]


_Waits = (Unanswered, _Lacking)


class _Builder:
    """What both builders are: a library, adapters, and plans that are kept."""

    def __init__(
        self,
        library: AbstractPromptLibrary,
        adapters: Mapping[str, Any] | None = None,
        default_validation: ValidationLevel = ValidationLevel.WARN,
        raise_on_rag_error: bool = False,
        *,
        rag_cache_seconds: float = 0.0,
        count_tokens: CountTokens = estimated_tokens,
    ) -> None:
        self.library = library
        self.adapters = dict(adapters or {})
        self.default_validation = member(ValidationLevel, default_validation)
        self._plans = Plans(library)
        self._retrieving = Retrieving(strict=raise_on_rag_error, count_tokens=count_tokens)
        self._answers: ExpiringCache[Answer] = ExpiringCache(rag_cache_seconds)

    def get_required_parameters(self, name: str, prompt_type: PromptType = "user", index: int = 0) -> list[str]:
        """The names of the parameters that a prompt, or one of its bases, declares required; sorted.

        Raises:
            PromptNotFound: There is no such prompt.
        """
        return sorted(self._plans.of_library(name, prompt_type, index).validation.required_params)

    def get_parameters(
        self, prompt: PromptTemplateDict | str, *, name: str | None = None, prompt_type: PromptType = "user"
    ) -> list[str]:
        """The names that a prompt which is not in the library can use, those of its bases and references included.

        First the variables of templates in their order, then names that are only declared. A prompt that it refers to
        by a name which only the render knows is not among them.

        Raises:
            PromptError: It is malformed, or a base or reference is broken.
            TemplateError: A template does not parse.
        """
        plan = self._inline_plan(prompt, name, prompt_type)
        declared = [*plan.parameters, *sorted(plan.validation.optional_params), *plan.defaults]
        wanted = [name for each in self._reachable([plan]) for name in each.wanted]
        return list(dict.fromkeys([*wanted, *declared]))

    def get_declared(
        self, prompt: PromptTemplateDict | str, *, name: str | None = None, prompt_type: PromptType = "user"
    ) -> dict[str, ParameterSpec]:
        """What a prompt, its bases and those that it refers to declare about parameters; its own word goes first.

        Raises:
            PromptError: As ``get_parameters``.
            TemplateError: A template does not parse.
        """
        return _declared(self._reachable([self._inline_plan(prompt, name, prompt_type)]))

    def get_message_parameters(self, name: str, index: int = 0) -> dict[str, ParameterSpec | None]:
        """The names that a message index of the library can use, with what is declared about each.

        Raises:
            PromptNotFound: There is no such message index.
            PromptError: It is malformed.
            TemplateError: A template of it does not parse.
        """
        found = self._index_plan(name, index)
        plans = self._reachable(found.plans)
        declared = _declared(plans)
        wanted = [each for plan in plans for each in plan.wanted if each not in found.example_keys]
        return {each: declared.get(each) for each in [*declared, *wanted]}

    def _index_plan(self, name: str, index: int) -> IndexPlan:
        from .messages import index_plan  # it brings the messages of dknb.llm along

        return index_plan(self._plans, name, index)

    def _inline_plan(self, prompt: PromptTemplateDict | str, name: str | None, prompt_type: PromptType) -> Plan:
        shown = name or f"<inline:{prompt_type}>"
        return self._plans.of_inline(checked(read_prompt, prompt, shown), shown, prompt_type)

    def _call(
        self,
        params: Mapping[str, Any] | None,
        include_rag: bool,
        validation_override: ValidationLevel | None,
        namespace: Mapping[str, Any] | None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
    ) -> Call:
        level = member(ValidationLevel, validation_override) if validation_override is not None else None
        retrieving = replace(self._retrieving, cached=cached_rag) if cached_rag else self._retrieving
        return Call(
            checked_params(params),
            include_rag,
            level,
            self.default_validation,
            namespace,
            retrieving,
            return_rag_metadata,
        )

    def _attempt(self, what: Renderable[T], call: Call) -> T | Unanswered | _Lacking:
        """What it becomes without waiting, or what to wait for."""
        if self.adapters and call.found is None and (names := self._lacking(what.plans, call.params)):
            return _Lacking(names)
        return attempt(self._plans, call, what)

    async def _filled(self, call: Call, gap: Unanswered | _Lacking) -> Call:
        """The call with what was waited for."""
        if isinstance(gap, _Lacking):
            return replace(call, found=await values_of(self.adapters, gap.names, call.params))
        answers = await search_all(self.adapters, gap.questions, self._answers)
        return replace(call, retrieving=call.retrieving.answered(answers))

    def _lacking(self, plans: Iterable[Plan], given: Mapping[str, Any]) -> list[str]:
        """The names that nobody gave yet, and no retrieval will fill."""
        reachable = self._reachable(plans)
        names = dict.fromkeys(name for plan in reachable for name in plan.wanted if name not in given)
        filled = {name for plan in reachable for name in plan.placeholders}
        return [name for name in names if name not in filled]

    def _reachable(self, plans: Iterable[Plan]) -> list[Plan]:
        """These plans, and those of the prompts that they refer to."""
        return [each for plan in plans for each in (self._plans.reachable(plan) if plan.references else (plan,))]


def _declared(plans: Iterable[Plan]) -> dict[str, ParameterSpec]:
    """What plans declare about parameters; of two, the first."""
    specs: dict[str, ParameterSpec] = {}
    for plan in plans:
        specs |= {name: spec for name, spec in plan.parameters.items() if name not in specs}
    return specs


class AsyncPromptBuilder(_Builder):
    """Renders the prompts of a library; its methods are awaited, and never hold up the loop that awaits them.

    Args:
        library: Where prompts come from.
        adapters: Sources of values for parameters that callers do not give, asked in this order, and of text that
            prompts retrieve, by name.
        default_validation: What a missing required parameter leads to in a prompt that does not say.
        raise_on_rag_error: A failing search is a ``RAGError``; else a warning of the result, with the cause.
        rag_cache_seconds: For how long what a search found is used again; 0 searches each time.
        count_tokens: Counts the tokens of a text, where a prompt retrieves within a budget; else four characters are one.
    """

    async def render_system_prompt(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderResult:
        """Render a system prompt; as ``render_user_prompt``."""
        call = self._call(params, include_rag, validation_override, namespace, return_rag_metadata, cached_rag)
        return await self._rendered(lambda: self._plans.of_library(name, "system"), call)

    async def render_user_prompt(
        self,
        name: str,
        index: Index = 0,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderResult:
        """Render a user prompt.

        Args:
            name: Its name in the library.
            index: Which of its variants, from 0. A mapping here is ``params``.
            params: Values; None and "" are values that were given. One for a placeholder of retrieval is taken as it is.
            include_rag: False leaves the placeholders of retrieval blank, and searches nothing.
            validation_override: The validation level of this call alone.
            return_rag_metadata: Ask for ``rag_metadata``: for each placeholder what was searched for and found, and in
                ``spans`` which characters of the prompt each result became.
            cached_rag: The ``rag_metadata`` of an earlier render: where it holds the answer to the same query, nothing
                is searched for.
            namespace: Where names are looked up that neither ``params`` nor an adapter has.

        Raises:
            PromptNotFound: There is no such prompt, or it extends or refers to one that is not there.
            MissingParameters: Required parameters have no value, and the level is ERROR. Nothing was searched for.
            InvalidParameters: Values are not of their declared type, and the level is ERROR. As before.
            RAGError: Retrieval failed, and the builder raises such errors.
            PromptError: It is broken, or an adapter failed to give a value.
            TemplateError: A template does not parse, or cannot be rendered with these values.
        """
        at, given = told_apart(index, params)
        call = self._call(given, include_rag, validation_override, namespace, return_rag_metadata, cached_rag)
        return await self._rendered(lambda: self._plans.of_library(name, "user", at), call)

    async def render_message_index(
        self,
        name: str,
        index: Index = 0,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderedMessages:
        """Render a message index, few-shot examples included; arguments and errors as in ``render_user_prompt``.

        Returns:
            A list of ``LLMMessage``; its attribute ``result`` has what the render of a prompt would say.
        """
        at, given = told_apart(index, params)
        call = self._call(given, include_rag, validation_override, namespace, return_rag_metadata, cached_rag)
        return await self._rendered(lambda: self._index_plan(name, at), call)

    async def render_inline(
        self,
        prompt: PromptTemplateDict | str,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        prompt_type: PromptType = "user",
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderResult:
        """Render a prompt that is not in the library; its bases and the prompts that it refers to are.

        Args:
            prompt: A template's text, or a prompt's dict.
            params: As in ``render_user_prompt``, as the others.
            include_rag: See there.
            validation_override: See there.
            return_rag_metadata: See there.
            cached_rag: See there.
            name: What messages and metadata call it. It may extend a library's prompt of this name.
            prompt_type: Of which type the prompts are that it refers to, first of all.
            namespace: See there.

        Raises:
            DknbError: As ``render_user_prompt``.
        """
        call = self._call(params, include_rag, validation_override, namespace, return_rag_metadata, cached_rag)
        return await self._rendered(lambda: self._inline_plan(prompt, name, prompt_type), call)

    async def _rendered(self, plan: Callable[[], Renderable[T]], call: Call) -> T:
        what, made = await asyncio.to_thread(self._begun, plan, call)
        while isinstance(made, _Waits):
            call = await self._filled(call, made)
            made = await asyncio.to_thread(self._attempt, what, call)
        return made

    def _begun(self, plan: Callable[[], Renderable[T]], call: Call) -> tuple[Renderable[T], T | Unanswered | _Lacking]:
        what = plan()
        return what, self._attempt(what, call)


class PromptBuilder(_Builder):
    """``AsyncPromptBuilder`` for callers that cannot await: the same methods, which return their results.

    It works where a loop runs as well, in a notebook's cell.
    """

    def render_system_prompt(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderResult:
        """See ``AsyncPromptBuilder.render_system_prompt``."""
        call = self._call(params, include_rag, validation_override, namespace, return_rag_metadata, cached_rag)
        return self._rendered(self._plans.of_library(name, "system"), call)

    def render_user_prompt(
        self,
        name: str,
        index: Index = 0,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderResult:
        """See ``AsyncPromptBuilder.render_user_prompt``."""
        at, given = told_apart(index, params)
        call = self._call(given, include_rag, validation_override, namespace, return_rag_metadata, cached_rag)
        return self._rendered(self._plans.of_library(name, "user", at), call)

    def render_message_index(
        self,
        name: str,
        index: Index = 0,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderedMessages:
        """See ``AsyncPromptBuilder.render_message_index``."""
        at, given = told_apart(index, params)
        call = self._call(given, include_rag, validation_override, namespace, return_rag_metadata, cached_rag)
        return self._rendered(self._index_plan(name, at), call)

    def render_inline(
        self,
        prompt: PromptTemplateDict | str,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        prompt_type: PromptType = "user",
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderResult:
        """See ``AsyncPromptBuilder.render_inline``."""
        call = self._call(params, include_rag, validation_override, namespace, return_rag_metadata, cached_rag)
        return self._rendered(self._inline_plan(prompt, name, prompt_type), call)

    def _rendered(self, what: Renderable[T], call: Call) -> T:
        made = self._attempt(what, call)
        while isinstance(made, _Waits):
            call = _sync.run(self._filled(call, made))
            made = self._attempt(what, call)
        return made
