"""``%%experiment`` runs what a cell describes; ``%experiment`` shows what the store has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...errors import DknbError, MagicError
from ..arguments import LineParser
from ..live import show
from ..session import Session
from ..views.table import table_bundle
from ..views.text import note
from .body import cell_error, read_body
from .naming import named_in

if TYPE_CHECKING:
    from ...experiments.experiment import Experiment

__all__ = ["EXPERIMENT", "EXPERIMENTS", "experiment_cell", "experiment_line"]

EXPERIMENT = LineParser(
    "%%experiment", "Run prompts on models over data, as the cell says in YAML. Run again, it goes on."
)
EXPERIMENT.add_argument("name", metavar="NAME", help="its name in the store")
EXPERIMENT.add_argument("--plan", action="store_true", help="only say what it would do and cost")
EXPERIMENT.add_argument("--retry-errors", action="store_true", help="ask again what failed, just that")
EXPERIMENT.add_argument("--quiet", action="store_true", help="show neither the plan nor a bar")
EXPERIMENT.add_argument("--as", dest="bind", metavar="VAR", help="bind the result to a variable (also: >> VAR)")

EXPERIMENTS = LineParser(
    "%experiment", "List the experiments of the store, or show the result of one, without running it."
)
EXPERIMENTS.add_argument("name", nargs="?", metavar="NAME", help="the experiment")
EXPERIMENTS.add_argument("--as", dest="bind", metavar="VAR", help="bind the result to a variable (also: >> VAR)")

#: What a message quotes.
_QUOTED = re.compile(r"'([^'\n]+)'")


def experiment_cell(session: Session, line: str, body: str) -> None:
    """Run a ``%%experiment`` cell.

    Raises:
        MagicError: The line or the cell does not parse, or describes what cannot be run; the message has the line.
        DknbError: As ``Experiment.run``.
    """
    options = EXPERIMENT.parse(line)
    experiment = _described(session, options.name, body, progress=not options.quiet)
    if options.plan:
        plan = experiment.plan()
        show(plan._repr_mimebundle_())
        session.bind(options.bind, plan)
        return
    result = experiment.retry_errors() if options.retry_errors else experiment.run()
    show(result._repr_mimebundle_())
    session.bind(options.bind, result)


def _described(session: Session, name: str, body: str, *, progress: bool) -> Experiment:
    """The experiment that a cell describes."""
    from ...experiments.experiment import Experiment

    told, line_of = read_body(body)
    settings = told.pop("settings", {})
    for key in ("prompts", "data"):
        if key not in told:
            raise MagicError(f"%%experiment: the cell has no {key!r}.", hint="prompts: [critique@1.0]   data: df")
    given = named_in(session, told, line_of)
    try:
        return Experiment(name=name, progress=progress, **given, **settings)
    except TypeError as error:  # a setting that is called like a key
        raise cell_error(str(error), line_of("settings")) from error
    except MagicError:
        raise
    except DknbError as error:
        raise cell_error(str(error), _line_with(str(error), body), hint=error.hint) from error


def _line_with(message: str, body: str) -> int | None:
    """The line of the cell that says what a message quotes."""
    lines = body.splitlines()
    for quoted in _QUOTED.findall(message):
        for number, text in enumerate(lines, 2):  # the magic's own line is the first
            if quoted in text:
                return number
    return None


def experiment_line(session: Session, line: str) -> None:
    """Run ``%experiment``.

    Raises:
        ExperimentNotFound: There is none of that name.
        StorageError: The store cannot be read.
    """
    from ...experiments.loading import load_experiment, stored_experiments

    options = EXPERIMENTS.parse(line)
    if options.name is not None:
        result = load_experiment(options.name, store=session.storage)
        show(result._repr_mimebundle_())
        session.bind(options.bind, result)
    elif listed := stored_experiments(session.storage):
        rows = [
            (
                each.name,
                ", ".join(variant["label"] for variant in each.design["variants"]),
                f"{len(each.design['items']):,}",
                f"{each.trials:,}" + (f" ({each.missing:,} missing)" if each.missing > 0 else ""),
                f"{each.errors:,}",
                f"{each.updated_at[:16].replace('T', ' ')} UTC",
            )
            for each in listed
        ]
        head = ("experiment", "variants", "items", "trials", "errors", "last run")
        show(table_bundle(head, rows, title="experiments"))
    else:
        show(note("The store has no experiments.  %%experiment NAME  runs one, described in the cell"))
