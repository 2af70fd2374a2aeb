"""``dknb.form("name")``: a form made from a prompt's parameters, with the render beside it that follows what is typed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import DknbError, PromptError, did_you_mean
from ..extension import session_here
from ..session import Session
from ..views.form import FieldLine, form_html, outdated
from ..views.text import note, verbatim
from .finding import PromptKind
from .form_fields import NOTHING, FormField, make_field
from .named import NamedPrompt
from .rendered import PromptRender
from .source import parameters_of, required_of

if TYPE_CHECKING:
    from ipywidgets import Widget  # type: ignore[import-untyped]

__all__ = ["PromptForm", "form"]


def form(
    name: str,
    *,
    kind: PromptKind | None = None,
    adapters: Mapping[str, Any] | None = None,
    **values: Any,
) -> PromptForm:
    """A form for the prompt ``name`` of the library, which renders while one types.

    Args:
        name: Its name.
        kind: As for `dknb.prompt`.
        adapters: As for `dknb.prompt`. A prompt that retrieves searches when its button is pressed.
        **values: What stands in its fields at first; elsewhere it is the defaults.

    Raises:
        PromptNotFound: There is no such prompt.
        PromptError: It is broken, or has no such parameter, or a value is not of its type.
    """
    return PromptForm(session_here(), name, kind, adapters, values)


class PromptForm:
    """A form for the parameters of a prompt.

    In a saved notebook that is opened without its kernel, the form is a table of its parameters where the front end
    shows one, and the render beside it is the last one, with the values that went into it.

    Attributes:
        name: The prompt.
        fields: The fields by parameter.
        widget: The form as a widget, to be put into a layout of one's own.
        result: The last render; None while what stands in the fields cannot be rendered. What is shown then is the
            render before, greyed.
        error: Why it cannot; None while it can.
    """

    def __init__(
        self,
        session: Session,
        name: str,
        kind: PromptKind | None = None,
        adapters: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self._prompt = NamedPrompt(session, name, kind, adapters)
        self.fields = self._made_fields(session)
        self.result: PromptRender | None = None
        self.error: DknbError | None = None
        self._last_good: PromptRender | None = None
        # Comm messages may be handled on another thread than the cell that runs.
        self._lock = threading.RLock()
        self._displays: list[Any] = []
        self.put(**(values or {}))
        self.widget = self._made_widget()
        for field in self.fields.values():
            field.widget.observe(lambda _: self.render(), names="value")
        self.render()

    def _made_fields(self, session: Session) -> dict[str, FormField]:
        found, whole = self._prompt.found(), self._prompt.whole()
        required, defaults = required_of(whole), whole.get("defaults", {})
        return {
            name: make_field(name, spec, name in required, defaults.get(name))
            for name, spec in parameters_of(session, found).items()
        }

    def put(self, **values: Any) -> None:
        """Put values into fields.

        Raises:
            PromptError: There is no such parameter, or a value is not of its type.
        """
        for name, value in values.items():
            if name not in self.fields:
                raise PromptError(
                    f"Prompt {self.name!r} has no parameter {name!r}.{did_you_mean(name, self.fields)}",
                    hint=f"Its parameters: {', '.join(self.fields) or 'none'}",
                )
            self.fields[name].put(value)

    @property
    def values(self) -> dict[str, Any]:
        """What the fields mean, without the empty ones; a field that means no value of its type is marked.

        Raises:
            PromptError: One of them means no value of its parameter's type.
        """
        values, wrong = {}, []
        for name, field in self.fields.items():
            try:
                value = field.value()
            except PromptError as error:
                wrong.append(PromptError(f"{name}: {error}", hint=error.hint))
                field.mark(str(error))
                continue
            field.mark(None)
            if value is not NOTHING:
                values[name] = value
        if wrong:
            raise PromptError("\n".join(map(str, wrong)), hint=wrong[0].hint)
        return values

    def render(self, *, search: bool = False) -> None:
        """Render what stands in the fields, and show it wherever the form is shown; search only if told to."""
        with self._lock:
            try:
                # A default that was left alone is one: the render says so.
                changed = {name: value for name, value in self.values.items() if value != self.fields[name].default}
                self.result, self.error = self._prompt.rendered(changed, include_rag=search, called="form"), None
                self._last_good = self.result
            except DknbError as error:
                self.result, self.error = None, error
            for display in self._displays:
                display.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, Any]:
        if self.result is not None:
            return self.result._repr_mimebundle_()
        told = note(str(self.error))
        if self._last_good is None:
            return told
        before = self._last_good._repr_mimebundle_()
        return {name: outdated(told[name], before[name]) for name in ("text/html", "text/plain")}

    def _made_widget(self) -> Widget:
        from ipywidgets import Button, GridBox, Label, Layout, VBox

        cells: list[Widget] = []
        for field in self.fields.values():
            cells += [Label(f"{field.name}{' *' if field.required else ''}"), VBox([field.widget, field.told])]
        columns = "fit-content(40%) minmax(0, 1fr)"  # a field is as wide as there is room, and no wider
        grid = GridBox(cells, layout=Layout(grid_template_columns=columns, grid_gap="2px 12px", width="100%"))
        if not self._prompt.retrieves():
            return _named(VBox([grid]))
        button = Button(description="Search", tooltip="Search, and render with what is found")
        button.on_click(lambda _: self.render(search=True))
        return _named(VBox([grid, button]))

    def _static_html(self) -> str:
        lines = [
            FieldLine(name, str(field.spec), field.required, field.spec.description)
            for name, field in self.fields.items()
        ]
        return verbatim(form_html(self.name, lines))

    def _ipython_display_(self) -> None:
        from IPython.display import DisplayHandle, display

        with self._lock:
            bundle = {**self.widget._repr_mimebundle_(), "text/html": self._static_html(), "text/plain": repr(self)}
            display(bundle, raw=True)  # type: ignore[no-untyped-call]
            handle = DisplayHandle()  # type: ignore[no-untyped-call]
            handle.display(self._bundle(), raw=True)  # type: ignore[no-untyped-call]
            self._displays.append(handle)

    def __str__(self) -> str:
        return "" if self.result is None else self.result.content

    def __repr__(self) -> str:
        return f"dknb.form({self.name!r}): {', '.join(self.fields) or 'no parameters'}"


def _named(widget: Widget) -> Widget:
    """The widget with the class by which a style puts the render beside it."""
    widget.add_class("dknb-form")
    return widget
