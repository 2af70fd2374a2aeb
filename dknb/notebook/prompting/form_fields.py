"""The fields of a form: a widget for each parameter, and the value that what stands in it means."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import PromptError
from ...prompts.parameters import ParameterSpec, check_value, coerce
from ..views.text import escape

if TYPE_CHECKING:
    from ipywidgets import Widget  # type: ignore[import-untyped]

__all__ = ["NOTHING", "FormField", "make_field"]

#: What a field without a value gives.
NOTHING = object()
_NO_CHOICE = "(none)"
#: A range of whole numbers or numbers that is at most so long gets a slider.
_SLIDER = 1_000
#: Characters of JSON that stand on one line, and the lines that a box of text has at most.
_LINE = 60
_ROWS = 12


@dataclass(frozen=True)
class FormField:
    """A parameter's widget.

    Attributes:
        name: The parameter.
        spec: What is declared about it, or what its default tells.
        required: Whether the prompt must have a value.
        default: Its default; None where there is none.
        widget: The widget; its ``value`` is what the user typed or chose.
        told: What is said below it: what the parameter is, or what is wrong.
    """

    name: str
    spec: ParameterSpec
    required: bool
    default: Any
    widget: Widget
    told: Widget

    def mark(self, problem: str | None) -> None:
        """Say below the field what is wrong with what stands in it; None takes that away again."""
        style = "color:var(--jp-ui-font-color2)" if problem is None else "color:var(--jp-error-color1, #d32f2f)"
        about = self.spec.description or (str(self.spec) if self.spec.type != "string" else "")
        self.told.value = f'<span style="{style}">{escape(about if problem is None else f"⚠ {problem}")}</span>'
        self.widget.layout.border_left = "" if problem is None else "3px solid var(--jp-error-color1, #d32f2f)"

    def value(self) -> Any:
        """What the field means; `NOTHING` where it is empty.

        Raises:
            PromptError: It means no value of the parameter's type.
        """
        shown = self.widget.value
        if self.spec.choices or not isinstance(shown, str):
            return shown
        if not shown.strip() and (self.default is None or self.spec.type != "string"):
            return NOTHING
        return coerce(self.spec, shown)

    def put(self, value: Any) -> None:
        """Put a value into the field.

        Raises:
            PromptError: It is no value of the parameter's type.
        """
        if (problem := check_value(self.spec, value)) is not None:
            raise PromptError(f"{self.name} {problem}.")
        textual = isinstance(self.widget.value, str) and not self.spec.choices
        self.widget.value = _as_text(self.spec, value) if textual else value


def make_field(name: str, spec: ParameterSpec | None, required: bool, default: Any) -> FormField:
    """The field of a parameter; one without a declaration is of the type of its default."""
    from ipywidgets import HTML

    spec = spec or ParameterSpec(_type_of(default))
    make = _MAKERS.get("enum" if spec.choices else spec.type, _text)
    widget = make(spec, default)
    widget.layout.width = "auto"
    widget.layout.max_width = "32em" if spec.type in ("string", "list", "object") and not spec.choices else "16em"
    field = FormField(name, spec, required, default, widget, HTML())
    field.mark(None)
    return field


def _type_of(default: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", list: "list", dict: "object"}
    return kinds.get(type(default), "string")


def _as_text(spec: ParameterSpec, value: Any) -> str:
    if value is None:
        return ""
    if spec.type in ("list", "object"):
        line = json.dumps(value, ensure_ascii=False, default=str)
        return line if len(line) <= _LINE else json.dumps(value, ensure_ascii=False, default=str, indent=2)
    return str(value)


def _text(spec: ParameterSpec, default: Any) -> Widget:
    from ipywidgets import Text, Textarea

    shown = _as_text(spec, default)
    if spec.type in ("integer", "number"):
        return Text(value=shown, placeholder="a whole number" if spec.type == "integer" else "a number")
    hints = {"list": "a, b, c  or  [1, 2]", "object": '{"name": "value"}'}
    hint = hints.get(spec.type, "")
    if spec.type == "list" and spec.items is not None and spec.items.type in ("object", "list"):
        hint = '[{"name": "value"}]' if spec.items.type == "object" else "[[1, 2], [3, 4]]"
    rows = min(max(2, shown.count("\n") + 1), _ROWS)
    return Textarea(value=shown, placeholder=hint, rows=rows)


def _choice(spec: ParameterSpec, default: Any) -> Widget:
    from ipywidgets import Dropdown

    options = [(str(choice), choice) for choice in spec.choices]
    if default is None:
        options = [(_NO_CHOICE, NOTHING), *options]
    # A default that is no choice is shown by nothing: the prompt's check says what is wrong with it.
    known = [value for _, value in options]
    return Dropdown(options=options, value=default if default in known else known[0])


def _truth(spec: ParameterSpec, default: Any) -> Widget:
    from ipywidgets import Checkbox

    if default is None:
        return _choice(ParameterSpec(choices=(True, False)), None)
    return Checkbox(value=bool(default), indent=False)


def _number(spec: ParameterSpec, default: Any) -> Widget:
    import ipywidgets

    low, high = spec.minimum, spec.maximum
    if default is None or check_value(spec, default) is not None:
        return _text(spec, default)
    kind = "Int" if spec.type == "integer" else "Float"
    if low is None or high is None:
        return getattr(ipywidgets, f"{kind}Text")(value=default)
    if kind == "Int":
        low, high = int(low), int(high)
    shape = f"{kind}Slider" if high - low <= _SLIDER else f"Bounded{kind}Text"
    return getattr(ipywidgets, shape)(value=default, min=low, max=high)


_MAKERS: dict[str, Callable[[ParameterSpec, Any], Widget]] = {
    "enum": _choice,
    "boolean": _truth,
    "integer": _number,
    "number": _number,
}
