"""What an address is: of the web, of this machine or its network, and of which server. Pure text, no look-ups."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from urllib.parse import urlsplit


def is_web_url(text: str) -> bool:
    """Whether ``text`` is an absolute http or https URL with a host."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError for one that no server can have
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", text)
    except ValueError:
        return False


_LOCAL_DOMAINS = (".localhost", ".local", ".internal", ".home.arpa")  # RFC 6761, 6762, 8375; ICANN on .internal


def is_local_url(url: str) -> bool:
    """Whether only this machine or its network can reach ``url``: loopback, private and link-local hosts."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    with contextlib.suppress(OSError, UnicodeError):
        host = socket.inet_ntoa(socket.inet_aton(host))  # resolvers also read 127.1, 0x7f000001 and 2130706433
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(_LOCAL_DOMAINS)


def origin(url: str) -> tuple[str, str, int | None]:
    """The scheme, host and port of ``url``: what decides whether two URLs belong to one server."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
