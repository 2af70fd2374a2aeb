"""``prompt.map(df, model=...)``: a prompt asked of a model for each row, as an experiment of one prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...experiments.design.items import read_items
from ...experiments.surroundings import KnownPrompt
from ..frames import parameter_rows
from ..prompting.adapters import retrieving

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

    from ..prompting.named import NamedPrompt
    from ..session import Session

__all__ = ["answers_for"]


def answers_for(
    session: Session,
    prompt: NamedPrompt,
    data: DataFrame | Iterable[Mapping[str, Any]],
    model: Any,
    params: Mapping[str, Any],
    options: Mapping[str, Any],
) -> DataFrame:
    """Ask a model for each row, and keep the answers in the store: what is there is not asked again.

    Args:
        session: Whose library and store are meant.
        prompt: The prompt.
        data: The rows.
        model: A spec, a config or a provider; or several.
        params: Parameters that are the same for all rows.
        options: Further arguments of `Experiment`.

    Returns:
        The frame of trials, with the index of ``data``.

    Raises:
        DknbError: As `Experiment` and its ``run``.
    """
    from ...experiments.experiment import Experiment

    found = prompt.found()
    rag = retrieving(session, found.prompt, found.name, given=prompt.adapters)
    data = data if hasattr(data, "iloc") else list(data)
    given = parameter_rows(data, prompt.parameters)
    whole = [item.row for item in read_items(_numbered(data))]
    rows = [{**params, **row, **values} for row, values in zip(whole, given.rows, strict=True)]
    told = {"store": session.storage, "library": session.library, "adapters": rag.adapters, **options}
    known = KnownPrompt(found.name, found.kind, rag.prompt)
    frame = Experiment([known], model, rows, **told).run().frame
    frame.index = given.index[frame["item"].astype(int)]
    return frame


def _numbered(data: Any) -> Any:
    """The data with an index that tells all rows apart."""
    return data.reset_index(drop=True) if hasattr(data, "reset_index") else data
