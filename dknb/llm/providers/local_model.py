"""Models of llama.cpp in this process: each is loaded once and shared, and freed when nobody holds it any more."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ..._lazy import extra
from ..parts import Json

__all__ = ["LoadFailed", "LoadSettings", "LoadedModel", "shared_model"]

#: Tokens of a prompt that are read between two looks at whether the call was cancelled.
_STEP = 512


class LoadFailed(Exception):
    """llama.cpp did not load a file; it does not say why."""


@dataclass(frozen=True)
class LoadSettings:
    """What a model is loaded with; None leaves it to llama.cpp.

    Attributes:
        path: Its GGUF file.
        n_ctx: Tokens that one call may use, prompt and answer together.
        n_parallel: How many calls are answered side by side.
        n_threads: Threads of the processor that it calculates with.
        n_gpu_layers: Layers of it that a graphics card holds.
        chat_template: A Jinja template in place of the file's own.
        embedding: Whether it makes vectors; it then makes no texts.
        pooling: How the vectors of tokens become one of a text: ``"mean"``, ``"cls"`` or ``"last"``.
    """

    path: Path
    n_ctx: int
    n_parallel: int
    n_threads: int | None = None
    n_gpu_layers: int | None = None
    chat_template: str | None = None
    embedding: bool = False
    pooling: str | None = None


class LoadedModel:
    """A model in memory, or on its way there, and the threads that wait for it; both go with the object."""

    def __init__(self, settings: LoadSettings) -> None:
        self._process = os.getpid()
        self._threads = ThreadPoolExecutor(settings.n_parallel, thread_name_prefix="dknb-local")
        self._server: Future[Any] = self._threads.submit(_load, settings)

    @property
    def usable(self) -> bool:
        """Whether it is loaded or on its way: it did not fail, and is not of a process that this one was forked from."""
        failed = self._server.done() and self._server.exception() is not None
        return not failed and self._process == os.getpid()

    async def ready(self) -> Any:
        """The server object of ``xllamacpp``, once it is loaded.

        Raises:
            MissingExtra: ``xllamacpp`` is not installed.
            LoadFailed: llama.cpp could not load it.
        """
        if self._server.done():
            return self._server.result()
        # Others wait for the same load: who is cancelled must not cancel it.
        return await asyncio.shield(asyncio.wrap_future(self._server))

    async def events(self, api: str, body: Json) -> AsyncGenerator[Json, None]:
        """The events of one answer as they come; closing it stops the model before its next token.

        Args:
            api: The method of ``xllamacpp.Server`` that answers.
            body: What is asked; it must ask for a stream.

        Raises:
            Exception: What llama.cpp raised: the body is not to its liking.
        """
        answer = getattr(await self.ready(), api)
        inbox = _Inbox()
        job = self._threads.submit(_answer, answer, body, inbox)
        try:
            while (event := await inbox.next()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            inbox.closed = True
            job.cancel()

    async def vectors(self, body: Json) -> Json:
        """The answer to one request for vectors."""
        server = await self.ready()
        found: Json = await asyncio.wrap_future(self._threads.submit(server.handle_embeddings, body))
        return found


class _Inbox:
    """What a thread hands over to a coroutine, woken once for all that has come meanwhile."""

    def __init__(self) -> None:
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._items: deque[Json | Exception | None] = deque()
        self._come = asyncio.Event()
        self._told = False

    def put(self, item: Json | Exception | None) -> bool:
        """Add an item, from the thread; whether nobody wants more."""
        self._items.append(item)
        if not self._told:
            self._told = True
            try:
                self._loop.call_soon_threadsafe(self._come.set)
            except RuntimeError:  # The loop has been closed.
                self.closed = True
        return self.closed

    async def next(self) -> Json | Exception | None:
        """The next item; None is the last."""
        while not self._items:
            await self._come.wait()
            self._come.clear()
            self._told = False
        return self._items.popleft()


def _answer(answer: Callable[[Json, Callable[[Json], bool]], Any], body: Json, inbox: _Inbox) -> None:
    try:
        answer(body, inbox.put)
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller, who is on the loop
        inbox.put(error)
    inbox.put(None)


def _load(settings: LoadSettings) -> Any:
    with extra("local"):
        import xllamacpp  # type: ignore[import-untyped]  # it has no types

    params = xllamacpp.CommonParams()
    params.model.path = str(settings.path)
    params.model_alias = {settings.path.name}
    params.n_ctx = settings.n_ctx * settings.n_parallel
    params.n_parallel = settings.n_parallel
    params.n_batch = params.n_ubatch = settings.n_ctx if settings.embedding else _STEP
    params.use_jinja = True
    params.verbosity = -1
    if settings.n_threads is not None:
        params.cpuparams.n_threads = settings.n_threads
    if settings.n_gpu_layers is not None:
        params.n_gpu_layers = settings.n_gpu_layers
    if settings.chat_template is not None:
        params.chat_template = settings.chat_template
    if settings.embedding:
        params.embedding = True
        # Without it, texts of different lengths in one request get wrong vectors (xllamacpp 2026.10.11549).
        params.kv_unified = True
        if settings.pooling is not None:
            kinds = xllamacpp.llama_pooling_type
            params.pooling_type = getattr(kinds, f"LLAMA_POOLING_TYPE_{settings.pooling.upper()}")
    # It always listens on a port too: on this machine only, and to nobody.
    params.hostnames = ["127.0.0.1"]
    params.api_keys = [secrets.token_urlsafe()]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = False
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise LoadFailed(str(error)) from error


_lock = threading.Lock()
_models: WeakValueDictionary[LoadSettings, LoadedModel] = WeakValueDictionary()
_inherited: list[LoadedModel] = []


def _after_fork() -> None:
    # The child has the memory of a model and none of its threads: it can neither use it nor free it.
    global _lock
    _lock = threading.Lock()
    _inherited.extend(_models.values())
    _models.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def shared_model(settings: LoadSettings) -> LoadedModel:
    """The model of these settings, which begins to load if nobody has it; it stays as long as it is held."""
    with _lock:
        model = _models.get(settings)
        if model is None or not model.usable:
            model = _models[settings] = LoadedModel(settings)
        return model
