"""The exceptions: one tree, shown as what happened and what to do."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from dknb import errors
from dknb.errors import (
    BadRequest,
    CallTimeout,
    ConnectionFailed,
    DknbError,
    Interrupted,
    MissingParameters,
    RateLimited,
    ServerError,
    TemplateError,
    did_you_mean,
)

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


def made(kind):
    """An error of a class, with all the facts that it takes."""
    values = {"message": "it broke", "names": ["a"], "limit": 1.0, "spent": 0.5, "errors": ["x"], "middleware": "M"}
    values |= {"problems": {"a": "a must be text"}, "items": 3, "minimum": 10, "cost_usd": 0.5}
    wanted = [name for name in inspect.signature(kind).parameters if name not in ("self", "args", "kwargs")]
    given = {name: values.get(name, f"its {name}") for name in wanted}
    given |= {name: place for name, place in (("line", 2), ("column", 5)) if name in given}
    first = next(iter(given))
    return kind(given.pop(first), **given)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("way", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_errors_can_be_pickled_and_copied(kind, way):
    """Every error survives the way from a worker process, with its text and all its facts."""
    error = made(kind)
    error.partial = {"content": "half"}
    error._render_traceback_()
    again = way(error)
    assert type(again) is kind
    assert (str(again), again.args) == (str(error), error.args)
    facts = {name: value for name, value in vars(error).items() if name != "_shown"}
    assert {name: value for name, value in vars(again).items() if name != "_shown"} == facts


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ServerError("", status=503), True),
        (ServerError("", status=529), True),
        (ServerError("", status=501), False),
        (ServerError("", status=505), False),
        (RateLimited("Rate limit reached; see /account/billing", status=429), True),
        (CallTimeout("", status=408), True),
        (BadRequest("", status=409), True),
        (ConnectionFailed("broke"), True),
        (CallTimeout("our own"), False),
        (ServerError("a page"), False),
        (BadRequest("", status=400), False),
        (RateLimited("openai refused 'm' (429, insufficient_quota): pay", status=429), False),
        (RateLimited("Request too large for gpt-4o: Limit 30000, Requested 40000", status=429), False),
        (BadRequest("Your credit balance is too low", status=400), False),
    ],
)
def test_an_error_says_whether_it_may_pass(error, passes):
    """Busy servers and broken connections do; an empty account does not, whatever its status is."""
    assert error.retryable is passes


@pytest.mark.parametrize(
    ("name", "said"), [("opnai", " Did you mean 'openai'?"), ("zzz", ""), ("OpenAI", " Did you mean 'openai'?")]
)
def test_the_nearest_name_is_suggested(name, said):
    """A near name is named, a far one is not."""
    assert did_you_mean(name, ["openai", "echo"]) == said
