"""The prompts of an experiment: whatever makes the messages of a call out of an item's row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import DesignError, DknbError, PromptNotFound
from ...llm.messages import LLMMessage
from ..surroundings import KnownPrompt

if TYPE_CHECKING:
    from ...prompts.builder import PromptBuilder
    from ...prompts.types import PromptType
    from ...templates.types import RenderResult

__all__ = ["PromptArm", "PromptFunction", "prompts_of"]

#: A prompt as a function: the text of the user's message, or messages, for an item's row.
PromptFunction = Callable[[Mapping[str, Any]], Any]

#: What only a template has, and no name of a prompt.
_TEMPLATE_MARKS = ("{{", "((", "{%", "\n")


@dataclass(frozen=True)
class PromptArm:
    """A prompt that is tried.

    Attributes:
        label: What it is called, with its version where it was named with one.
        name: What it is called without its version.
        version: Its version, where it tells one.
        source: The prompt, or a function of an item's row.
        builder: What renders it.
        system: A prompt for the system message, where it has none itself.
    """

    label: str
    name: str
    version: str | None
    source: KnownPrompt | PromptFunction
    builder: PromptBuilder
    system: KnownPrompt | None = None

    def messages(self, row: Mapping[str, Any], params: Mapping[str, str]) -> list[LLMMessage]:
        """The messages for a row; ``params`` has the columns of parameters that are not called like theirs.

        Raises:
            DknbError: It cannot be rendered, or a parameter has no value.
        """
        values = _values(row, params)
        messages = [] if self.system is None else [LLMMessage("system", self._text(self.system, values))]
        if not isinstance(self.source, KnownPrompt):
            return [*messages, *_said(self._made(self.source, row), self.label)]
        if self.source.kind == "messages":
            rendered = self.builder.render_message_index(self.source.name, 0, values)
            self._refuse_holes(self.source, rendered.result)
            return [*messages, *rendered]
        return [*messages, LLMMessage("user", self._text(self.source, values))]

    def _made(self, function: PromptFunction, row: Mapping[str, Any]) -> Any:
        """What a function makes of a row.

        Raises:
            DesignError: It raised something.
        """
        try:
            return function(dict(row))
        except DknbError:
            raise
        except Exception as error:
            raise DesignError(f"{type(error).__name__}: {error}") from error

    def _text(self, prompt: KnownPrompt, values: Mapping[str, Any]) -> str:
        kind: PromptType = "system" if prompt.kind == "system" else "user"
        result = self.builder.render_inline(prompt.prompt, values, name=prompt.name, prompt_type=kind)
        self._refuse_holes(prompt, result)
        return result.content

    def _refuse_holes(self, prompt: KnownPrompt, result: RenderResult) -> None:
        """Let no prompt with holes go to a model, unless it says itself that they do not matter."""
        if result.params_missing and result.metadata.get("validation_level") != "ignore":
            raise MissingColumns(prompt.name, result.params_missing)

    @property
    def searches(self) -> bool:
        """Whether rendering it waits for others."""
        return bool(self.builder.adapters)


class MissingColumns(DknbError):
    """A prompt needs what a row does not have.

    Attributes:
        prompt: The prompt.
        names: The parameters without a value.
    """

    def __init__(self, prompt: str, names: Sequence[str]) -> None:
        super().__init__(f"Prompt {prompt!r} has no value for {', '.join(names)}")
        self.prompt, self.names = prompt, list(names)


@dataclass(frozen=True)
class PromptOrigin:
    """Where the prompts of an experiment come from.

    Attributes:
        find: Gives the prompt of a name.
        builder: Renders prompts.
        system: What the system message is made of, where one is wanted.
    """

    find: Callable[[str], KnownPrompt]
    builder: PromptBuilder
    system: KnownPrompt | None = None
    labels: dict[str, int] = field(default_factory=dict)


def prompts_of(prompts: Any, source: PromptOrigin) -> list[PromptArm]:
    """The prompts that ``prompts`` names.

    Args:
        prompts: Names in the library, templates' texts, prompts' dicts or functions of a row: one, a list, or a dict of
            them by the names they get.
        source: Where they come from.

    Raises:
        PromptNotFound: There is no prompt of a name.
        PromptError: One is broken.
        DesignError: There are none, one is no prompt, or two are called alike.
    """
    named = _named(prompts)
    if not named:
        raise DesignError("There is no prompt to try.", hint='prompts=["critique@1.0", "critique@1.1"]')
    arms = [_arm(label, prompt, place, source) for place, (label, prompt) in enumerate(named, 1)]
    labels = [arm.label for arm in arms]
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise DesignError(
                f"The prompt {label!r} is there twice.", hint='Give them names:  prompts={"short": ..., "long": ...}'
            )
    return arms


def _named(prompts: Any) -> list[tuple[str | None, Any]]:
    if isinstance(prompts, Mapping) and not _is_prompt(prompts):
        return [(str(label), prompt) for label, prompt in prompts.items()]
    if isinstance(prompts, Sequence) and not isinstance(prompts, str | KnownPrompt):
        return [(None, prompt) for prompt in prompts]
    return [(None, prompts)]


def _is_prompt(given: Mapping[str, Any]) -> bool:
    return "template" in given or "extends" in given


def _arm(label: str | None, prompt: Any, place: int, source: PromptOrigin) -> PromptArm:
    if isinstance(prompt, str):
        return _of_text(label, prompt, place, source)
    if isinstance(prompt, KnownPrompt):
        return _known(label or prompt.name, prompt, source)
    if isinstance(prompt, Mapping) and _is_prompt(prompt):
        called = label or str(prompt.get("name") or prompt.get("metadata", {}).get("name") or f"prompt {place}")
        whole: Any = {key: value for key, value in prompt.items() if key != "name"}
        return _known(called, KnownPrompt(called, "user", whole), source)
    if callable(prompt):
        called = label or str(getattr(prompt, "__name__", f"prompt {place}"))
        return PromptArm(called, called, None, prompt, source.builder, source.system)
    raise DesignError(
        f"A prompt is {prompt!r:.80}.",
        hint="Give a name in the library, a template's text, a prompt's dict or a function",
    )


def _of_text(label: str | None, text: str, place: int, source: PromptOrigin) -> PromptArm:
    """The prompt of that name; what can be no name is a template."""
    is_template = any(mark in text for mark in _TEMPLATE_MARKS)
    if not is_template:
        try:
            found = source.find(text)
        except PromptNotFound as error:
            error.hint = f"{error.hint or ''}  A template's text has {{{{a parameter}}}} in it.".strip()
            raise
        return _known(label or text, found, source)
    called = label or f"prompt {place}"
    return _known(called, KnownPrompt(called, "user", {"template": text}), source)


def _known(label: str, found: KnownPrompt, source: PromptOrigin) -> PromptArm:
    name, at, number = found.name.rpartition("@")
    told = found.prompt.get("metadata", {}).get("version")
    version = None if told is None else str(told)
    if at:
        return PromptArm(label, name, version or number, found, source.builder, _system_for(found, source))
    return PromptArm(label, found.name, version, found, source.builder, _system_for(found, source))


def _system_for(found: KnownPrompt, source: PromptOrigin) -> KnownPrompt | None:
    """The system prompt that goes with it; messages that begin with one have their own."""
    if found.kind == "messages" and source.system is not None:
        turns: Any = found.prompt.get("messages", ())
        if any(turn.get("role") == "system" for turn in turns):
            raise DesignError(
                f"The messages of {found.name!r} have a system message of their own, and system= gives another.",
                hint="Leave out system=, or take it out of the messages",
            )
    return source.system


def _values(row: Mapping[str, Any], params: Mapping[str, str]) -> dict[str, Any]:
    """What a row gives: a missing value is none, so that a default holds."""
    values = {name: value for name, value in row.items() if value is not None}
    for parameter, column in params.items():
        values.pop(parameter, None)
        if row.get(column) is not None:
            values[parameter] = row[column]
    return values


def _said(said: Any, label: str) -> list[LLMMessage]:
    """What a function of a row gave, as messages."""
    from ...llm.request import as_messages

    if said is None or said == "":
        raise DesignError(f"The prompt {label!r} gave nothing for a row.", hint="Let it return a text or messages")
    return list(as_messages(getattr(said, "messages", None) or getattr(said, "content", None) or said))
