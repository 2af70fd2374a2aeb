"""From the name of a prompt and values to text, for callers that await and for callers that cannot.

A render has three stages: *plan* reads files and compiles, *fetch* asks the adapters for values that the caller did not
give, *render* is computation alone. Only the second waits for others, so only it is a coroutine; the async builder runs
the other two in a thread, because a disk may be slow and a template long.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from .. import _sync
from ..templates.types import member
from .fields import read_prompt
from .library import AbstractPromptLibrary, checked
from .plan import Plan, Plans
from .render import Call, render
from .types import PromptTemplateDict, PromptType, RenderResult, ValidationLevel

__all__ = ["AsyncPromptBuilder", "PromptBuilder"]


class ValueSource(Protocol):
    """What a builder asks for values that its caller did not give; ``get_value`` may be a coroutine function."""

    def get_value(self, key: str, default: Any = None, context: Mapping[str, Any] | None = None) -> Any:
        """The value of a name, or ``default``; ``context`` holds the values that the caller gave."""


class _Builder:
    """What both builders are: a library, adapters, and plans that are kept."""

    def __init__(
        self,
        library: AbstractPromptLibrary,
        adapters: Mapping[str, ValueSource] | None = None,
        default_validation: ValidationLevel = ValidationLevel.WARN,
    ) -> None:
        self.library = library
        self.adapters = dict(adapters or {})
        self.default_validation = member(ValidationLevel, default_validation)
        self._plans = Plans(library)

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
        plan, wanted = self._planned(self._of_inline(prompt, name, prompt_type))
        return list(dict.fromkeys([*wanted, *sorted(plan.validation.optional_params), *plan.defaults]))

    def _of_library(self, name: str, prompt_type: PromptType, index: int = 0) -> Callable[[], Plan]:
        return lambda: self._plans.of_library(name, prompt_type, index)

    def _of_inline(
        self, prompt: PromptTemplateDict | str, name: str | None, prompt_type: PromptType
    ) -> Callable[[], Plan]:
        shown = name or f"<inline:{prompt_type}>"
        return lambda: self._plans.of_inline(checked(read_prompt, prompt, shown), shown, prompt_type)

    def _call(
        self,
        params: Mapping[str, Any] | None,
        include_rag: bool,
        validation_override: ValidationLevel | None,
        namespace: Mapping[str, Any] | None,
    ) -> Call:
        level = member(ValidationLevel, validation_override) if validation_override is not None else None
        return Call(params or {}, include_rag, level, self.default_validation, namespace)

    def _render(self, plan: Plan, call: Call) -> RenderResult:
        return render(self._plans, plan, call)

    def _planned(self, make: Callable[[], Plan]) -> tuple[Plan, list[str]]:
        """The plan, and the names that it and the prompts it refers to can use."""
        plan = make()
        return plan, list(dict.fromkeys(name for each in self._plans.reachable(plan) for name in each.wanted))

    async def _fetch(self, wanted: list[str], call: Call) -> Call:
        """The call, with the values that adapters have for names that the caller did not give."""
        found = {}
        for name in wanted:
            if name not in call.params:
                for label, adapter in self.adapters.items():
                    if (value := await _value_of(adapter, name, call.params)) is not None:
                        found[name] = (label, value)
                        break
        return replace(call, found=found)


async def _value_of(adapter: ValueSource, name: str, context: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(adapter.get_value):
        return await adapter.get_value(name, None, context)
    return await asyncio.to_thread(adapter.get_value, name, None, context)


class AsyncPromptBuilder(_Builder):
    """Renders the prompts of a library; its methods are awaited, and never hold up the loop that awaits them.

    Args:
        library: Where prompts come from.
        adapters: Sources of values for parameters that callers do not give, asked in this order.
        default_validation: What a missing required parameter leads to in a prompt that does not say.
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
        call = self._call(params, include_rag, validation_override, namespace)
        return await self._rendered(self._of_library(name, "system"), call)

    async def render_user_prompt(
        self,
        name: str,
        index: int = 0,
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
            index: Which of its variants, from 0.
            params: Values; None and "" are values that were given.
            include_rag: False leaves the placeholders of retrieval blank.
            validation_override: The validation level of this call alone.
            return_rag_metadata: Ask for ``rag_metadata``; it is None as long as nothing is retrieved.
            cached_rag: The ``rag_metadata`` of an earlier render; used by prompts that retrieve.
            namespace: Where names are looked up that neither ``params`` nor an adapter has.

        Raises:
            PromptNotFound: There is no such prompt, or it extends or refers to one that is not there.
            MissingParameters: Required parameters have no value, and the level is ERROR.
            PromptError: It is broken, or it retrieves and ``include_rag`` is true: retrieval does not exist yet.
            TemplateError: Its template does not parse, or cannot be rendered with these values.
        """
        call = self._call(params, include_rag, validation_override, namespace)
        return await self._rendered(self._of_library(name, "user", index), call)

    async def render_inline(
        self,
        prompt: PromptTemplateDict | str,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
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
            name: What messages and metadata call it. It may extend a library's prompt of this name.
            prompt_type: Of which type the prompts are that it refers to, first of all.
            namespace: See there.

        Raises:
            DknbError: As ``render_user_prompt``.
        """
        call = self._call(params, include_rag, validation_override, namespace)
        return await self._rendered(self._of_inline(prompt, name, prompt_type), call)

    async def _rendered(self, make: Callable[[], Plan], call: Call) -> RenderResult:
        if not self.adapters:
            return await asyncio.to_thread(lambda: self._render(make(), call))
        plan, wanted = await asyncio.to_thread(self._planned, make)
        call = await self._fetch(wanted, call)
        return await asyncio.to_thread(self._render, plan, call)


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
        call = self._call(params, include_rag, validation_override, namespace)
        return self._rendered(self._of_library(name, "system"), call)

    def render_user_prompt(
        self,
        name: str,
        index: int = 0,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
        *,
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderResult:
        """See ``AsyncPromptBuilder.render_user_prompt``."""
        call = self._call(params, include_rag, validation_override, namespace)
        return self._rendered(self._of_library(name, "user", index), call)

    def render_inline(
        self,
        prompt: PromptTemplateDict | str,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        validation_override: ValidationLevel | None = None,
        *,
        name: str | None = None,
        prompt_type: PromptType = "user",
        namespace: Mapping[str, Any] | None = None,
    ) -> RenderResult:
        """See ``AsyncPromptBuilder.render_inline``."""
        call = self._call(params, include_rag, validation_override, namespace)
        return self._rendered(self._of_inline(prompt, name, prompt_type), call)

    def _rendered(self, make: Callable[[], Plan], call: Call) -> RenderResult:
        if not self.adapters:
            return self._render(make(), call)
        plan, wanted = self._planned(make)
        return self._render(plan, _sync.run(self._fetch(wanted, call)))
