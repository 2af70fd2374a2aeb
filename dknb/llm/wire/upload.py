"""A body that is not JSON: a form with a file in it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Upload", "form_with_file"]


@dataclass(frozen=True)
class Upload:
    """A body, and what it is.

    Attributes:
        content: The bytes.
        content_type: Their media type.
    """

    content: bytes
    content_type: str


def form_with_file(fields: Mapping[str, str], name: str, content: bytes) -> Upload:
    """A form with a file, as ``multipart/form-data``; names and values have no quotes and line breaks in them.

    Args:
        fields: The form's other fields.
        name: What the file is called.
        content: What is in it.
    """
    boundary = secrets.token_hex(16).encode()
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary, key.encode(), value.encode())
        for key, value in fields.items()
    ]
    head = (
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n'
        b"Content-Type: application/jsonl\r\n\r\n" % (boundary, name.encode())
    )
    whole = b"".join([*parts, head, content, b"\r\n--", boundary, b"--\r\n"])
    return Upload(whole, f"multipart/form-data; boundary={boundary.decode()}")
