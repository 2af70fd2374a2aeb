"""Flows in YAML files: ``prompts/flows/NAME.yaml``.

The files are checked against ``flow.schema.json`` beside this module, which editors can use too. They hold data only:
functions are called by names that the reading program knows.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import ConfigError, PromptError, PromptFileError, did_you_mean
from ...prompts import _yaml
from ...prompts.checking.problems import Problem
from .checking import faults, template_fault, unknown_prompts
from .definition import ConversationFlow, FlowState
from .spoken import Functions, condition_of, function_of, shown_condition

__all__ = ["FLOW_SCHEMA", "FlowLibrary", "parse_flow", "read_flow"]

#: The JSON Schema of a flow's file.
FLOW_SCHEMA = Path(__file__).with_name("flow.schema.json")

_NAME = re.compile(r"[\w-]+(?:/[\w-]+)*", re.ASCII)
_SUFFIXES = (".yaml", ".yml")
_COUNTS = ("max_total_loops", "max_loops")
#: Larger than this is no flow.
_MOST_BYTES = 1_000_000

Place = tuple[str | int, ...]


def read_flow(
    path: str | os.PathLike[str], functions: Functions | None = None, *, name: str | None = None
) -> ConversationFlow:
    """The flow in a YAML file.

    Args:
        path: The file.
        functions: What the file may call, as ``custom``, ``on_enter`` and ``on_exit``, by name.
        name: What the flow is called if the file does not say it; the file's name by default.

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
    return parse_flow(text, source_name=file.name, name=name or file.stem, functions=functions)


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
    reader = _Reader(text, source_name, {} if functions is None else functions)
    reader.check(data)
    assert isinstance(data, dict)
    return reader.flow(data, name or source_name)


class FlowLibrary:
    """The flows in the folder ``flows`` of a folder of prompts; a sub-folder is part of the name.

    A flow whose file does not say what it is called is called by that name, too.

    Args:
        prompt_dir: The folder of prompts.
        functions: As in `read_flow`.
    """

    def __init__(self, prompt_dir: str | os.PathLike[str], functions: Functions | None = None) -> None:
        self.folder = Path(prompt_dir) / "flows"
        self.functions: Functions = {} if functions is None else functions

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
        return read_flow(found[0], self.functions, name=name)

    def validate(self, prompts: Collection[str] | None = None) -> list[Problem]:
        """What is wrong in the flows, and with the names of their files, each as a line of text; empty when all is well.

        Args:
            prompts: The names of the user prompts that there are; without them no state's prompt is looked for.
        """
        problems: list[Problem] = []
        seen: set[str] = set()
        for name, path in self._files():
            file = f"flows/{path.relative_to(self.folder).as_posix()}"
            if why := _refused(name, path) or ("" if name not in seen else f"it is hidden by {name + _SUFFIXES[0]!r}"):
                problems.append(Problem(f"It is not among the flows: {why}.", file=file))
                continue
            seen.add(name)
            problems += self._problems_of(name, file, prompts)
        return problems

    def _problems_of(self, name: str, file: str, prompts: Collection[str] | None) -> list[Problem]:
        try:
            flow = self.get(name)
        except PromptError as error:
            place = (error.line, error.column or 1) if isinstance(error, PromptFileError) and error.line else None
            what = error.message if isinstance(error, PromptFileError) else str(error)
            return [Problem(what, file=file, place=place, hint=error.hint)]
        stops = [*faults(flow), *unknown_prompts(flow, prompts)]
        others = [each for each in flow.validate_flow() if each not in stops]
        return [
            *(Problem(each, file=file) for each in stops),
            *(Problem(each, file=file, severity="warning") for each in others),
        ]


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
            raise self._error(f"{_said(error)}.", path, hint=_hint(error))

    def flow(self, data: dict[str, Any], name: str) -> ConversationFlow:
        """The flow."""
        self._check_time(data.get("timeout_seconds"))
        states = {str(key): self._state(str(key), told) for key, told in data["states"].items()}
        given = {key: _whole(key, value) for key, value in data.items() if key != "states"}
        try:
            flow = ConversationFlow(**{"name": name, **given, "states": states})
        except ConfigError as error:
            raise self._error(str(error), ("initial_state",), hint=error.hint) from error
        self._check_ways(flow)
        return flow

    def _check_time(self, seconds: float | None) -> None:
        if seconds is not None and not math.isfinite(seconds):
            raise self._error(
                f"timeout_seconds is {seconds!r}.", ("timeout_seconds",), hint="Leave it out: then there is no limit"
            )

    def _check_template(self, state: str, template: str | None) -> None:
        if template is not None and (error := template_fault(template)) is not None:
            at = f" (its line {error.line}, column {error.column})" if error.line is not None else ""
            raise self._error(f"The template is none: {error.message}{at}", ("states", state, "template"))

    def _state(self, name: str, data: dict[str, Any]) -> FlowState:
        self._check_template(name, data.get("template"))
        own = ("transitions", "on_enter", "on_exit")
        given = {key: _whole(key, value) for key, value in data.items() if key not in own}
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


def _hint(error: Any) -> str | None:
    """What to write instead, if the schema has it."""
    if isinstance(error.instance, bool):
        return "YAML reads yes, no, on and off as true and false: put the word in quotes."
    examples = error.schema.get("examples", ())
    return f"Like this:  {'  or  '.join(examples)}" if examples else None


def _whole(key: str, value: Any) -> Any:
    """``value``; a count that is written 2.0, which JSON Schema lets pass, is 2."""
    return int(value) if key in _COUNTS and isinstance(value, float) else value


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
