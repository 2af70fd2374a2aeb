"""What the code of a function rests on: its own, and the helpers and values of its module that it uses."""

from __future__ import annotations

import dis
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["attributes_changed_by", "code_facts", "held_by", "is_library"]

_MUTATORS = frozenset(
    [
        "append",
        "appendleft",
        "add",
        "extend",
        "update",
        "insert",
        "remove",
        "discard",
        "pop",
        "popleft",
        "popitem",
        "clear",
        "setdefault",
        "sort",
        "reverse",
    ]
)
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"})
_LOADS_OF = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_STORES = frozenset({"STORE_GLOBAL", "STORE_DEREF", "DELETE_GLOBAL"})
_STORES_INTO = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "STORE_SLICE"})


def code_facts(code: CodeType) -> list[Any]:
    """What code does, as JSON; where it stands does not count."""
    constants = [code_facts(each) if isinstance(each, CodeType) else _constant(each) for each in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]


def _constant(value: Any) -> str:
    """A constant as text; the elements of a set come in another order in each process."""
    return repr(sorted(value, key=repr)) if isinstance(value, frozenset) else repr(value)


def held_by(function: FunctionType) -> dict[str, Any]:
    """What a function uses of its module and of what is around it, by name; what it changes itself is left out.

    A counter that it counts up says nothing of what it is. Modules that are one's own give what is used of them.
    """
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    changed = _changed(function.__code__)
    held: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        if name not in changed:
            held[name] = _content(cell)
    for name in sorted(names & function.__globals__.keys() - changed):
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            if not is_library(value.__name__):
                held |= {f"{name}.{each}": vars(value)[each] for each in sorted(names & vars(value).keys())}
        elif not (isinstance(value, type | FunctionType) and is_library(value.__module__)):
            held[name] = value
    return held


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code with that of the functions in it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def attributes_changed_by(kind: type[Any]) -> set[str]:
    """The attributes that the methods of a class change, after it was made."""
    methods = [each for name, each in vars(kind).items() if isinstance(each, FunctionType) and name != "__init__"]
    stored = {
        str(step.argval)
        for each in methods
        for code in _codes(each.__code__)
        for step in dis.get_instructions(code)
        if step.opname == "STORE_ATTR"
    }
    return stored.union(*(_changed(each.__code__, _LOADS_OF, frozenset()) for each in methods))


def _changed(whole: CodeType, loads: frozenset[str] = _LOADS, stores: frozenset[str] = _STORES) -> set[str]:
    """The names of outer values that code gives something else, or changes in place."""
    changed: set[str] = set()
    for code in _codes(whole):
        on_line: dict[int | None, set[str]] = {}
        into: set[int | None] = set()
        before: dis.Instruction | None = None
        for step in dis.get_instructions(code):
            line = step.positions.lineno if step.positions is not None else None
            if before is not None and before.opname in loads and step.argval in _MUTATORS:
                changed.add(str(before.argval))
            elif step.opname in stores:
                changed.add(str(step.argval))
            elif step.opname in loads:
                on_line.setdefault(line, set()).add(str(step.argval))
            elif step.opname in _STORES_INTO:
                into.add(line)
            before = step
        changed |= {name for line in into for name in on_line.get(line, ())}
    return changed


def _content(cell: Any) -> Any:
    """What a closure holds; None before it holds something."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


@cache
def is_library(module: str) -> bool:
    """Whether a module is installed, and not one's own: it is known by its name."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "dknb":
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    paths: Mapping[str, str] = sysconfig.get_paths()
    return file is not None and any(file.startswith(paths[each]) for each in ("purelib", "platlib"))
