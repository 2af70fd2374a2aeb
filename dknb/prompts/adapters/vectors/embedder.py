"""What makes vectors of texts, whoever's it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ...._sync import in_thread
from ....errors import ConfigError, DknbError, RAGError
from ....errors.secrets import told
from ..faces import call

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix: TypeAlias = NDArray[np.float32]

__all__ = ["Embedder", "EmbeddingProvider", "unit_matrix"]

#: Rows that are computed at a time.
_PIECE = 16_384


class EmbeddingProvider(Protocol):
    """What is asked of a provider: ``embed``, plain or async, from a list of texts to a vector for each."""

    def embed(self, texts: list[str]) -> Any:
        """The vectors of the texts, in their order."""


class Embedder:
    """A provider with ``embed``, or a function such as it, and the name of its model.

    Args:
        source: The provider or function.
        model: The model's name; if it is not given, ``provider/model`` of a provider and a function's qualified name.

    Raises:
        ConfigError: It is neither.
    """

    def __init__(self, source: EmbeddingProvider | Callable[[list[str]], Any], model: str | None = None) -> None:
        embed = getattr(source, "embed", source)
        if not callable(embed):
            raise ConfigError(
                f"{source!r} makes no vectors.", hint="Give a provider with `embed`, or a function of a list of texts"
            )
        self._embed: Callable[[list[str]], Any] = embed
        self.model = model or _model_of(source)
        #: What messages call it: a lambda's qualified name says nothing.
        self.shown = f"The embedding model {self.model}" if "<" not in self.model else "The embedding function"

    async def vectors(self, texts: Sequence[str]) -> Matrix:
        """A row of length 1 for each text.

        Raises:
            RAGError: The model failed, or gave something else.
        """
        try:
            given = await call(self._embed, list(texts))
        except DknbError:
            raise
        except Exception as error:
            raise RAGError(f"{self.shown} failed: {told(error)}") from error
        matrix = await in_thread(unit_matrix, given)
        if len(matrix) != len(texts):
            raise RAGError(f"{self.shown} gave {len(matrix)} vectors for {len(texts)} texts.")
        return matrix


def _model_of(source: Any) -> str:
    provider, model = getattr(source, "provider", None), getattr(source, "model", None)
    if isinstance(provider, str) and isinstance(model, str):
        return f"{provider}/{model}"
    named = source if hasattr(source, "__qualname__") else type(source)
    return f"{named.__module__}.{named.__qualname__}"


def as_matrix(vectors: Any) -> Matrix:
    """Vectors of one length as the rows of a float32 matrix.

    Raises:
        RAGError: They are no vectors, or of different lengths.
    """
    import numpy as np

    try:
        matrix = np.asarray(vectors, np.float32)
    except (TypeError, ValueError) as error:
        raise RAGError("These are no vectors of numbers, all of one length.") from error
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise RAGError(f"These are no vectors: their shape is {matrix.shape}.", hint="Give a list of vectors")
    return matrix


def unit_matrix(vectors: Any) -> Matrix:
    """`unit_rows` of what `as_matrix` makes of vectors."""
    return unit_rows(as_matrix(vectors))


def unit_rows(matrix: Matrix) -> Matrix:
    """The rows at length 1, so that a product of two is their cosine; zeros stay, and have the cosine 0 with all.

    Raises:
        RAGError: A row has numbers that are none.
    """
    import numpy as np

    rows = np.empty(matrix.shape, np.float32)
    for begin in range(0, len(matrix), _PIECE):
        piece = matrix[begin : begin + _PIECE]
        # Divided by the largest number first, for the squares of large ones overflow and those of small ones vanish.
        largest = np.abs(piece).max(axis=1, keepdims=True)
        if len(bad := np.flatnonzero(~np.isfinite(largest))):
            raise RAGError(f"Vector {begin + int(bad[0])} has numbers that are none (NaN or infinity).")
        largest[largest == 0] = 1
        np.divide(piece, largest, out=rows[begin : begin + _PIECE])
        lengths = np.linalg.norm(rows[begin : begin + _PIECE], axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        rows[begin : begin + _PIECE] /= lengths
    return rows
