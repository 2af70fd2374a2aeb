"""The template language: parse, compile, render."""

from .compile import Compiler, compile_template
from .conditional import render_conditional_template
from .message import MessageTemplate
from .program import CompiledTemplate
from .types import (
    Limits,
    Rendered,
    RenderResult,
    TemplateMode,
    TemplateStrategy,
    ValidationConfig,
    ValidationLevel,
)
