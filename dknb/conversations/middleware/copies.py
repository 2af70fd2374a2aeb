"""The messages of a request as a middleware sees them: copies, of which each is made when it is looked at."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, SupportsIndex, TypeVar, overload

from ...llm.messages import LLMMessage
from ..chaining import ChainedMessages, chaining_over

__all__ = ["Changed", "Copies", "copied", "gently", "mark", "sent"]

N = TypeVar("N")
V = TypeVar("V")

#: Seconds that work on messages may take before others get their turn.
_AT_A_TIME = 0.003
#: Messages between two looks at the clock.
_BETWEEN_LOOKS = 64
#: So many from the end are found by going upward, which costs nothing for those before them.
_NEAR_THE_END = 64


class Copies(list[LLMMessage]):
    """A list of copies of messages that costs nothing until it is looked at.

    Its length, single messages and ``reversed()`` from the end are had without the rest, so that a middleware that looks
    at the last message costs the same in a conversation of any length. All else makes it a list like any other first.

    Args:
        base: What it has copies of; messages of it are not changed.
    """

    __slots__ = ("_base", "_marks", "_own")

    def __init__(self, base: Sequence[LLMMessage]) -> None:
        super().__init__()
        #: Metadata that each copy gets when it is made.
        self._marks: dict[str, Any] = {}
        self._base: Sequence[LLMMessage] | None = sent(base)
        #: By place, the message and its copy.
        self._own: dict[int, tuple[LLMMessage, LLMMessage]] = {}

    @property
    def is_list(self) -> bool:
        """Whether all copies are made."""
        return self._base is None

    def _copy(self, place: int, message: LLMMessage) -> LLMMessage:
        if place not in self._own:
            self._own[place] = message, copied(message, self._marks)
        return self._own[place][1]

    def mark(self, metadata: Mapping[str, Any]) -> None:
        """Add to the metadata of all; of a message that nobody looked at yet, when somebody does."""
        self._marks = {**self._marks, **metadata}
        for twin in [twin for _, twin in self._own.values()] if self._base is not None else self:
            twin.metadata.update(metadata)

    def _fill(self) -> None:
        if self._base is not None:
            copies = [self._copy(len(self._base) - 1 - above, one) for above, one in enumerate(reversed(self._base))]
            self._become(copies)

    async def fill_gently(self) -> None:
        """Make all copies, with pauses for others."""
        if self._base is None:
            return
        last, copies, pause = len(self._base) - 1, [], _Pauses()
        for above, message in enumerate(reversed(self._base)):
            copies.append(self._copy(last - above, message))
            if pause.is_due():
                await pause.take()
        self._become(copies)

    def _become(self, upward: list[LLMMessage]) -> None:
        upward.reverse()
        self._base, self._own, self._marks = None, {}, {}
        super().extend(upward)

    # What needs no other message

    def __len__(self) -> int:
        return super().__len__() if self._base is None else len(self._base)

    @overload
    def __getitem__(self, index: SupportsIndex) -> LLMMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[LLMMessage]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> LLMMessage | list[LLMMessage]:
        if self._base is None:
            return super().__getitem__(index)
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]  # an IndexError, as of any list
        return self._own[place][1] if place in self._own else self._copy(place, _at(self._base, place))

    def __reversed__(self) -> Iterator[LLMMessage]:
        if self._base is None:
            yield from super().__reversed__()
            return
        last = len(self._base) - 1
        for above, message in enumerate(reversed(self._base)):
            yield self._copy(last - above, message)

    # What a list does once it is one

    def __iter__(self) -> Iterator[LLMMessage]:
        self._fill()
        return super().__iter__()

    def __radd__(self, other: list[LLMMessage]) -> list[LLMMessage]:
        return [*other, *self]

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return list, (list(self),)


def _after_filling(name: str) -> Any:
    plain = getattr(list, name)

    def method(self: Copies, *args: Any, **kwargs: Any) -> Any:
        self._fill()
        return plain(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = plain.__doc__
    return method


for _name in (
    *(
        "__add__",
        "__contains__",
        "__delitem__",
        "__eq__",
        "__ge__",
        "__gt__",
        "__iadd__",
        "__imul__",
        "__le__",
        "__lt__",
    ),
    *("__mul__", "__ne__", "__repr__", "__rmul__", "__setitem__"),
    *("append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"),
):
    setattr(Copies, _name, _after_filling(_name))


class Changed(ChainedMessages):
    """Messages of which some have others in their place; as lazy as ``base`` is.

    Args:
        base: The messages.
        own: By place, one of them and what stands there instead.
        marks: Metadata of all the others.
    """

    __slots__ = ("_base", "_marks", "_own", "opening")

    def __init__(
        self,
        base: Sequence[LLMMessage],
        own: Mapping[int, tuple[LLMMessage, LLMMessage]],
        marks: Mapping[str, Any],
    ) -> None:
        self._base = base
        self._own = own
        self._marks = marks
        opening: Sequence[LLMMessage] = getattr(base, "opening", ())
        self.opening = [self._instead(place, message) for place, message in enumerate(opening)]

    def _instead(self, place: int, message: LLMMessage) -> LLMMessage:
        return self._own[place][1] if place in self._own else _marked(message, self._marks)

    def __len__(self) -> int:
        return len(self._base)

    @overload
    def __getitem__(self, index: int) -> LLMMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[LLMMessage]: ...
    def __getitem__(self, index: int | slice) -> LLMMessage | list[LLMMessage]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return self._instead(place, _at(self._base, place))

    def __iter__(self) -> Iterator[LLMMessage]:
        return (self._instead(place, message) for place, message in enumerate(self._base))

    def __reversed__(self) -> Iterator[LLMMessage]:
        last = len(self._base) - 1
        return (self._instead(last - above, message) for above, message in enumerate(reversed(self._base)))

    def fold(self, name: str, measure: Callable[[LLMMessage], N]) -> N:
        """The sum of ``measure(message)`` over all messages, which metadata does not change; see `History.fold`."""
        fold: Any = getattr(self._base, "fold", None)
        measured: Any = measure
        total: Any = sum(map(measured, self._base)) if fold is None else fold(name, measure)
        whole: N = total + self._more(measure)
        return whole

    async def fold_gently(self, name: str, measure: Callable[[LLMMessage], N]) -> N:
        """`fold`, with pauses for others where the messages know how."""
        fold: Any = getattr(self._base, "fold_gently", None)
        if fold is None:
            return self.fold(name, measure)
        total: Any = await fold(name, measure)
        whole: N = total + self._more(measure)
        return whole

    def chaining(  # noqa: D102 - what is kept serves up to the first message that is another one here
        self, name: str, step: Callable[[V, LLMMessage], V], start: V, end: int | None = None
    ) -> Generator[None, None, V]:
        end, first = len(self) if end is None else end, len(self.opening)
        same = min((place for place in self._own if first <= place < end), default=end)
        value = yield from chaining_over(self._base, name, step, start, same)
        for message in _between(self, same, end):
            value = step(value, message)
        return value

    def _more(self, measure: Callable[[LLMMessage], N]) -> Any:
        """How much more the copies have than what they are copies of."""
        changed: Any = ((measure(message), measure(twin)) for message, twin in self._own.values())
        return sum(after - before for before, after in changed)


def sent(messages: Sequence[LLMMessage]) -> Sequence[LLMMessage]:
    """``messages`` as whoever comes next gets them: of what nobody looked at the originals, which are not to be changed."""
    if not isinstance(messages, Copies) or messages._base is None:
        return messages
    if not (messages._own or messages._marks):
        return messages._base
    return Changed(messages._base, dict(messages._own), messages._marks)


def _at(base: Sequence[LLMMessage], place: int) -> LLMMessage:
    """The message at ``place``, without a look at all others where that can be."""
    opening: Sequence[LLMMessage] = getattr(base, "opening", ())
    if place < len(opening):
        return opening[place]
    above = len(base) - 1 - place
    return next(islice(reversed(base), above, None)) if above < _NEAR_THE_END else base[place]


def _between(messages: Sequence[LLMMessage], first: int, end: int) -> list[LLMMessage]:
    """``messages[first:end]``, found from the end upward."""
    found = list(islice(reversed(messages), len(messages) - end, len(messages) - first))
    found.reverse()
    return found


async def gently(messages: Sequence[LLMMessage]) -> AsyncGenerator[LLMMessage, None]:
    """Each of ``messages``; between them others get their turn, however many there are."""
    if isinstance(messages, Copies):
        await messages.fill_gently()
    pause = _Pauses()
    for message in messages:
        yield message
        if pause.is_due():
            await pause.take()


def mark(messages: Sequence[LLMMessage], metadata: Mapping[str, Any]) -> None:
    """Add to the metadata of each of ``messages``."""
    if isinstance(messages, Copies):
        messages.mark(metadata)
        return
    for message in messages:
        message.metadata.update(metadata)


class _Pauses:
    """When work has taken so long that others should get their turn."""

    def __init__(self) -> None:
        self._count = 0
        self._began = time.perf_counter()

    def is_due(self) -> bool:
        self._count += 1
        return self._count % _BETWEEN_LOOKS == 0 and time.perf_counter() - self._began > _AT_A_TIME

    async def take(self) -> None:
        await asyncio.sleep(0)
        self._began = time.perf_counter()


def _marked(message: LLMMessage, marks: Mapping[str, Any]) -> LLMMessage:
    return copied(message, marks) if marks else message


def copied(message: LLMMessage, marks: Mapping[str, Any] = MappingProxyType({})) -> LLMMessage:
    """A copy of a message, with that much more metadata."""
    twin = object.__new__(type(message))  # the way of `copy` takes ten times as long
    twin.__dict__.update(message.__dict__)
    # Most messages are text alone: copying what is empty would be most of the work.
    twin.metadata = {**copy.deepcopy(message.metadata), **marks} if message.metadata else {**marks}
    twin.tool_calls = copy.deepcopy(message.tool_calls) if message.tool_calls else []
    twin.parts = copy.deepcopy(message.parts) if message.parts else []
    twin.extra = copy.deepcopy(message.extra) if message.extra else {}
    twin.function_call = copy.deepcopy(message.function_call) if message.function_call else message.function_call
    return twin
