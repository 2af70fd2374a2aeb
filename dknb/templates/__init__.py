"""The template language: parse, compile, render. API.md fixes what templates mean."""

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
