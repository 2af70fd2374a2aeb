"""The CONDITIONAL language: ``{{name}}`` and optional ``((sections))``, nothing else.

A render lines up everything that can be printed in one list, the *pool*: values of holes outside sections, values of holes
inside, those that carry white space along, and the texts, section by section. A section that goes away blanks its
texts; its holes are blank already, since none of its variables has a value. Then one C call takes the items in
the order of the template and one joins them. Where everything is printed, a shorter pool does. Nothing recurses, and no value is looked at as template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from ..errors import TemplateError
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
    """The empty text of what is printed, or a value, all the same: true as a condition."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


_SILENT = _Silent()


def _outside(value: object) -> str:
    """What a hole outside sections prints; false as a condition for None alone."""
    return "" if value is None else str(value) or _SILENT


def _inside(value: object) -> str:
    """What a hole in a section prints; true as a condition if the value counts as one."""
    if value.__class__ is int:
        return str(value)
    return str(value) or _SILENT if has_value(value) else ""


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

    def whole(self, pieces: list[Piece]) -> tuple[list[int], list[str]]:
        """The same for a render in which everything is printed: white space is text, and only values and texts count."""
        base = len(self._value)
        order: list[int] = []
        texts: list[str] = []
        text: list[str] = []
        for owner, content in pieces:
            if isinstance(content, str):
                text.append(content)
                continue
            texts.append("".join([*text, content.before]))
            text = [content.after]
            order += [base + len(texts) - 1, self._value[owner != TOP, content.name]]
        return [*order, base + len(texts)], [*texts, "".join(text)]


class _Decision(NamedTuple):
    """A section that has variables: its own holes decide, or a section inside it; its texts go when it goes."""

    section: int
    parent: int
    own: _Pick
    texts: slice
    blank: list[str]


def _decisions(pieces: list[Piece], parents: list[int], places: _Places) -> list[_Decision]:
    """What is to be decided, inner sections first; nothing where neither it nor a section around it has a text."""
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
    decisions: list[_Decision] = []
    concerned = set()
    at = places.texts + texts[TOP]
    for section in sorted(own):
        parent, end = parents[section], at + texts[section]
        if texts[section] or parent in concerned:
            concerned.add(section)
            decisions.append(_Decision(section, parent, _picker(own[section]), slice(at, end), [""] * (end - at)))
        at = end
    return decisions[::-1]


class ConditionalTemplate(CompiledTemplate):
    """A CONDITIONAL template, ready to be filled."""

    def __init__(self, source: str) -> None:
        pieces, parents = parse(source)
        places = _Places(pieces)
        order, self._texts = places.order(pieces)
        whole, self._whole_texts = places.whole(pieces)
        self.variables = tuple(dict.fromkeys(content.name for _, content in pieces if isinstance(content, Hole)))
        self._outer, self._inner = places.outer, places.inner
        self._pick_spaced = _picker(place for place, _, _ in places.spaced)
        self._spaced = [(before, after) for _, before, after in places.spaced]
        self._visible = [f"{{{{{name}}}}}" for name in places.outer]
        self._order = _picker(order)
        self._whole = _picker(whole)
        self._decisions = _decisions(pieces, parents, places)
        self._undecided = [False] * (len(parents) + 1)

    def parts(self, params: Mapping[str, Any]) -> Sequence[str]:
        """The rendered text, piece by piece."""
        get = params.get
        pool = [
            value if value.__class__ is str and value else _outside(value)
            for value in map(get, self._outer, self._visible)
        ]
        pool += [
            value if value.__class__ is str and not value.isspace() else "" if value is None else _inside(value)
            for value in map(get, self._inner)
        ]
        if "" not in pool:
            return self._whole(pool + self._whole_texts)
        pool += [
            before + value + after if value else ""
            for value, (before, after) in zip(self._pick_spaced(pool), self._spaced, strict=True)
        ]
        pool += self._texts
        self._blank(pool)
        return self._order(pool)

    def _blank(self, pool: list[str]) -> None:
        """Blank the texts of the sections that go away: no variable in them, at any depth, has a value."""
        kept = self._undecided.copy()
        for section, parent, own, texts, blank in self._decisions:
            if kept[section] or any(own(pool)):
                kept[parent] = True
            else:
                pool[texts] = blank

    def run(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """Render; a name is missing when it stays visible in the text.

        Raises:
            TemplateError: A value cannot be printed.
        """
        return self.rendered(self.text({**extra, **params} if extra else params), params, extra)

    def text(self, params: Mapping[str, Any]) -> str:
        """The rendered text.

        Raises:
            TemplateError: A value cannot be printed.
        """
        try:
            return "".join(self.parts(params))
        except Exception as error:
            raise TemplateError(
                f"{self._unprintable(params)!r} cannot be printed: {type(error).__name__}: {error}"
            ) from error

    def _unprintable(self, params: Mapping[str, Any]) -> str:
        """The first variable whose value raises when it is printed."""
        for name in self.variables:
            try:
                _outside(params.get(name))
                _inside(params.get(name))
            except Exception:  # noqa: BLE001 - whatever a value's own methods raise
                return name
        return "a value"

    def rendered(self, text: str, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """A text of this template, with what it used of its parameters and what it missed."""
        used = {name: params[name] for name in self.variables if name in params}
        if len(used) == len(self.variables):
            return Rendered(text, used, [])
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

    Raises:
        TemplateError: A value cannot be printed: its own ``__str__`` raised.

    >>> render_conditional_template("Hello {{name}}((, you have {{count}} messages))", {"name": "Bob"})
    'Hello Bob'
    """
    return compile_conditional(template).text(params)
