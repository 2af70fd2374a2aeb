"""A model of llama.cpp in this process, from a GGUF file, through ``xllamacpp``: no server and no key.

A spec names the file: ``local/models/x.gguf`` from the working directory, ``local//data/x.gguf`` from the root,
``local/~/x.gguf`` from home.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import ConfigError, ModelNotFound, ProviderError, ServerError, did_you_mean
from ..base import AsyncLLMProvider, Pieces
from ..calls.outcome import last_of
from ..config import CompletionMode, LLMConfig, ModelCapability
from ..dialects.chat_api import ChatTraits, chat_dialect, chat_usage
from ..dialects.dialect import Dialect, StreamError, body_options
from ..dialects.text_api import TEXT
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json
from ..request import ModelRequest
from ..wire.arrived import arrived_of_stream
from ..wire.faults import Faults
from .gguf import BrokenGguf, GgufFacts, gguf_facts
from .local_model import LoadedModel, LoadFailed, LoadSettings, shared_model

__all__ = ["LocalProvider"]

#: Options that say how the model is loaded, and how many calls share it; the rest is for the body of a request.
_LOADING: dict[str, type] = {
    "n_ctx": int,
    "n_parallel": int,
    "n_threads": int,
    "n_gpu_layers": int,
    "chat_template": str,
    "pooling": str,
}
#: Those of them that do not change what is answered, so that a recording of an answer holds with any of them.
_UNHEARD = frozenset({"n_ctx", "n_parallel", "n_threads", "n_gpu_layers"})
_POOLINGS = ("mean", "cls", "last")
_MOST_CONTEXT = 8192
_PARALLEL = 2
#: How llama.cpp says that a text to embed is too long; its other message for this has a code of its own.
_TOO_LARGE = re.compile(r"input \((\d+) tokens\) is too large to process.*batch size: (\d+)")
_DIALECTS = {"chat": "handle_chat_completions", "text": "handle_completions"}


class LocalProvider(AsyncLLMProvider):
    """A GGUF file, loaded at the first call, once for all providers of this process with the same settings.

    Options: ``n_ctx`` (tokens that one call may use; the model's own length, but at most 8192), ``n_parallel`` (calls
    answered side by side, 2; memory grows with both), ``n_threads``, ``n_gpu_layers``, ``chat_template`` (Jinja, in
    place of the file's), ``pooling`` (of vectors: ``"mean"``, ``"cls"``, ``"last"``). Others go into the body of the
    request, for example ``min_p`` or ``grammar``. Vectors need the model a second time in memory.

    Raises:
        ConfigError: An option is wrong.
    """

    label = "llama.cpp"
    not_sent = _UNHEARD

    def __init__(self, config: Any, prompt_builder: Any = None) -> None:
        super().__init__(config, prompt_builder)
        _check(self.config)
        # Now, so that a later change of the working directory does not change which model this is.
        self._path = Path(self.model).expanduser().absolute()
        #: By the kind of the requests that it answers.
        self._held: dict[str, LoadedModel] = {}

    def get_capabilities(self) -> list[ModelCapability]:
        """What the file's header says that the model can do; only vectors where it does not go on with texts."""
        try:
            facts = gguf_facts(self._path)
        except (OSError, BrokenGguf):
            facts = None
        if facts is not None and not facts.causal:
            return [ModelCapability.EMBEDDINGS]
        able = [ModelCapability.TEXT_GENERATION, ModelCapability.CHAT, ModelCapability.STREAMING]
        able += [ModelCapability.EMBEDDINGS, ModelCapability.JSON_MODE]
        template = self.config.options.get("chat_template") or (facts and facts.chat_template) or ""
        return [*able, ModelCapability.FUNCTION_CALLING] if "tools" in template else able

    async def validate_model(self) -> bool:
        """Whether the file is there and is a GGUF."""
        try:
            await asyncio.to_thread(gguf_facts, self._path)
        except (OSError, BrokenGguf):
            return False
        return True

    # One attempt

    async def _complete(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        # As a stream, since only a stream can be stopped.
        return await last_of(self._stream(request, config))

    async def _stream(self, request: ModelRequest, config: LLMConfig) -> Pieces:
        dialect = TEXT if config.mode is CompletionMode.TEXT else chat_dialect(ChatTraits())
        answer = dialect.accumulator()
        model = await self._model(request)
        try:
            async with aclosing(model.events(_DIALECTS[dialect.api], _body(dialect, request))) as events:
                async for event in events:
                    piece = answer.feed(event)
                    for one in piece if isinstance(piece, list) else [piece]:
                        yield one
        except StreamError as error:
            fault = self._faults(request).in_stream(error.event, {})
            fault.partial = arrived_of_stream(answer, request)
            raise fault from None
        except (ValueError, RuntimeError, TypeError) as error:
            raise self._refused(request, error) from error
        if not answer.complete:
            raise self._faults(request).cut()
        response = answer.response()
        response.model, response.cost_usd = request.model, 0.0
        yield LLMStreamResponse(is_final=True, response=response)

    async def _embed(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        model = await self._model(request)
        body = {"input": list(request.texts)} | _for_body(body_options(request))
        try:
            data = await model.vectors(body)
        except (ValueError, RuntimeError, TypeError) as error:
            raise self._refused(request, error) from error
        if "error" in data:
            raise self._faults(request).in_stream(_with_code(data), {})
        rows = sorted(data["data"], key=lambda row: row["index"])
        vectors = [row["embedding"] for row in rows]
        usage = chat_usage(data.get("usage"))
        return LLMResponse("", request.model, usage=usage, cost_usd=0.0, metadata={"vectors": vectors})

    def _faults(self, request: ModelRequest) -> Faults:
        return Faults(self.label, request)

    def _refused(self, request: ModelRequest, error: Exception) -> ProviderError:
        event = {"error": {"type": "invalid_request_error", "message": str(error)}}
        return self._faults(request).in_stream(event, {})

    # The model

    async def _prepare(self, request: ModelRequest) -> None:
        # Before the clock starts: a large model takes many seconds to load.
        await self._model(request)

    async def _model(self, request: ModelRequest) -> LoadedModel:
        model = self._held.get(request.kind)
        if model is None or not model.usable:
            model = self._held[request.kind] = shared_model(await self._load_settings(request))
        try:
            await model.ready()
        except LoadFailed as error:
            family = (await self._facts()).architecture
            why = f"llama.cpp could not load {self.model!r}, a model of the family {family!r}."
            raise self._failed(ServerError, why, _WHY) from error
        return model

    async def _load_settings(self, request: ModelRequest) -> LoadSettings:
        facts = await self._facts()
        if not facts.causal and request.kind != "embed":
            raise ConfigError(f"{self.model!r} only makes vectors.", hint="Use embed(), or another model for texts")
        return _settings(self._path, self.config.options, facts, embedding=request.kind == "embed")

    async def _facts(self) -> GgufFacts:
        try:
            return await asyncio.to_thread(gguf_facts, self._path)
        except BrokenGguf as error:
            hint = "Give the path of a whole GGUF file; one that is cut short has to be fetched again"
            raise self._failed(ModelNotFound, f"{self.model!r} {error}.", hint) from error
        except OSError as error:
            why = f"{self.model!r} cannot be read ({error.strerror or error})."
            raise self._failed(ModelNotFound, why, await asyncio.to_thread(_beside, self._path)) from error

    def _failed(self, kind: type[ProviderError], message: str, hint: str) -> ProviderError:
        return kind(message, provider=self.provider, model=self.model, hint=hint)

    async def _close(self) -> None:
        held, self._held = self._held, {}
        # Where nobody else holds it, this frees gigabytes, which takes a while.
        await asyncio.to_thread(held.clear)


_WHY = (
    "It may be cut short, too large for the memory (take a smaller n_ctx), of a family that this xllamacpp is too old "
    "for, or chat_template is no template"
)


def _check(config: LLMConfig) -> None:
    """See that the options for loading make sense."""
    if config.api_base is not None:
        raise ConfigError(
            "A local model has no address, but api_base is set.",
            hint="For a llama.cpp server:  openai-compatible/MODEL  with api_base",
        )
    for name, value in config.options.items():
        if name in _LOADING and (not isinstance(value, _LOADING[name]) or isinstance(value, bool)):
            raise ConfigError(f"The option {name} is {value!r}; it must be of type {_LOADING[name].__name__}.")
        if name in _UNHEARD - {"n_gpu_layers"} and value < 1:
            raise ConfigError(f"The option {name} is {value!r}; it must be at least 1.")
    pooling = config.options.get("pooling", "mean")
    if pooling not in _POOLINGS:
        near = did_you_mean(pooling, _POOLINGS)
        raise ConfigError(f"There is no pooling {pooling!r}.{near}", hint=f"Poolings: {', '.join(_POOLINGS)}")


def _settings(path: Path, options: Mapping[str, Any], facts: GgufFacts, *, embedding: bool) -> LoadSettings:
    longest = facts.context_length or _MOST_CONTEXT
    context = options.get("n_ctx") or min(longest, _MOST_CONTEXT)
    if context > longest:
        raise ConfigError(
            f"The option n_ctx is {context}, but {path.name!r} was trained for {longest} tokens.",
            hint=f"Take at most  n_ctx={longest}",
        )
    make = partial(
        LoadSettings,
        path,
        context,
        options.get("n_parallel") or _PARALLEL,
        n_threads=options.get("n_threads"),
        n_gpu_layers=options.get("n_gpu_layers"),
    )
    if embedding:
        return make(embedding=True, pooling=options.get("pooling") or (None if facts.pools else "mean"))
    return make(chat_template=options.get("chat_template"))


def _body(dialect: Dialect, request: ModelRequest) -> Json:
    """The body as llama.cpp takes it in process, where it is to tell of its progress, so that it can be stopped."""
    body = _for_body(dialect.body(request)) | dialect.stream_fields | {"return_progress": True}
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and "function" in choice:
        # llama.cpp knows no names here; one tool that is required is the same.
        name = choice["function"].get("name")
        body["tools"] = [tool for tool in body["tools"] if tool.get("function", {}).get("name") == name]
        body["tool_choice"] = "required"
    return body


def _for_body(told: Json) -> Json:
    """What is told of a request, without what was told of loading."""
    return {name: value for name, value in told.items() if name not in _LOADING}


def _with_code(data: Json) -> Json:
    """The error, with llama.cpp's own code where it has left it out."""
    error = data["error"]
    if found := _TOO_LARGE.search(str(error.get("message"))):
        tokens, room = map(int, found.groups())
        text = f"the text ({tokens} tokens) exceeds the available context size ({room} tokens)"
        return {
            "error": {"type": "exceed_context_size_error", "message": text, "n_prompt_tokens": tokens, "n_ctx": room}
        }
    return data


def _beside(path: Path) -> str:
    """What to do about a file that is not there: the models that are near it."""
    there = sorted(file.name for file in path.parent.glob("*.gguf")) if path.parent.is_dir() else []
    if there:
        return f"GGUF files in that folder: {', '.join(there[:8])}{did_you_mean(path.name, there)}"
    return "Give the path of a GGUF file:  local/models/x.gguf  (from the working directory), local/~/x.gguf"
