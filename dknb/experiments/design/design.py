"""An experiment's design: items x variants x repeats, and all that each call sends."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...errors import DesignError, DknbError, did_you_mean
from .items import Item
from .models import ModelArm
from .prompts import MissingColumns, PromptArm
from .requests import Request, key_of, request_of

__all__ = ["Design", "TrialPlace", "Variant"]

#: Most items that a message names.
_NAMED = 5


@dataclass(frozen=True)
class Variant:
    """One prompt on one model.

    Attributes:
        label: What it is called.
        prompt: The prompt.
        model: The model.
        model_number: The model's place among those of the experiment.
    """

    label: str
    prompt: PromptArm
    model: ModelArm
    model_number: int


class TrialPlace(NamedTuple):
    """Where a trial stands in a design, by numbers from 0."""

    item: int
    variant: int
    repeat: int


@dataclass
class Design:
    """What is asked of whom.

    A trial has a number: items in their order, in each the variants, in each the repeats.

    Attributes:
        name: The experiment's name.
        items: The items.
        prompts: The prompts.
        models: The models.
        repeats: How often each item is asked of each variant.
        params: For parameters that are not called like their columns: the column.
    """

    name: str
    items: Sequence[Item]
    prompts: Sequence[PromptArm]
    models: Sequence[ModelArm]
    repeats: int
    params: Mapping[str, str] = field(default_factory=dict)
    _requests: list[Request] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.variants = [
            Variant(self._label(prompt, model), prompt, model, number)
            for prompt in self.prompts
            for number, model in enumerate(self.models)
        ]

    def _label(self, prompt: PromptArm, model: ModelArm) -> str:
        if len(self.models) == 1:
            return prompt.label
        return model.label if len(self.prompts) == 1 else f"{prompt.label} | {model.label}"

    def __len__(self) -> int:
        return len(self.items) * len(self.variants) * self.repeats

    def place(self, number: int) -> TrialPlace:
        """Where the trial of that number stands."""
        asked, repeat = divmod(number, self.repeats)
        return TrialPlace(*divmod(asked, len(self.variants)), repeat)

    def numbers_of(self, item: int) -> range:
        """The numbers of an item's trials."""
        each = len(self.variants) * self.repeats
        return range(item * each, (item + 1) * each)

    def request(self, number: int) -> Request:
        """What the trial of that number sends."""
        return self.requests[number // self.repeats]

    def key(self, number: int) -> str:
        """By what a store knows the trial of that number."""
        return key_of(self.request(number), number % self.repeats)

    def keys(self) -> Iterator[str]:
        """The keys of all trials, by their numbers."""
        return (key_of(request, repeat) for request in self.requests for repeat in range(self.repeats))

    # What is sent

    @property
    def requests(self) -> list[Request]:
        """What is sent for each item of each variant; made at first use, which may take long.

        Raises:
            DesignError: Some of it cannot be made; the problems are told together.
        """
        if self._requests is None:
            self._requests = self._made(self.items)
        return self._requests

    def check_first(self) -> None:
        """Make what is sent for the first item only, where nothing has to be searched for.

        Raises:
            DesignError: It cannot be made.
        """
        if not any(prompt.searches for prompt in self.prompts):
            self._made(self.items[:1])

    def _made(self, items: Sequence[Item]) -> list[Request]:
        faults = _Faults(self)
        made: list[Request] = []
        twins: Counter[str] = Counter()
        for item in items:
            for prompt in self.prompts:
                messages = faults.messages(prompt, item)
                if messages is None:
                    continue
                for model in self.models:
                    request = request_of(messages, model)
                    made.append(request._replace(twin=twins[request.digest]))
                    twins[request.digest] += 1
        faults.tell()
        return made

    # What a store keeps of it

    def told(self) -> dict[str, Any]:
        """The design as JSON data, to keep and to compare."""
        return {
            "items": [item.label for item in self.items],
            "variants": [
                {
                    "label": variant.label,
                    "prompt": variant.prompt.name,
                    "version": variant.prompt.version,
                    "model": variant.model.label,
                    "spec": variant.model.config.spec,
                    "digest": self._digest(number),
                }
                for number, variant in enumerate(self.variants)
            ],
            "repeats": self.repeats,
        }

    def _digest(self, variant: int) -> str:
        """A hash of what the variant sends for all items."""
        sent = self.requests[variant :: len(self.variants)]
        return hashlib.sha256(json.dumps([request.digest for request in sent]).encode()).hexdigest()[:16]


class _Faults:
    """What of a design cannot be rendered, collected to be told at once."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._missing: dict[tuple[str, str], list[str]] = {}
        self._others: dict[tuple[str, str], list[str]] = {}

    def messages(self, prompt: PromptArm, item: Item) -> Any:
        try:
            return prompt.messages(item.row, self._design.params)
        except MissingColumns as error:
            for name in error.names:
                self._missing.setdefault((prompt.label, name), []).append(item.label)
        except DknbError as error:
            self._others.setdefault((prompt.label, str(error)), []).append(item.label)
        return None

    def tell(self) -> None:
        if not (self._missing or self._others):
            return
        columns = list(self._design.items[0].row)
        problems = [
            f"Prompt {prompt!r} needs {name!r}, which {self._of(items)} not have.{did_you_mean(name, columns)}"
            for (prompt, name), items in self._missing.items()
        ]
        problems += [
            f"Prompt {prompt!r} cannot be rendered for {self._named(items)}: {told}"
            for (prompt, told), items in self._others.items()
        ]
        hint = f"Columns: {', '.join(columns)}. A column of another name:  params={{'parameter': 'column'}}"
        raise DesignError(problems, hint=hint if self._missing else None)

    def _of(self, items: Sequence[str]) -> str:
        if len(items) == len(self._design.items) or len(self._design.items) == 1:
            return "the data does"
        return f"{self._named(items)} {'does' if len(items) == 1 else 'do'}"

    def _named(self, items: Sequence[str]) -> str:
        if len(items) == 1:
            return f"item {items[0]!r}"
        told = ", ".join(repr(label) for label in items[:_NAMED])
        return f"{len(items):,} items ({told}{', …' if len(items) > _NAMED else ''})"
