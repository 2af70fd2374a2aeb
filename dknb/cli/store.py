"""``dknb store``: the conversations of a store, from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from .._sync import run
from ..conversations.exchange import export_conversations, import_conversations
from ..conversations.exchange.source import copied
from ..conversations.portable import Imported, export_store
from ..conversations.project import find_project
from ..conversations.sql import SQLConversationStorage
from ..errors import ConfigError, StorageError
from ..notebook.views.text import counted

__all__ = ["check_store", "export_to", "import_from", "vacuum_store"]

T = TypeVar("T")


def export_to(
    target: Path | None,
    names: Sequence[str],
    address: str | None,
    format: str = "dknb",
    *,
    incomplete: bool = False,
) -> str:
    """Write conversations to a file that is not there yet, or to standard output; what was written.

    Raises:
        ConfigError: There is such a file, there is no such format, or it needs a file.
        ConversationNotFound: There is no conversation of such a name.
        StorageError: The store is not there or cannot be read, or the file not written.
    """
    if format != "dknb":
        return _export_as(format, target, names, address, incomplete)
    if incomplete:
        raise ConfigError(
            "The format 'dknb' keeps all as it is.", hint="--incomplete goes with --format openai or sharegpt"
        )
    if target is None:
        return f"exported {_told(*_export_to_output(names, address))}"
    try:
        file = target.open("x", encoding="utf-8")
    except FileExistsError:
        raise ConfigError(f"There is a file {target} already.", hint="Take another name, or move it away.") from None
    except OSError as error:
        raise _unwritten(target, error) from error
    try:
        with file:
            done = _from_store(address, lambda storage: export_store(storage, file, names))
    except OSError as error:
        target.unlink()
        raise _unwritten(target, error) from error
    except BaseException:
        target.unlink()
        raise
    return f"exported {_told(*done)} to {target}"


def _export_to_output(names: Sequence[str], address: str | None) -> tuple[int, int]:
    try:
        done = _from_store(address, lambda storage: export_store(storage, sys.stdout, names))
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has enough (``| head``). What Python would still write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        raise _unwritten("the output", error) from error
    return done


def _unwritten(target: object, error: OSError) -> StorageError:
    return StorageError(f"{target} cannot be written: {error}.", hint="Take another place.")


def _export_as(format: str, target: Path | None, names: Sequence[str], address: str | None, incomplete: bool) -> str:
    if target is None:
        raise ConfigError(
            f"The format {format!r} is written to a file.", hint=f"dknb store export FILE --format {format}"
        )
    done = _from_store(
        address, lambda storage: export_conversations(storage, target, format, names=names, incomplete=incomplete)
    )
    told = f"exported {counted(done.conversations, 'conversation')} as {counted(done.items, 'item')} to {target}"
    if done.left_out:
        was, it = ("was", "it") if done.left_out == 1 else ("were", "them")
        told += f"; {counted(done.left_out, 'answer')} that {was} cut left out (--incomplete writes {it})"
    return told


def import_from(source: Path, address: str | None, format: str | None = None, *, rename: bool) -> str:
    """Add what a file of `export_to`, or of another format, holds (of ``-``: standard input); what was added.

    Raises:
        ConfigError: There is no such format.
        StorageError: The file is broken, a name is taken, or the store cannot be written.
        SchemaVersionError: The file is a newer dknb's.
    """
    with copied(sys.stdin.buffer) if str(source) == "-" else nullcontext(source) as path:
        done: Imported = _in_store(address, lambda storage: import_conversations(storage, path, format, rename=rename))
    lines = [f"imported {counted(len(done.added), 'conversation')}, {counted(done.calls, 'row')} of the ledger"]
    lines += [f"  {name!r}" for name in done.added]
    if done.present:
        lines.append(f"there already, just the same: {counted(len(done.present), 'conversation')}")
    if done.differing:
        lines.append("there already, and left as they are, though the file has them with others (--rename adds those):")
        lines += [f"  {name!r}: {what}" for name, what in done.differing]
    return "\n".join(lines)


def check_store(address: str | None) -> list[str]:
    """What is wrong in a store, a sentence each.

    Raises:
        StorageError: The store cannot be read, or is not there.
    """
    return _in_store(address, SQLConversationStorage.check)


def vacuum_store(address: str | None) -> str:
    """Make a store compact; what came of it.

    Raises:
        StorageError: The store cannot be written, or is not there.
    """
    storage = _store(address)
    before = _size(storage)
    _in_store(address, SQLConversationStorage.vacuum)
    after = _size(storage)
    return "compacted" if before is None or after is None else f"compacted: {before:,} bytes before, {after:,} after"


def _told(conversations: int, nodes: int) -> str:
    return f"{counted(conversations, 'conversation')} with {counted(nodes, 'node')}"


def _size(storage: SQLConversationStorage) -> int | None:
    path = storage.path
    return path.stat().st_size if path is not None and path.exists() else None


def _store(address: str | None) -> SQLConversationStorage:
    return SQLConversationStorage(find_project().store_address if address is None else address)


def _from_store(address: str | None, do: Callable[[SQLConversationStorage], Awaitable[T]]) -> T:
    """`_in_store` for what only reads: a store that is not there has nothing to give."""

    async def done(storage: SQLConversationStorage) -> T:
        await storage.must_be_there()
        return await do(storage)

    return _in_store(address, done)


def _in_store(address: str | None, do: Callable[[SQLConversationStorage], Awaitable[T]]) -> T:
    """What ``do`` gives for a store: that of an address, or the project's."""

    async def done() -> T:
        async with _store(address) as storage:
            return await do(storage)

    return run(done())
