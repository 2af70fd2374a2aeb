"""Secrets in texts: how keys look, what is named like one, and texts without them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "KEY_SHAPES",
    "MARK",
    "SECRET_NAME",
    "KeyShape",
    "environment_secrets",
    "is_secret_name",
    "is_told",
    "named_environment_secrets",
    "told",
    "without_secrets",
]

#: Stands where a secret was.
MARK = "[removed]"

_SECRET = (
    r"(?:.*_)?(?:api_?key|apikey|authorization|secret(?:_key)?|passw(?:or)?d|credentials?|cookies?|private_key|bearer)"
)
_SECRET_TOKEN = r"(?:.*_)?(?:access|auth(?:orization)?|bearer|refresh|session|id|security)_token"
#: The names of secrets, in lower case and with ``_`` for ``-``.
SECRET_NAME = re.compile(f"{_SECRET}|{_SECRET_TOKEN}|.*headers?")
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


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret."""
    return SECRET_NAME.fullmatch(name.replace("-", "_").lower()) is not None


def environment_secrets(environment: Mapping[str, str]) -> list[str]:
    """The values of variables that are named like keys."""
    # Only the values that count are read: an environment decodes each that it is asked for.
    return [environment[name] for name in environment if _names_a_secret(name)]


@lru_cache(maxsize=4096)
def _names_a_secret(variable: str) -> bool:
    return _SECRET_VARIABLE.fullmatch(variable.upper()) is not None


def named_environment_secrets(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The same with the names of the variables, without what is too short, or a placeholder."""
    return [(name, value) for name, value in environment.items() if _names_a_secret(name) and is_told(value)]


def is_told(secret: str) -> bool:
    """Whether a value is long enough to be a secret, and no placeholder of one."""
    return len(secret) >= _SHORTEST_SECRET and secret not in _PLACEHOLDERS


_SHAPE = re.compile("|".join(shape.pattern for shape in KEY_SHAPES.values()))
#: User and password of an address, up to the last @: a password may hold anything.
_LOGIN = re.compile(r"(?<=://)(?:[^\s/?#'\":@]*+:[^\s'\"]{0,2000}|[^\s/?#'\":@]++)@")
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|(?:(?:Bearer|Basic|Token)\s++)?[^\s&;,'")}\]]++)"""
_NAMED = re.compile(rf"(?<![\w-])([\w-]++)([\"']?\s*+[=:]\s*+)({_VALUE})", re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer|Basic)\s++[\w.~+/=-]{8,}+", re.IGNORECASE)
_SHORT_NAMES = (
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "apikey",
    "api_key",
    "accountkey",
    "sharedaccesskey",
)
#: Characters of a message that are looked at, and shown.
_READ, _SHOWN = 20_000, 500


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """A text with a mark in the place of each secret.

    Secrets are what has the shape of a key, the login of an address, what is named like a secret (``password=...``),
    the values of this environment's variables that are named so, and those that are ``known``.
    """
    told_ones = [value for _, value in named_environment_secrets(os.environ)]
    for secret in sorted({*filter(None, known), *told_ones}, key=len, reverse=True):
        text = text.replace(secret, MARK)
    text = _LOGIN.sub(f"{MARK}@", text)
    text = _NAMED.sub(_unnamed, text)
    return _SHAPE.sub(MARK, _BEARER.sub(rf"\1 {MARK}", text))


def _unnamed(match: re.Match[str]) -> str:
    name, between, _ = match.groups()
    plain = name.replace("-", "_").lower()
    secret = is_secret_name(name) or (plain == "token" and "=" in between) or plain.endswith(_SHORT_NAMES)
    return f"{name}{between}{MARK}" if secret else match[0]


def told(error: BaseException, known: Iterable[str] = ()) -> str:
    """What somebody else's error says, on one line of at most 500 characters, without secrets."""
    text = " ".join(str(error)[:_READ].split())
    return without_secrets(f"{type(error).__name__}: {text}".rstrip(": "), known)[:_SHOWN]
