"""An experiment's design: items x variants x repeats, and all that each call sends."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from .faults import DesignFaults
from .items import Item, row_hash
from .models import ModelArm
from .prompts import PromptArm
from .requests import Request, key_of, request_of, unmade

__all__ = ["Design", "TrialPlace", "Variant"]


#: Rows of the data that are kept by their hashes: the least ones, so that data with the same rows have the same ones.
_SAMPLED = 64


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
    _faults: list[str] = field(default_factory=list, repr=False)

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

        An item that a prompt cannot be rendered for has a request with the reason, as long as others can be.

        Raises:
            DesignError: A prompt can be rendered for no item; the problems are told together.
        """
        if self._requests is None:
            self._requests = self._made()
        return self._requests

    @property
    def faults(self) -> list[str]:
        """What cannot be rendered, a sentence each."""
        return self._faults

    def fault(self, number: int) -> str | None:
        """Why nothing can be sent for the trial of that number."""
        return self.request(number).fault

    def check_first(self) -> None:
        """See that each prompt can be rendered for some item, where nothing has to be searched for.

        Raises:
            DesignError: One cannot.
        """
        if any(prompt.searches for prompt in self.prompts):
            return
        faults = DesignFaults(self.items, self.params)
        for prompt in self.prompts:
            messages = next((each for item in self.items if (each := faults.messages(prompt, item)) is not None), None)
            for model in self.models:
                if messages is not None:
                    request_of(messages, model)
        faults.refuse()

    def _made(self) -> list[Request]:
        faults = DesignFaults(self.items, self.params)
        made: list[Request] = []
        twins: Counter[str] = Counter()
        for item in self.items:
            for prompt in self.prompts:
                messages = faults.messages(prompt, item)
                for model in self.models:
                    if messages is None:
                        made.append(unmade(faults.last, prompt.label, model.label, item.label))
                        continue
                    request = request_of(messages, model)
                    made.append(request._replace(twin=twins[request.digest]))
                    twins[request.digest] += 1
        faults.refuse()
        self._faults = faults.told()
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
            "data": self.sample,
        }

    @cached_property
    def sample(self) -> list[str]:
        """Hashes of some rows of the data, by which it is known again also when rows are added to it, or taken away."""
        return sorted({row_hash(item.row) for item in self.items})[:_SAMPLED]

    def _digest(self, variant: int) -> str:
        """A hash of what the variant sends for all items."""
        sent = self.requests[variant :: len(self.variants)]
        return hashlib.sha256(json.dumps([request.digest for request in sent]).encode()).hexdigest()[:16]
