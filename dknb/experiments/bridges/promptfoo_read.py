"""promptfoo's configuration, read."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import BridgeError, PromptFileError
from ...prompts._yaml import load
from .assertions import KINDS, AssertionScorer, Slot
from .files import beside, parsed, read_text, refused
from .imported import ImportedExperiment
from .names import metric_named
from .promptfoo_models import model_of

__all__ = ["read_promptfoo"]

#: Bytes of a configuration or of a file that it names, and items that lists of values make.
_MOST_BYTES, _MOST_ITEMS = 64 * 2**20, 200_000
_KNOWN = {"description", "prompts", "providers", "targets", "tests", "defaultTest", "evaluateOptions"}
#: What a column of a table of tests begins with that is no variable.
_EXPECTED = "__expected"


def read_promptfoo(path: Path) -> ImportedExperiment:
    """The experiment that a ``promptfooconfig.yaml`` (or ``.json``) describes.

    Files that it names are read where they lie in its folder; code is not run.

    Raises:
        BridgeError: It cannot be read, or is none.
    """
    data = _loaded(path)
    if not isinstance(data, Mapping) or "prompts" not in data:
        raise refused(path, "This is no configuration of promptfoo: it has no prompts.")
    return _Reader(path, data).read()


def _loaded(path: Path) -> Any:
    text = read_text(path, _MOST_BYTES)
    if path.suffix == ".json":
        return parsed(text, path)
    try:
        return load(text, path.name)
    except PromptFileError as error:
        raise BridgeError(str(error), hint=error.hint) from error


class ChatPrompt:
    """A prompt of several messages, as promptfoo writes it: a list of JSON, in which parameters stand.

    Attributes:
        messages: The messages, with their templates.
    """

    def __init__(self, messages: list[dict[str, str]], name: str) -> None:
        self.messages, self.__name__ = messages, name

    def __call__(self, row: Mapping[str, Any]) -> list[Any]:
        from ...llm.messages import LLMMessage
        from ...templates import TemplateRenderer

        values = {name: value for name, value in row.items() if value is not None}
        renderer = TemplateRenderer()
        return [
            LLMMessage(each["role"], renderer.render(each["content"], values, mode="jinja2").content)
            for each in self.messages
        ]


class _Reader:
    def __init__(self, path: Path, data: Mapping[str, Any]) -> None:
        self._path, self._data, self._folder = path, data, path.parent
        self._notes: list[str] = []
        self._slots: dict[tuple[Slot, str], AssertionScorer] = {}

    def read(self) -> ImportedExperiment:
        data, notes = self._data, self._notes
        notes += [f"{key!r} has no equal." for key in data if key not in _KNOWN]
        prompts = dict(self._prompt(each, place) for place, each in enumerate(self._prompts(), 1))
        told = data.get("providers", data.get("targets")) or []
        models = [model_of(each, notes) for each in (told if isinstance(told, list) else [told])]
        items = self._items()
        return ImportedExperiment(
            prompts,
            dict(model for model in models if model is not None),
            items,
            list(self._slots.values()),
            self._settings(),
            notes,
        )

    # Prompts

    def _prompts(self) -> Iterator[Any]:
        told = self._data["prompts"]
        for each in told if isinstance(told, list) else [told]:
            if isinstance(each, str) and each.startswith("file://"):
                yield from self._prompts_of_file(each)
            else:
                yield each

    def _prompts_of_file(self, named: str) -> Iterator[Any]:
        file = beside(self._folder, named, self._path)
        if file.suffix in (".py", ".js", ".ts", ".mjs", ".cjs"):
            self._notes.append(f"Prompt {named!r} is code, which is not run.")
            return
        text = read_text(file, _MOST_BYTES)
        label = file.stem
        if file.suffix in (".json", ".yaml", ".yml"):
            text = text if file.suffix == ".json" else json.dumps(_loaded(file))
            yield {"raw": text, "label": label}
            return
        parts = [part.strip("\n") for part in text.split("\n---\n")]
        for place, part in enumerate(parts, 1):
            yield {"raw": part, "label": label if len(parts) == 1 else f"{label} {place}"}

    def _prompt(self, told: Any, place: int) -> tuple[str, Any]:
        raw = told.get("raw", told.get("prompt")) if isinstance(told, Mapping) else told
        if isinstance(told, Mapping) and raw is None and str(told.get("id", "")).startswith("file://"):
            (first, *_) = list(self._prompts_of_file(told["id"])) or [{"raw": ""}]
            raw = first["raw"]
        if not isinstance(raw, str):
            raise refused(self._path, f"Prompt {place} is {told!r:.80}.", hint="A text, or {raw: ..., label: ...}")
        label = str(told.get("label") or told.get("id") or f"prompt {place}") if isinstance(told, Mapping) else None
        if isinstance(told, Mapping) and told.get("config"):
            self._notes.append(f"Prompt {label!r}: its 'config' has no equal.")
        label = label or f"prompt {place}"
        return label, _chat(raw, label) or {"template": raw, "template_mode": "jinja2"}

    # Items

    def _items(self) -> list[dict[str, Any]]:
        default = self._data.get("defaultTest") or {}
        if not isinstance(default, Mapping):
            self._notes.append("'defaultTest' is a file or code, which is not read.")
            default = {}
        items: list[dict[str, Any]] = []
        for place, test in enumerate(self._tests(), 1):
            if not isinstance(test, Mapping):
                raise refused(self._path, f"Test {place} is {test!r:.80}.", hint="{vars: {...}, assert: [...]}")
            for row in self._rows(test, default, place):
                items.append(row)
                if len(items) > _MOST_ITEMS:
                    raise refused(self._path, f"Its lists of values make more than {_MOST_ITEMS:,} items.")
        labels: dict[str, int] = {}
        for place, row in enumerate(items):
            wanted = str(row["item"] if row["item"] is not None else place)
            labels[wanted] = labels.get(wanted, 0) + 1
            row["item"] = wanted if labels[wanted] == 1 else f"{wanted} ({labels[wanted]})"
        columns = {name: None for row in items for name in row}
        return [{**columns, **row} for row in items] or [{"item": "0"}]

    def _tests(self) -> Iterator[Any]:
        told = self._data.get("tests") or [{}]
        for each in told if isinstance(told, list) else [told]:
            if isinstance(each, str):
                yield from self._tests_of_file(each)
            else:
                yield each

    def _tests_of_file(self, named: str) -> Iterator[Any]:
        if "://" in named and not named.startswith("file://"):
            self._notes.append(f"Tests {named!r} lie elsewhere, and are not fetched.")
            return
        file = beside(self._folder, named, self._path)
        if file.suffix == ".csv":
            rows = csv.DictReader(read_text(file, _MOST_BYTES).splitlines(keepends=True))
            yield from (self._test_of_row(row) for row in rows)
        elif file.suffix == ".jsonl":
            for number, line in enumerate(read_text(file, _MOST_BYTES).split("\n"), 1):
                if line.strip():
                    yield parsed(line, file, number)
        elif file.suffix in (".yaml", ".yml", ".json"):
            data = _loaded(file)
            yield from data if isinstance(data, list) else [data]
        else:
            self._notes.append(f"Tests {named!r} are no table and no data, and are not read.")

    def _test_of_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        told = {name: value for name, value in row.items() if name and not name.startswith("__")}
        wanted = [value for name, value in row.items() if name and name.startswith(_EXPECTED) and value]
        for name in row:
            if name and name.startswith("__") and not name.startswith((_EXPECTED, "__description", "__metric")):
                self._notes.append(f"The column {name!r} has no equal.")
        metric = {"metric": row["__metric"]} if row.get("__metric") else {}
        return {
            "vars": told,
            "description": row.get("__description"),
            "assert": [_short(str(each)) | metric for each in wanted],
        }

    def _rows(self, test: Mapping[str, Any], default: Mapping[str, Any], place: int) -> Iterator[dict[str, Any]]:
        for key in set(test) | set(default):
            if key not in ("vars", "assert", "description"):
                self._notes.append(f"Test {place}: {key!r} has no equal.")
        told = {**(default.get("vars") or {}), **(test.get("vars") or {})}
        values = {str(name): self._values(value) for name, value in told.items()}
        asserted = self._asserted([*(default.get("assert") or []), *(test.get("assert") or [])], place)
        for chosen in itertools.product(*values.values()):
            label = test.get("description")
            yield {"item": label, **dict(zip(values, chosen, strict=True)), **asserted}

    def _values(self, value: Any) -> list[Any]:
        """The values of a variable; a list of them makes an item of each."""
        if isinstance(value, str) and value.startswith("file://"):
            file = beside(self._folder, value, self._path)
            if file.suffix in (".py", ".js", ".ts"):
                self._notes.append(f"The value {value!r} is code, which is not run.")
                return [value]
            return [read_text(file, _MOST_BYTES)]
        return list(value) if isinstance(value, list) and value else [value]

    # Assertions

    def _asserted(self, told: list[Any], place: int) -> dict[str, str]:
        columns: dict[str, str] = {}
        seen: dict[str, int] = {}
        for each in _flat(told, self._notes, place):
            kind = str(each.get("type"))
            slot = Slot(kind.removeprefix("not-"), kind.startswith("not-"), each.get("threshold"))
            if slot.kind not in KINDS:
                self._notes.append(f"Test {place}: the assertion {kind!r} has no equal.")
                continue
            self._notes += [
                f"Test {place}: {key!r} of the assertion {kind!r} has no equal."
                for key in each
                if key not in ("type", "value", "threshold", "metric")
            ]
            value = self._value(each.get("value"), slot)
            base = str(each.get("metric") or kind)
            seen[base] = seen.get(base, 0) + 1
            name = base if seen[base] == 1 else f"{base} {seen[base]}"
            scorer = self._slot(slot, name)
            columns[scorer.column] = json.dumps(value, default=str)
        return columns

    def _slot(self, slot: Slot, name: str) -> AssertionScorer:
        """The scorer of a slot; two that have one name are told apart by a number."""
        key = slot, name
        if key not in self._slots:
            taken = {scorer.name for scorer in self._slots.values()}
            numbered = (f"{metric_named(name)}#{number}" for number in itertools.count(2))
            free = next(each for each in itertools.chain([metric_named(name)], numbered) if each not in taken)
            self._slots[key] = AssertionScorer(slot, f"assert {free}", free)
        return self._slots[key]

    def _value(self, value: Any, slot: Slot) -> Any:
        if isinstance(value, str) and value.startswith("file://"):
            file = beside(self._folder, value, self._path)
            return _loaded(file) if file.suffix in (".json", ".yaml", ".yml") else read_text(file, _MOST_BYTES)
        if slot.kind in ("is-json", "contains-json") and isinstance(value, str):
            return load(value, self._path.name)
        return value

    def _settings(self) -> dict[str, Any]:
        told = self._data.get("evaluateOptions") or {}
        names = {"repeat": "repeats", "maxConcurrency": "max_concurrency"}
        self._notes += [f"evaluateOptions: {key!r} has no equal." for key in told if key not in names]
        settings = {ours: told[theirs] for theirs, ours in names.items() if theirs in told}
        name = self._data.get("description")
        return settings | ({"name": name} if isinstance(name, str) and name.strip() else {})


def _chat(raw: str, label: str) -> ChatPrompt | None:
    """The prompt as messages, where it is a list of them."""
    if not raw.lstrip().startswith("["):
        return None
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    good = isinstance(data, list) and all(
        isinstance(each, dict) and isinstance(each.get("role"), str) and isinstance(each.get("content"), str)
        for each in data
    )
    return ChatPrompt([{"role": each["role"], "content": each["content"]} for each in data], label) if good else None


def _flat(told: list[Any], notes: list[str], place: int) -> Iterator[Mapping[str, Any]]:
    for each in told:
        if isinstance(each, Mapping) and each.get("type") == "assert-set":
            notes.append(f"Test {place}: an 'assert-set' is taken apart, its threshold left out.")
            yield from _flat(list(each.get("assert") or []), notes, place)
        elif isinstance(each, Mapping):
            yield each
        else:
            notes.append(f"Test {place}: the assertion {each!r:.60} has no equal.")


def _short(text: str) -> dict[str, Any]:
    """An assertion as a table has it: ``contains: x``; a text alone is what the output must be."""
    kind, colon, value = text.partition(":")
    name = kind.strip().removeprefix("not-")
    if not colon and name in KINDS:
        return {"type": kind.strip()}
    if not colon or not (name in KINDS or name in ("similar", "llm-rubric", "javascript", "python", "fn", "grade")):
        return {"type": "equals", "value": text}
    value = value.strip()
    if name.endswith(("-all", "-any")):
        return {"type": kind.strip(), "value": [part.strip() for part in value.split(",")]}
    return {"type": kind.strip(), "value": value}
