"""What of a model call may be written down: no key, cookie, address, header, or name of an account.

Three rules, one on top of the other. Of a request only the fields of the tables below are written. Whatever carries the
name of a secret is left out wherever it lies. And in what remains, each text is searched for the keys of this
environment, for those that the caller names, and for whatever has the shape of a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from ...errors.secrets import (
    KEY_SHAPES,
    MARK,
    SECRET_NAME,
    environment_secrets,
    is_secret_name,
    is_told,
    named_environment_secrets,
)

__all__ = [
    "KEY_SHAPES",
    "MARK",
    "Scrubber",
    "environment_secrets",
    "identity",
    "is_secret_name",
    "named_environment_secrets",
    "named_secrets",
    "written_request",
]

Json: TypeAlias = dict[str, Any]

#: Stands for the value of an option that is not in the table.
NOT_WRITTEN = "(not recorded)"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FIELDS = _names("kind provider model messages texts settings tools tool_choice options")
_MESSAGE_FIELDS = _names("role content name function_call tool_calls tool_call_id reasoning parts extra")
_SETTINGS = _names(
    """temperature max_tokens top_p frequency_penalty presence_penalty stop_sequences mode system_prompt response_format
    functions function_call seed logit_bias logprobs top_logprobs"""
)
#: What the APIs of OpenAI, Anthropic, Ollama, Hugging Face, vLLM and llama.cpp let one choose about an answer.
_OPTIONS = _names(
    """api background betas cache_control context_management dimensions enable_thinking encoding_format extra_body format
    grammar guided_choice guided_grammar guided_json guided_regex include instructions keep_alive logprobs
    max_completion_tokens max_output_tokens max_tokens max_tool_calls min_p mirostat modalities n num_ctx num_keep
    num_predict parallel_tool_calls prediction previous_response_id raw reasoning reasoning_effort repeat_last_n
    repeat_penalty repetition_penalty response_format seed service_tier stop stop_sequences store suffix system
    temperature text think thinking tool_choice tools top_k top_logprobs top_p truncate truncation typical_p verbosity
    web_search_options"""
)

_PRIVATE_NAME = re.compile(
    rf"""{SECRET_NAME.pattern}|token|api_base|base_url|azure_endpoint|.*request_id|cf_ray|metadata
    |(?:.*_)?(?:organi[sz]ation|org|project|user|account|workspace|tenant)(?:_id)?|safety_identifier|prompt_cache_key
    |http_client|client|proxy|proxies|timeout|max_retries|stream|stream_options""",
    re.VERBOSE,
)
#: What says of a tool that a server has it, which is asked with headers of its own.
_SERVER_FIELDS = frozenset({"server_url", "connector_id"})
_KEY_SHAPE = "|".join(shape.pattern for shape in KEY_SHAPES.values())
_BEGINS = tuple({begin for shape in KEY_SHAPES.values() for begin in shape.begins})


@lru_cache(maxsize=1024)
def _is_private(name: str) -> bool:
    return _PRIVATE_NAME.fullmatch(name.replace("-", "_").lower()) is not None


def _without_secrets(value: Any) -> Any:
    """Plain data without texts that are named like a secret; numbers in one form, so that equal values look equal."""
    if isinstance(value, Mapping):
        # A schema may well describe a property called "password" or "headers": that is a dict, not a secret.
        secret = (str, Mapping) if _SERVER_FIELDS & value.keys() else str
        return {
            str(name): _without_secrets(inner)
            for name, inner in value.items()
            if not (isinstance(inner, secret) and is_secret_name(str(name)))
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _without_private(options: Mapping[str, Any]) -> Json:
    kept = {str(name): value for name, value in options.items() if not _is_private(str(name))}
    if isinstance(body := kept.get("extra_body"), Mapping):
        kept["extra_body"] = _without_private(body)
    return {name: _without_secrets(value) for name, value in kept.items()}


def identity(request: Mapping[str, Any]) -> Json:
    """The part of a request that decides its answer: without keys, addresses, accounts and limits."""
    out = {name: value for name, value in request.items() if not _is_private(name)}
    for name in ("settings", "options"):
        if name in out:
            out[name] = _without_private(out[name] or {})
    if "tools" in out:
        out["tools"] = _without_secrets(out["tools"])
    return {name: value for name, value in out.items() if value not in (None, [], {})}


def _written(value: Any) -> Any:
    """Plain data without texts that are named like a secret, and without the headers of a tool's server."""
    if isinstance(value, Mapping):
        kept = {
            name: inner for name, inner in value.items() if not (isinstance(inner, str) and is_secret_name(str(name)))
        }
        return {
            name: MARK if str(name).lower().endswith("headers") else _written(inner) for name, inner in kept.items()
        }
    return [_written(inner) for inner in value] if isinstance(value, list | tuple) else value


def _only(fields: frozenset[str], given: Mapping[str, Any]) -> Json:
    out = {name: _written(value) if name in fields else NOT_WRITTEN for name, value in given.items()}
    if isinstance(body := out.get("extra_body"), dict):
        out["extra_body"] = _only(fields, body)
    return out


def written_request(request: Mapping[str, Any]) -> Json:
    """The fields of a request that a recording keeps; texts are still to be scrubbed."""
    out = {name: value for name, value in identity(request).items() if name in _FIELDS}
    if "settings" in out:
        out["settings"] = _only(_SETTINGS, out["settings"])
    if "options" in out:
        out["options"] = _only(_OPTIONS, out["options"])
    if "messages" in out:
        out["messages"] = [
            {name: _written(value) for name, value in message.items() if name in _MESSAGE_FIELDS}
            for message in out["messages"]
        ]
    if "tools" in out:
        out["tools"] = _written(out["tools"])
    return out


def named_secrets(value: Any) -> Iterator[str]:
    """The texts that lie under the name of a secret, at any depth."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, str) and is_secret_name(str(name)):
                yield inner.removeprefix("Bearer ")
            else:
                yield from named_secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from named_secrets(inner)


class Scrubber:
    """Takes known secrets, and what has the shape of a key, out of texts.

    Attributes:
        removed: How many it has taken out.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        known = set(filter(is_told, secrets))
        literal = [re.escape(secret) for secret in sorted(known, key=len, reverse=True)]
        self._pattern = re.compile("|".join([*literal, _KEY_SHAPE]))
        self._begins = (*_BEGINS, *known, *(json.dumps(secret, ensure_ascii=False)[1:-1] for secret in known))
        self.removed = 0

    def clean(self, value: Any) -> Any:
        """Plain data with a mark in the place of each secret."""
        return self._cleaned(value) if self._may_hold_one(value) else value

    def _may_hold_one(self, value: Any) -> bool:
        """Whether there is the beginning of a secret anywhere; to find that out takes a tenth of the time."""
        try:
            text = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):
            return True
        return any([begin in text for begin in self._begins])

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            text, count = self._pattern.subn(MARK, value)
            self.removed += count
            return text
        if isinstance(value, Mapping):
            return {self._cleaned(name): self._cleaned(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._cleaned(inner) for inner in value]
        return value

    def clean_response(self, response: Mapping[str, Any]) -> Json:
        """A response, or a piece of one, whose metadata says nothing about the account either."""
        out = dict(response)
        if isinstance(metadata := out.get("metadata"), Mapping):
            out["metadata"] = {name: _written(value) for name, value in metadata.items() if not _is_private(name)}
        if isinstance(whole := out.get("response"), Mapping):
            out["response"] = self.clean_response(whole)
        cleaned: Json = self.clean(out)
        return cleaned
