"""Images and documents for a message, from what a notebook has of them: paths, addresses, bytes, figures, images.

What something is, its own bytes say, not its name. Nothing is fetched: an address is passed on to the vendor.
"""

from __future__ import annotations

import base64
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .parts import DocumentPart, ImagePart

__all__ = ["document_of", "image_of", "part_of"]

#: Most bytes of an image or document. The vendors take 5 to 50 MB a request (Anthropic: 32 MB, OpenAI: 50 MB a file;
#: their pages on vision and on files, November 2026).
MOST_BYTES = 32_000_000
#: Most pixels of the longer side of what is drawn here. OpenAI shrinks to 2,048, Anthropic to 1,568 or a little more.
MOST_PIXELS = 2_048
_TAKEN = "PNG, JPEG, GIF or WebP"
_PDF = "application/pdf"


def part_of(source: Any) -> ImagePart | DocumentPart:
    """The part that an object in a list of content is: an image where it is one, else a document.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(source, (str, os.PathLike)) and not _is_address(source):
        data, name = _read(source)
        return _image_of_bytes(data, name) if _image_type(data) else _document_of_bytes(data, name)
    if isinstance(source, (bytes, bytearray, memoryview)) and not _image_type(bytes(source)):
        return _document_of_bytes(bytes(source), None)
    return image_of(source)


def image_of(source: Any) -> ImagePart:
    """The image in a file, at an address, in bytes, or of a matplotlib figure or a PIL image.

    Raises:
        ConfigError: It is none that models take, and what it is instead.
    """
    if isinstance(source, ImagePart):
        return source
    if isinstance(source, (str, os.PathLike)):
        if _is_address(source):
            return _image_at(str(source))
        return _image_of_bytes(*_read(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _image_of_bytes(bytes(source), None)
    if draw := _drawer(source):
        return _image_of_bytes(draw(source), None)
    raise ConfigError(
        f"A {type(source).__name__} is no image.",
        hint="Give a path, an address (https://...), bytes, a matplotlib figure or a PIL image",
    )


def document_of(source: Any, name: str | None = None) -> DocumentPart:
    """The PDF or text in a file, at an address, or in bytes.

    Raises:
        ConfigError: It is neither, and what it is instead.
    """
    if isinstance(source, DocumentPart):
        return source
    if isinstance(source, (str, os.PathLike)):
        if _is_address(source):
            return DocumentPart(url=str(source), name=name)
        data, found = _read(source)
        return _document_of_bytes(data, name or found)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _document_of_bytes(bytes(source), name)
    raise ConfigError(
        f"A {type(source).__name__} is no document.", hint="Give a path, an address (https://...), or bytes"
    )


# What is given


def _is_address(source: str | os.PathLike[str]) -> bool:
    return isinstance(source, str) and source.startswith(("https://", "http://", "data:"))


def _image_at(address: str) -> ImagePart:
    if not address.startswith("data:"):
        return ImagePart(url=address)
    _, _, data = address.partition(";base64,")
    try:
        return _image_of_bytes(base64.b64decode(data, validate=True), None)
    except ValueError as error:
        raise ConfigError(f"The data: address is no base64 image: {error}.", hint="Give the bytes themselves") from None


def _read(path: str | os.PathLike[str]) -> tuple[bytes, str]:
    """The bytes of a file, and its name."""
    file = Path(path).expanduser()
    try:
        about = file.stat()
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
            # A device may never end, a pipe never begin.
            raise ConfigError(
                f"{str(path)[:200]!r} is no file, but a device or a pipe.", hint="Give the path of a file"
            )
        if about.st_size > MOST_BYTES:
            raise _too_large(about.st_size, f"{str(path)!r}")
        return file.read_bytes(), file.name
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{str(path)[:200]!r} cannot be read: {reason}.", hint=f"Files are looked for from {Path.cwd()}"
        ) from error


def _too_large(size: int, what: str) -> ConfigError:
    return ConfigError(
        f"{what} has {size / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB can be sent.", hint="Make it smaller first"
    )


# What it is


def _image_type(data: bytes) -> str | None:
    """The media type of an image that models take, by how it begins."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


#: How the end of a whole image is known.
_IS_WHOLE: dict[str, Callable[[bytes], bool]] = {
    "image/png": lambda data: b"IEND" in data[-64:],
    # Cameras put more behind the end.
    "image/jpeg": lambda data: b"\xff\xd9" in data,
    "image/gif": lambda data: b";" in data[-64:],
    "image/webp": lambda data: len(data) >= int.from_bytes(data[4:8], "little") + 8,
}
#: How other things begin that somebody may take for an image or a document.
_OTHERS = (
    (b"%PDF-", "a PDF"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"PK\x03\x04", "a ZIP archive (or an Office file, which is one)"),
    (b"\x1f\x8b", "gzipped data"),
    (b"RIFF", "sound or video"),
    (b"ID3", "sound"),
    (b"OggS", "sound"),
)


def _kind(data: bytes) -> str:
    """What bytes are, for people."""
    if not data:
        return "empty"
    if kind := _image_type(data):
        return f"an image ({kind})"
    if data[4:8] == b"ftyp":
        return "an HEIC or AVIF image" if data[8:12] in (b"heic", b"heix", b"mif1", b"avif") else "a video"
    if other := next((kind for begin, kind in _OTHERS if data.startswith(begin)), None):
        return other
    text = _text_of(data)
    if text is None:
        return "of an unknown kind"
    begin = text.lstrip("\ufeff \t\r\n")[:1_000].lower()
    if "<svg" in begin:
        return "an SVG drawing"
    return "an HTML page" if begin.startswith(("<!doctype html", "<html")) else "text"


def _text_of(data: bytes) -> str | None:
    """The text that bytes are; None when they are none."""
    if b"\x00" in data[:4_096]:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _image_of_bytes(data: bytes, name: str | None) -> ImagePart:
    what = repr(name) if name else "The image"
    if len(data) > MOST_BYTES:
        raise _too_large(len(data), what)
    kind = _image_type(data)
    if kind is None:
        found = _kind(data)
        use = "Use DocumentPart.of(...)" if found in ("a PDF", "text") else f"Models take {_TAKEN}"
        raise ConfigError(f"{what} is no image that models take: it is {found}.", hint=use)
    if not _IS_WHOLE[kind](data):
        raise ConfigError(f"{what} is cut off: its {len(data)} bytes are no whole {kind}.", hint="Get it again")
    return ImagePart(data=base64.b64encode(data).decode("ascii"), media_type=kind)


def _document_of_bytes(data: bytes, name: str | None) -> DocumentPart:
    what = repr(name) if name else "The document"
    if len(data) > MOST_BYTES:
        raise _too_large(len(data), what)
    if data.startswith(b"%PDF-"):
        if b"%%EOF" not in data[-2_048:]:
            raise ConfigError(f"{what} is cut off: its {len(data)} bytes are no whole PDF.", hint="Get it again")
        return DocumentPart(data=base64.b64encode(data).decode("ascii"), media_type=_PDF, name=name or "document.pdf")
    text = _text_of(data)
    if not text or (_kind(data) != "text" and name is None):
        found = _kind(data)
        use = "Use ImagePart.of(...)" if found.startswith("an image") else "Give a PDF, or a text in UTF-8"
        raise ConfigError(f"{what} is no document that models take: it is {found}.", hint=use)
    return DocumentPart(data=text, media_type="text/plain", name=name)


# What is drawn


def _drawer(source: Any) -> Callable[[Any], bytes] | None:
    """How an object of matplotlib or PIL becomes bytes; neither is imported to find out."""
    modules = {base.__module__.partition(".")[0] for base in type(source).__mro__}
    if "PIL" in modules and hasattr(source, "thumbnail"):
        return _pil_bytes
    # Axes, and what other libraries draw with matplotlib, have their figure.
    return _figure_bytes if hasattr(_figure_of(source), "get_size_inches") else None


def _figure_of(source: Any) -> Any:
    return source if hasattr(source, "get_size_inches") else getattr(source, "figure", None)


def _figure_bytes(source: Any) -> bytes:
    """The figure as PNG, as it is drawn in a notebook but never larger than `MOST_PIXELS`; it stays as it was."""
    figure = _figure_of(source)
    out = io.BytesIO()
    longest = max(figure.get_size_inches())
    figure.savefig(out, format="png", dpi=min(float(figure.dpi), MOST_PIXELS / longest))
    return out.getvalue()


def _pil_bytes(image: Any) -> bytes:
    """The image as PNG, or as JPEG where it came from one; never larger than `MOST_PIXELS`."""
    kind = "JPEG" if image.format == "JPEG" else "PNG"
    modes = ("L", "RGB") if kind == "JPEG" else ("1", "L", "LA", "P", "RGB", "RGBA")
    out = io.BytesIO()
    try:
        if max(image.size) > MOST_PIXELS or image.mode not in modes:
            image = image.convert("RGBA" if "A" in image.mode and kind == "PNG" else "RGB")
            image.thumbnail((MOST_PIXELS, MOST_PIXELS))
        image.save(out, format=kind)
    except (OSError, ValueError, SyntaxError) as error:
        # PIL reads the pixels only now.
        raise ConfigError(f"The image cannot be drawn: {error}.", hint="Get it again, or open another") from error
    return out.getvalue()
