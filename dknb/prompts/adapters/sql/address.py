"""The address of a database: what of it may be shown, and which package knows how to reach it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["driver_package", "no_address", "place_of", "secrets_of"]

#: Drivers whose package has another name than their module.
_PACKAGES = {
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "mysql.connector": "mysql-connector-python",
    "psycopg2": "psycopg2-binary",
    "psycopg": "'psycopg[binary]'",
}
#: Parameters of an address that are no secrets; all others may be.
_PLAIN = frozenset(
    {"host", "port", "user", "dbname", "charset", "driver", "mode", "uri", "cache", "sslmode", "service"}
)
#: A path that is a file of SQLite, most probably; it holds no password.
_FILE = re.compile(r"[\w./\\~ -]+\.(?:db|db3|sqlite|sqlite3)", re.IGNORECASE)
_WANTED = 'Write e.g. "sqlite:///notes.db" or "postgresql+psycopg://host/name"'


def no_address(given: object) -> tuple[str, str]:
    """Why something is no URL of a database, and what to write."""
    if isinstance(given, PurePath) or (isinstance(given, str) and _FILE.fullmatch(given)):
        return (
            f"{str(given)!r} is a path, not the URL of a database.",
            f'Write "sqlite:///{PurePath(given).as_posix()}"',
        )
    if isinstance(given, str):
        return "The database's URL does not parse.", _WANTED
    kind = f"{type(given).__module__}.{type(given).__qualname__}"
    if not hasattr(given, "cursor"):
        return f"A database is given by its URL or an engine of SQLAlchemy, not by a {kind}.", _WANTED
    return (
        f"A connection ({kind}) is no URL: each search opens its own.",
        f'{_WANTED}; of a database in memory, an engine: create_engine("sqlite://", creator=lambda: connection, '
        "poolclass=StaticPool)",
    )


def place_of(url: URL) -> str:
    """Kind, host and database; nothing of who logs in, and no parameters."""
    host = f"{url.host}:{url.port}" if url.host and url.port else url.host or ""
    database = (url.database or "").partition("?")[0]
    return f"{url.drivername}://{host}/{database}"


def secrets_of(url: URL) -> list[str]:
    """What must not be shown of an address: the password, and every parameter that may be one; as it is and quoted."""
    found = [*([str(url.password)] if url.password else []), *_parameters(url)]
    return list(dict.fromkeys(form for each in found for form in (each, quote(each, safe=""), quote_plus(each))))


def _parameters(url: URL) -> Iterator[str]:
    for name, values in url.normalized_query.items():
        if name.lower() not in _PLAIN:
            yield from filter(None, values)


def driver_package(module: str | None) -> str:
    """What ``pip install`` calls the package of a driver's module."""
    return _PACKAGES.get(module or "", module or "")
