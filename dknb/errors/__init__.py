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
    │   └── MissingParameters        required parameters without a value  (ValueError)
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
    │   └── StructuredOutputError    the answer does not have the shape that was asked for; has the answer
    ├── BudgetExceeded               a call may cost more than is left of a budget; it was not made
    ├── MiddlewareError              an LLMMiddleware raised; has the answer, if there was one
    ├── RecordingError               a recording that cannot be read or written
    │   └── ReplayMiss               a strict replay was asked for what is not recorded
    └── ConversationError
        ├── ConversationNotFound     no conversation of that id  (LookupError)
        ├── NodeNotFound             no node of that id in the conversation  (LookupError)
        ├── BranchError              a branch that is missing, taken, or cannot be changed so
        ├── StorageError             the store cannot be read or written
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
    NodeNotFound,
    RecordingError,
    ReplayMiss,
    SchemaVersionError,
    StorageError,
)
from .prompts import MissingParameters, PromptError, PromptFileError, PromptNotFound, TemplateError
from .providers import (
    AuthenticationError,
    BadRequest,
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
    "BranchError",
    "BudgetExceeded",
    "CallTimeout",
    "ConfigError",
    "ConnectionFailed",
    "ContentRefused",
    "ContextTooLong",
    "ConversationError",
    "ConversationNotFound",
    "DknbError",
    "Interrupted",
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
    "RateLimited",
    "RecordingError",
    "ReplayMiss",
    "SchemaVersionError",
    "ServerError",
    "StorageError",
    "StructuredOutputError",
    "TemplateError",
]

for _name in __all__:
    globals()[_name].__module__ = __name__  # a traceback names an error by where one imports it from
