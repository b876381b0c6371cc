"""What an address is: of the web, of this machine or its network, of which server, and how it is shown. No look-ups."""

from __future__ import annotations

import contextlib
import re
import socket
import unicodedata
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, unquote, urlsplit


def is_web_url(text: str) -> bool:
    """Whether ``text`` is an absolute http or https URL with a host that all programs read alike."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError for one that no server can have
        if "\\" in parts.netloc:  # browsers read it as a slash, and so another host
            return False
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", text)
    except ValueError:
        return False


def is_base_url(text: str) -> bool:
    """Whether paths can be put behind ``text``: a web address without a query or fragment, which may have a secret."""
    return is_web_url(text) and "?" not in text and "#" not in text


_LOCAL_DOMAINS = (".localhost", ".local", ".internal", ".home.arpa")  # RFC 6761, 6762, 8375; ICANN on .internal
_FAKE = IPv4Network("198.18.0.0/15")  # RFC 2544: what proxies such as Clash and Surge give in the place of any address
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address, as networks without IPv4 write it
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291: all other IPv6 addresses are reserved or local


def is_local_url(url: str) -> bool:
    """Whether only this machine or its network can reach ``url``, as far as its text tells.

    Loopback, private and link-local addresses, in all forms that resolvers and browsers read, and names that no public
    host has. What a name stands for has to be judged by `is_local_address`.
    """
    host = _plain_host(urlsplit(url))
    with contextlib.suppress(OSError, UnicodeError):
        host = socket.inet_ntoa(socket.inet_aton(host))  # resolvers also read 127.1, 0x7f000001 and 2130706433
    try:
        return is_local_address(host)
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_LOCAL_DOMAINS))


def _plain_host(parts: SplitResult) -> str:
    """A host as resolvers read it in the end: ``１２７。0。0。1``, ``%31%32%37.0.0.1.`` are ``127.0.0.1``."""
    text = unicodedata.normalize("NFKC", unquote(parts.hostname or "")).replace("。", ".")
    return "".join(letter for letter in text.lower() if unicodedata.category(letter) != "Cf").rstrip(".")


def is_local_address(text: str) -> bool:
    """Whether an IP address is of this machine or its network, or of no use there. Raises ValueError if it is none.

    An IPv4 address inside of an IPv6 one (mapped, 6to4, NAT64) is judged by itself. The fake addresses of proxies
    stand for any other, and are not local.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:  # a zone: of this link alone
            return True
        address = _inner(address) or address
    if isinstance(address, IPv6Address):
        return address not in _GLOBAL_UNICAST or not address.is_global
    return address not in _FAKE and (not address.is_global or address.is_multicast)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


def is_fake_address(text: str) -> bool:
    """Whether an IP address is one that a proxy gives in the place of any other. Raises ValueError if it is none."""
    return ip_address(text) in _FAKE


def origin(url: str) -> tuple[str, str, int | None]:
    """The scheme, host and port of ``url``: what decides whether two URLs belong to one server."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def split_login(url: str) -> tuple[str, str]:
    """The URL without the user name and password in it; and these, as ``name:password``, or nothing."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl(), unquote(login)


_CUT = "?…"


def shown_url(text: str) -> str:
    """A web address as it may be kept where others read it; any other text as it is.

    ``?…`` stands for what `may_have_secret` means.
    """
    if not is_web_url(text) or not may_have_secret(text):
        return text
    return split_login(urlsplit(text)._replace(query="", fragment="").geturl())[0] + _CUT


def may_have_secret(url: str) -> bool:
    """Whether an address has a user name and password, a query or a fragment: a signature or a token may be in it."""
    parts = urlsplit(url)
    return bool(parts.query or parts.fragment or "@" in parts.netloc)


def is_cut(url: str) -> bool:
    """Whether an address lacks what `shown_url` leaves out."""
    return url.endswith(_CUT)
