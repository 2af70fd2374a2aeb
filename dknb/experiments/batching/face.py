"""What an `Experiment` can do with the vendors' batch APIs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._sync import run as run_sync

if TYPE_CHECKING:
    from ..._frames import DataFrame
    from ..result import ExperimentResult
    from ..running.conduct import Wanted
    from ..running.progress import Progress
    from ..setup import Setup
    from ..store.store import ExperimentStore

__all__ = ["BatchedRuns"]


class BatchedRuns:
    """Runs that are submitted as batches, which cost half and take up to a day, and collected whenever they are done.

    What is in a batch is not asked by ``run()``. The same experiment, made in tomorrow's kernel, collects.
    """

    _setup: Setup
    _store: Callable[[], AbstractAsyncContextManager[ExperimentStore]]
    _progress: Callable[[], Progress]

    async def _conduct(self, wanted: Wanted) -> ExperimentResult:
        raise NotImplementedError

    def submit(self, *, retry_errors: bool = False) -> list[dict[str, Any]]:
        """Submit what is missing by the vendors' batch APIs; the handles of the batches, which the store keeps.

        Args:
            retry_errors: Submit what failed, instead of what is missing.

        Raises:
            ConfigError: A model has no batches.
            DesignError: A prompt cannot be rendered for some item.
            BudgetExceeded: The batches may cost more than is left of the budget, or nobody knows what.
            BatchError: It is not known whether a batch was submitted; that is found out by the next `collect`.
            ProviderError: A vendor did not take one.
        """
        return run_sync(self.asubmit(retry_errors=retry_errors))

    def collect(self, path: str | Path | None = None) -> ExperimentResult:
        """Store and score what the batches have answered, and return all there is.

        Args:
            path: A file of results to collect instead, which was fetched by hand.

        Raises:
            DesignError: The file has no results of this experiment.
            ProviderError: A vendor could not be asked; what came is stored.
        """
        return run_sync(self.acollect(path))

    def batches(self) -> DataFrame:
        """The batches that are not collected: id, model, state, requests, complete, errored, most_usd, submitted_at.

        Raises:
            ProviderError: A vendor could not be asked.
        """
        return run_sync(self.abatches())

    def cancel_batches(self) -> int:
        """Have the batches stopped that run; what they answered can still be collected. How many there were.

        Raises:
            ProviderError: A vendor could not be asked.
        """
        return run_sync(self.acancel_batches())

    async def asubmit(self, *, retry_errors: bool = False) -> list[dict[str, Any]]:
        """`submit`, awaited."""
        from .submitting import submit

        async with self._store() as store:
            return await submit(self._setup, store, self._progress(), retry=retry_errors)

    async def acollect(self, path: str | Path | None = None) -> ExperimentResult:
        """`collect`, awaited."""
        from .collecting import collect, collect_file

        async with self._store() as store:
            if path is None:
                await collect(self._setup, store, self._progress())
            else:
                await collect_file(self._setup, store, self._progress(), path)
        return await self._conduct("nothing")

    async def abatches(self) -> DataFrame:
        """`batches`, awaited."""
        import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

        from .collecting import looked_at

        names = ["id", "model", "state", "requests", "complete", "errored", "most_usd", "submitted_at"]
        async with self._store() as store:
            return pd.DataFrame(await looked_at(self._setup, store), columns=names)

    async def acancel_batches(self) -> int:
        """`cancel_batches`, awaited."""
        from .collecting import cancel

        async with self._store() as store:
            return await cancel(self._setup, store)
