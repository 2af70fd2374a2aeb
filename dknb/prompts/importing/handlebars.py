"""Handlebars and Mustache templates, said in Jinja2; what cannot be said the same way is an error with its place.

A name in a block stands for a part of what the block goes through; white space around tags is kept or dropped as
Handlebars does. ``((`` stays text: what comes out is for the mode ``jinja2``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...errors import PromptFileError
from ...templates import compile_template
from .expressions import expression, is_name, split_words

__all__ = ["Origin", "Translated", "translate"]

_TAG = re.compile(
    r"(?P<escaped>\\)?(?:(?P<raw>\{\{\{\{)|\{\{\{(?P<triple>~?[^}]*?~?)\}\}\}"
    r"|\{\{(?P<before>~?)(?:!--.*?--|!(?!--)[^}]*?|(?P<inside>[^}]*?))(?P<after>~?)\}\})",
    re.DOTALL,
)
_JINJA = re.compile(r"\{\{|\{%|\{#")


@dataclass(frozen=True)
class Origin:
    """Where a template came from, for errors.

    Attributes:
        file: What messages call the file.
        text: All of it.
        start: Where in it the template begins.
    """

    file: str
    text: str
    start: int = 0

    def error(self, message: str, offset: int, hint: str | None = None) -> PromptFileError:
        """An error at an offset of the template."""
        at = self.start + offset
        begin = self.text.rfind("\n", 0, at) + 1
        return PromptFileError(
            message, file=self.file, line=self.text.count("\n", 0, at) + 1, column=at - begin + 1, hint=hint
        )


@dataclass
class Translated:
    """A template in Jinja2.

    Attributes:
        messages: Its parts by role; the role is None before the first ``{{role}}``.
        notes: What reads otherwise than it did.
    """

    messages: list[tuple[str | None, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def translate(source: str, origin: Origin, types: Mapping[str, str] | None = None) -> Translated:
    """The template in Jinja2.

    Args:
        source: The template.
        origin: Where it came from.
        types: Types of its parameters, where known: a Mustache section ``{{#x}}`` means what the type of x makes of it.

    Raises:
        PromptFileError: It has something that cannot be said in Jinja2 alike, or does not parse.
    """
    return _Translator(source, origin, types or {}).run()


@dataclass
class _Block:
    """A block that is open: its name, where it began, and what names in it stand for."""

    name: str
    offset: int
    context: str | None
    ends: list[str]


class _Translator:
    def __init__(self, source: str, origin: Origin, types: Mapping[str, str]) -> None:
        self.source = source
        self.origin = origin
        self.types = types
        self.blocks: list[_Block] = []
        self.pieces: list[str] = []
        self.result = Translated()
        self.role: str | None = None

    def run(self) -> Translated:
        done = 0
        for tag in _TAG.finditer(self.source):
            if tag["escaped"]:
                self._text(done, tag.start())
                self.pieces.append(_escaped(tag[0][1:]))
                done = tag.end()
                continue
            standing = self._standing_alone(tag)
            self._text(done, tag.start())
            self._tag(tag, standing)
            done = tag.end()
        self._text(done, len(self.source))
        if self.blocks:
            last = self.blocks[-1]
            raise self.origin.error(f"The block {{{{#{last.name}}}}} is not closed.", last.offset)
        self._end_message()
        return self.result

    def _text(self, start: int, end: int) -> None:
        text = self.source[start:end]
        if (at := text.find("{{")) >= 0:
            raise self.origin.error("A tag is not closed.", start + at)
        self.pieces.append(_escaped(text))

    def _standing_alone(self, tag: re.Match[str]) -> bool:
        """Whether a tag is all there is in its line: then the line goes with it."""
        before = self.source[self.source.rfind("\n", 0, tag.start()) + 1 : tag.start()]
        end = self.source.find("\n", tag.end())
        after = self.source[tag.end() : end if end >= 0 else len(self.source)]
        return not before.strip(" \t") and not after.strip(" \t\r")

    def _tag(self, tag: re.Match[str], standing: bool) -> None:
        offset = tag.start()
        if tag["raw"]:
            raise self.origin.error("Raw blocks {{{{...}}}} are not known here.", offset)
        inside = (tag["triple"] or tag["inside"] or "").strip().strip("~").strip()
        if tag["triple"] is None and tag["inside"] is None:
            self._block("#", standing, tag, comment=True)
            return
        if not inside:
            raise self.origin.error("A tag is empty.", offset)
        self.current = (offset, standing, tag)
        sign = inside[0] if inside[0] in "#^/>&=*" else ""
        words = split_words(inside[len(sign) :].strip())
        if not words:
            raise self.origin.error(f"The tag {tag[0]!r} is empty.", offset)
        if inside == "else" or words[0] == "else":
            self._else(words[1:])
        else:
            _SIGNS.get(sign, _Translator._refused)(self, words)

    def _block(self, code: str, standing: bool, tag: re.Match[str], *, comment: bool = False) -> None:
        """Add a block tag that drops or keeps its line as Handlebars does."""
        if comment and not standing:
            return
        left = "-" if tag["before"] else "" if standing else "+"
        right = "-" if tag["after"] else "" if standing else "+"
        self.pieces.append("{##}" if comment else f"{{%{left} {code} {right}%}}")

    def _add(self, code: str) -> None:
        _, standing, tag = self.current
        self._block(code, standing, tag)

    def _value(self, word: str) -> str:
        return expression(word, [block.context for block in self.blocks if block.context is not None], self._fail)

    def _fail(self, message: str, hint: str | None = None) -> PromptFileError:
        return self.origin.error(message, self.current[0], hint)

    def _refused(self, words: list[str]) -> None:
        raise self._fail(f"The tag {self.current[2][0]!r} has no like in Jinja2.")

    def _print(self, words: list[str]) -> None:
        helper, args = words[0], words[1:]
        if helper == "role":
            self._role(args)
        elif helper == "json" and args:
            self.result.notes.append(f"{self.origin.file}: {{{{json}}}} writes <, > and & as escapes, as Jinja2 does.")
            options = ", ".join(arg for arg in args[1:] if re.fullmatch(r"indent=\d+", arg))
            self._output(f"{self._value(args[0])}|tojson" + (f"({options})" if options else ""))
        elif helper == "history":
            self.result.notes.append(f"{self.origin.file}: {{{{history}}}} is left out; a conversation puts it there.")
        elif args:
            hint = "Known here: json, role, history, #if, #unless, #each, #with, #ifEquals, #unlessEquals."
            raise self._fail(f"There is no helper {helper!r} here.", hint)
        else:
            self._output(self._value(helper))

    def _output(self, code: str) -> None:
        tag = self.current[2]
        left, right = ("-" if tag["before"] else ""), ("-" if tag["after"] else "")
        self.pieces.append(f"{{{{{left} {code} {right}}}}}")

    def _partial(self, words: list[str]) -> None:
        if len(words) != 1 or not re.fullmatch(r"[\w/-]+", words[0]):
            raise self._fail("A partial with parameters has no like in Jinja2.")
        self._output(f'prompt_ref("{words[0]}")')

    def _open(self, words: list[str]) -> None:
        helper, args = words[0], words[1:]
        if helper in _OPENERS and args:
            _OPENERS[helper](self, helper, args)
        elif args:
            raise self._fail(f"There is no block helper {helper!r} here.")
        else:
            self._section(helper)

    def _begin(self, name: str, code: str, ends: list[str], context: str | None = None) -> None:
        self._add(code)
        self.blocks.append(_Block(name, self.current[0], context, ends))

    def _if(self, helper: str, args: list[str]) -> None:
        if len(args) != 1:
            raise self._fail(f"{{{{#{helper}}}}} takes one value.")
        negated = "not " if helper == "unless" else ""
        self._begin(helper, f"if {negated}{self._value(args[0])}", ["endif"])

    def _if_equals(self, helper: str, args: list[str]) -> None:
        if len(args) != 2:
            raise self._fail(f"{{{{#{helper}}}}} takes two values.")
        sign = "==" if helper == "ifEquals" else "!="
        self._begin(helper, f"if {self._value(args[0])} {sign} {self._value(args[1])}", ["endif"])

    def _each(self, helper: str, args: list[str]) -> None:
        value = self._value(args[0])
        names = [arg.strip("|") for arg in args[2:] if arg.strip("|")] if args[1:2] == ["as"] else []
        if not all(is_name(name) for name in names) or (len(args) > 1 and not names):
            raise self._fail("{{#each}} takes one value, and names between bars: as |item|.")
        item = names[0] if names else self._fresh("item")
        body = self.source[self.current[2].end() :].partition("{{/each")[0]
        if "@key" in body:
            self._begin("each", f"for {item}_key, {item} in {value}.items()", ["endfor"], item)
        else:
            self._begin("each", f"for {item} in {value}", ["endfor"], item)

    def _with(self, helper: str, args: list[str]) -> None:
        item = self._fresh("this")
        value = self._value(args[0])
        self._add(f"if {value}")
        self.pieces.append(f"{{%+ with {item} = {value} +%}}")
        self.blocks.append(_Block("with", self.current[0], item, ["endwith", "endif"]))

    def _section(self, name: str) -> None:
        """``{{#x}}`` of Mustache: a condition, a loop or a context, depending on what x is."""
        kind = self.types.get(name)
        if kind == "list":
            self._each("each", [name])
        elif kind == "object":
            self._with("with", [name])
        elif kind in ("boolean", "string", "integer", "number", "enum"):
            self._begin(name, f"if {self._value(name)}", ["endif"])
            return
        else:
            raise self._fail(
                f"{{{{#{name}}}}} may be a condition or a loop, depending on the value.",
                f"Give {name!r} a type, or write {{{{#if {name}}}}} or {{{{#each {name}}}}}.",
            )
        self.blocks[-1].name = name

    def _inverted(self, words: list[str]) -> None:
        if len(words) != 1:
            raise self._fail("{{^}} takes one name.")
        self._begin(words[0], f"if not {self._value(words[0])}", ["endif"])

    def _else(self, words: list[str]) -> None:
        if not self.blocks or self.blocks[-1].name == "with":
            raise self._fail("{{else}} belongs to no block that could have one here.")
        if words[:1] == ["if"] and len(words) == 2 and self.blocks[-1].ends == ["endif"]:
            self._add(f"elif {self._value(words[1])}")
        elif words:
            raise self._fail("{{else}} with this condition has no like in Jinja2.")
        else:
            self._add("else")
            self.blocks[-1].context = None

    def _close(self, words: list[str]) -> None:
        name = words[0]
        if not self.blocks or self.blocks[-1].name != name:
            opened = f"{{{{#{self.blocks[-1].name}}}}}" if self.blocks else "no block"
            raise self._fail(f"{{{{/{name}}}}} closes {opened}.")
        first, *rest = self.blocks.pop().ends
        self._add(first)
        self.pieces += [f"{{%+ {end} +%}}" for end in rest]

    def _fresh(self, name: str) -> str:
        used = {block.context for block in self.blocks}
        number = 1
        while (candidate := name if number == 1 else f"{name}_{number}") in used or candidate in self.types:
            number += 1
        return candidate

    def _role(self, args: list[str]) -> None:
        if self.blocks or len(args) != 1 or args[0][:1] not in "\"'":
            raise self._fail("{{role}} must stand outside of blocks and name a role in quotes.")
        self._end_message()
        self.role = args[0].strip("\"'")

    def _end_message(self) -> None:
        text = "".join(self.pieces).strip("\n") if self.role is not None else "".join(self.pieces)
        self.pieces = []
        if text.strip():
            compile_template(text, "jinja2", prompt_name=self.origin.file)
            self.result.messages.append((self.role, text))


def _escaped(text: str) -> str:
    """Text that Jinja2 prints as it is."""
    return _JINJA.sub(lambda found: f'{{{{ "{found[0]}" }}}}', text)


_SIGNS: dict[str, Callable[[_Translator, list[str]], None]] = {
    "": _Translator._print,
    "&": _Translator._print,
    "#": _Translator._open,
    "^": _Translator._inverted,
    "/": _Translator._close,
    ">": _Translator._partial,
}
_OPENERS: dict[str, Callable[[_Translator, str, list[str]], None]] = {
    "if": _Translator._if,
    "unless": _Translator._if,
    "ifEquals": _Translator._if_equals,
    "unlessEquals": _Translator._if_equals,
    "each": _Translator._each,
    "with": _Translator._with,
}
