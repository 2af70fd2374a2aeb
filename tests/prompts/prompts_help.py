"""An async builder that any test can call, and files to build libraries of."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

from dknb.prompts import AsyncPromptBuilder


class Awaited:
    """An async builder with the face of the sync one, so that each test runs on both."""

    def __init__(self, *args, **kwargs):
        self.builder = AsyncPromptBuilder(*args, **kwargs)

    def __getattr__(self, name):
        method = getattr(self.builder, name)
        if not inspect.iscoroutinefunction(method):
            return method
        return lambda *args, **kwargs: asyncio.run(method(*args, **kwargs))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
