"""``%dknb store`` and ``%dknb search``: where everything is kept, and finding what was said in any conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .._sync import run
from ..conversations.search import Query
from ..errors import MagicError, StorageError
from .arguments import LineParser
from .session import Session
from .views.hits import FoundNode, hits_bundle
from .views.table import table_bundle
from .views.text import counted

__all__ = ["SEARCH", "STORE", "search_line", "shown_store", "store_line"]

STORE = LineParser("%dknb store", "Say where conversations are kept, and write what waits to be written.")
SEARCH = LineParser("%dknb search", "Find what was said in any conversation: all of the words, in any order.")
SEARCH.add_argument("words", nargs="+", metavar="WORD")
SEARCH.add_argument("--role", help="only what this role said: user, assistant, ...")
SEARCH.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many")


def shown_store(session: Session) -> str:
    """Where the store is, as one would type it in the project; an address without what may be secret in it."""
    address = session.project.store_address
    return session.shown(address) if isinstance(address, Path) else address.split("://")[0] + "://…"


def store_line(session: Session, _: Any) -> dict[str, Any]:
    """Run ``%dknb store``.

    Raises:
        StorageError: The store cannot be read.
    """
    rows: list[Sequence[str]] = [("place", shown_store(session)), *_size(session), *_flushed(session)]
    listed = run(session.storage.list_conversations())
    nodes = sum(int(each["nodes"]) for each in listed)
    rows.append(("holds", f"{counted(len(listed), 'conversation')}, {counted(nodes, 'node')}"))
    return table_bundle(("about", "value"), rows, title="store")


def _size(session: Session) -> Iterator[Sequence[str]]:
    address = session.project.store_address
    if isinstance(address, Path):
        # What was written last lies beside the file, until SQLite takes it over.
        files = [each for each in (address, address.with_name(f"{address.name}-wal")) if each.is_file()]
        size = sum(each.stat().st_size for each in files)
        yield "file", _in_bytes(size) if address.is_file() else "none yet: the first question makes it"


def _in_bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.0f} kB"


def _flushed(session: Session) -> Iterator[Sequence[str]]:
    """Write what a store refused before, and say how that went."""
    for talk in session.open_talks:
        waiting = len(talk.manager.state.owed)
        if not waiting:
            continue
        try:
            run(talk.manager.flush())
        except StorageError as error:
            yield f"{talk.name}: waiting", f"{counted(len(talk.manager.state.owed), 'answer')}, {error}"
        else:
            yield f"{talk.name}: written now", counted(waiting, "answer")


def search_line(session: Session, options: Any) -> dict[str, Any]:
    """Run ``%dknb search``.

    Raises:
        StorageError: The store cannot be read.
    """
    if options.limit < 1:
        raise MagicError(f"%dknb search: --limit is 1 or more, not {options.limit}.")
    text = " ".join(options.words)
    hits = run(session.storage.search(Query(text, role=options.role, limit=options.limit)))
    found = [FoundNode(f"#{hit.seq}", hit.conversation_id, hit.role, hit.snippet, hit.marks) for hit in hits]
    return hits_bundle(text, found, where="conversation")
