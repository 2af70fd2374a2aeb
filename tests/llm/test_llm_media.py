"""Images and documents for a message, from what a notebook has of them."""

from __future__ import annotations

import base64
import struct
import subprocess
import sys
import zlib

import pytest

from dknb.errors import ConfigError
from dknb.llm import DocumentPart, ImagePart, LLMMessage, MessageBuilder, TextPart
from dknb.llm import media as media_module


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
PNG += chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 40 + b"\xff\xd9"
GIF = b"GIF89a" + b"\1\0\1\0\0\0\0" + b";"
WEBP = b"RIFF" + struct.pack("<I", 12) + b"WEBPVP8 \0\0\0\0"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def decoded(part):
    return base64.b64decode(part.data)


@pytest.mark.parametrize(("data", "kind"), [(PNG, "png"), (JPEG, "jpeg"), (GIF, "gif"), (WEBP, "webp")])
def test_an_images_kind_is_in_its_bytes(data, kind, tmp_path):
    """In bytes, or in a file whatever it is called."""
    path = tmp_path / "picture.dat"
    path.write_bytes(data)
    for source in (data, bytearray(data), path, str(path)):
        part = ImagePart.of(source)
        assert (part.media_type, decoded(part)) == (f"image/{kind}", data)


def test_an_address_is_passed_on():
    """Nothing is fetched; data in an address is read."""
    assert ImagePart.of("https://x.example/a.png") == ImagePart(url="https://x.example/a.png")
    assert DocumentPart.of("https://x.example/a.pdf", "a.pdf") == DocumentPart(
        url="https://x.example/a.pdf", name="a.pdf"
    )
    address = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert decoded(ImagePart.of(address)) == PNG
    with pytest.raises(ConfigError, match="no base64 image"):
        ImagePart.of("data:image/png;base64,!!!")


BAD = [
    (b"", "it is empty"),
    (PDF, "it is a PDF"),
    (b"hello there", "it is text"),
    (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>', "it is an SVG drawing"),
    (b"<!DOCTYPE html><html></html>", "it is an HTML page"),
    (b"BM" + b"\0" * 50, "it is a BMP image"),
    (b"\0\0\0\x18ftypheic" + b"\0" * 20, "it is an HEIC or AVIF image"),
    (b"\0\1\2\3" * 9, "it is of an unknown kind"),
    (PNG[:-20], r"is cut off: its \d+ bytes are no whole image/png"),
    (JPEG[:-2], "is cut off"),
    (WEBP[:-4], "is cut off"),
]


@pytest.mark.parametrize(("data", "says"), BAD, ids=[says for _, says in BAD])
def test_what_is_no_image_is_named(data, says, tmp_path):
    """By what it is, with the file's name where it has one."""
    with pytest.raises(ConfigError, match=says):
        ImagePart.of(data)
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=f"'a.png' is.*{says.removeprefix('is ')}"):
        ImagePart.of(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """A wrong path, and a folder."""
    with pytest.raises(ConfigError, match=r"none\.png' cannot be read: No such file"):
        ImagePart.of(tmp_path / "none.png")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        LLMMessage("user", ["What is this?", tmp_path])
    with pytest.raises(ConfigError, match="A int is no image"):
        ImagePart.of(3)


def test_what_is_too_large_is_not_sent(tmp_path, monkeypatch):
    """Neither from memory nor from a file."""
    monkeypatch.setattr(media_module, "MOST_BYTES", 50)
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    for source in (PNG, path):
        with pytest.raises(ConfigError, match="at most 0 MB can be sent"):
            ImagePart.of(source)


def test_documents_are_pdfs_or_texts(tmp_path):
    """A PDF as base64, a text as it is."""
    path = tmp_path / "notes.md"
    path.write_text("# Grüße\n", encoding="utf-8")
    assert DocumentPart.of(path) == DocumentPart(data="# Grüße\n", media_type="text/plain", name="notes.md")
    part = DocumentPart.of(PDF)
    assert (part.media_type, part.name, decoded(part)) == ("application/pdf", "document.pdf", PDF)
    with pytest.raises(ConfigError, match=r"it is an image \(image/png\)"):
        DocumentPart.of(PNG)
    with pytest.raises(ConfigError, match="cut off"):
        DocumentPart.of(PDF[:20])
    with pytest.raises(ConfigError, match="an Office file"):
        DocumentPart.of(b"PK\x03\x04\xff\xff")


def test_a_message_takes_them_as_they_are(tmp_path):
    """Beside text; what is an image becomes one, the rest a document."""
    (tmp_path / "a").write_bytes(PNG)
    (tmp_path / "b.txt").write_text("hi")
    message = LLMMessage("user", ["Compare", tmp_path / "a", tmp_path / "b.txt", PDF])
    assert [part.type for part in message.parts] == ["text", "image", "document", "document"]
    assert message.content == "Compare"
    built = MessageBuilder().user(["Look", PNG]).build()[0]
    assert (built.parts[0], built.parts[1].media_type) == (TextPart("Look"), "image/png")
    assert LLMMessage("user", PNG) == LLMMessage("user", [ImagePart.of(PNG)])
    assert LLMMessage.from_dict(message.to_dict()) == message


def test_a_figure_is_drawn_and_left_as_it_was():
    """As a PNG of its own size, at most 2,048 pixels wide; its axes stand for it."""
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure(figsize=(4, 2), dpi=100)
    axes = figure.add_subplot()
    axes.plot([1, 2])
    assert size(ImagePart.of(figure)) == (400, 200)
    assert ImagePart.of(axes) == ImagePart.of(figure)
    assert (figure.dpi, tuple(figure.get_size_inches())) == (100, (4, 2))
    assert max(size(ImagePart.of(figures.Figure(figsize=(60, 10), dpi=100)))) == 2_048


def size(part):
    return struct.unpack(">II", decoded(part)[16:24])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "HSV"])
def test_a_pil_image_of_any_mode_is_drawn(mode):
    """Never larger than 2,048 pixels."""
    image = pytest.importorskip("PIL.Image")
    assert size(ImagePart.of(image.new(mode, (3, 2)))) == (3, 2)
    assert size(ImagePart.of(image.new(mode, (4_096, 2)))) == (2_048, 1)


def test_a_photo_stays_a_jpeg(tmp_path):
    """A file that PIL opened; one whose pixels are missing is an error."""
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "photo.jpg"
    image.effect_noise((64, 64), 90).convert("RGB").save(path)
    with image.open(path) as opened:
        assert ImagePart.of(opened).media_type == "image/jpeg"
    path.write_bytes(path.read_bytes()[:-200])
    with image.open(path) as opened, pytest.raises(ConfigError, match="cannot be drawn"):
        ImagePart.of(opened)


def test_no_library_is_loaded_to_find_out():
    """What is neither a figure nor an image costs no import."""
    code = "import sys; from dknb.llm import ImagePart; ImagePart.of(sys.stdin.buffer.read());"
    code += "assert not {'PIL', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], input=PNG, check=True)
