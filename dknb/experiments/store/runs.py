"""The store of experiments for who runs one: nobody else does meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...conversations.stores.rows import to_iso
from ...llm.messages import utc_now
from .claims import RUN, RunClaim, take
from .store import ExperimentStore, Lease, Opened

__all__ = ["RunStore"]


class RunStore(ExperimentStore):
    """Experiments, of which each is run by one process at a time."""

    async def claim(self, name: str, claim: RunClaim) -> Opened | None:
        """`look`, and be who runs the experiment from now on.

        Raises:
            ExperimentRunning: Somebody else runs it.
            StorageError: The store cannot be read or written.
        """
        return await self._storage.work(self._claimed, name, claim)

    async def keep(self, opened: Opened, claim: RunClaim) -> None:
        """Give a sign of life.

        Raises:
            StorageError: The store cannot be written.
        """
        await self._storage.work(self._keep, opened, claim)

    async def release(self, opened: Opened, claim: RunClaim) -> None:
        """Let others run the experiment.

        Raises:
            StorageError: The store cannot be written.
        """
        await self._storage.work(self._release, opened, claim)

    async def redesign(self, opened: Opened, design: Mapping[str, Any]) -> None:
        """Let an experiment that was claimed have ``design`` from now on.

        Raises:
            StorageError: The store cannot be written.
        """
        await self._storage.work(self._redesign, opened, dict(design))

    async def free_name(self, name: str, data: Sequence[str]) -> str:
        """``name``, or that with a number behind it which an experiment with such data has, or none.

        Args:
            name: A name that was made up.
            data: Hashes of some rows of the data, as a design has them.

        Raises:
            StorageError: The store cannot be read.
        """
        return await self._storage.work(self._free_name, name, data)

    # All below runs where the store is worked on

    def _claimed(self, name: str, claim: RunClaim) -> Opened | None:
        with self._rows(write=True) as found:
            row = None if found is None else found[1].find(name)
            if found is None or row is None:
                return None
            found[1].make()  # the place of claims may be an earlier one
            take(found[1], row, claim)
            return replace(self._opened(found[1], row), lease=Lease(RUN, claim.holder))

    def _keep(self, opened: Opened, claim: RunClaim) -> None:
        with self._rows(write=True) as found:
            assert found is not None
            found[1].keep(opened.row.number, claim)

    def _release(self, opened: Opened, claim: RunClaim) -> None:
        with self._rows(write=True) as found:
            if found is not None:
                found[1].release(opened.row.number, claim)

    def _redesign(self, opened: Opened, design: dict[str, Any]) -> None:
        now = to_iso(utc_now())
        with self._rows(write=True) as found:
            assert found is not None
            found[1].redesign(opened.row.number, design, now)
        opened.row = opened.row._replace(design=design, updated_at=now)

    def _free_name(self, name: str, data: Sequence[str]) -> str:
        with self._rows(write=False) as found:
            own, number = name, 1
            while found is not None and (row := found[1].find(own)) is not None:
                known = row.design.get("data", data)
                if not known or not set(known).isdisjoint(data):
                    break
                number += 1
                own = f"{name} ({number})"
            return own
