"""The template language: parse, compile, render.

A template is read in one of four modes. In all of them values are data: nothing in a value is read as template.

- CONDITIONAL: ``{{name}}`` and optional ``((sections))``; any text is one, and what is malformed is text.
- MIXED (of prompts, unless they say otherwise): sections, and everything else Jinja2. Inside braces Jinja2's rules hold, also
  inside sections: white space there is not printed. A section is decided by the variables that it takes from outside
  it, whether printed, filtered or used in a tag; macros, functions and ``loop`` are none.
- JINJA2: Jinja2 without sections.
- SIMPLE: ``{name}`` as in ``str.format``.

MIXED and JINJA2 run in a sandbox with bounds (`Limits`), and a name without a value stays visible as ``{{name}}``. What is
safe, also with a template from somewhere else:

- No attribute that begins with ``_`` is looked at, whichever way is taken to it, and none of a module. Keys of mappings are data.
- Only what looks is called: methods of plain data (texts, numbers, lists, dicts, sets, dates, paths as texts) that change
  nothing; those of NumPy's and pandas' data that give a part, a figure or a text of it, never to a file; macros,
  filters and functions of the language; and plain functions and methods of the user's own code (of ``__main__`` or a
  module that is neither Python's nor installed) that the caller gave. All else is refused: no method of a path, file,
  connection or client, no class, no builtin. Where a notebook's variables fill names, no code of the user runs either.
- Nothing changes a value, and nothing is loaded: ``include``, ``import``, ``from`` and ``extends`` do not compile.
- Nothing runs on or fills the memory: texts, copies, loops and time are bounded for a render and for all prompts that it
  refers to through ``prompt_ref`` together.
- Whatever goes wrong is a `TemplateError` with line and column, also what the methods of a value raise.

What printing, comparing or going through a value runs of its own is trusted, and so is the user's code that is called: it
takes as long as it takes.
SIMPLE and CONDITIONAL print values and do nothing else; their texts are as long as the values make them.
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
