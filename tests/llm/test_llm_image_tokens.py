"""Tokens of pictures: sizes from the first bytes of a file, and the vendors' own examples."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dknb.llm.counting.image_tokens import image_size, image_tokens
from dknb.llm.parts import ImagePart


def png(width: int, height: int) -> bytes:
    """The first bytes of a PNG."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)


def part(width: int, height: int, **extra: object) -> ImagePart:
    """A picture of that size."""
    return ImagePart(data=base64.b64encode(png(width, height)).decode(), media_type="image/png", extra=extra)


FILES = {
    "png": png(640, 480),
    "gif": b"GIF89a" + struct.pack("<HH", 640, 480),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640),
    "webp, lossy": b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 640, 480),
    "webp, lossless": b"RIFF\0\0\0\0WEBPVP8L" + bytes(5) + struct.pack("<I", 639 | 479 << 14),
    "webp, extended": b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_the_size_is_in_the_first_bytes(data):
    """Of each format that models take."""
    assert image_size(data) == (640, 480)


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_half_a_head_has_no_size(data):
    """A file that is cut is no error here."""
    assert [image_size(data[:length]) for length in range(len(data) - 3)] == [None] * (len(data) - 3)


@given(st.sampled_from(sorted(FILES)), st.binary(max_size=60))
def test_no_bytes_are_an_error(kind, tail):
    """Whatever follows a format's mark."""
    size = image_size(FILES[kind][:12] + tail)
    assert size is None or min(size) > 0


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        # OpenAI's guide "Images and vision"
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("gpt-4.1-mini", (1024, 1024), 1659),
        ("gpt-4.1-mini", (1800, 2400), 2353),
        ("gpt-5", (1024, 1024), 630),
        ("o1", (512, 512), 225),
        # Anthropic's guide "Vision": patches of 28 x 28, at most 1,568 of them before Opus 4.7
        ("claude-sonnet-4-5", (1092, 1092), 1521),
        ("claude-sonnet-4-5", (200, 200), 64),
        ("claude-opus-4-7", (2576, 1449), 4784),
    ],
)
def test_a_picture_costs_what_the_vendor_says(model, size, tokens):
    """By its size."""
    assert image_tokens(part(*size), model) == tokens


@pytest.mark.parametrize("model", ["gpt-5.4", "claude-sonnet-4-5", "claude-opus-5"])
def test_a_huge_picture_costs_no_more_than_the_most(model):
    """It is scaled down before it is read."""
    assert image_tokens(part(8_000, 8_000), model) <= 4_784
    assert image_tokens(part(8_000, 1), model) > 0


@pytest.mark.parametrize("extra", [{"detail": "low"}, {"image_url": {"detail": "low"}}])
def test_little_detail_costs_little(extra):
    """As the chat and the responses API write it."""
    assert image_tokens(part(1024, 1024, **extra), "gpt-4o") == 85


@pytest.mark.parametrize(
    "image", [ImagePart(url="https://box.example/a.png"), ImagePart(data="@@@"), ImagePart(data="AAAA")]
)
def test_a_picture_of_unknown_size_counts_a_thousand(image):
    """About one of 1024 x 1024."""
    assert image_tokens(image, "gpt-4o") == 1_000
