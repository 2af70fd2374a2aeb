"""Flows: a conversation that goes from state to state, in code and in YAML.

Names are imported at first use, so that ``import dknb.conversations.flow`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import exports

if TYPE_CHECKING:
    from .conditions import (
        AlwaysCondition,
        CompositeCondition,
        ContextCondition,
        CustomCondition,
        JSONCondition,
        KeywordCondition,
        RegexCondition,
        TransitionCondition,
        always,
        context_condition,
        keyword_condition,
        regex_condition,
    )
    from .definition import ConversationFlow, FlowState
    from .events import FlowEvent
    from .judged import LLMClassifierCondition, SentimentCondition
    from .reading import FLOW_SCHEMA, FlowLibrary, parse_flow, read_flow
    from .result import FlowResult, FlowStep
    from .run import FlowRun

_HOME = {
    "FLOW_SCHEMA": "reading",
    "AlwaysCondition": "conditions",
    "CompositeCondition": "conditions",
    "ContextCondition": "conditions",
    "ConversationFlow": "definition",
    "CustomCondition": "conditions",
    "FlowEvent": "events",
    "FlowLibrary": "reading",
    "FlowResult": "result",
    "FlowRun": "run",
    "FlowState": "definition",
    "FlowStep": "result",
    "JSONCondition": "conditions",
    "KeywordCondition": "conditions",
    "LLMClassifierCondition": "judged",
    "RegexCondition": "conditions",
    "SentimentCondition": "judged",
    "TransitionCondition": "conditions",
    "always": "conditions",
    "context_condition": "conditions",
    "keyword_condition": "conditions",
    "parse_flow": "reading",
    "read_flow": "reading",
    "regex_condition": "conditions",
}

__all__ = [
    "FLOW_SCHEMA",
    "AlwaysCondition",
    "CompositeCondition",
    "ContextCondition",
    "ConversationFlow",
    "CustomCondition",
    "FlowEvent",
    "FlowLibrary",
    "FlowResult",
    "FlowRun",
    "FlowState",
    "FlowStep",
    "JSONCondition",
    "KeywordCondition",
    "LLMClassifierCondition",
    "RegexCondition",
    "SentimentCondition",
    "TransitionCondition",
    "always",
    "context_condition",
    "keyword_condition",
    "parse_flow",
    "read_flow",
    "regex_condition",
]

__getattr__, __dir__ = exports(__name__, _HOME)
