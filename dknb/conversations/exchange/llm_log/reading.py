"""All conversations of a log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ....errors import StorageError
from ..checks import told
from ..talk import ImportedTalk
from .database import LogDatabase, opened
from .responses import read_responses
from .threads import read_threads

__all__ = ["read_log"]


def read_log(path: Path) -> Iterator[ImportedTalk]:
    """The conversations of a log of llm, whichever version wrote it.

    Where a conversation was begun by an older version and went on with a newer one, its older responses are a conversation of
    their own, called ``ID (older)``, unless the newer tables have all of them.

    Raises:
        StorageError: It is no such log, or broken.
    """
    with opened(path) as log, told(str(path)):
        if not log.tables & {"threads", "responses", "logs", "log"}:
            raise StorageError(f"{path} is no log of llm: it has no table of responses.", hint="Name its logs.db.")
        newer: dict[str, set[str]] = {}
        for talk in read_threads(log):
            newer[talk.state.conversation_id] = _answers(talk)
            yield talk
        for talk in read_responses(log, _known(log)):
            answers = newer.get(talk.state.conversation_id)
            if answers is None:
                yield talk
            elif not _answers(talk) <= answers:
                talk.state.conversation_id += " (older)"
                yield talk


def _answers(talk: ImportedTalk) -> set[str]:
    return {node.data.message.content for node in talk.state.message_tree.walk() if node.data.role == "assistant"}


def _known(log: LogDatabase) -> frozenset[str]:
    return frozenset(row["id"] for row in log.rows("SELECT id FROM turns")) if "turns" in log.tables else frozenset()
