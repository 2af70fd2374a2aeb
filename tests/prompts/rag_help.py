"""Data sources for the tests of retrieval."""

from __future__ import annotations

import asyncio


class Source:
    """Finds what it was made with, and notes what it was asked for."""

    def __init__(self, *results, error=None):
        self.results = list(results)
        self.error = error
        self.asked = []

    def search(self, query, k=5, filters=None):
        self.asked.append((query, k, filters))
        if self.error is not None:
            raise self.error
        return self.results


class AsyncSource(Source):
    """The same, to be awaited."""

    async def search(self, query, k=5, filters=None):
        await asyncio.sleep(0)
        return super().search(query, k, filters)


class Meeting:
    """Answers only when as many others as agreed search at the same time."""

    def __init__(self, parties):
        self.missing = parties
        self.complete = asyncio.Event()

    async def search(self, query, k=5, filters=None):
        self.missing -= 1
        if not self.missing:
            self.complete.set()
        await self.complete.wait()
        return [found(query)]


def found(content, score=1.0, **metadata):
    """One result."""
    return {"content": content, "score": score, "metadata": metadata}
