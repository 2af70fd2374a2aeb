"""The documents of the peer dataknobs-llm (schema 1.0.0 and 1.1.0), and what is ours in them."""

from .exact import storable_document, with_true_text
from .reading import ReadDocument, read_document
from .writing import write_document

__all__ = ["ReadDocument", "read_document", "storable_document", "with_true_text", "write_document"]
