"""The filters that templates have: Jinja's, guarded, and our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from functools import wraps
from typing import Any

from jinja2 import pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context

from ...errors import TemplateError
from ..values import has_value
from .guards import CONCAT, CUT, MADE, PATH, STEP, TICK, WATCH
from .meter import Meter, running
from .output import as_json, fenced
from .scopes import PLAIN
from .sizes import account_filter
from .undefined import Placeholder, path_of, reached_as, why

Filter = Callable[..., Any]

_FOR_UNDEFINED = ("d", "default")
_NO_TEXT = """
    abs attr batch count d default dictsort filesizeformat first float groupby int items last length list map max min
    random reject rejectattr reverse round select selectattr slice sort sum unique
"""
_LAZY = frozenset(_NO_TEXT.split())
"""Filters that never make a text of their whole input; all others get it weighed."""
_PICKING = frozenset(["attr", "d", "default", "first", "last", "max", "min", "random"])
"""Filters that make nothing: their result is a part of their input."""
_TAKING = frozenset(
    [
        "abs",
        "attr",
        "count",
        "d",
        "default",
        "filesizeformat",
        "first",
        "float",
        "int",
        "last",
        "length",
        "random",
        "round",
    ]
)
_CONSUMING = (_LAZY - _TAKING) | {"join"}
"""Filters that go through their input."""


def count_tokens(text: object) -> int:
    """About how many tokens a text has: four characters each, whatever the model."""
    return len(str(text)) // 4


def format_code(code: object, language: str = "python") -> str:
    """The code in a Markdown fence of that language."""
    return f"```{language}\n{code}\n```"


def filters(custom: Mapping[str, Filter]) -> dict[str, Filter]:
    """All filters by name; ``custom`` ones go before Jinja's."""
    own = {"count_tokens": count_tokens, "fenced": fenced, "format_code": format_code, "tojson": as_json}
    known = {**FILTERS, **own, **custom}
    internal: dict[str, Filter] = {
        CONCAT: _concat,
        CUT: _cut,
        MADE: _made,
        PATH: _path,
        PLAIN: _plain,
        STEP: _step,
        TICK: _tick,
        WATCH: _watch,
    }
    return {name: guarded(name, function) for name, function in known.items()} | internal


def guarded(name: str, function: Filter) -> Filter:
    """A filter that refuses undefined values, and whose result stays within bounds."""
    wants = getattr(getattr(function, "jinja_pass_arg", None), "name", None)

    @pass_context
    @wraps(function)
    def guard(context: Context, value: Any, /, *args: Any, **kwargs: Any) -> Any:
        if name not in _FOR_UNDEFINED:
            for each in (value, *args, *kwargs.values()):
                _refuse_undefined(name, each)
        meter = running()
        meter.tick()
        if name in _CONSUMING:
            value = meter.watch(value)
        if name not in _LAZY:
            value = _listed(value) if name == "join" else value
            meter.check(value)
        _account(meter, name, value, args, kwargs)
        lead = _LEADS[wants](context) if wants else ()
        result = function(*lead, value, *args, **kwargs)
        if name not in _PICKING and result is not value:
            meter.charge(result)
        return result

    return guard


_LEADS: dict[str, Callable[[Context], tuple[Any, ...]]] = {
    "context": lambda context: (context,),
    "eval_context": lambda context: (context.eval_ctx,),
    "environment": lambda context: (context.environment,),
}


def _account(meter: Meter, name: str, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        account_filter(meter, name, value, args, kwargs)
    except TemplateError as error:
        raise TemplateError(f"filter {name!r} {error.message}", hint=error.hint) from error
    except (TypeError, AttributeError) as error:
        raise TemplateError(f"filter {name!r} does not take these arguments") from error


def _refuse_undefined(name: str, value: Any) -> None:
    if isinstance(value, Placeholder):
        raise TemplateError(
            f"filter {name!r} got {why(value)}",
            hint=f"Give it a value, or say what to take instead: {{{{ {path_of(value) or '(...)'}|default('...')|{name} }}}}",
        )


def _listed(value: Any) -> Any:
    """The items of what can be gone through once only; anything else as it is."""
    return value if isinstance(value, Sized) else list(value)


def guarded_test(function: Callable[..., bool]) -> Callable[..., bool]:
    """A test that looks at the clock, and does not go through what has no end."""

    @wraps(function)
    def guard(*args: Any) -> bool:
        meter = running()
        meter.tick()
        return function(*map(meter.watch, args))

    return guard


@pass_context
def _step(context: Context, value: Any) -> Any:
    running().step()
    return value


@pass_context
def _tick(context: Context, value: Any) -> Any:
    running().tick()
    return value


@pass_context
def _watch(context: Context, value: Any) -> Any:
    return running().watch(value)


@pass_context
def _concat(context: Context, parts: tuple[Any, ...]) -> str:
    meter = running()
    meter.make(sum(meter.check(part).size for part in parts))
    return "".join(map(str, parts))


@pass_context
def _made(context: Context, value: Any) -> Any:
    running().check(value)
    return value


@pass_context
def _cut(context: Context, value: Any) -> Any:
    running().charge(value)
    return value


@pass_context
def _path(context: Context, value: Any, path: str) -> Any:
    if isinstance(value, Placeholder):
        reached_as(value, path)
    return value


@pass_context
def _plain(context: Context, value: Any) -> Any:
    return value if is_given(value) else ""


def is_given(value: Any) -> bool:
    """Whether a section is kept for this value."""
    return not isinstance(value, Placeholder) and has_value(value)
