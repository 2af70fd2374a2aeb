"""A real llama.cpp server over the tiny model of the fixtures, and the model's file itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "tiny-model"
TINY = FOLDER / "tiny.gguf"
#: What the model answers to "Hello".
GREETING = "Hi! I am a tiny local model."
#: Its words for a tool call go with this tool.
ADD = {
    "name": "add",
    "description": "add",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
needs_llama = pytest.mark.skipif(
    find_spec("xllamacpp") is None, reason='xllamacpp is not installed: pip install "dknb[local]"'
)


@contextmanager
def llama_server(*, embeddings: bool = False) -> Iterator[str]:
    """The address of a server in a process of its own."""
    command = [sys.executable, str(FOLDER / "serve.py"), str(TINY), "0", *(["embeddings"] if embeddings else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            said = process.stdout.readline().split()
            assert said[:1] == ["listening"], f"the llama.cpp server did not start (it said {said})"
            yield said[1]
        finally:
            process.kill()
