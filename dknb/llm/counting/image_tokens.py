"""How many tokens a picture costs: by its size in pixels and the vendor's formula.

The size is read from the first bytes of the file; of a picture that is only an address it is not known.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from dataclasses import dataclass

from ..parts import ImagePart

__all__ = ["image_size", "image_tokens"]

#: What a picture of unknown size counts: about one of 1024 x 1024 (765 tokens to gpt-4o, 1,369 to Claude).
_UNKNOWN = 1_000
#: Bytes from the beginning of a file that are looked at: a JPEG may begin with a preview.
_HEAD = 3 * 65_536


@dataclass(frozen=True)
class _Tiles:
    """So much for the picture, and for each 512 x 512 of it after it was scaled into 2048 x 2048 and 768 at its side."""

    base: int
    tile: int

    def tokens(self, width: int, height: int, detail: str | None) -> int:
        if detail == "low":
            return self.base
        scale = min(1, 2048 / max(width, height))
        scale = min(scale, 768 / min(width, height))
        return self.base + self.tile * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


@dataclass(frozen=True)
class _Patches:
    """So much for each square of the picture, which is scaled down to at most so many, and so many pixels a side."""

    side: int
    most: int
    factor: float = 1.0
    longest: int = 1_000_000

    def tokens(self, width: int, height: int, detail: str | None) -> int:
        scale = min(1, self.longest / max(width, height), math.sqrt(self.most * self.side**2 / (width * height)))
        if self._patches(width * scale, height * scale) > self.most:
            wide, high = width * scale / self.side, height * scale / self.side
            scale *= min(max(1, math.floor(wide)) / wide, max(1, math.floor(high)) / high)
        return math.ceil(min(self._patches(width * scale, height * scale), self.most) * self.factor)

    def _patches(self, width: float, height: float) -> int:
        return math.ceil(round(width / self.side, 6)) * math.ceil(round(height / self.side, 6))


#: First match counts. OpenAI: guide "Images and vision", and for gpt-5 what its forum measured (community.openai.com,
#: threads 1230130, 1262691 and 1377015, March 2026). Anthropic: platform.claude.com, "Vision", October 2026.
_FORMULAS: tuple[tuple[str, _Tiles | _Patches], ...] = (
    (r"gpt-4o-mini", _Tiles(2833, 5667)),
    (r"gpt-4\.1-mini", _Patches(32, 1536, 1.62)),
    (r"gpt-4\.1-nano", _Patches(32, 1536, 2.46)),
    (r"o4-mini|codex-mini", _Patches(32, 1536, 1.72)),
    (r"gpt-5-nano", _Patches(32, 1536, 1.5)),
    (r"gpt-5(?:\.1)?(?!-mini)(?:-|$)", _Tiles(70, 140)),
    (r"gpt-[5-9]", _Patches(32, 1536, 1.2)),
    (r"o[13](?:-|$)", _Tiles(75, 150)),
    (r"gpt-4|chatgpt-4o", _Tiles(85, 170)),
    (r"claude-(?:3|(?:opus|sonnet|haiku)-4(?!-[78]))", _Patches(28, 1568, longest=1568)),
    (r"claude", _Patches(28, 4784, longest=2576)),
    (r"qwen", _Patches(28, 16_384)),
)


def image_tokens(part: ImagePart, model: str) -> int:
    """About how many tokens a picture costs with a model, given by its bare name."""
    size = _size_of(part)
    formula = next((formula for pattern, formula in _FORMULAS if re.match(pattern, model)), None)
    if size is None or formula is None:
        return _UNKNOWN
    return formula.tokens(*size, _detail(part))


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG, GIF or WebP file, from its first bytes; None when it is none of them."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _unpacked(">II", data, 16)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _unpacked("<HH", data, 6)
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_size(data)
    return None


def _unpacked(form: str, data: bytes, offset: int) -> tuple[int, int] | None:
    if len(data) < offset + struct.calcsize(form):
        return None
    width, height = struct.unpack_from(form, data, offset)
    return (width, height) if width and height else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a frame's header, not a table
            found = _unpacked(">HH", data, at + 5)
            return found[::-1] if found else None
        at += 1 if kind == 0xFF else 2 + max(length, 2)
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X" if len(data) >= 30:
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L" if len(data) >= 25:
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            found = _unpacked("<HH", data, 26)
            return (found[0] & 0x3FFF, found[1] & 0x3FFF) if found else None
    return None


def _size_of(part: ImagePart) -> tuple[int, int] | None:
    if not isinstance(part.data, str):
        return None
    head = part.data[: _HEAD // 3 * 4]
    try:
        return image_size(base64.b64decode(head + "=" * (-len(head) % 4)))
    except binascii.Error:
        return None


def _detail(part: ImagePart) -> str | None:
    detail = part.extra.get("detail") or (part.extra.get("image_url") or {}).get("detail")
    return detail if isinstance(detail, str) else None
