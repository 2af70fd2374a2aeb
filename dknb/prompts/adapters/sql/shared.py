"""Reading on a connection that others write on at the same time: an SQLite database in memory has but one.

Nothing of the connection is changed here, and no transaction is begun, ended or rolled back, for it would be somebody
else's. Whether a statement writes is asked of the database, which explains it before it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ....errors import ConfigError, RAGError

if TYPE_CHECKING:
    from sqlalchemy import Dialect, TextClause

__all__ = ["read_shared", "read_shared_awaited", "shares_connections"]

#: What SQLite's explanation of a statement holds: address, opcode, and operands, the second of which says of a
#: transaction whether it writes.
_OPCODE, _WRITES = 1, 3

Rows = list[dict[str, Any]]


def shares_connections(engine: Any, name: str) -> bool:
    """Whether an engine's connections are in other hands while they are used here.

    Raises:
        ConfigError: They are, and the database is none of SQLite.
    """
    from sqlalchemy.pool import SingletonThreadPool, StaticPool

    if not isinstance(engine.pool, SingletonThreadPool | StaticPool):
        return False
    if engine.dialect.name != "sqlite":
        raise ConfigError(
            f"{name}: this engine has one connection for all, which others may write on.",
            hint="Give the database's URL, or an engine with another pool",
        )
    return True


class _Compiled(NamedTuple):
    """A statement as the driver takes it."""

    sql: str
    values: Sequence[Any] | Mapping[str, Any]


def _compiled(dialect: Dialect, statement: TextClause, values: Mapping[str, Any]) -> _Compiled:
    bound = statement.bindparams(**values).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    params = bound.params
    return _Compiled(str(bound), [params[each] for each in bound.positiontup] if bound.positiontup else params)


@contextmanager
def _driver(engine: Any) -> Iterator[Any]:
    """The driver's connection. That of a ``StaticPool`` is not checked out: to give it back would roll it back."""
    from sqlalchemy.pool import StaticPool

    if isinstance(engine.pool, StaticPool):
        yield engine.pool.connection.driver_connection
        return
    with closing(engine.raw_connection()) as connection:
        yield connection.driver_connection


def read_shared(engine: Any, name: str, statement: TextClause, values: Mapping[str, Any], most: int) -> Rows:
    """At most so many rows, with a sync driver.

    Raises:
        RAGError: The statement writes.
        Exception: What the driver raises.
    """
    sql, given = _compiled(engine.dialect, statement, values)
    with _driver(engine) as driver:
        with closing(driver.execute(f"explain {sql}", given)) as cursor:
            _refuse_writing(name, cursor.fetchall())
        with closing(driver.execute(sql, given)) as cursor:
            return _rows(cursor.description, cursor.fetchmany(most))


async def read_shared_awaited(
    engine: Any, name: str, statement: TextClause, values: Mapping[str, Any], most: int
) -> Rows:
    """The same with an async driver."""
    sql, given = _compiled(engine.dialect, statement, values)
    if "connection" not in vars(engine.pool):
        # Nobody has used it yet, so that nothing is rolled back; the driver connects where it may wait.
        async with engine.connect():
            pass
    with _driver(engine) as driver:
        async with driver.execute(f"explain {sql}", given) as cursor:
            _refuse_writing(name, await cursor.fetchall())
        async with driver.execute(sql, given) as cursor:
            return _rows(cursor.description, await cursor.fetchmany(most))


def _refuse_writing(name: str, program: Sequence[Sequence[Any]]) -> None:
    if any(step[_OPCODE] == "Transaction" and step[_WRITES] for step in program):
        raise RAGError(f"{name}: the statement writes; a search only reads.", adapter_name=name)


def _rows(description: Sequence[Sequence[Any]], found: Sequence[Sequence[Any]]) -> Rows:
    names = [column[0] for column in description]
    return [dict(zip(names, row, strict=True)) for row in found]
