"""Files of Prompty (``.prompty``): settings in front, and a template whose lines ``system:`` and ``user:`` begin messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from ...errors import PromptFileError, TemplateError
from ...templates import compile_template
from .handlebars import Origin, translate
from .imported import ImportedPrompt, as_prompt, front_and_body, note_of_settings, without_secrets
from .schemas import parameter_of

__all__ = ["read_prompty"]

_ROLE = re.compile(
    r"^[ \t]*#?[ \t]*(system|user|assistant|developer)[ \t]*(?:\[[^\]\n]*\])?[ \t]*:[ \t]*$", re.MULTILINE | re.I
)
_SAID = ("description", "version", "authors", "tags")


def read_prompty(text: str, file: str) -> ImportedPrompt:
    """The prompt in the text of a Prompty file.

    Raises:
        PromptFileError: It does not parse, or has what cannot be said the same way here.
    """
    settings, body, origin = front_and_body(text, file)
    notes: list[str] = []
    if settings.get("model"):
        notes.append(note_of_settings(file, ["model"]))
    parameters, defaults, samples = _inputs(settings, file, notes)
    language = _language(settings, file)
    messages: list[tuple[str | None, str]] = []
    for role, start, part in _parts(body):
        place = Origin(file, text, origin.start + start)
        if language == "jinja2":
            messages.append((role, _checked(part, place)))
        else:
            types = {name: str(spec.get("type", "")) for name, spec in parameters.items()}
            found = translate(part, place, types)
            notes += found.notes
            messages += [(role, said) for _, said in found.messages]
    shared = {"metadata": _metadata(settings, samples, notes), "parameters": parameters, "defaults": defaults}
    name = PurePath(file).name.removesuffix(".prompty")
    return as_prompt(name, messages, shared, file, notes)


def _language(settings: Mapping[str, Any], file: str) -> str:
    given = settings.get("template") or "jinja2"
    if isinstance(given, Mapping):
        given = given.get("format") or given.get("type") or "jinja2"
        given = given.get("kind", "jinja2") if isinstance(given, Mapping) else given
    if given not in ("jinja2", "mustache", "handlebars"):
        raise PromptFileError(
            f"Templates of {given!r} are not known here.", file=file, hint="jinja2, mustache, handlebars"
        )
    return str(given)


def _parts(body: str) -> Iterator[tuple[str, int, str]]:
    """Role, start and text of each message; what stands before the first role is the system's."""
    role, start = "system", 0
    for found in [*_ROLE.finditer(body), None]:
        text = body[start : found.start() if found is not None else len(body)]
        if text.strip():
            lead = len(text) - len(text.lstrip("\n"))
            yield role, start + lead, text.strip("\n")
        if found is not None:
            role, start = found[1].lower(), found.end()


def _checked(text: str, origin: Origin) -> str:
    try:
        compile_template(text, "jinja2")
    except TemplateError as error:
        lines = text.split("\n")
        offset = sum(len(line) + 1 for line in lines[: (error.line or 1) - 1]) + (error.column or 1) - 1
        raise origin.error(error.message, offset, error.hint) from error
    return text


def _inputs(
    settings: Mapping[str, Any], file: str, notes: list[str]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """Parameters, defaults and samples: of ``inputs`` in its three forms, and of ``sample``."""
    parameters: dict[str, dict[str, Any]] = {}
    defaults: dict[str, Any] = {}
    sample = settings.get("sample")
    samples: dict[str, Any] = dict(sample) if isinstance(sample, Mapping) else {}
    if sample is not None and not isinstance(sample, Mapping):
        notes.append(f"The sample {str(sample)[:80]!r} is left out: it lies elsewhere.")
    for name, value in _declared(settings, file).items():
        if not isinstance(value, Mapping):
            parameters[name], defaults[name] = {}, value
            continue
        parameters[name] = parameter_of(value, name, notes, required=value.get("required") is True)
        defaults |= {name: value["default"]} if "default" in value else {}
        example = value.get("sample", value.get("example"))
        samples |= {name: example} if example is not None else {}
    return parameters, defaults, samples


def _declared(settings: Mapping[str, Any], file: str) -> dict[str, Any]:
    """What the inputs are declared as, by name."""
    given = settings.get("inputs") or settings.get("inputSchema") or {}
    if isinstance(given, Mapping) and "properties" in given:
        given = given["properties"]
    if isinstance(given, list):
        given = {each["name"]: each for each in given if isinstance(each, Mapping) and "name" in each}
    if not isinstance(given, Mapping):
        raise PromptFileError("'inputs' must map names to types or values.", file=file)
    for name, value in given.items():
        if isinstance(value, Mapping) and value.get("kind") == "thread":
            raise PromptFileError(
                f"The input {name!r} is a thread of messages, which a conversation of dknb has by itself.",
                file=file,
                hint="Take it out of the file.",
            )
    return {str(name): value for name, value in given.items()}


def _metadata(settings: Mapping[str, Any], samples: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    said = {key: str(settings[key]) if key == "version" else settings[key] for key in _SAID if key in settings}
    own = settings.get("metadata")
    model = settings.get("model")
    return {
        **({"title": settings["name"]} if settings.get("name") else {}),
        **said,
        **(without_secrets(own, notes, "metadata") if isinstance(own, Mapping) else {}),
        **({"model": without_secrets(model, notes, "model") if isinstance(model, Mapping) else model} if model else {}),
        **({"sample": dict(samples)} if samples else {}),
    }
