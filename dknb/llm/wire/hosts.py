"""Where a request goes: this machine, a vendor's own hosts, or somebody else's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

__all__ = ["is_of", "is_open_road", "is_this_machine", "origin", "without_secrets"]

_PORTS = {"http": 80, "https": 443}


def is_this_machine(host: str) -> bool:
    """Whether a host's name or address means the machine that asks."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def is_of(url: str, domains: Iterable[str]) -> bool:
    """Whether an address is at one of these domains, or below it."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def is_open_road(url: str) -> bool:
    """Whether what goes to an address can be read on the way: plain HTTP to another machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_this_machine(parts.hostname or "")


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def without_secrets(url: str) -> str:
    """An address as people may see it: without user, password, query and fragment."""
    return re.sub("//[^/@]*@", "//", re.split("[?#]", url, maxsplit=1)[0])
