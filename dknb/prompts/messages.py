"""Message indexes: a sequence of messages with their few-shot examples, rendered together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, cast

from ..errors import PromptError, PromptNotFound, did_you_mean
from ..llm.messages import LLMMessage
from .plan import Plan, Plans
from .render import Render
from .types import PromptTemplateDict, RenderResult

__all__ = ["IndexPlan", "IndexTurn", "RenderedMessages", "index_plan", "render_messages"]


class RenderedMessages(list[LLMMessage]):
    """The messages of an index, in order: a list like any other.

    Attributes:
        result: What the render has to say, as of a prompt: parameters used and missing, warnings, metadata, and
            ``rag_metadata``, whose spans tell with ``message`` in which message they are. ``content`` is all texts,
            with a blank line between two messages.
    """

    def __init__(self, messages: Iterable[LLMMessage], result: RenderResult) -> None:
        super().__init__(messages)
        self.result = result


class IndexTurn(NamedTuple):
    """One message of an index: who says it, and the plan of its text."""

    role: str
    plan: Plan


class Repeated(NamedTuple):
    """Messages that are there once for each example; examples by name are the value of a parameter."""

    examples: str | Sequence[Mapping[str, Any]]
    turns: tuple[IndexTurn, ...]


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """A message index that can be rendered.

    Attributes:
        name: Its name.
        steps: Its messages, and its groups of messages.
        whole: What all messages have in common, as the plan of a prompt without text.
    """

    name: str
    steps: tuple[IndexTurn | Repeated, ...]
    whole: Plan

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans that make it up."""
        turns = [turn for step in self.steps for turn in ([step] if isinstance(step, IndexTurn) else step.turns)]
        return (self.whole, *(turn.plan for turn in turns))

    @property
    def example_keys(self) -> frozenset[str]:
        """The names that are only known to come from examples that a parameter holds: no parameters themselves."""
        named = [step.turns for step in self.steps if isinstance(step, Repeated) and isinstance(step.examples, str)]
        inside = {name for turns in named for turn in turns for name in turn.plan.template.variables}
        single = {name for step in self.steps if isinstance(step, IndexTurn) for name in step.plan.wanted}
        return frozenset(inside - single - {*self.whole.wanted, *self.whole.parameters, *self.whole.defaults})

    def produce(self, render: Render) -> RenderedMessages:
        """Its messages in a render."""
        return render_messages(render, self)


def index_plan(plans: Plans, name: str, index: int = 0) -> IndexPlan:
    """The plan of a message index of the library.

    Raises:
        PromptNotFound: There is no such message index, or no such variant: each has one.
        PromptError: It is broken.
        TemplateError: A template of it does not parse.
    """
    library = plans.library
    found = library.get_message_index(name)
    if found is None:
        known = library.list_message_indexes()
        hint = f"The message indexes: {', '.join(known[:20])}" if known else "The library has no message indexes."
        raise PromptNotFound(f"There is no message index {name!r}.{did_you_mean(name, known)}", hint=hint)
    if index != 0:
        raise PromptNotFound(f"Message index {name!r} has no variant {index!r}; it has 1, counted from 0.")
    shared = cast(PromptTemplateDict, {key: value for key, value in found.items() if key != "messages"})

    def turn(message: Mapping[str, Any]) -> IndexTurn:
        role = message["role"]
        prompt: PromptTemplateDict = {**shared, "template": message["content"]}
        return IndexTurn(role, plans.of_inline(prompt, name, "system" if role == "system" else "user", "messages"))

    def step(message: Mapping[str, Any]) -> IndexTurn | Repeated:
        if "examples" not in message:
            return turn(message)
        examples = message["examples"]
        given = set().union(*examples) if not isinstance(examples, str) else set()
        return Repeated(examples, tuple(_without(given, turn(each)) for each in message["messages"]))

    whole = plans.of_inline({**shared, "template": ""}, name, "user", "messages")
    steps = tuple(step(message) for message in found.get("messages", ()))
    named = [each.examples for each in steps if isinstance(each, Repeated) and isinstance(each.examples, str)]
    return IndexPlan(name, steps, replace(whole, wanted=(*whole.wanted, *named)))


def _without(given: Collection[str], turn: IndexTurn) -> IndexTurn:
    """The turn, not wanting the names that each example gives."""
    wanted = tuple(name for name in turn.plan.wanted if name not in given)
    return IndexTurn(turn.role, replace(turn.plan, wanted=wanted))


def render_messages(render: Render, index: IndexPlan) -> RenderedMessages:
    """The messages of an index, rendered one after the other.

    Raises:
        DknbError: As the render of a prompt.
    """
    messages: list[LLMMessage] = []
    for turn, example, where in _spread(render, index):
        text = _text(render, index, turn, example)
        if where:
            _tell_holes(render, index, turn, example, where, text)
        render.locate(text, partial(_text, index=index, turn=turn, example=example), message=len(messages))
        messages.append(LLMMessage(role=turn.role, content=text))
    told = render.told("\n\n".join(message.content for message in messages), index.whole)
    return RenderedMessages(messages, replace(told, metadata={**told.metadata, "prompt_type": "messages"}))


def _text(render: Render, index: IndexPlan, turn: IndexTurn, example: Mapping[str, Any]) -> str:
    # Retrieved for the index as a whole: an example's keys are no part of a query.
    extra = {**render.retrieved(index.whole), **example}
    return render.text(turn.plan, {}, extra, (("messages", index.name),))


def _tell_holes(
    render: Render, index: IndexPlan, turn: IndexTurn, example: Mapping[str, Any], where: str, text: str
) -> None:
    """Put down what the message shows as ``{{name}}``: it repeats for examples, and this one lacks that key."""
    given = {**render.given(index.whole), **example}
    holes = [name for name in turn.plan.template.variables if name not in given and f"{{{{{name}}}}}" in text]
    if holes:
        render.miss(index.whole, [f"{where}.{name}" for name in holes])


def _spread(render: Render, index: IndexPlan) -> Iterator[tuple[IndexTurn, Mapping[str, Any], str]]:
    """Each message, the example that it is rendered with, and what to call that."""
    for step in index.steps:
        if isinstance(step, IndexTurn):
            yield step, {}, ""
            continue
        examples = _examples(render, index, step.examples) if isinstance(step.examples, str) else step.examples
        named = step.examples if isinstance(step.examples, str) else "examples"
        for number, example in enumerate(examples):
            for turn in step.turns:
                yield turn, example, f"{named}[{number}]"


def _examples(render: Render, index: IndexPlan, name: str) -> Sequence[Mapping[str, Any]]:
    """The examples that a parameter holds; none where it has no value."""
    found = render.given(index.whole).get(name)
    if found is None:
        return ()
    render.use(name, found)
    if isinstance(found, Sequence) and all(isinstance(each, Mapping) for each in found):
        return found
    raise PromptError(
        f"The examples of message index {index.name!r} are a list of mappings, not {name} = {found!r}"[:300] + ".",
        hint=f"Give {name}=[{{'key': 'value'}}, ...], each with the keys that its messages use.",
    )
