"""Every exception that a user of dknb can meet.

::

    DknbError                        what happened; ``hint`` says what to do
    ├── ConfigError                  a setting that is unknown, malformed or contradicts another  (ValueError)
    ├── MissingExtra                 an optional package is not installed  (ImportError)
    ├── MagicError                   a magic's line or body that does not parse
    ├── TemplateError                a template that does not parse or render  (ValueError)
    ├── PromptError
    │   ├── PromptNotFound           no prompt of that name  (LookupError)
    │   ├── PromptFileError          a prompt file that cannot be read or written
    │   ├── MissingParameters        required parameters without a value  (ValueError)
    │   ├── VersioningError          versions of a prompt, or an experiment with them  (ValueError)
    │   │   └── VersionNotFound      no version of that id or number; also a PromptNotFound
    │   ├── InvalidParameters        values that are not of their declared type; has the problems by name  (ValueError)
    │   └── RAGError                 text for a prompt could not be retrieved; has adapter, placeholder, query
    ├── ProviderError                a model call failed; has provider, model, status, request_id, retry_after
    │   ├── AuthenticationError      no key, a wrong key, or no permission
    │   ├── ModelNotFound            the model (or the address) does not exist
    │   ├── RateLimited              too many requests or tokens
    │   ├── ContextTooLong           the messages do not fit into the model; has tokens and limit
    │   ├── ContentRefused           a filter of the vendor refused
    │   ├── BadRequest               the server does not accept the request
    │   ├── CallTimeout              no (further) answer in time  (TimeoutError)
    │   ├── ConnectionFailed         no connection, or it broke  (ConnectionError)
    │   ├── ServerError              the server failed, or answered what is no answer
    │   ├── BatchError               a batch, or a request of one, that was not carried out; has reason
    │   └── StructuredOutputError    the answer does not have the shape that was asked for; has the answer
    ├── BudgetExceeded               a call may cost more than is left of a budget; it was not made
    ├── MiddlewareError              an LLMMiddleware raised; has the answer, if there was one
    ├── RecordingError               a recording that cannot be read or written
    │   └── ReplayMiss               a strict replay was asked for what is not recorded
    ├── ExperimentError
    │   ├── ClusterError             a part of a run was lost on a cluster; what was stored is kept
    │   ├── DesignError              an experiment that cannot be run as it is described; has the problems  (ValueError)
    │   ├── BridgeError              another tool's file that cannot be read or written; has file, line, item  (ValueError)
    │   ├── ExperimentNotFound       no experiment of that name  (LookupError)
    │   ├── ExperimentRunning        an experiment that somebody else runs at this moment
    │   ├── LeaseLost                a part of a run that somebody else has been given to work at
    │   └── TooFewItems              a comparison of too few items; has items, minimum, cost_usd  (ValueError)
    └── ConversationError
        ├── ConversationNotFound     no conversation of that id  (LookupError)
        ├── NodeNotFound             no node of that id in the conversation  (LookupError)
        ├── BranchError              a branch that is missing, taken, or cannot be changed so
        ├── ValidationFailed         an answer that a middleware did not let pass; has response, verdict  (ValueError)
        ├── FlowError                a flow that cannot go on; has flow, state, reason, response
        │   └── FlowTimeout          it took too long  (TimeoutError)
        ├── StorageError             the store cannot be read or written
        │   └── StoreUnreachable     its server does not answer, or the connection broke
        └── SchemaVersionError       a store or document of a newer major version
    Interrupted                      the user stopped a call  (KeyboardInterrupt)
"""

from __future__ import annotations

from .base import ConfigError, DknbError, Interrupted, MagicError, MissingExtra
from .base import did_you_mean as did_you_mean
from .base import nearest as nearest
from .conversations import (
    BranchError,
    ConversationError,
    ConversationNotFound,
    FlowError,
    FlowTimeout,
    NodeNotFound,
    RecordingError,
    ReplayMiss,
    SchemaVersionError,
    StorageError,
    StoreUnreachable,
    ValidationFailed,
)
from .experiments import (
    BridgeError,
    ClusterError,
    DesignError,
    ExperimentError,
    ExperimentNotFound,
    ExperimentRunning,
    LeaseLost,
    TooFewItems,
)
from .prompts import (
    InvalidParameters,
    MissingParameters,
    PromptError,
    PromptFileError,
    PromptNotFound,
    RAGError,
    TemplateError,
    VersioningError,
    VersionNotFound,
)
from .providers import (
    AuthenticationError,
    BadRequest,
    BatchError,
    BudgetExceeded,
    CallTimeout,
    ConnectionFailed,
    ContentRefused,
    ContextTooLong,
    MiddlewareError,
    ModelNotFound,
    ProviderError,
    RateLimited,
    ServerError,
    StructuredOutputError,
)

__all__ = [
    "AuthenticationError",
    "BadRequest",
    "BatchError",
    "BranchError",
    "BridgeError",
    "BudgetExceeded",
    "CallTimeout",
    "ClusterError",
    "ConfigError",
    "ConnectionFailed",
    "ContentRefused",
    "ContextTooLong",
    "ConversationError",
    "ConversationNotFound",
    "DesignError",
    "DknbError",
    "ExperimentError",
    "ExperimentNotFound",
    "ExperimentRunning",
    "FlowError",
    "FlowTimeout",
    "Interrupted",
    "InvalidParameters",
    "LeaseLost",
    "MagicError",
    "MiddlewareError",
    "MissingExtra",
    "MissingParameters",
    "ModelNotFound",
    "NodeNotFound",
    "PromptError",
    "PromptFileError",
    "PromptNotFound",
    "ProviderError",
    "RAGError",
    "RateLimited",
    "RecordingError",
    "ReplayMiss",
    "SchemaVersionError",
    "ServerError",
    "StorageError",
    "StoreUnreachable",
    "StructuredOutputError",
    "TemplateError",
    "TooFewItems",
    "ValidationFailed",
    "VersionNotFound",
    "VersioningError",
]

for _name in __all__:
    globals()[_name].__module__ = __name__  # a traceback names an error by where one imports it from
