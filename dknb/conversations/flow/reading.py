"""Flows in YAML files: ``prompts/flows/NAME.yaml``.

The files are checked against ``flow.schema.json`` beside this module, which editors can use too. They hold data only:
functions are called by names that the reading program knows.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import ConfigError, PromptError, PromptFileError, did_you_mean
from ...prompts import _yaml
from .definition import ConversationFlow, FlowState
from .spoken import Functions, condition_of, function_of, shown_condition

__all__ = ["FLOW_SCHEMA", "FlowLibrary", "parse_flow", "read_flow"]

#: The JSON Schema of a flow's file.
FLOW_SCHEMA = Path(__file__).with_name("flow.schema.json")

_NAME = re.compile(r"[\w-]+(?:/[\w-]+)*", re.ASCII)
_SUFFIXES = (".yaml", ".yml")
#: Larger than this is no flow.
_MOST_BYTES = 1_000_000

Place = tuple[str | int, ...]


def read_flow(path: str | os.PathLike[str], functions: Functions | None = None) -> ConversationFlow:
    """The flow in a YAML file.

    Args:
        path: The file.
        functions: What the file may call, as ``custom``, ``on_enter`` and ``on_exit``, by name.

    Raises:
        PromptFileError: It cannot be read, or is no flow; with line and column.
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise PromptFileError(f"It is larger than {_MOST_BYTES:,} bytes: this is no flow.", file=file.name)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise PromptFileError(f"It cannot be read: {error}.", file=file.name) from error
    return parse_flow(text, source_name=file.name, name=file.stem, functions=functions)


def parse_flow(
    text: str, *, source_name: str = "flow", name: str | None = None, functions: Functions | None = None
) -> ConversationFlow:
    """The flow in a YAML text.

    Args:
        text: The text.
        source_name: What errors call it.
        name: What the flow is called if the text does not say it.
        functions: As in `read_flow`.

    Raises:
        PromptFileError: It is no flow; with line and column.
    """
    data = _yaml.load(text, source_name)
    reader = _Reader(text, source_name, functions or {})
    reader.check(data)
    assert isinstance(data, dict)
    return reader.flow(data, name or source_name)


class FlowLibrary:
    """The flows in the folder ``flows`` of a folder of prompts; a sub-folder is part of the name.

    Args:
        prompt_dir: The folder of prompts.
        functions: As in `read_flow`.
    """

    def __init__(self, prompt_dir: str | os.PathLike[str], functions: Functions | None = None) -> None:
        self.folder = Path(prompt_dir) / "flows"
        self.functions = functions or {}

    def names(self) -> list[str]:
        """The names of the flows, sorted; files that are broken are among them."""
        return sorted({name for name, path in self._files() if not _refused(name, path)})

    def _files(self) -> list[tuple[str, Path]]:
        """Name and path of each file that looks like a flow's."""
        files = [path for path in self.folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file()]
        return sorted((path.relative_to(self.folder).with_suffix("").as_posix(), path) for path in files)

    def get(self, name: str) -> ConversationFlow:
        """The flow of that name, read anew.

        Raises:
            PromptError: There is none.
            PromptFileError: It is broken, or leads out of the folder.
        """
        paths = [self.folder / (name + suffix) for suffix in _SUFFIXES] if _NAME.fullmatch(name) else []
        found = [path for path in paths if path.is_file()]
        if not found:
            known = self.names()
            hint = f"The flows: {', '.join(known)}" if known else f"There are none in {self.folder.name!r}."
            raise PromptError(f"There is no flow {name!r}.{did_you_mean(name, known)}", hint=hint)
        if not found[0].resolve().is_relative_to(self.folder.resolve()):
            raise PromptFileError("It leads out of the folder of flows.", file=found[0].name)
        return read_flow(found[0], self.functions)

    def validate(self) -> list[str]:
        """What is wrong in the flows, and with the names of their files, one line each; empty when all is well."""
        problems: list[str] = []
        seen: set[str] = set()
        for name, path in self._files():
            file = path.relative_to(self.folder).as_posix()
            if why := _refused(name, path) or ("" if name not in seen else f"it is hidden by {name + _SUFFIXES[0]!r}"):
                problems.append(f"flows/{file}: It is not among the flows: {why}.")
                continue
            seen.add(name)
            try:
                problems += [f"flows/{name}: {problem}" for problem in self.get(name).validate_flow()]
            except PromptError as error:
                problems.append(f"flows/{name}: {error}")
        return problems


def _refused(name: str, path: Path) -> str:
    """Why a file is not among the flows; empty if it is."""
    if not _NAME.fullmatch(name):
        return f"in {name!r} are other characters than A-Z, a-z, 0-9, '_' and '-'"
    return "" if path.suffix in _SUFFIXES else f"it ends with {path.suffix!r}, not with {_SUFFIXES[0]!r}"


class _Reader:
    """Makes a flow of the data in a text, and says of what is wrong where it stands."""

    def __init__(self, text: str, source: str, functions: Functions) -> None:
        self.text = text
        self.source = source
        self.functions = functions

    def check(self, data: Any) -> None:
        """Refuse what the schema does not let pass."""
        errors = sorted(_validator().iter_errors(data), key=_place_of)
        for error in errors[:1]:
            path: Place = tuple(error.absolute_path)
            if error.validator == "additionalProperties":
                known = error.schema.get("properties", {})
                key = next(key for key in error.instance if key not in known)
                what = f"There is no key {key!r} here.{did_you_mean(str(key), known)}"
                raise self._error(what, (*path, key), at_key=True, hint=f"Keys: {', '.join(known)}")
            hint = "YAML reads yes, no, on and off as true and false: put the word in quotes."
            raise self._error(f"{_said(error)}.", path, hint=hint if isinstance(error.instance, bool) else None)

    def flow(self, data: dict[str, Any], name: str) -> ConversationFlow:
        """The flow."""
        states = {str(key): self._state(str(key), told) for key, told in data["states"].items()}
        given = {key: value for key, value in data.items() if key != "states"}
        try:
            flow = ConversationFlow(**{"name": name, **given, "states": states})
        except ConfigError as error:
            raise self._error(str(error), ("initial_state",), hint=error.hint) from error
        self._check_ways(flow)
        return flow

    def _state(self, name: str, data: dict[str, Any]) -> FlowState:
        given = {key: value for key, value in data.items() if key not in ("transitions", "on_enter", "on_exit")}
        hooks = {hook: self._hook(name, hook, data[hook]) for hook in ("on_enter", "on_exit") if hook in data}
        ways = {}
        for index, told in enumerate(data.get("transitions", ())):
            when = told.get("when", "always")
            called = told.get("name", shown_condition(when))
            path: Place = ("states", name, "transitions", index)
            if called in ways:
                raise self._error(
                    f"There are two transitions {called!r}.", path, hint="Give one of them a name: name: …"
                )
            try:
                ways[called] = (told["to"], condition_of(when, self.functions))
            except ConfigError as error:
                raise self._error(str(error), (*path, "when"), hint=error.hint) from error
        try:
            return FlowState(
                **given,
                **hooks,
                transitions={way: target for way, (target, _) in ways.items()},
                transition_conditions={way: condition for way, (_, condition) in ways.items()},
            )
        except ConfigError as error:
            raise self._error(str(error), ("states", name), at_key=True, hint=error.hint) from error

    def _hook(self, state: str, hook: str, name: str) -> Any:
        try:
            return function_of(name, self.functions)
        except ConfigError as error:
            raise self._error(str(error), ("states", state, hook), hint=error.hint) from error

    def _check_ways(self, flow: ConversationFlow) -> None:
        for name, state in flow.states.items():
            for index, target in enumerate(state.transitions.values()):
                if target not in flow.states and not flow.is_end(target):
                    what = f"There is no state {target!r}.{did_you_mean(target, [*flow.states, 'end'])}"
                    raise self._error(what, ("states", name, "transitions", index, "to"))
        for index, name in enumerate(flow.final_states):
            if name not in flow.states:
                what = f"There is no state {name!r}.{did_you_mean(name, flow.states)}"
                raise self._error(what, ("final_states", index))

    def _error(self, what: str, path: Place, *, at_key: bool = False, hint: str | None = None) -> PromptFileError:
        line, column = _yaml.KeyPlaces(self.text).find(path, at_key=at_key) or (None, None)
        return PromptFileError(what, file=self.source, line=line, column=column, hint=hint)


def _place_of(error: Any) -> tuple[list[str], bool]:
    """The order of errors: from the top, and a key that is misspelt before the one that is missing for that."""
    return list(map(str, error.absolute_path)), error.validator != "additionalProperties"


def _said(error: Any) -> str:
    """What is wrong, short."""
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"The key {missing!r} is missing"
    message = str(error.message)
    return message if len(message) <= 200 else f"{message[:200]}…"


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    schema: Mapping[str, Any] = json.loads(FLOW_SCHEMA.read_text(encoding="utf-8"))
    return Draft202012Validator(schema)
