"""Text on disk: read whole, replaced whole."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from ..errors import PromptFileError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: The longest file that is read: a prompt of a million tokens is half as long.
MAX_BYTES = 10_000_000


def shown(path: Path) -> str:
    """How messages name a file: from the working directory where it lies below it, else in full; always in one line."""
    here = Path.cwd()
    return printable(str(path.relative_to(here) if path.is_relative_to(here) else path))


def printable(name: str) -> str:
    """A name with its control characters and halves of characters as escapes."""
    escaped = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), name)
    return escaped.encode("utf-8", "backslashreplace").decode()


def read_text(path: Path) -> str:
    r"""The text of a UTF-8 file, with or without a byte order mark; lines end with ``\n``.

    Raises:
        PromptFileError: It cannot be read, is not UTF-8, or is longer than ``MAX_BYTES``.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise too_long(shown(path))
        return decoded(path.read_bytes(), shown(path))
    except OSError as error:
        raise PromptFileError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error


def decoded(data: bytes, file: str) -> str:
    r"""The text of UTF-8 bytes, with or without a byte order mark; lines end with ``\n``.

    Raises:
        PromptFileError: They are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line, column = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
        raise PromptFileError(
            f"The file is not UTF-8 (byte 0x{data[error.start]:02x}).",
            file=file,
            line=line,
            column=column,
            hint="Save it as UTF-8 in your editor.",
        ) from error


def too_long(file: str) -> PromptFileError:
    """The error of a file that is longer than ``MAX_BYTES``."""
    return PromptFileError(
        f"The file is longer than {MAX_BYTES // 1_000_000} MB.", file=file or None, hint="A prompt is a text."
    )


def replace_text(path: Path, text: str) -> None:
    """Write a file so that whoever looks sees the old text or the new one, and a failure leaves the old one.

    Folders that are missing are made; a file that is there keeps its mode.

    Raises:
        PromptFileError: It cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:60]}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_of(path))
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise PromptFileError(
            f"{shown(path)} cannot be written: {error.strerror or error}.",
            hint="Nothing was changed. Check the folder's permissions and the space on the disk.",
        ) from error


def _mode_of(path: Path) -> int:
    """The mode of a file, or the one that a new file gets."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0o022)
        os.umask(umask)
        return 0o666 & ~umask
