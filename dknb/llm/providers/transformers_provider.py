"""A model folder on this machine, through ``transformers``: no server, no key, no network."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...errors import BadRequest, ConfigError, ContextTooLong, ModelNotFound, ProviderError, ServerError
from ..answers.schema_modes import instructed
from ..base import AsyncLLMProvider, Messages, Pieces
from ..calls.outcome import last_of
from ..config import CompletionMode, LLMConfig, ModelCapability
from ..counting.tokens import TokenCount
from ..dialects.dialect import told_settings
from ..messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..parts import ImagePart, Json
from ..request import ModelRequest, completion_request
from .model_folder import ModelFolder
from .transformers_model import TransformersModel, Writing, Written

__all__ = ["TransformersProvider"]

#: Most tokens of an answer where neither the caller nor the model says.
_USUAL_MOST = 1024
_FIELDS = {name: name for name in ("temperature", "top_p", "max_tokens", "stop_sequences", "seed")}
_CHOOSING = ("temperature", "top_p")


class TransformersProvider(AsyncLLMProvider):
    """A model in a folder, ``huggingface/PATH``, run in this process; ``create_llm_provider`` makes it.

    The chat template is that of the folder's tokenizer; without one, and in mode ``text``, the model goes on with the
    messages' text. An answer has at most ``max_tokens`` tokens, else as many as the model's generation config says,
    else 1,024. Vectors are the mean of the last hidden states.

    Options: ``device``, ``dtype`` and ``trust_remote_code`` of ``transformers.pipeline``; all others are arguments of
    ``generate`` (``top_k``, ``repetition_penalty``, ``min_new_tokens``, ...).
    """

    not_sent = frozenset({"device", "dtype", "trust_remote_code"})

    def __init__(self, config: Any, prompt_builder: Any = None) -> None:
        super().__init__(config, prompt_builder)
        self._model: TransformersModel | None = None

    def get_capabilities(self) -> list[ModelCapability]:
        """What the model can do, as the files in its folder say.

        Raises:
            ModelNotFound: There is no model in the folder.
        """
        folder = ModelFolder.at(self.model)
        writes = (ModelCapability.TEXT_GENERATION, ModelCapability.STREAMING) if folder.writes else ()
        chats = (ModelCapability.CHAT,) if folder.writes and folder.chats else ()
        return [*writes, *chats, ModelCapability.EMBEDDINGS]

    async def validate_model(self) -> bool:
        """Whether a model is in the folder; it is not loaded."""
        try:
            await asyncio.to_thread(ModelFolder.at, self.model)
        except ModelNotFound:
            return False
        return True

    async def count_tokens(
        self,
        messages: Messages,
        *,
        tools: Sequence[Json] | None = None,
        tool_choice: str | Json | None = None,
    ) -> TokenCount:
        """The tokens of these messages as the model reads them, template included; exact.

        Raises:
            ModelNotFound: There is no model in the folder.
        """
        request = completion_request(self.config, messages, tools, tool_choice, not_sent=self.not_sent)
        model = await self._loaded()
        ids = await asyncio.to_thread(self._ids, model, request, self.config, fitting=False)
        return TokenCount(len(ids), exact=True)

    # One attempt

    async def _complete(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        return await last_of(self._stream(request, config))

    async def _stream(self, request: ModelRequest, config: LLMConfig) -> Pieces:
        model = await self._loaded()
        request = _in_words(request)
        ids = await asyncio.to_thread(self._ids, model, request, config)
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[str | None] = asyncio.Queue()
        how = _writing(request, model, len(ids), lambda text: loop.call_soon_threadsafe(arrived.put_nowait, text))
        texts: list[str] = []
        async with model.turn:
            work = asyncio.create_task(asyncio.to_thread(model.write, ids, how))
            work.add_done_callback(lambda _: arrived.put_nowait(None))
            try:
                while (text := await arrived.get()) is not None:
                    texts.append(text)
                    yield LLMStreamResponse(text)
                written = await work
            except (ValueError, TypeError, RuntimeError, IndexError) as error:
                raise _failure(request, error) from error
            finally:
                # The thread sees it at its next token; nobody waits for that.
                how.given_up.set()
                work.cancel()
        yield LLMStreamResponse(is_final=True, response=_response(request, "".join(texts), len(ids), written))

    async def _embed(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        model = await self._loaded()

        def vectors() -> tuple[list[list[float]], int]:
            rows = [_fitting(model.ids(text), model, request) for text in request.texts]
            return [model.vector(row) for row in rows], sum(map(len, rows))

        async with model.turn:
            found, tokens = await asyncio.to_thread(vectors)
        usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
        return LLMResponse("", request.model, usage=usage, metadata={"vectors": found}, cost_usd=0.0)

    async def _prepare(self, request: ModelRequest) -> None:
        # Before the clock starts: loading takes from a second to minutes.
        await self._loaded()

    async def _close(self) -> None:
        self._model = None

    async def _loaded(self) -> TransformersModel:
        if self._model is None:
            self._model = await asyncio.to_thread(self._load)
        return self._model

    def _load(self) -> TransformersModel:
        loading = {name: value for name, value in self.config.options.items() if name in self.not_sent}
        return TransformersModel.load(ModelFolder.at(self.model), loading)

    def _ids(
        self, model: TransformersModel, request: ModelRequest, config: LLMConfig, *, fitting: bool = True
    ) -> list[int]:
        """The tokens of a request; those that do not fit are an error, unless they are only counted."""
        if not model.folder.writes:
            raise ConfigError(f"{config.spec} writes no text.", hint="It is for embeddings: use embed()")
        if request.tools and request.tool_choice != "none":
            raise ConfigError("A local transformers model is offered no tools.", hint="Leave the tools out")
        messages = request.full_messages()
        if config.mode is CompletionMode.TEXT or not model.folder.chats:
            ids = model.ids("\n\n".join(_text(message) for message in messages))
        else:
            ids = _chat_ids(model, messages, request)
        return _fitting(ids, model, request) if fitting else ids


def _in_words(request: ModelRequest) -> ModelRequest:
    """The request with the format of its answer said in the prompt: nothing here makes a model keep to one."""
    if request.settings.get("response_format") in (None, "text"):
        settings = {name: value for name, value in request.settings.items() if name != "response_format"}
        return replace(request, settings=settings)
    return instructed(request)


def _chat_ids(model: TransformersModel, messages: Sequence[LLMMessage], request: ModelRequest) -> list[int]:
    from jinja2 import TemplateError

    try:
        return model.chat_ids([{"role": message.role, "content": _text(message)} for message in messages])
    except TemplateError as error:
        raise BadRequest(
            f"The chat template of {request.model!r} does not take these messages: {error}",
            provider=request.provider,
            model=request.model,
            hint="Many want user and assistant in turn, and no system message",
        ) from error


def _text(message: LLMMessage) -> str:
    if any(isinstance(part, ImagePart) for part in message.parts):
        raise ConfigError("A local transformers model reads no images here.", hint="Use another provider, e.g. ollama")
    return message.content


def _fitting(ids: list[int], model: TransformersModel, request: ModelRequest) -> list[int]:
    """The tokens, if the model takes so many."""
    if not ids:
        raise ConfigError("There is nothing to read: the text is empty.")
    if model.window is None or len(ids) < model.window:
        return ids
    error = ContextTooLong(
        f"{request.model!r} takes {model.window:,} tokens, and these are {len(ids):,}.",
        provider=request.provider,
        model=request.model,
        hint="Send fewer or shorter messages, or take a model with a larger window",
    )
    error.tokens, error.limit, error.counted = len(ids), model.window, True
    raise error


def _writing(request: ModelRequest, model: TransformersModel, prompt: int, emit: Any) -> Writing:
    told: Json = dict(told_settings(request, _FIELDS, "a local transformers model"))
    most = told.get("max_tokens") or model.usual_most or _USUAL_MOST
    if model.window is not None:
        most = min(most, model.window - prompt)
    return Writing(
        most, emit, told.get("stop_sequences") or (), told.get("seed"), _sampling(told) | dict(request.options)
    )


def _sampling(told: Json) -> Json:
    """The arguments of ``generate`` that say how a token is chosen."""
    if told.get("temperature") == 0:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    chosen: Json = {name: told[name] for name in _CHOOSING if name in told}
    return chosen | {"do_sample": True} if chosen else {}


def _response(request: ModelRequest, text: str, prompt: int, written: Written) -> LLMResponse:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": written.tokens,
        "total_tokens": prompt + written.tokens,
    }
    return LLMResponse(text, request.model, finish_reason=written.finish_reason, usage=usage, cost_usd=0.0)


def _failure(request: ModelRequest, error: Exception) -> ProviderError:
    """What went wrong in the model: a setting that it does not take, or the machine's fault (no memory left)."""
    kind = BadRequest if isinstance(error, (ValueError, TypeError)) else ServerError
    return kind(
        f"The model {request.model!r} failed: {str(error).strip()[:500]}",
        provider=request.provider,
        model=request.model,
        hint="Options are arguments of transformers' generate()" if kind is BadRequest else None,
    )
