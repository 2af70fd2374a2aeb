"""A statement of SQL that reads, with its named parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, TextClause

__all__ = ["Statement"]

#: What a statement that only reads begins with. The connection is read-only besides, where the database can do that.
_READS = ("select", "with", "values")
# Literals, quoted names and comments, in which a semicolon or a word means nothing.
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|/\*.*?\*/""", re.DOTALL)
_AFTER_IN = re.compile(r"\bin\s*:(\w+)", re.IGNORECASE)


class Statement:
    """One statement that begins with select, with or values; ``:name`` is a parameter.

    Args:
        sql: The statement.
        what: What messages call it.

    Raises:
        ConfigError: It is something else, or several.
    """

    def __init__(self, sql: str, what: str = "The statement") -> None:
        from sqlalchemy import text

        if not isinstance(sql, str):
            raise ConfigError(f"{what} is {sql!r}, which is no text.")
        bare = _QUOTED.sub(" ", sql).strip().rstrip(";").strip()
        first = re.match(r"[(\s]*(\w*)", bare)
        if first is None or first[1].lower() not in _READS:
            raise ConfigError(
                f"{what} does not read: {sql.strip()[:80]!r}.", hint=f"Begin it with {' or '.join(_READS)}"
            )
        if ";" in bare:
            raise ConfigError(f"{what} is several statements.", hint="Give one, without a semicolon inside")
        self.what = what
        self._sql = sql.strip().rstrip(";")
        #: The names of its parameters.
        self.names = frozenset(text(self._sql).compile().params)
        self._lists = frozenset(_AFTER_IN.findall(bare))

    def bound(self, values: Mapping[str, Any]) -> tuple[TextClause, dict[str, Any]]:
        """The statement and the values of its parameters, for ``execute``; a list is for ``in :name``.

        Raises:
            ConfigError: A parameter has no value, or one that a database does not take.
        """
        from sqlalchemy import bindparam, text

        if missing := self.names - values.keys():
            raise ConfigError(
                f"{self.what} has the parameter {min(missing)!r}, which has no value.",
                hint=f"Give it as a filter, or for all searches: parameters={{{min(missing)!r}: ...}}",
            )
        wanted = {name: _checked(name, values[name]) for name in self.names}
        # One value is a list of one for ``in :name``.
        wanted |= {name: [wanted[name]] for name in self._lists if not isinstance(wanted[name], list)}
        lists: list[BindParameter[Any]] = [
            bindparam(name, expanding=True) for name, value in wanted.items() if isinstance(value, list)
        ]
        return text(self._sql).bindparams(*lists), wanted


def _checked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        raise ConfigError(
            f"Filter {name!r} is {value!r}: SQL filters are values or lists of values.",
            hint="Write the comparison into the statement, e.g.  where year >= :year",
        )
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else value
