"""The exceptions: one tree, shown as what happened and what to do."""

from __future__ import annotations

import inspect
import pickle

import pytest

from dknb import errors
from dknb.errors import CallTimeout, DknbError, Interrupted, MissingParameters, TemplateError, did_you_mean

CLASSES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree(kind):
    """The docstring that draws the tree has every class, and each is ours."""
    assert f" {kind.__name__} " in errors.__doc__ or f"{kind.__name__}\n" in errors.__doc__
    assert issubclass(kind, DknbError | Interrupted)


def test_every_public_class_is_exported():
    """No error class is left out of __all__."""
    public = {name for name, item in vars(errors).items() if inspect.isclass(item) and not name.startswith("_")}
    assert {name for name in public if issubclass(getattr(errors, name), BaseException)} == set(errors.__all__)


def test_an_error_shows_itself_in_two_lines_then_whole():
    """The first rendering is what and what to do; the second (%tb) has the traceback."""
    error = DknbError("it broke", hint="mend it")
    assert error._render_traceback_() == ["dknb: it broke", "mend it"]
    assert error._render_traceback_()[-1] == "dknb.errors.DknbError: it broke\n"


def test_errors_are_also_what_python_calls_them():
    """A time limit is a TimeoutError, missing parameters a ValueError, with their facts as attributes."""
    late = CallTimeout("late", provider="openai", model="m", retry_after=2.0)
    assert isinstance(late, TimeoutError)
    assert (late.provider, late.retry_after, str(late)) == ("openai", 2.0, "late")
    assert str(MissingParameters(["a", "b"])) == "Missing required parameters: a, b"


def test_a_template_error_says_where():
    """Prompt, line, column and the line itself are told, and can be read one by one."""
    error = TemplateError("oops", line=2, column=5, source_line="  {{ x").named("greet")
    assert str(error) == "Prompt 'greet', line 2, column 5: oops\n    {{ x"
    assert (error.line, error.column, error.prompt_name) == (2, 5, "greet")


def test_errors_can_be_pickled():
    """An error survives the way from a worker process."""
    error = pickle.loads(pickle.dumps(DknbError("it broke", hint="mend it")))
    assert (str(error), error.hint) == ("it broke", "mend it")


@pytest.mark.parametrize(
    ("name", "said"), [("opnai", " Did you mean 'openai'?"), ("zzz", ""), ("OpenAI", " Did you mean 'openai'?")]
)
def test_the_nearest_name_is_suggested(name, said):
    """A near name is named, a far one is not."""
    assert did_you_mean(name, ["openai", "echo"]) == said
