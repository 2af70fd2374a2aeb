"""What a GGUF file says of its model."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_help import TINY

from dknb.llm import TokenCounter
from dknb.llm.counting.model_facts import context_window
from dknb.llm.providers.gguf import BrokenGguf, gguf_facts, gguf_files

WHOLE = TINY.read_bytes()


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def entry(name: str, value: object) -> bytes:
    if isinstance(value, bool):
        return text(name) + struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return text(name) + struct.pack("<II", 4, value)
    return text(name) + struct.pack("<I", 8) + text(str(value))


def file_of(path: Path, version: int = 3, **values: object) -> Path:
    """A file with metadata and one tensor."""
    metadata = b"".join(entry(name.replace("__", "."), value) for name, value in values.items())
    tensor = text("w") + struct.pack("<IQIQ", 1, 8, 0, 0)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", version, 1, len(values)) + metadata + tensor + bytes(96))
    return path


def test_the_tiny_model_tells_of_itself():
    """Its family, its window and its template."""
    facts = gguf_facts(TINY)
    assert (facts.architecture, facts.context_length, facts.causal, facts.pools) == ("qwen2", 512, True, False)
    assert facts.chat_template.startswith("{%- if tools %}")


@pytest.mark.parametrize("version", [2, 3])
def test_a_model_for_vectors_is_known_by_its_header(tmp_path, version):
    """It does not go on with texts, and says how it pools."""
    values = {"general__architecture": "bert", "bert__attention__causal": False, "bert__pooling_type": 1}
    facts = gguf_facts(file_of(tmp_path / "bert.gguf", version, **values))
    assert (facts.architecture, facts.causal, facts.pools, facts.context_length) == ("bert", False, True, None)


def test_its_window_bounds_what_fits():
    """As with the models of vendors; a file that is not there is a model that nobody knows."""
    assert TokenCounter.fits_in_context("word " * 100, f"local/{TINY}") is True
    assert TokenCounter.fits_in_context("word " * 2000, f"local/{TINY}") is False
    assert context_window("local/none.gguf") is None


def test_a_changed_file_is_read_again(tmp_path):
    """Facts are remembered only as long as they hold."""
    path = file_of(tmp_path / "a.gguf", general__architecture="llama")
    assert gguf_facts(path).architecture == "llama"
    assert gguf_facts(file_of(path, general__architecture="gemma3")).architecture == "gemma3"


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(WHOLE) - 50_000))
def test_a_file_that_is_cut_is_never_taken(tmp_path_factory, cut):
    """Wherever it was cut; only what lies within its last weights is left to llama.cpp."""
    path = tmp_path_factory.mktemp("cut") / "cut.gguf"
    path.write_bytes(WHOLE[:cut])
    with pytest.raises(BrokenGguf, match=r"is no GGUF|ends within its header|is not whole"):
        gguf_facts(path)


@settings(max_examples=60, deadline=None)
@given(noise=st.binary(max_size=200))
def test_noise_behind_the_first_bytes_does_no_harm(tmp_path_factory, noise):
    """Whatever sizes and types it claims."""
    path = tmp_path_factory.mktemp("noise") / "noise.gguf"
    path.write_bytes(WHOLE[:24] + noise)
    with pytest.raises(BrokenGguf):
        gguf_facts(path)


def test_models_in_a_folder_are_listed_once(tmp_path, monkeypatch):
    """One level down too; of a model in parts the first, and no eyes of others."""
    monkeypatch.chdir(tmp_path)
    names = ["b.gguf", "a/x.gguf", "big-00001-of-00002.gguf", "big-00002-of-00002.gguf", "mmproj-b.gguf", "note.txt"]
    for name in names:
        path = Path("models", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert list(gguf_files(Path("models"))) == ["models/a/x.gguf", "models/b.gguf", "models/big-00001-of-00002.gguf"]
    assert list(gguf_files(Path("elsewhere"))) == []
