"""The prompt that tells a judge what to look at, from a library of prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from ...._sync import in_thread
from ....errors import ConfigError, DknbError, PromptNotFound, TemplateError
from ....prompts.builder import AsyncPromptBuilder, PromptBuilder
from ....prompts.composite import CompositePromptLibrary
from ....prompts.config import ConfigPromptLibrary
from ....prompts.library import AbstractPromptLibrary
from ....prompts.sources.opening import open_library
from ....prompts.sources.package import PackagePromptLibrary
from ....prompts.types import ValidationLevel

__all__ = ["Rubric"]

_TAG = re.compile(r"<([A-Za-z_][\w.:-]*)[^<>]*>\s*$")
_PROBE = "dknb-probe"


class Rubric:
    """A user prompt of a library, or one of those that dknb brings: ``judge``, ``verdict``, ``compare``.

    Args:
        name: Its name.
        library: Where it is looked for first: a library, or what `open_library` takes.
        answers: The parameters for what is judged: it must have each of these.

    Attributes:
        name: Its name.
        parameters: The names that it can use.

    Raises:
        ConfigError: There is no such prompt, it has no place for what is judged, or what is judged could close the tags
            around it.
    """

    def __init__(self, name: str, library: Any, answers: tuple[str, ...]) -> None:
        self.name = name
        self._answers = answers
        self._is_checked = False
        self._given = None if library is None else open_library(library)
        libraries = [] if self._given is None else [self._given]
        self._library = CompositePromptLibrary([*libraries, _bundled()])
        try:
            self._prompt = self._library.require_prompt(name, "user")
        except PromptNotFound as error:
            raise ConfigError(f"There is no rubric {name!r}: {error}", hint=error.hint) from error
        self._builder = AsyncPromptBuilder(self._library)
        self.parameters = frozenset(self._builder.get_parameters(self._prompt, name=name))
        for each in answers:
            if each not in self.parameters:
                raise ConfigError(
                    f"The rubric {name!r} has no place for what is judged: it has no parameter {each!r}.",
                    hint=f'Write into it:  <{each}>\\n{{{{{each}|fenced("{each}")}}}}\\n</{each}>',
                )

    def __reduce__(self) -> tuple[object, ...]:
        # On another machine there may be no such folder: the prompts themselves go there.
        given = None if self._given is None else _copied(self._given)
        return Rubric, (self.name, given, self._answers)

    @property
    def template(self) -> Any:
        """Its text."""
        return self._prompt.get("template")

    def default(self, parameter: str) -> Any:
        """What a parameter is where nobody says; None where it must be given."""
        return self._prompt.get("defaults", {}).get(parameter)

    def check_fences(self, values: Mapping[str, Any]) -> None:
        """Refuse a rubric whose tags around an answer the answer could close.

        One that cannot be rendered with these values is checked when it is first rendered with an item's.

        Raises:
            ConfigError: It could.
        """
        with suppress(TemplateError):
            self._check(values)

    def _check(self, values: Mapping[str, Any]) -> None:
        for each in self._answers:
            text = self._probed({**values, each: _PROBE})
            around = _TAG.search(text.partition(_PROBE)[0])
            if around is None:
                continue
            close = f"</{around[1]}>{_PROBE}"
            if close in self._probed({**values, each: close}):
                raise ConfigError(
                    f"An answer can close the <{around[1]}> that the rubric {self.name!r} puts around it.",
                    hint=f'Write  {{{{{each}|fenced("{around[1]}")}}}}',
                )

        self._is_checked = True

    def _probed(self, values: Mapping[str, Any]) -> str:
        """The text with these values; those that only an item has may be missing."""
        builder = PromptBuilder(self._library)
        level = ValidationLevel.IGNORE
        return builder.render_user_prompt(
            self.name, 0, self.known(values), include_rag=False, validation_override=level
        ).content

    def known(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the values that it has a parameter for."""
        return {name: value for name, value in values.items() if name in self.parameters and value is not None}

    async def text(self, values: Mapping[str, Any]) -> str:
        """What the judge is asked; values that the prompt has no parameter for are left out."""
        if not self._is_checked:
            await in_thread(self._check, values)
        result = await self._builder.render_user_prompt(self.name, 0, self.known(values), include_rag=False)
        return result.content


@cache
def _bundled() -> AbstractPromptLibrary:
    return PackagePromptLibrary(f"{__package__}/rubrics")


def _copied(library: AbstractPromptLibrary) -> ConfigPromptLibrary:
    """The prompts of a library that a rubric may be made of; those that are broken are none."""
    copy = ConfigPromptLibrary({})
    for name in library.list_system_prompts():
        with suppress(DknbError):
            copy.add_system_prompt(name, library.require_prompt(name, "system"))
    for name in library.list_user_prompts():
        with suppress(DknbError):
            copy.add_user_prompt(name, library.require_prompt(name, "user"))
    return copy
