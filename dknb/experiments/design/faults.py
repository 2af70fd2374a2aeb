"""What of a design cannot be rendered, collected to be told together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...errors import DesignError, DknbError, did_you_mean
from ...llm.messages import LLMMessage
from .items import Item
from .prompts import MissingColumns, PromptArm

__all__ = ["DesignFaults"]

#: Most items that a message names.
_NAMED = 5

#: Most problems that are told.
_TOLD = 20


class _Fault(NamedTuple):
    """A reason why a prompt cannot be rendered: a parameter without a value, or what it said."""

    prompt: str
    told: str
    is_parameter: bool


class DesignFaults:
    """What cannot be rendered, and why.

    Args:
        items: All items.
        params: For parameters that are not called like their columns: the column.

    Attributes:
        last: Why the last one could not be.
    """

    def __init__(self, items: Sequence[Item], params: Mapping[str, str]) -> None:
        self._items, self._params = items, params
        self._columns = list(items[0].row)
        self._found: dict[_Fault, list[str]] = {}
        self._rendered: set[str] = set()
        self.last = ""

    def messages(self, prompt: PromptArm, item: Item) -> list[LLMMessage] | None:
        """What a prompt says for an item; None where it cannot be rendered."""
        if self._hopeless(prompt):
            return None
        try:
            messages = prompt.messages(item.row, self._params)
        except MissingColumns as error:
            self.last = str(error)
            faults = [_Fault(prompt.label, name, is_parameter=True) for name in error.names]
        except DknbError as error:
            self.last = f"Prompt {prompt.label!r} cannot be rendered: {error}"
            faults = [_Fault(prompt.label, str(error), is_parameter=False)]
        else:
            self._rendered.add(prompt.label)
            return messages
        for fault in faults:
            self._found.setdefault(fault, []).append(item.label)
        return None

    def _hopeless(self, prompt: PromptArm) -> bool:
        """Whether it needs a column that no item has."""
        return prompt.label not in self._rendered and any(
            fault.prompt == prompt.label and fault.is_parameter and not self._has(fault.told) for fault in self._found
        )

    def _has(self, parameter: str) -> bool:
        return self._params.get(parameter, parameter) in self._columns

    def refuse(self) -> None:
        """Refuse a prompt that can be rendered for no item.

        Raises:
            DesignError: One cannot.
        """
        problems = [
            self._told(fault, items) for fault, items in self._found.items() if fault.prompt not in self._rendered
        ]
        if problems:
            lacks = any(fault.is_parameter and not self._has(fault.told) for fault in self._found)
            columns = ", ".join(self._columns)
            hint = f"Columns: {columns}. A column of another name:  params={{'parameter': 'column'}}"
            raise DesignError(_some(problems), hint=hint if lacks else None)

    def told(self) -> list[str]:
        """What cannot be rendered, a sentence each."""
        return _some([self._told(fault, items) for fault, items in self._found.items()])

    def _told(self, fault: _Fault, items: Sequence[str]) -> str:
        if not fault.is_parameter:
            return f"Prompt {fault.prompt!r} cannot be rendered for {self._named(items)}: {fault.told.rstrip('.')}."
        if not self._has(fault.told):
            near = did_you_mean(fault.told, self._columns)
            return f"Prompt {fault.prompt!r} needs {fault.told!r}, which the data does not have.{near}"
        return f"Prompt {fault.prompt!r} has no value for {fault.told!r} in {self._named(items)}."

    def _named(self, items: Sequence[str]) -> str:
        if len(items) == len(self._items):
            return "all items" if len(items) > 1 else f"item {items[0]!r}"
        if len(items) == 1:
            return f"item {items[0]!r}"
        told = ", ".join(repr(label) for label in items[:_NAMED])
        return f"{len(items):,} items ({told}{', …' if len(items) > _NAMED else ''})"


def _some(problems: list[str]) -> list[str]:
    """The first of many problems, and how many there are."""
    more = len(problems) - _TOLD
    return problems if more <= 0 else [*problems[:_TOLD], f"And so on: {more:,} more."]
