"""A conversation as something else: rows, messages, Markdown, a notebook."""

from .markdown import path_as_markdown
from .notebook import path_as_notebook
from .table import tree_as_rows

__all__ = ["path_as_markdown", "path_as_notebook", "tree_as_rows"]
