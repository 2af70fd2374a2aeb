"""The template language: parse, compile, render.

A template is read in one of four modes. In all of them values are data: nothing in a value is read as template.

- CONDITIONAL: ``{{name}}`` and optional ``((sections))``; any text is one, and what is malformed is text.
- MIXED (of prompts, unless they say otherwise): sections, and everything else Jinja2. Inside braces Jinja2's rules hold, also
  inside sections: white space there is not printed. A section is decided by the variables that it takes from outside
  it, whether printed, filtered or used in a tag; macros, functions and ``loop`` are none.
- JINJA2: Jinja2 without sections.
- SIMPLE: ``{name}`` as in ``str.format``.

MIXED and JINJA2 run in a sandbox with bounds (`Limits`), and a name without a value stays visible as ``{{name}}``.
"""

from .compile import Compiler, compile_template
from .conditional import render_conditional_template
from .message import MessageTemplate
from .program import CompiledTemplate
from .renderer import TemplateRenderer
from .syntax import SyntaxProblem
from .types import (
    Limits,
    Rendered,
    RenderResult,
    TemplateMode,
    TemplateStrategy,
    ValidationConfig,
    ValidationLevel,
)
from .values import has_value

__all__ = [
    "CompiledTemplate",
    "Compiler",
    "Limits",
    "MessageTemplate",
    "RenderResult",
    "Rendered",
    "SyntaxProblem",
    "TemplateMode",
    "TemplateRenderer",
    "TemplateStrategy",
    "ValidationConfig",
    "ValidationLevel",
    "compile_template",
    "has_value",
    "render_conditional_template",
]
