"""OpenAI's tokenizers, offline.

The work is done by ``tiktoken``, which would fetch its tables from the network; here they come with the package: the
build puts them in (``hatch_build.py``), so that an install from the index alone counts exactly on every platform
at the cost of 2.5 MB (the package that carries them, ``bpe-openai``, is 75 MB and not made for every platform). A source
tree that was never built uses an installed ``bpe-openai``, or what ``tiktoken`` has in its cache; where there is
none of these, counts are estimates and say so.

Which model has which tokenizer: ``tiktoken/model.py`` 0.14.0, 17 August 2026. The tokenizer of gpt-6 is not published.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
import threading
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

__all__ = ["encoding_of", "tokens_in"]

#: Names of models, without provider and fine-tune, and their encodings. The special tokens that o200k_harmony adds
#: for gpt-oss stand around messages, never in text.
_ENCODINGS = (
    (re.compile(r"(?:chatgpt-)?gpt-4o|gpt-4[.-][15]\b|gpt-5|gpt-chat-|gpt-oss|chatgpt-4o|o[134](?:-|$)"), "o200k_base"),
    (re.compile(r"codex-mini|gpt-audio|gpt-realtime|computer-use"), "o200k_base"),
    (re.compile(r"gpt-4(?:-|$)|gpt-3\.?5|text-embedding-(?:ada-002|3-)|(?:davinci|babbage)-002"), "cl100k_base"),
)
#: White space this long makes tiktoken's regular expressions overflow (from some 300,000 characters) or slow.
_LONG_SPACE = re.compile(r"(?<!\s)\s{50000,}")
_SLICE = 50_000

_lock = threading.Lock()


def encoding_of(model: str) -> str | None:
    """The encoding of an OpenAI model, by a spec, a bare name, or a fine-tune's; None when it has no published one."""
    name = model.lower().rpartition("/")[2].removeprefix("ft:")
    return next((encoding for pattern, encoding in _ENCODINGS if pattern.match(name)), None)


def tokens_in(text: str, encoding: str) -> tuple[int, bool] | None:
    """How many tokens a text has, and whether that is exact; None when the encoding's table is not at hand.

    What looks like a special token is text. Takes time linear in the text. The first call for an encoding loads its
    table, which takes a third of a second; so make it in a thread where a loop runs.
    """
    if (encoder := _encoder(encoding)) is None:
        return None
    pieces = [text] if len(text) < _SLICE else list(_without_long_spaces(text))
    return sum([len(encoder.encode_ordinary(piece)) for piece in pieces]), len(pieces) == 1


def _without_long_spaces(text: str) -> Iterator[str]:
    start = 0
    for space in _LONG_SPACE.finditer(text):
        for cut in range(space.start() + _SLICE, space.end(), _SLICE):
            yield text[start:cut]
            start = cut
    yield text[start:]


def _encoder(name: str) -> Encoding | None:
    with _lock:
        return _load(name)


@lru_cache(maxsize=4)
def _load(name: str) -> Encoding | None:
    try:
        from tiktoken import Encoding
        from tiktoken_ext import openai_public  # type: ignore[import-untyped]
    except ModuleNotFoundError:  # it is not made for every platform
        return None
    build = getattr(openai_public, name)

    def table(url: str, expected_hash: str) -> dict[bytes, int]:
        data = next((data for data in _copies(name, url) if hashlib.sha256(data).hexdigest() == expected_hash), None)
        if data is None:
            raise FileNotFoundError(url)
        words = data.split()
        return dict(zip(map(b64decode, words[::2]), map(int, words[1::2]), strict=True))

    # tiktoken's own description of the encoding, with our way to its table in place of the download.
    described = FunctionType(build.__code__, {**vars(openai_public), "load_tiktoken_bpe": table})
    try:
        return Encoding(**described())
    except FileNotFoundError:
        return None


def _copies(name: str, url: str) -> Iterator[bytes]:
    """The tables of an encoding that lie on this machine."""
    folders = [Path(__file__).parent.with_name("bpe")]
    if (found := find_spec("bpe_openai")) is not None:
        folders += [Path(folder, "data") for folder in found.submodule_search_locations or ()]
    for folder in folders:
        if (path := folder / f"{name}.tiktoken.gz").is_file():
            yield gzip.decompress(path.read_bytes())
    cache = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    cached = Path(cache or Path(tempfile.gettempdir(), "data-gym-cache"), hashlib.sha1(url.encode()).hexdigest())
    if cached.is_file():
        yield cached.read_bytes()
