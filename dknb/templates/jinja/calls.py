"""What a template may call: a list of what only looks, and nothing else."""

from __future__ import annotations

import collections
import collections.abc
import datetime
import enum
import fractions
import inspect
import numbers
import pathlib
import re
import types
import uuid
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, LoopContext, Macro
from jinja2.utils import Joiner, Namespace

from ...errors import TemplateError
from ..origin import calls_refused, is_users_function
from .tables import table_looks

HINT = "Compute it in a cell and give the result as a parameter."


class Refused(SecurityError):
    """A template reached for what it may not have."""


def _public(*kinds: type) -> frozenset[str]:
    return frozenset(name for kind in kinds for name in dir(kind) if not name.startswith("_"))


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAPPING = _names("copy fromkeys get items keys values")
_SET = _names("copy difference intersection isdisjoint issubset issuperset symmetric_difference union")
_PATH = _names(
    "as_posix is_absolute is_relative_to joinpath match relative_to with_name with_segments with_stem with_suffix"
)

_LOOKING: dict[type, frozenset[str]] = {
    str: _public(str),
    bytes: _public(bytes),
    **dict.fromkeys((int, float, complex), _public(int, float, complex)),
    **dict.fromkeys((numbers.Number, numbers.Complex, numbers.Rational), _public(numbers.Rational)),
    Decimal: _public(Decimal),
    fractions.Fraction: _public(fractions.Fraction),
    **dict.fromkeys((list, tuple, range), _names("copy count index")),
    **dict.fromkeys((set, frozenset), _SET),
    **dict.fromkeys((dict, collections.OrderedDict), _MAPPING),
    **dict.fromkeys((types.MappingProxyType, collections.abc.Mapping, collections.ChainMap), _MAPPING),
    collections.UserDict: _MAPPING,
    collections.Counter: _MAPPING | _names("elements most_common total"),
    collections.defaultdict: _MAPPING,
    collections.deque: _names("copy count index"),
    collections.abc.Sequence: _names("count index"),
    **dict.fromkeys(
        (datetime.date, datetime.datetime, datetime.time, datetime.timedelta),
        _public(datetime.datetime, datetime.time, datetime.timedelta),
    ),
    **dict.fromkeys((datetime.tzinfo, datetime.timezone), _names("dst tzname utcoffset")),
    uuid.UUID: frozenset(),
    enum.Enum: frozenset(),
    **dict.fromkeys((pathlib.PurePath, pathlib.Path), _PATH),
    re.Match: _names("end group groupdict groups span start"),
    Joiner: frozenset(),
}
"""Methods of plain data that change nothing and reach nothing, by the class that defines them."""

_TEXTS = _public(str) | _names("unescape striptags escape")
_OF_JINJA = (BlockReference, Joiner, LoopContext, Macro)
_OF_LOOPS = _names("changed cycle")
_GLOBALS = (dict, range, Namespace, Joiner, str.maketrans, bytes.maketrans)
_HERE = __name__.rpartition(".")[0]

_CODE = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType, types.ModuleType),
    *(types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType, partial, type),
    *(types.CodeType, types.FrameType, types.TracebackType, staticmethod, classmethod),
)
"""What no template gets hold of, unless it may call it."""


def is_code(value: object) -> bool:
    """Whether a value is something to run instead of data."""
    return isinstance(value, _CODE) or type(value).__name__ in ("cython_function_or_method", "_lru_cache_wrapper")


def may_call(value: Any) -> bool:
    """Whether a template may call this, with the right arguments."""
    if isinstance(value, _OF_JINJA) or any(value is each for each in _GLOBALS):
        return True
    receiver = getattr(value, "__self__", None) if is_code(value) else None
    if receiver is not None and not isinstance(receiver, types.ModuleType):
        if _looks(receiver, value.__name__) or table_looks(receiver, value.__name__):
            return True
    elif getattr(value, "__module__", None) in _OURS:
        return True
    return _is_given(value)


_OURS = frozenset({f"{_HERE}.template", f"{_HERE}.environment", "jinja2.sandbox"})
"""Where the functions are defined that every template has: ``range``, ``prompt_ref``, a bounded ``format``."""


def _is_given(value: Any) -> bool:
    """Whether it is the user's own code, or an object whose class has such code for calls."""
    if calls_refused(value) or getattr(value, "unsafe_callable", False) or getattr(value, "alters_data", False):
        return False
    if is_code(value):
        return is_users_function(value)
    call = next((vars(kind)["__call__"] for kind in type(value).__mro__ if "__call__" in vars(kind)), None)
    return is_users_function(call)


def _owner(kind: type, name: str) -> type | None:
    """The class that defines an attribute for instances of ``kind``."""
    return next((each for each in kind.__mro__ if name in vars(each)), None)


def _looks(receiver: object, name: str) -> bool:
    kind = receiver if isinstance(receiver, type) else type(receiver)
    if isinstance(receiver, LoopContext):
        return name in _OF_LOOPS
    return _kind_looks(kind, name)


@lru_cache(maxsize=4_000)
def _kind_looks(kind: type, name: str) -> bool:
    owner = _owner(kind, name)
    if owner is None:
        return False
    if owner.__module__ == "markupsafe":
        return name in _TEXTS
    return name in _LOOKING.get(owner, ()) or (owner.__module__ in ("pathlib", "pathlib._local") and name in _PATH)


def refuse_call(value: object) -> TemplateError:
    """The error that says that a template cannot call this."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type(value).__name__
    receiver = getattr(value, "__self__", None)
    of = "" if receiver is None or inspect.ismodule(receiver) else f" of a {type(receiver).__name__}"
    why = " here, where names are filled from the notebook" if is_users_function(value) and calls_refused(value) else ""
    return TemplateError(f"a template cannot call {str(name)!r}{of}{why}", hint=HINT)


def frozen(value: Any) -> Any:
    """The value; of a dict that grows when it is looked into, a copy that does not."""
    return dict(value) if isinstance(value, collections.defaultdict) else value
