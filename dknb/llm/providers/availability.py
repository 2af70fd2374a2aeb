"""Which models can be used right now, and what is missing for the rest."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..catalog import added_providers, provider_row
from ..counting.model_facts import newest_models
from ..wire.hosts import is_this_machine
from .gguf import gguf_files

__all__ = ["Availability", "ollama_url", "usable_models"]

_OLLAMA_PORT = 11434
#: Vendors in the network, the package that talks to each, and what brings it.
_HOSTED = (
    ("openai", "openai", "openai"),
    ("anthropic", "anthropic", "anthropic"),
    ("huggingface", "huggingface_hub", '"dknb[huggingface]"'),
)


@dataclass(frozen=True)
class Availability:
    """Whether a provider can be used.

    Attributes:
        provider: Its name, as a spec begins.
        usable: Whether a call can be tried.
        reason: Why, or why not; one line, never a key.
        hint: What to do about it; empty when it is usable.
        models: Names to put behind ``provider/``: all that an Ollama server has, a few of the newest of others.
    """

    provider: str
    usable: bool
    reason: str
    hint: str = ""
    models: tuple[str, ...] = ()


_COMPATIBLE = Availability(
    "openai-compatible", True, "any server of that kind; say where it is:  api_base=http://127.0.0.1:8000/v1"
)
_ECHO = Availability("echo", True, "built in; answers with what it is told", models=("echo",))


async def usable_models(
    environment: Mapping[str, str] | None = None,
    timeout: float = 0.5,  # noqa: ASYNC109 - of the one server that is asked, not of this function
) -> list[Availability]:
    """One row for each provider, those of other packages last; loads none of them and asks nobody but Ollama's server.

    Args:
        environment: The variables to look at; by default those of this process.
        timeout: Seconds to wait for the Ollama server.
    """
    variables = os.environ if environment is None else environment
    # What is loaded here takes longer than a server may take to answer.
    openai, anthropic, huggingface = await asyncio.to_thread(
        lambda: [_hosted(*provider, variables) for provider in _HOSTED]
    )
    ollama = await _ollama(variables.get("OLLAMA_HOST"), timeout)
    local, added = await asyncio.to_thread(lambda: (_local(), _added()))
    return [_ECHO, openai, anthropic, ollama, huggingface, local, _COMPATIBLE, *added]


def _local(folder: str = "models") -> Availability:
    """llama.cpp in this process: its package must be installed, and there must be a model."""
    models = tuple(gguf_files(Path(folder)))
    if find_spec("xllamacpp") is None:
        hint = 'Install it:  pip install "dknb[local]"'
        return Availability("local", False, "the package 'xllamacpp' is not installed", hint, models)
    if not models:
        hint = "Put a model there, or say where it is:  local/PATH.gguf"
        return Availability("local", False, f"there is no GGUF file in {folder}/", hint)
    return Availability("local", True, f"GGUF files in {folder}/", models=models)


def _added() -> list[Availability]:
    """The providers that other packages add; whether one can really be loaded shows when it is used."""
    hint = "Uninstall one package, or ask its authors for another name"
    return [
        Availability(
            added.name, not added.problem, added.problem or f"added by {added.package}", added.problem and hint
        )
        for added in added_providers()
    ]


def _hosted(provider: str, package: str, brought_by: str, environment: Mapping[str, str]) -> Availability:
    """A vendor in the network: its SDK must be installed and its key set."""
    models = tuple(newest_models(provider))
    variable = provider_row(provider).key_variable or ""
    if find_spec(package) is None:
        hint = f"Install it:  pip install {brought_by}"
        return Availability(provider, False, f"the package {package!r} is not installed", hint, models)
    if provider == "huggingface" and _logged_in(environment):
        return Availability(provider, True, "hf auth login has been run", models=models)
    if not environment.get(variable, "").strip():
        hint = f"Set the key before Jupyter starts:  export {variable}=..."
        return Availability(provider, False, f"{variable} is not set", hint, models)
    return Availability(provider, True, f"{variable} is set", models=models)


def _logged_in(environment: Mapping[str, str]) -> bool:
    """Whether Hugging Face's own login has left its token where their library looks for one."""
    home = environment.get("HOME") or environment.get("USERPROFILE")
    cache = environment.get("XDG_CACHE_HOME") or (home and f"{home}/.cache")
    folder = environment.get("HF_HOME") or (cache and f"{cache}/huggingface")
    path = environment.get("HF_TOKEN_PATH") or (f"{folder}/token" if folder else "")
    return Path(path).is_file() and not environment.get("HF_TOKEN", "").strip()


def ollama_url(host: str | None) -> str:
    """The address of the Ollama server that ``OLLAMA_HOST`` means, without a slash at its end.

    The variable is also where a *server* listens, so ``0.0.0.0`` is written in it, which no client can connect to.

    >>> ollama_url(None), ollama_url("0.0.0.0"), ollama_url("https://box.example")
    ('http://127.0.0.1:11434', 'http://127.0.0.1:11434', 'https://box.example:443')

    Raises:
        ValueError: The variable is no address.
    """
    text = (host or "").strip().strip("\"'")
    if "://" not in text:
        # A bare host may be an IPv6 address, with more colons than a port has.
        text = f"http://[{text}]" if text.count(":") > 1 and not text.startswith("[") else f"http://{text}"
        port = _OLLAMA_PORT
    else:
        port = 443 if text.startswith("https:") else 80
    address = urlsplit(text)
    name = address.hostname or "127.0.0.1"
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)
    shown = f"[{name}]" if ":" in name else name
    return f"{address.scheme}://{shown}:{address.port or port}{address.path.rstrip('/')}"


async def _ollama(host: str | None, seconds: float) -> Availability:
    """Ask the Ollama server for its models."""
    start = "Start it:  ollama serve   (or say where it is:  export OLLAMA_HOST=host:port)"
    try:
        url = ollama_url(host)
    except ValueError:
        return Availability("ollama", False, "OLLAMA_HOST is not an address", "Set it like this:  host:port")
    await asyncio.to_thread(import_module, "httpx")
    try:
        async with asyncio.timeout(seconds):
            names = await _ollama_names(url)
    except TimeoutError:
        return Availability("ollama", False, f"{url} does not answer within {seconds:g} s", start)
    except OSError:
        return Availability("ollama", False, f"there is no server at {url}", start)
    except ValueError as error:
        return Availability("ollama", False, f"what listens at {url} is not Ollama: {error}", start)
    if not names:
        return Availability("ollama", False, f"the server at {url} has no models", "Get one:  ollama pull llama3.2")
    return Availability("ollama", True, f"the server at {url} answers", models=tuple(names))


async def _ollama_names(url: str) -> list[str]:
    """The names of the models that the server has.

    Raises:
        OSError: Nobody listens there.
        ValueError: Somebody listens there who is no Ollama server.
    """
    import httpx

    # A proxy is for the world outside, not for a server on this machine.
    outside = not is_this_machine(urlsplit(url).hostname or "")
    try:
        # Certificates take longer to load than a server on this machine takes to answer.
        async with httpx.AsyncClient(trust_env=outside, timeout=None, verify=url.startswith("https:")) as client:
            answer = await client.get(f"{url}/api/tags")
    except httpx.ConnectError as error:
        raise OSError(str(error)) from error
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise ValueError(f"it does not speak HTTP ({type(error).__name__})") from error
    if answer.status_code != httpx.codes.OK:
        raise ValueError(f"it answers with status {answer.status_code}")
    return _names(answer)


def _names(answer: Any) -> list[str]:
    try:
        return [str(model["name"]) for model in answer.json()["models"]]
    except (ValueError, KeyError, TypeError):
        kind = answer.headers.get("content-type", "no content type").partition(";")[0]
        raise ValueError(f"it answers with {kind}, not with a list of models") from None
