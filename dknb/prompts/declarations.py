"""The key ``parameters`` of prompt data: read into ``ParameterSpec``, and written back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from ..errors import did_you_mean
from .checks import FieldError, Path, count, list_of, mapping, number, record, text, truth, wanted
from .parameters import PARAMETER_TYPES, ParameterSpec, check_value
from .types import PromptTemplateDict, ValidationConfig

__all__ = ["plain_parameters", "read_parameters", "settled", "validation_of"]

#: Other words for ``choices`` that people know from elsewhere.
_CHOICES = ("choices", "enum", "values")
_NUMBER = (("integer", "number"), "a number", "Write type: integer or number.")
#: Keys that say something about some types alone: these, in words, and what to type.
_ONLY_OF = {
    "items": (("list",), "a list", "Write type: list."),
    "min_items": (("list", "object"), "a list or an object", "Write type: list or object."),
    "minimum": _NUMBER,
    "maximum": _NUMBER,
}


def _anything(value: object, at: Path) -> object:
    return value


def _type(value: object, at: Path) -> str:
    if isinstance(value, str) and value in PARAMETER_TYPES:
        return value
    near = did_you_mean(value, PARAMETER_TYPES) if isinstance(value, str) else ""
    raise FieldError(
        f"{'.'.join(map(str, at))} cannot be {value!r}.{near}", at, f"It is one of: {', '.join(PARAMETER_TYPES)}."
    )


def _choices(value: object, at: Path) -> tuple[object, ...]:
    items = cast(list[object], list_of(_anything)(value, at))
    if not items:
        raise FieldError(f"{'.'.join(map(str, at))} must hold one value at least.", at, "Write it as [a, b].")
    return tuple(items)


def _items(value: object, at: Path) -> ParameterSpec:
    declared = _parameter(value, at)
    if "default" in declared:
        raise FieldError("Items have no default; give the list one.", (*at, "default"), at_key=True)
    return cast(ParameterSpec, declared["spec"])


_PARAMETER = record(
    "a parameter",
    {
        "type": _type,
        "description": text,
        "default": _anything,
        "required": truth,
        **dict.fromkeys(_CHOICES, _choices),
        "items": _items,
        "min_items": count,
        "minimum": number,
        "maximum": number,
    },
)


def _parameter(value: object, at: Path) -> dict[str, object]:
    """``{"spec"}`` and, if it has one, ``{"default"}``."""
    if isinstance(value, ParameterSpec):
        return {"spec": value}
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, Mapping):
        raise wanted(at, "a type or a mapping", value, f"The types: {', '.join(PARAMETER_TYPES)}.")
    given = cast(dict[str, Any], _PARAMETER(value, at))
    choices: tuple[object, ...] = next((given.pop(key) for key in _CHOICES if key in given), ())
    default = {"default": given.pop("default")} if "default" in given else {}
    kind = given.pop("type", "enum" if choices else "any")
    _refuse_mismatch(kind, choices, given, at)
    return {"spec": ParameterSpec(type=kind, choices=choices, **given), **default}


def _refuse_mismatch(kind: str, choices: tuple[object, ...], given: Mapping[str, Any], at: Path) -> None:
    """Refuse what says nothing about a value of that type."""
    if kind == "enum" and not choices:
        raise FieldError("An enum needs the key 'choices'.", at, "Write it as choices: [a, b].")
    for key, (kinds, what, hint) in _ONLY_OF.items():
        if key in given and kind not in kinds:
            raise FieldError(f"Only {what} has {key!r}.", (*at, key), hint, at_key=True)
    _refuse_crossed(given, at)
    for choice in choices:
        if kind in ("enum", "string") and (isinstance(choice, bool) or choice is None):
            hint = "Put it in quotes; YAML reads yes, no, on and off as truth values."
            raise FieldError(f"The choice {choice!r} is not text.", (*at, "choices"), hint)
        if (problem := check_value(ParameterSpec(type=kind), choice)) is not None:
            raise FieldError(f"A choice {problem}.", (*at, "choices"))


def _refuse_crossed(given: Mapping[str, Any], at: Path) -> None:
    """Refuse bounds that no number is within."""
    if given.get("minimum", float("-inf")) > given.get("maximum", float("inf")):
        raise FieldError(
            f"The minimum {given['minimum']:g} is above the maximum {given['maximum']:g}.",
            (*at, "minimum"),
            "Exchange them.",
        )


def read_parameters(value: object, at: Path) -> dict[str, dict[str, object]]:
    """Each parameter as ``{"spec"}`` and, if it has one, ``{"default"}``; ``settled`` takes them apart.

    Raises:
        FieldError: A name is no variable's, or a declaration is not what it must be.
    """
    given = mapping(value, at)
    for name in given:
        if not name.isidentifier():
            raise FieldError(
                f"{name!r} cannot be a parameter.", (*at, name), "A name is letters, digits and '_'.", at_key=True
            )
    return {name: _parameter(item, (*at, name)) for name, item in given.items()}


def settled(given: dict[str, object], at: Path) -> dict[str, object]:
    """Prompt data in which parameters are specs, and their defaults lie where all defaults lie.

    Raises:
        FieldError: A default is given in both places.
    """
    if "parameters" not in given:
        return given
    declared = cast(dict[str, dict[str, Any]], given["parameters"])
    defaults = cast(dict[str, object], given.get("defaults", {}))
    own = {name: each["default"] for name, each in declared.items() if "default" in each}
    for name in own:
        if name in defaults:
            raise FieldError(f"{name!r} has two defaults.", (*at, "defaults", name), "Keep one of them.", at_key=True)
    both = {**own, **defaults}
    specs = {name: each["spec"] for name, each in declared.items()}
    return {**given, "parameters": specs, **({"defaults": both} if both else {})}


def validation_of(prompt: PromptTemplateDict) -> ValidationConfig:
    """The validation of a prompt that has the keys of its bases: what it lists, and what its parameters say."""
    validation = prompt.get("validation") or ValidationConfig()
    required = {name for name, spec in prompt.get("parameters", {}).items() if spec.required}
    if required <= validation.required_params:
        return validation
    return replace(validation, required_params=validation.required_params | required)


def plain_parameters(parameters: Mapping[str, ParameterSpec]) -> dict[str, object]:
    """Parameters as a file holds them: the type alone where there is no more to say."""
    return {name: _plain(spec) for name, spec in parameters.items()}


def _plain(spec: ParameterSpec) -> object:
    facts = {
        "type": spec.type,
        "description": spec.description or None,
        "required": spec.required or None,
        "choices": list(spec.choices) or None,
        "items": _plain(spec.items) if spec.items is not None else None,
        "min_items": spec.min_items,
        "minimum": spec.minimum,
        "maximum": spec.maximum,
    }
    said = {key: value for key, value in facts.items() if value is not None}
    return spec.type if len(said) == 1 else said
