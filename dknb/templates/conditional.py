"""The CONDITIONAL language: ``{{name}}`` and optional ``((sections))``, nothing else.

A render lines up everything that can be printed in one list, the *pool*: values of holes outside sections, values of holes
inside, those that carry white space along, and the texts, section by section. A section that goes away blanks its
texts; its holes are blank already, since none of its variables has a value. Then one C call takes the items in
the order of the template and one joins them. Nothing recurses, and no value is looked at as template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from .pieces import TOP, Hole, Piece, parse
from .program import CompiledTemplate
from .types import Rendered
from .values import has_value

_Pick = Callable[[Sequence[Any]], Sequence[Any]]


def _picker(indices: Iterable[int]) -> _Pick:
    """A function that takes these items of a sequence, as a sequence, in one C call."""
    wanted = list(indices)
    if len(wanted) > 1:
        return itemgetter(*wanted)
    first = wanted[0] if wanted else 0
    return itemgetter(slice(first, first + len(wanted)))


class _Silent(str):
    """What a value in a section prints when its text is empty; it is a value all the same."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


def _inside(value: object) -> str:
    """What a hole in a section prints; it is true as a condition if the value counts as one."""
    return (str(value) or _Silent()) if has_value(value) else ""


class _Places:
    """The place of each piece in the pool."""

    def __init__(self, pieces: list[Piece]) -> None:
        holes = [(owner != TOP, content) for owner, content in pieces if isinstance(content, Hole)]
        self.outer = list(dict.fromkeys(hole.name for inside, hole in holes if not inside))
        self.inner = list(dict.fromkeys(hole.name for inside, hole in holes if inside))
        values = [(False, name) for name in self.outer] + [(True, name) for name in self.inner]
        self._value = {key: place for place, key in enumerate(values)}
        spaced = dict.fromkeys(self._spaced(inside, hole) for inside, hole in holes if hole.before or hole.after)
        self.spaced = list(spaced)
        self._with_space = {key: len(values) + rank for rank, key in enumerate(spaced)}
        self.texts = len(values) + len(spaced)

    def _spaced(self, inside: bool, hole: Hole) -> tuple[int, str, str]:
        return self._value[inside, hole.name], hole.before, hole.after

    def of(self, inside: bool, hole: Hole) -> int:
        """The place of what fills a hole."""
        key = self._spaced(inside, hole)
        return self._with_space.get(key, key[0])

    def order(self, pieces: list[Piece]) -> tuple[list[int], list[str]]:
        """The place of each piece, and the texts in the order of their places: by owner."""
        ranked = sorted((owner, at) for at, (owner, content) in enumerate(pieces) if isinstance(content, str))
        places = [0] * len(pieces)
        for rank, (_, at) in enumerate(ranked):
            places[at] = self.texts + rank
        for at, (owner, content) in enumerate(pieces):
            if isinstance(content, Hole):
                places[at] = self.of(owner != TOP, content)
        return places, [str(pieces[at].content) for _, at in ranked]


class _Decision(NamedTuple):
    """A section that has variables: its own holes decide, or a section inside it; its texts go when it goes."""

    section: int
    parent: int
    own: _Pick
    texts: slice
    blank: list[str]


def _decisions(pieces: list[Piece], parents: list[int], places: _Places) -> list[_Decision]:
    """What is to be decided, inner sections first."""
    inner = {name: number for number, name in enumerate(places.inner, len(places.outer))}
    own: dict[int, dict[int, None]] = {}
    texts = {TOP: 0}
    for owner, content in pieces:
        section = owner
        while section != TOP and section not in own:
            own[section], texts[section] = {}, 0
            section = parents[section]
        if isinstance(content, str):
            texts[owner] += 1
        elif owner != TOP:
            own[owner][inner[content.name]] = None
    decisions = []
    at = places.texts + texts[TOP]
    for section in sorted(own):
        end = at + texts[section]
        decisions.append(
            _Decision(section, parents[section], _picker(own[section]), slice(at, end), [""] * texts[section])
        )
        at = end
    return decisions[::-1]


class ConditionalTemplate(CompiledTemplate):
    """A CONDITIONAL template, ready to be filled."""

    def __init__(self, source: str) -> None:
        pieces, parents = parse(source)
        places = _Places(pieces)
        order, self._texts = places.order(pieces)
        self.variables = tuple(dict.fromkeys(content.name for _, content in pieces if isinstance(content, Hole)))
        self._outer, self._inner, self._spaced = places.outer, places.inner, places.spaced
        self._visible = [f"{{{{{name}}}}}" for name in places.outer]
        self._order = _picker(order)
        self._decisions = _decisions(pieces, parents, places)
        self._undecided = [False] * (len(parents) + 1)

    def parts(self, params: Mapping[str, Any]) -> Sequence[str]:
        """The rendered text, piece by piece."""
        get = params.get
        pool = [
            value if value.__class__ is str else "" if value is None else str(value)
            for value in map(get, self._outer, self._visible)
        ]
        inner = [
            value if value.__class__ is str and not value.isspace() else _inside(value)
            for value in map(get, self._inner)
        ]
        pool += inner
        if self._spaced:
            pool += self._with_space(params, pool)
        pool += self._texts
        if "" in inner:
            self._blank(pool)
        return self._order(pool)

    def _with_space(self, params: Mapping[str, Any], values: list[str]) -> list[str]:
        """The values whose holes have white space inside; where nothing is printed, neither is that."""
        printed = [params.get(name, "") is not None for name in self._outer]
        printed += map(bool, values[len(printed) :])
        return [f"{before}{values[at]}{after}" if printed[at] else "" for at, before, after in self._spaced]

    def _blank(self, pool: list[str]) -> None:
        """Blank the texts of the sections that go away: no variable in them, at any depth, has a value."""
        kept = self._undecided.copy()
        for section, parent, own, texts, blank in self._decisions:
            if kept[section] or any(own(pool)):
                kept[parent] = True
            else:
                pool[texts] = blank

    def run(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """Render; a name is missing when it stays visible in the text."""
        return self.rendered("".join(self.parts({**extra, **params} if extra else params)), params, extra)

    def rendered(self, text: str, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """A text of this template, with what it used of its parameters and what it missed."""
        used = {name: params[name] for name in self.variables if name in params}
        return Rendered(text, used, [name for name in self._outer if name not in params and name not in extra])


@lru_cache(maxsize=2048)
def compile_conditional(source: str) -> ConditionalTemplate:
    """The compiled template for this text; compiled at its first use."""
    return ConditionalTemplate(source)


def render_conditional_template(template: str, params: Mapping[str, Any]) -> str:
    """Fill ``{{variables}}`` and decide optional ``((sections))``.

    Outside a section a missing variable stays visible and None prints nothing. A section goes away when none of
    the variables in it has a value; in one that stays, a variable without a value prints nothing. Any text is a valid
    template: what is malformed is text. Values are data and are never read as template.

    >>> render_conditional_template("Hello {{name}}((, you have {{count}} messages))", {"name": "Bob"})
    'Hello Bob'
    """
    return "".join(compile_conditional(template).parts(params))
