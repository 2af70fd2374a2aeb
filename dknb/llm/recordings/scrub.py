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
from typing import Any, NamedTuple, TypeAlias

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

#: Stands in a file where a secret was.
MARK = "[removed]"
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

_SECRET = (
    r"(?:.*_)?(?:api_?key|apikey|authorization|secret(?:_key)?|passw(?:or)?d|credentials?|cookies?|private_key|bearer)"
)
_SECRET_TOKEN = r"(?:.*_)?(?:access|auth(?:orization)?|bearer|refresh|session|id|security)_token"
_SECRET_NAME = re.compile(f"{_SECRET}|{_SECRET_TOKEN}|.*headers?")
_PRIVATE_NAME = re.compile(
    rf"""{_SECRET_NAME.pattern}|token|api_base|base_url|azure_endpoint|.*request_id|cf_ray|metadata
    |(?:.*_)?(?:organi[sz]ation|org|project|user|account|workspace|tenant)(?:_id)?|safety_identifier|prompt_cache_key
    |http_client|client|proxy|proxies|timeout|max_retries|stream|stream_options""",
    re.VERBOSE,
)
#: What says of a tool that a server has it, which is asked with headers of its own.
_SERVER_FIELDS = frozenset({"server_url", "connector_id"})
_SECRET_VARIABLE = re.compile(r".*_(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD)")
#: What people set a key to where a server wants one but does not look at it.
_PLACEHOLDERS = frozenset({"not-needed", "lm-studio", "placeholder", "no-key-required", "your-api-key", "anything"})
_SHORTEST_SECRET = 8


class KeyShape(NamedTuple):
    """How the keys of one vendor look.

    Attributes:
        begins: What they begin with: a text without any of these holds none, and that is found out fast.
        pattern: A regular expression for the whole.
    """

    begins: tuple[str, ...]
    pattern: str


#: What has the shape of a key or of the name of an account, by whose it is; as their vendors' pages show them.
KEY_SHAPES = {
    "a key of Anthropic": KeyShape(("sk-ant-",), r"\bsk-ant-(?=[\w-]*\d)[\w-]{16,}"),
    "a key of OpenRouter": KeyShape(("sk-or-",), r"\bsk-or-(?=[\w-]*\d)[\w-]{16,}"),
    "a key of OpenAI, or of one built alike": KeyShape(("sk-",), r"\bsk-(?!ant-|or-)(?=[\w-]*\d)[\w-]{16,}"),
    "an organisation or project of OpenAI": KeyShape(("org-", "proj_"), r"\b(?:org-|proj_)(?=\w*\d)\w{16,}"),
    "a key of Hugging Face": KeyShape(("hf_",), r"\bhf_\w{20,}"),
    "a key of Groq": KeyShape(("gsk_",), r"\bgsk_\w{20,}"),
    "a key of xAI": KeyShape(("xai-",), r"\bxai-(?=\w*\d)\w{32,}"),
    "a key of Perplexity": KeyShape(("pplx-",), r"\bpplx-(?=\w*\d)\w{32,}"),
    "a key of Replicate": KeyShape(("r8_",), r"\br8_(?=\w*\d)\w{30,}"),
    "a key of NVIDIA": KeyShape(("nvapi-",), r"\bnvapi-(?=[\w-]*\d)[\w-]{40,}"),
    "a key of Google": KeyShape(("AIza",), r"\bAIza[\w-]{30,}"),
    "a token of GitHub": KeyShape(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), r"\b(?:gh[pousr]_\w{30,}|github_pat_\w{30,})"
    ),
    "a token of GitLab": KeyShape(("glpat-",), r"\bglpat-[\w-]{20,}"),
    "a token of Slack": KeyShape(("xox",), r"\bxox[abeprs]-[\w-]{10,}"),
    "a key of AWS": KeyShape(("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": KeyShape(("-----BEGIN",), r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a signed token (JWT)": KeyShape(("eyJ",), r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
}
_KEY_SHAPE = "|".join(shape.pattern for shape in KEY_SHAPES.values())
_BEGINS = tuple({begin for shape in KEY_SHAPES.values() for begin in shape.begins})


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret."""
    return _SECRET_NAME.fullmatch(name.replace("-", "_").lower()) is not None


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


def environment_secrets(environment: Mapping[str, str]) -> list[str]:
    """The values of variables that are named like keys."""
    # Only the values that count are read: an environment decodes each that it is asked for.
    return [environment[name] for name in environment if _names_a_secret(name)]


@lru_cache(maxsize=4096)
def _names_a_secret(variable: str) -> bool:
    return _SECRET_VARIABLE.fullmatch(variable.upper()) is not None


def named_environment_secrets(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The same with the names of the variables, without what is too short, or a placeholder."""
    return [(name, value) for name, value in environment.items() if _names_a_secret(name) and _is_told(value)]


def _is_told(secret: str) -> bool:
    return len(secret) >= _SHORTEST_SECRET and secret not in _PLACEHOLDERS


class Scrubber:
    """Takes known secrets, and what has the shape of a key, out of texts.

    Attributes:
        removed: How many it has taken out.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        known = set(filter(_is_told, secrets))
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
