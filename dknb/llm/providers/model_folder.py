"""A model that is a folder on this machine, as ``transformers`` writes it; looked at without loading anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ModelNotFound

__all__ = ["ModelFolder", "names_folder"]

#: How a path begins that can be no name on the Hub.
_BEGINNINGS = ("./", "../", "/", "~", ".\\", "..\\")
#: How the architectures end that write text.
_WRITERS = ("ForCausalLM", "LMHeadModel")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def names_folder(model: str) -> bool:
    """Whether the name of a model means a folder: it begins as only a path does, or the folder is there."""
    if model.startswith(_BEGINNINGS) or Path(model).is_absolute():
        return True
    return bool(model) and (Path(model) / "config.json").is_file()


@dataclass(frozen=True)
class ModelFolder:
    """The folder of a model.

    Attributes:
        model: Its path as the caller wrote it.
        path: Where it is.
        writes: Whether the model writes text; else it only reads, for embeddings.
        chats: Whether its tokenizer has a template for chats.
    """

    model: str
    path: Path
    writes: bool
    chats: bool

    @classmethod
    def at(cls, model: str) -> ModelFolder:
        """The folder of that name.

        Raises:
            ModelNotFound: There is none, or no model of ``transformers`` is in it.
        """
        path = Path(model).expanduser().absolute()
        if not path.is_dir():
            raise _not_found(
                model,
                f"There is no folder {str(path)!r}.",
                "Write the path of the folder that holds the model's config.json:  huggingface/./models/my-model",
            )
        config = _read(path / "config.json")
        if not config or not any(next(path.glob(pattern), None) for pattern in _WEIGHTS):
            raise _not_found(
                model,
                f"The folder {str(path)!r} holds no model: config.json or the weights (*.safetensors) are missing.",
                "Save one with  model.save_pretrained(folder)  and  tokenizer.save_pretrained(folder)",
            )
        names = config.get("architectures") or ()
        templates = _read(path / "tokenizer_config.json").get("chat_template")
        return cls(
            model,
            path,
            writes=any(str(name).endswith(_WRITERS) for name in names),
            chats=bool(templates) or (path / "chat_template.jinja").is_file(),
        )


def _not_found(model: str, message: str, hint: str) -> ModelNotFound:
    return ModelNotFound(message, provider="huggingface", model=model, hint=hint)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
