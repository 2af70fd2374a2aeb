"""Adapters of both faces behind one call, so that each test runs on both."""

from __future__ import annotations

import asyncio
import inspect


class AwaitedAdapter:
    """An async adapter with the face of the plain one."""

    def __init__(self, adapter):
        self.adapter = adapter

    def __getattr__(self, name):
        method = getattr(self.adapter, name)
        if not inspect.iscoroutinefunction(method):
            return method
        return lambda *args, **kwargs: asyncio.run(method(*args, **kwargs))


def both(plain, awaited):
    """Parameters of a fixture: how to make a plain adapter, and an async one that is awaited for the test."""
    return {
        "params": [plain, lambda *args, **kwargs: AwaitedAdapter(awaited(*args, **kwargs))],
        "ids": ["sync", "async"],
    }


def contents(results):
    return [result["content"] for result in results]
