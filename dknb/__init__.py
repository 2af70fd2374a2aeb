"""A laboratory for prompts in Jupyter: templates, branching conversations, honest comparisons.

In a notebook: ``%load_ext dknb``. In a script: ``from dknb import chat``, or the packages below ``dknb``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .conversations.manager import ConversationManager
    from .conversations.sql import SQLConversationStorage
    from .experiments.experiment import Experiment
    from .experiments.loading import load_experiment
    from .llm.config import LLMConfig
    from .llm.messages import LLMMessage, LLMResponse
    from .llm.registry import create_llm_provider
    from .notebook.labelling.label import label
    from .notebook.prompting.ablation import leave_one_out
    from .notebook.prompting.form import form
    from .notebook.prompting.named import prompt
    from .notebook.script import chat
    from .templates import MessageTemplate, render_conditional_template

__version__ = "0.1.0"

_HOMES = {
    "ConversationManager": "dknb.conversations",
    "Experiment": "dknb.experiments",
    "LLMConfig": "dknb.llm",
    "LLMMessage": "dknb.llm",
    "LLMResponse": "dknb.llm",
    "MessageTemplate": "dknb.templates",
    "SQLConversationStorage": "dknb.conversations",
    "chat": "dknb.notebook.script",
    "create_llm_provider": "dknb.llm",
    "form": "dknb.notebook.prompting.form",
    "label": "dknb.notebook.labelling.label",
    "leave_one_out": "dknb.notebook.prompting.ablation",
    "load_experiment": "dknb.experiments",
    "prompt": "dknb.notebook.prompting.named",
    "render_conditional_template": "dknb.templates",
}

__all__ = [
    "ConversationManager",
    "Experiment",
    "LLMConfig",
    "LLMMessage",
    "LLMResponse",
    "MessageTemplate",
    "SQLConversationStorage",
    "__version__",
    "chat",
    "create_llm_provider",
    "form",
    "label",
    "leave_one_out",
    "load_experiment",
    "load_ipython_extension",
    "prompt",
    "render_conditional_template",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dknb' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%load_ext dknb`` calls."""
    from .notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%unload_ext dknb`` calls."""
    from .notebook.extension import unload

    unload(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "dknb"}]
