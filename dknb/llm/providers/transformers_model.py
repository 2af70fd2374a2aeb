"""A model of ``transformers`` in this process: loading, writing and embedding, all of it blocking."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from ..._lazy import extra
from ...errors import ServerError
from ..parts import Json
from .model_folder import ModelFolder
from .transformers_text import StopFilter, TextDecoder

__all__ = ["TransformersModel", "Writing", "Written"]


@dataclass(frozen=True)
class Writing:
    """How an answer is to be written.

    Attributes:
        most: Most tokens of it.
        stops: Texts that end it.
        seed: Makes the choice of tokens repeatable.
        settings: Further arguments of ``generate``.
        emit: Called with each piece of its text, in the thread that writes.
        given_up: Set when nobody waits for it any more.
    """

    most: int
    emit: Callable[[str], None]
    stops: Sequence[str] = ()
    seed: int | None = None
    settings: Json = field(default_factory=dict)
    given_up: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Written:
    """How many tokens an answer has, and why it ended: ``"stop"`` or ``"length"``."""

    tokens: int
    finish_reason: str


class TransformersModel:
    """A pipeline of ``transformers`` over a folder. One call at a time; a second waits for its turn.

    Args:
        folder: The folder; nothing is fetched from the network.
        loading: ``device``, ``dtype`` and ``trust_remote_code`` of the pipeline.

    Attributes:
        folder: The folder, as it was when the model was loaded.

    Raises:
        MissingExtra: ``transformers`` or ``torch`` is not installed.
        ServerError: They cannot load it.
    """

    _loaded: ClassVar[WeakValueDictionary[str, TransformersModel]] = WeakValueDictionary()
    _loads: ClassVar = threading.Lock()

    def __init__(self, folder: ModelFolder, loading: Json) -> None:
        with extra("transformers"):
            import torch  # type: ignore[import-not-found,unused-ignore]  # not here where types are checked
            import transformers  # type: ignore[import-not-found,unused-ignore]  # likewise
        task = "text-generation" if folder.writes else "feature-extraction"
        try:
            with _quietly(transformers.utils.logging):
                pipeline = transformers.pipeline(task, model=str(folder.path), local_files_only=True, **loading)
        except Exception as error:
            raise ServerError(
                f"The model in {str(folder.path)!r} cannot be loaded: {str(error).strip()[:300]}",
                provider="huggingface",
                model=folder.model,
                hint="Check that the folder is whole, and that this transformers knows such a model",
            ) from error
        self.folder = folder
        self._torch = torch
        self._base = transformers.generation.streamers.BaseStreamer
        self._model: Any = pipeline.model.eval()
        self._tokenizer: Any = pipeline.tokenizer
        self._writes = threading.Lock()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    @classmethod
    def load(cls, folder: ModelFolder, loading: Json) -> TransformersModel:
        """The model of a folder; the same object for all who have it loaded in the same way."""
        key = f"{folder.path.resolve()} {sorted(loading.items())!r}"
        with cls._loads:
            model = cls._loaded.get(key)
            if model is None:
                model = cls._loaded[key] = cls(folder, loading)
        return model

    @property
    def turn(self) -> asyncio.Lock:
        """Whose turn it is among the callers on the running loop: they wait here and not in threads."""
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    @property
    def window(self) -> int | None:
        """The most tokens that the model takes; None when its config does not say."""
        most = getattr(self._model.config, "max_position_embeddings", None)
        return most if isinstance(most, int) and most > 0 else None

    @property
    def usual_most(self) -> int | None:
        """The most tokens of an answer as the model's own generation config has it."""
        most = self._model.generation_config.max_new_tokens
        return most if isinstance(most, int) else None

    def ids(self, text: str) -> list[int]:
        """The tokens of a text; those of an empty one are what begins all texts."""
        ids = list(self._tokenizer(text)["input_ids"])
        first = self._tokenizer.bos_token_id
        return ids or ([first] if first is not None else [])

    def chat_ids(self, messages: list[Json]) -> list[int]:
        """The tokens of a chat, up to where the answer begins.

        Raises:
            jinja2.TemplateError: The model's template does not take such a chat.
        """
        text = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        # The template writes the special tokens itself.
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def write(self, ids: list[int], how: Writing) -> Written:
        """Go on with some tokens, telling ``how.emit`` each piece of text.

        Raises:
            ValueError: The model does not take one of the settings.
        """
        torch = self._torch
        with self._writes:
            if how.given_up.is_set():
                return Written(0, "stop")
            streamer = _streamer(self._base, self._decoder(), how)
            known = torch.tensor([ids], device=self._model.device)
            with self._seeded(how.seed), torch.inference_mode(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                whole = self._model.generate(
                    known,
                    attention_mask=torch.ones_like(known),
                    max_new_tokens=how.most,
                    pad_token_id=self._padding(),
                    streamer=streamer,
                    stopping_criteria=[self._ends(lambda: streamer.filter.found or how.given_up.is_set())],
                    **how.settings,
                )
        written = whole[0, len(ids) :].tolist()
        ended = streamer.filter.found or len(written) < how.most or written[-1] in self._ending()
        return Written(len(written), "stop" if ended else "length")

    def vector(self, ids: list[int]) -> list[float]:
        """The mean of the last hidden states of some tokens."""
        torch = self._torch
        with self._writes, torch.inference_mode():
            known = torch.tensor([ids], device=self._model.device)
            states = self._model.base_model(known, attention_mask=torch.ones_like(known)).last_hidden_state
            vector: list[float] = states[0].float().mean(dim=0).tolist()
        return vector

    def _decoder(self) -> TextDecoder:
        decode = self._tokenizer.decode
        return TextDecoder(
            lambda ids: decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) if ids else ""
        )

    def _ends(self, over: Callable[[], bool]) -> Callable[..., Any]:
        torch = self._torch

        def ends(ids: Any, scores: Any, **_: Any) -> Any:
            return torch.full((ids.shape[0],), over(), dtype=torch.bool, device=ids.device)

        return ends

    def _ending(self) -> list[int]:
        ends = self._model.generation_config.eos_token_id
        return ends if isinstance(ends, list) else [ends]

    def _padding(self) -> int | None:
        """What pads; where a model has nothing for it, any token will do, since nothing is padded here."""
        known = self._tokenizer.pad_token_id
        found: int | None = self._ending()[0] if known is None else known
        return found

    @contextmanager
    def _seeded(self, seed: int | None) -> Iterator[None]:
        with self._torch.random.fork_rng() if seed is not None else nullcontext():
            if seed is not None:
                self._torch.manual_seed(seed)
            yield


def _streamer(base: type[Any], decoder: TextDecoder, how: Writing) -> Any:
    """What ``generate`` tells each token: first those of the prompt, then one after the other."""

    class Streamer(base):  # type: ignore[misc]  # a class that is known at run time only
        def __init__(self) -> None:
            self.filter = StopFilter(how.stops)
            self._begun = False

        def put(self, value: Any) -> None:
            if self._begun:
                self._tell(self.filter.add(decoder.add(value.reshape(-1).tolist())))
            self._begun = True

        def end(self) -> None:
            self._tell(self.filter.add(decoder.rest()) + self.filter.rest())

        def _tell(self, text: str) -> None:
            if text and not how.given_up.is_set():
                how.emit(text)

    return Streamer()


@contextmanager
def _quietly(logging: Any) -> Iterator[None]:
    """Without the bars that show how loading goes on."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
