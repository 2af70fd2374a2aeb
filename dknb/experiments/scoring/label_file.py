"""Labels on disk: one line for each, written when it is given; a process that is killed loses none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import ConfigError, StorageError

__all__ = ["GivenLabel", "LabelFile"]


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """A label that somebody gave to a trial.

    Attributes:
        key: Of the trial and its output: another output is another trial.
        item: The trial's item.
        variant: Its variant.
        repeat: Its repeat.
        annotator: Who gave it.
        label: The label; None takes back the one before.
        at: When (UTC, ISO 8601).
    """

    key: str
    item: str
    variant: str
    repeat: int
    annotator: str
    label: float | None
    at: str


class LabelFile:
    """A file of labels, to which lines are only added; None keeps them in memory alone."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = None if path is None else Path(path)

    def read(self) -> Iterator[GivenLabel]:
        """The labels in the order in which they were given; a line that broke off is passed over.

        Raises:
            ConfigError: The file is none of labels.
        """
        if self.path is None or not self.path.exists():
            return
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise StorageError(f"The labels in {self.path.name} cannot be read: {error}") from error
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield GivenLabel(**json.loads(line))
            except (ValueError, TypeError):
                if number == 1 and len(lines) > 2:
                    raise ConfigError(
                        f"{self.path.name} holds no labels.", hint="Give the path of a new file, or of one with labels"
                    ) from None

    def add(self, given: GivenLabel) -> None:
        """Write a label; when this returns, it is on the disk.

        Raises:
            StorageError: It cannot be written.
        """
        if self.path is None:
            return
        line = json.dumps(asdict(given), ensure_ascii=False)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                if file.tell() and self._is_torn(file.fileno(), file.tell()):
                    line = f"\n{line}"
                file.write(f"{line}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"The label was not written to {self.path.name}: {error}") from error

    @staticmethod
    def _is_torn(file: int, size: int) -> bool:
        os.lseek(file, size - 1, os.SEEK_SET)
        return os.read(file, 1) != b"\n"
