"""A conversation as something else: rows, messages, Markdown, a notebook."""

from .markdown import path_as_markdown
from .notebook import path_as_notebook
from .table import ROW_KINDS, tree_as_rows

__all__ = ["ROW_KINDS", "path_as_markdown", "path_as_notebook", "tree_as_rows"]
