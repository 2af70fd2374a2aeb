"""Compiling and rendering one MIXED or JINJA2 template."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from types import FrameType, GeneratorType
from typing import Any

from jinja2 import Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import TemplateRuntimeError

from ...errors import DknbError, TemplateError
from ..globals import FUNCTIONS, GLOBALS, clock_values
from ..program import CompiledTemplate, located, unix_lines
from ..types import Limits, Rendered
from .calls import HINT, Refused
from .chunks import chunks
from .deferral import surely_compiles, unknown_names
from .environment import Sandbox
from .guards import Guards
from .meter import Meter, metered, running
from .parsing import TemplateParser
from .scopes import Scopes
from .undefined import Placeholder

_LARGE = 10_000  # characters from which parsing twice would be felt


class JinjaTemplate(CompiledTemplate):
    """A template in Jinja2's language, ready to be run.

    Errors name the line where Jinja stopped, and as column the start of the tag there (where a tag began on
    an earlier line, the place in it).
    """

    def __init__(self, source: str, environment: Sandbox, limits: Limits) -> None:
        self._source = unix_lines(source)
        self._environment = environment
        self._limits = limits
        scopes = Scopes(FUNCTIONS)
        tree = self._scoped(scopes)
        self.doubts = ()
        if len(self._source) > _LARGE or not surely_compiles(tree, environment):
            self.doubts = tuple(self._located(message, at) for message, at in unknown_names(tree, environment))
            self.__dict__["_template"] = self._compiled(tree)
        self._reads = scopes.reads()
        self.variables = tuple(name for name in self._reads if name not in GLOBALS)

    @cached_property
    def _template(self) -> tuple[Template, ...]:
        """What runs: made at the first render, where it is sure that it can be."""
        return self._compiled(self._scoped(Scopes(FUNCTIONS)))

    def _scoped(self, scopes: Scopes) -> nodes.Template:
        tree = self._parse()
        try:
            scopes.visit(tree)
        except (RecursionError, MemoryError) as error:
            raise self._unreadable(error, 0) from error
        return tree

    def _compiled(self, tree: nodes.Template) -> tuple[Template, ...]:
        try:
            parts = chunks(tree) if len(self._source) > _LARGE else [tree]
            return tuple(map(self._part, parts))
        except TemplateSyntaxError as error:
            raise self._unreadable(error, error.lineno - 1) from error
        except (RecursionError, MemoryError, SyntaxError) as error:
            raise self._unreadable(error, 0) from error

    def _part(self, tree: nodes.Template) -> Template:
        Guards().visit(tree)
        tree.set_environment(self._environment)
        code = self._environment.compile(tree, filename="<dknb template>")
        return Template.from_code(self._environment, code, self._environment.make_globals(None))

    def _parse(self) -> nodes.Template:
        parser = None
        try:
            parser = TemplateParser(self._environment, self._source)
            return parser.parse()
        except TemplateSyntaxError as error:
            raise self._unreadable(error, error.lineno - 1) from error
        except (RecursionError, MemoryError, ValueError, OverflowError) as error:
            at = parser.stream.current.lineno - 1 if parser else 0
            raise self._unreadable(error, at) from error

    def _unreadable(self, error: Exception, offset: int) -> TemplateError:
        if isinstance(error, TemplateSyntaxError):
            return self._located(error.message or "does not parse", offset)
        if isinstance(error, RecursionError | MemoryError | SyntaxError):
            return self._located("nested too deeply", offset, hint="Use fewer levels of blocks, brackets or loops.")
        return self._located(f"not readable: {error}", offset)  # a number that Python does not read

    def _located(self, message: str, offset: int, *, hint: str | None = None) -> TemplateError:
        tag = self._environment.lexer.tag_around(self._source, offset)
        on_this_line = tag is not None and "\n" not in self._source[tag:offset]
        if hint is None and tag is not None and self._source.startswith("{{{", tag):
            hint = "Put a space between a brace that is text and the braces of a variable."
        elif hint is None and ("'(('" in message or "'))'" in message):
            hint = "A section (( )) must hold {% %} blocks whole, and a block must hold sections whole."
        return located(message, self._source, tag if tag is not None and on_this_line else offset, hint=hint)

    def run(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """Render in the sandbox, within the bounds."""
        parts = self._template  # made before the clock runs
        with metered(self._limits) as meter:
            text = self._text(parts, self._values(params, extra), meter)
        used = {name: params[name] for name in self._reads if name in params}
        looped = frozenset(name for name, shown in meter.missing.items() if not shown)
        return Rendered(text, used, list(meter.missing), looped)

    def _values(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = dict(clock_values(self._reads))
        values.update(extra)
        if "prompt_ref" in extra:
            values["prompt_ref"] = _without_undefined(extra["prompt_ref"])
        values.update(params)
        return values

    def _text(self, parts: tuple[Template, ...], values: dict[str, Any], meter: Meter) -> str:
        texts, size, stream = [], 0, None
        try:
            context = parts[0].new_context(values)
            for part in parts:
                stream = part.root_render_func(context)
                for text in stream:
                    size += len(text)
                    if size > self._limits.output:
                        meter.make(size)
                    texts.append(text)
            return "".join(texts)
        except Exception as error:
            raise self._failure(error, stream) from error

    def _failure(self, error: Exception, stream: object) -> TemplateError:
        if isinstance(error, TemplateError) and (error.line is not None or error.prompt_name is not None):
            return error
        message, hint = _told(error)
        return self._located(message, self._offset(error, stream), hint=hint)

    def _offset(self, error: Exception, stream: object) -> int:
        """Where in the source the template was when this was raised."""
        part, line = self._template[0], 0
        traceback = error.__traceback__
        while traceback is not None:
            if (found := self._part_of(traceback.tb_frame)) is not None:
                part, line = found, traceback.tb_lineno
            traceback = traceback.tb_next
        if not line and isinstance(stream, GeneratorType) and stream.gi_frame is not None:
            part, line = self._part_of(stream.gi_frame) or part, stream.gi_frame.f_lineno
        return part.get_corresponding_lineno(line) - 1

    def _part_of(self, frame: FrameType) -> Template | None:
        """The part of this template that runs in a frame."""
        running_there = frame.f_globals.get("__jinja_template__")
        return next((part for part in self._template if part is running_there), None)


def _told(error: Exception) -> tuple[str, str | None]:
    """What an error says about the template, and what to do."""
    if isinstance(error, TemplateError):
        return error.message, error.hint
    if isinstance(error, DknbError):
        return str(error), error.hint
    if isinstance(error, UndefinedError):
        return re.sub(
            r" on line [0-9]+", "", str(error)
        ), "Give it a value, or guard it with {% if %} or |default(...)."
    if isinstance(error, Refused):
        return str(error), HINT
    if isinstance(error, TemplateRuntimeError):
        return str(error), None
    if isinstance(error, RecursionError):
        return "a macro or loop calls itself too often", "Give it a condition under which it stops."
    return f"{type(error).__name__}: {error}", None


def _without_undefined(render: Callable[..., Any]) -> Callable[..., Any]:
    """A ``prompt_ref`` for which parameters without a value are not given at all."""

    def prompt_ref(name: str, /, **extra: Any) -> Any:
        text = render(name, **{key: value for key, value in extra.items() if not isinstance(value, Placeholder)})
        running().charge(text)
        return text

    return prompt_ref


def parse_error(source: str, environment: Sandbox) -> str | None:
    """Why Jinja does not read this; None if it does."""
    try:
        TemplateParser(environment, source).parse()
    except TemplateSyntaxError as error:
        return error.message
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        return str(error)
    return None
