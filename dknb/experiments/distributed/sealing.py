"""What goes to other processes, sealed: nothing of it shows in a repr, a log or a dashboard.

Model providers are taken out of what is sealed, wherever they are in it, and made again where it is opened, from their
settings: there they may be given other limits.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any

from ..._lazy import extra
from ...errors import ConfigError, DknbError
from ...llm.base import AsyncLLMProvider

__all__ = ["Sealed", "open_with", "providers_in", "seal"]


class Sealed:
    """Something pickled that tells nothing of itself but its size."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def content(self) -> bytes:
        """What is in it."""
        return self._content

    def __len__(self) -> int:
        return len(self._content)

    def __reduce__(self) -> tuple[object, ...]:
        return Sealed, (self._content,)

    def __repr__(self) -> str:
        return f"<sealed, {len(self._content):,} bytes>"


def seal(whole: Any, what: str) -> tuple[Sealed, list[AsyncLLMProvider]]:
    """``whole``, sealed, and the providers that were in it.

    Args:
        whole: What is to be sealed.
        what: What messages call it.

    Raises:
        ConfigError: Something in it cannot be sent to another process.
        MissingExtra: cloudpickle is not installed.
    """
    with extra("distributed"):
        import cloudpickle  # type: ignore[import-untyped]

    found: list[AsyncLLMProvider] = []

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
        def persistent_id(self, value: Any) -> int | None:
            if not isinstance(value, AsyncLLMProvider):
                return None
            if all(value is not each for each in found):
                found.append(value)
            return next(place for place, each in enumerate(found) if each is value)

    with io.BytesIO() as file:
        try:
            Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(whole)
        except DknbError:
            raise
        except Exception as error:
            raise _unfit(what, error) from error
        return Sealed(file.getvalue()), found


def providers_in(sealed: Sealed) -> list[AsyncLLMProvider]:
    """The providers that were sealed by themselves."""
    found: list[AsyncLLMProvider] = pickle.loads(sealed.content)
    return found


def seal_providers(providers: Sequence[AsyncLLMProvider]) -> Sealed:
    """Providers, to be made again from their settings; their keys are among these, where they were given.

    Raises:
        ConfigError: One cannot be made again.
    """
    import cloudpickle

    try:
        return Sealed(cloudpickle.dumps(list(providers)))
    except DknbError:
        raise
    except Exception as error:
        raise _unfit("A model", error) from error


def open_with(sealed: Sealed, providers: Sequence[AsyncLLMProvider]) -> Any:
    """What was sealed, with these in the place of the providers that were in it."""

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, place: int) -> AsyncLLMProvider:
            return providers[place]

    return Unpickler(io.BytesIO(sealed.content)).load()


def _unfit(what: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"{what} cannot be sent to other processes: {type(error).__name__}: {error}",
        hint="Functions and scorers must not hold open files, connections or locks",
    )
