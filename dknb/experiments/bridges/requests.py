"""The requests of an experiment as a vendor's batch file, to be submitted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..._sync import run
from ...errors import ConfigError, did_you_mean
from ..amounts import counted
from ..batching.submitting import batches_of, request_lines
from ..running.conduct import stands
from .files import written_whole

if TYPE_CHECKING:
    from ..experiment import Experiment

__all__ = ["export_requests"]


def export_requests(experiment: Experiment, path: str | Path, *, model: str | None = None) -> int:
    """Write the requests that are missing as OpenAI's or Anthropic's batch JSONL; how many they are.

    The file of results that the vendor gives goes into ``experiment.collect(path)``.

    Args:
        experiment: The experiment.
        path: The file.
        model: The label of the model; a file has one. It can be left out where there is only one.

    Raises:
        ConfigError: There are several models, none of that label, or it has no batches.
        DesignError: A prompt cannot be rendered for some item.
    """
    return run(_export_requests(experiment, Path(path), model))


async def _export_requests(experiment: Experiment, path: Path, model: str | None) -> int:
    setup = experiment._setup
    design = setup.design
    labels = [arm.label for arm in design.models]
    if model is None and len(labels) > 1:
        raise ConfigError(f"{counted(len(labels), 'model')} cannot be in one file.", hint=f"model= one of {labels}")
    if model is not None and model not in labels:
        raise ConfigError(f"There is no model {model!r}.{did_you_mean(model, labels)}", hint=f"Models: {labels}")
    chosen = 0 if model is None else labels.index(model)
    batches = batches_of(design.models[chosen])
    async with experiment._store() as store:
        _, standing = await stands(setup, store)
    numbers = [
        number for number in standing.missing if design.variants[design.place(number).variant].model_number == chosen
    ]
    most, _ = batches.most
    if len(numbers) > most:
        raise ConfigError(f"{len(numbers):,} requests are too many for one batch of {most:,}.", hint="submit() splits")
    written_whole(path, b"".join(request_lines(design, numbers, batches)))
    return len(numbers)
