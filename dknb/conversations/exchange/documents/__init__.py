"""The documents of the peer dataknobs-llm (schema 1.0.0 and 1.1.0), and what is ours in them."""

from .reading import ReadDocument, read_document
from .writing import write_document

__all__ = ["ReadDocument", "read_document", "write_document"]
