"""Jinja's immutable sandbox, with bounds on what an expression can make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import BuiltinMethodType, ModuleType
from typing import Any

from jinja2 import Undefined, nodes, pass_context
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter
from jinja2.tests import TESTS

from ...errors import TemplateError
from ..globals import FUNCTIONS
from ..simple import widest
from ..types import TemplateMode
from .calls import Refused, frozen, is_code, may_call, refuse_call
from .filters import Filter, filters, guarded_test, is_given
from .lexer import TemplateLexer
from .meter import Meter, running
from .scopes import SECTION, is_section, section
from .sizes import METHODS, METHODS_OF, account_numbers, account_operator
from .tables import account_table_call, account_table_item, is_table, table_looks
from .undefined import Placeholder

_COPYING = frozenset({"copy", "difference", "fromkeys", "intersection", "symmetric_difference", "union"})
"""Methods of containers that make new ones."""


class Sections(Extension):
    """The tag that the lexer makes of ``((`` ... ``))``."""

    tags = {SECTION}  # noqa: RUF012 - Jinja's declaration

    def parse(self, parser: Parser) -> nodes.Node:
        """A section must hold its blocks whole.

        It must also be more than one ``{% if %}`` block: that would decide twice about the same text, and by different
        rules (to a section 0 is a value, to ``if`` it is not), so it cannot be what was meant.
        """
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(("name:))",), drop_needle=True)
        if _is_one_if(body):
            parser.fail("a section with nothing but an {% if %} block in it decides twice; drop the (( ))", lineno)
        return section(body, lineno)


def _is_one_if(body: list[nodes.Node]) -> bool:
    solid = [node for node in body if not _is_blank(node)]
    return len(solid) == 1 and isinstance(solid[0], nodes.If) and not is_section(solid[0])


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(child, nodes.TemplateData) and child.data.isspace() for child in node.nodes
    )


def _concat(parts: Iterable[str]) -> str:
    """Join what a macro, block or ``set`` printed."""
    meter = running()
    texts, size = [], 0
    for text in parts:
        size += len(text)
        if size > meter.limits.output:
            meter.make(size)
        texts.append(text)
    meter.make(size)
    return "".join(texts)


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one mode: no loader, no escaping, harmless globals, bounded operations."""

    concat = staticmethod(_concat)
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, mode: TemplateMode, custom: Mapping[str, Filter]) -> None:
        mixed = mode is TemplateMode.MIXED
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            optimized=False,
            autoescape=False,
            undefined=Placeholder,
            finalize=_print_none_as("" if mixed else None),
            extensions=[Sections],
            cache_size=0,
        )
        self._lexer = TemplateLexer(self, sections=mixed)
        self.globals = {name: self.globals[name] for name in FUNCTIONS if name in self.globals}
        self.globals["prompt_ref"] = _no_prompt_ref
        self.filters = filters(custom)
        self.tests = {name: guarded_test(test) for name, test in TESTS.items()}  # type: ignore[arg-type]
        self.tests[SECTION] = _any_given

    @property
    def lexer(self) -> TemplateLexer:
        """Our lexer; Jinja would share one among all environments with the same delimiters."""
        return self._lexer

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An arithmetic operation."""
        account_operator(running(), operator, left, right)
        return super().call_binop(context, operator, left, frozen(right))

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call of a function, method or macro."""
        meter = running()
        if isinstance(obj, Macro | LoopContext):
            meter.step()
            return super().call(context, obj, *map(meter.watch, args), **kwargs)
        meter.tick()
        receiver, name = getattr(obj, "__self__", None), str(getattr(obj, "__name__", ""))
        if not isinstance(obj, Undefined) and self.is_safe_callable(obj) and table_looks(receiver, name):
            account_table_call(meter, receiver, name, args, kwargs)
        elif not isinstance(obj, BuiltinMethodType | type) and not isinstance(receiver, str):
            return super().call(context, obj, *args, **kwargs)
        args = tuple(map(meter.watch, map(frozen, args)))
        if args and name == "join":
            args = (list(args[0]), *args[1:])
        _account_method(meter, obj, args, kwargs)
        result = super().call(context, obj, *args, **kwargs)
        if _makes(obj):
            meter.charge(result)
        else:
            meter.check(result)
        return result

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a template may call this: what only looks at data, what templates have, and the user's own code.

        Raises:
            TemplateError: It may not.
        """
        if not isinstance(obj, Undefined) and callable(obj) and not may_call(obj):
            raise refuse_call(obj)
        return True

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may have this: data, and what it may call."""
        return super().is_safe_attribute(obj, attr, value) and (not is_code(value) or may_call(value))

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """What stands for an attribute that a template may not have; whatever is done with it is an error."""
        told = f"access to attribute {attribute!r} of {type(obj).__name__!r} object is unsafe"
        return self.undefined(told, name=attribute, obj=obj, exc=Refused)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``obj.attribute``; what begins with ``_`` is looked for among the keys of a mapping only, and never run."""
        if attribute.startswith("_") or isinstance(obj, ModuleType):
            return self._key_only(obj, attribute)
        if isinstance(obj, defaultdict) and not hasattr(type(obj), attribute):
            return self._there(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``obj[argument]``, and for names ``obj.argument`` where there is no such key."""
        if isinstance(argument, str):
            if str(argument).startswith("_") or isinstance(obj, ModuleType):
                return self._key_only(obj, argument)
        elif is_table(obj):
            account_table_item(running(), obj, argument)
        if any(map(callable, argument if isinstance(argument, tuple) else (argument,))) and not isinstance(obj, dict):
            # pandas would call it
            raise TemplateError("a function or class is no key")
        if isinstance(obj, defaultdict):
            found = self._there(obj, argument)
            if not isinstance(found, Placeholder) or not isinstance(argument, str) or not hasattr(type(obj), argument):
                return found
            return super().getattr(obj, str(argument))
        return super().getitem(obj, argument)

    def _there(self, obj: defaultdict[Any, Any], key: Any) -> Any:
        """What a dict that grows when it is looked into has already."""
        with suppress(LookupError, TypeError):
            if key in obj:
                return obj[key]
        return self.undefined(obj=obj, name=key)

    def _key_only(self, obj: Any, key: str) -> Any:
        if isinstance(obj, Mapping):
            with suppress(LookupError):
                if key in obj:
                    return obj[key]
        return self.unsafe_undefined(obj, key)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """A sandboxed and bounded ``str.format`` or ``str.format_map``; None for every other value."""
        if super().wrap_str_format(value) is None:
            return None
        formatter, template, takes_map = _Formatter(self), str(value.__self__), value.__name__ == "format_map"

        def bounded_format(*args: Any, **kwargs: Any) -> str:
            return formatter.vformat(template, () if takes_map else args, frozen(args[0]) if takes_map else kwargs)

        return bounded_format


class _Formatter(SandboxedFormatter):
    """Looks at each field before it is made, and at what all of them make."""

    _made = 0

    def convert_field(self, value: Any, conversion: Any) -> Any:
        running().check(value)
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> Any:
        meter = running()
        meter.make(widest(format_spec))
        meter.make(meter.check(value).size)
        text = super().format_field(value, format_spec)
        self._made += len(text)
        if self._made > meter.limits.output:
            meter.make(self._made)
        return text


def _makes(obj: Any) -> bool:
    """Whether a call of this makes a value, instead of giving one that is there."""
    receiver = getattr(obj, "__self__", None)
    return isinstance(obj, type) or isinstance(receiver, str | bytes) or getattr(obj, "__name__", "") in _COPYING


def _account_method(meter: Meter, obj: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    receiver, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
    account_numbers(meter, (*args, *kwargs.values()))
    if name in METHODS and isinstance(receiver, METHODS_OF.get(name, str | bytes)):
        try:
            meter.make(METHODS[name](meter, receiver, *args, **kwargs))
        except (TypeError, AttributeError) as error:
            raise TemplateError(f"{name}() does not take these arguments") from error


def _print_none_as(nothing: str | None) -> Callable[[Context, Any], Any]:
    @pass_context
    def finalize(context: Context, value: Any) -> Any:
        if value is None:
            return nothing
        running().check(value)
        return value

    return finalize


def _any_given(values: Iterable[Any]) -> bool:
    return any(map(is_given, values))


def _no_prompt_ref(*names: Any, **extra: Any) -> str:
    raise TemplateError(
        "prompt_ref has no library to look into here", hint="Render the prompt by its name, through a prompt builder."
    )
