"""A store in an SQL database, SQLite by default; one row a node."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from ...errors import StorageError
from ..stores._halts import without_halts
from ..stores._row_storage import RowStorage
from ..stores.rows import Rows
from .database import ANSWER_S, database_at
from .line import StoreLine

__all__ = ["SQLConversationStorage"]

P = ParamSpec("P")
T = TypeVar("T")


class SQLConversationStorage(RowStorage):
    """Keeps conversations in an SQLite file or a PostgreSQL database, shared by all processes that open it.

    Works from any event loop: threads of its own do what waits. There are two, each with a connection: one takes the turns
    of conversations in their order, the other what may take long and only looks (searches, lists, exports, checks), so that
    no turn waits for it. The store is made at the first write, and a store of an older dknb is brought up to date when it is
    opened. A connection that broke is made again once before it is an error. A store on a medium that may not be written
    is read. Pickling keeps the address, with its password.

    Args:
        url: Path of an SQLite file, or a URL: ``sqlite:///path``, ``sqlite://`` for one in memory,
            ``postgresql://user:password@host:port/database``.
        answer_s: Seconds after which a server that does not answer a turn is given up; what may take long has ten times as
            long. (A connection to a machine that is gone is noticed earlier.)

    Attributes:
        path: The SQLite file; None if it is in none.

    Raises:
        ConfigError: The URL is of a database that is not supported.
    """

    def __init__(self, url: str | os.PathLike[str], *, answer_s: float = ANSWER_S) -> None:
        super().__init__()
        self._made_of = (os.fspath(url), answer_s)
        self._database = database_at(os.fspath(url), answer_s)
        self.path = self._database.path
        self._turns = StoreLine(self._database, "dknb-store", patient=False)
        # A database in memory is its connection's own.
        alone = self._database.in_memory
        self._looks = self._turns if alone else StoreLine(self._database, "dknb-store-reads", patient=True)
        self._here = threading.local()

    @property
    def in_memory(self) -> bool:
        """Whether it ends with its connection."""
        return self._database.in_memory

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), *self._made_of)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._turns.run(work, *args, **kwargs)

    async def _run_long(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._on(self._turns, work, *args, **kwargs)

    async def _run_aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._on(self._looks, work, *args, **kwargs)

    async def _on(self, line: StoreLine, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def unhalted() -> T:
            self._here.line = line
            with without_halts():
                return work(*args, **kwargs)

        return await line.run(unhalted)

    async def close(self) -> None:
        """Close the connections and end the threads; the next use opens the ones and starts the others again."""
        await self._turns.close()
        if self._looks is not self._turns:
            await self._looks.close()

    async def must_be_there(self) -> None:
        """Look whether there is a store: what is only read is not made.

        Raises:
            StorageError: There is none, or it cannot be read.
        """
        await self._run_aside(self._must_exist)

    async def check(self) -> list[str]:
        """What is wrong in the store, a sentence each; nothing if it is sound. Others may go on reading and writing.

        Raises:
            StorageError: The store cannot be read, or is not there.
        """
        return await self._run_aside(self._check)

    async def vacuum(self) -> None:
        """Make the index of words anew, and give unused space back. Others may go on; they wait while it works.

        Raises:
            StorageError: The store cannot be written, or is not there.
        """
        await self._run_aside(self._vacuum)

    def __repr__(self) -> str:
        return f"SQLConversationStorage({self._database.name!r})"

    # All below runs on the thread of a line

    @property
    def _line(self) -> StoreLine:
        line: StoreLine = getattr(self._here, "line", self._turns)
        return line

    def _again(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._line.again(work, *args, **kwargs)

    def _exists(self) -> bool:
        return self._line.exists()

    def _check(self) -> list[str]:
        from .upkeep import flaws

        self._must_exist()
        with self._line.connection(write=False) as connection:
            self._database.take_time(connection)
            return list(flaws(connection))

    def _vacuum(self) -> None:
        from .upkeep import compact
        from .words import rebuild_index

        self._must_exist()
        with self._line.connection(write=True) as connection:
            self._database.take_time(connection)
            rebuild_index(connection)
        with self._line.faults():
            engine = self._line.open(make=False)
            assert engine is not None
            compact(engine)

    def _must_exist(self) -> None:
        if not self._exists():
            raise StorageError(f"There is no store {self._database.name}.", hint="Say where it is:  --store ADDRESS")

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Rows]:
        from ._rows import SqlRows

        with self._line.connection(write=write) as connection:
            yield SqlRows(connection)


def _made(kind: type[SQLConversationStorage], url: str, answer_s: float) -> SQLConversationStorage:
    return kind(url, answer_s=answer_s)
