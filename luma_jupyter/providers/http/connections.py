"""Connections to services: kept and fresh ones, proxies, the key, and httpx's errors translated into ours."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError, ConnectionLost, Unreachable
from luma_jupyter.jitter import jitter
from luma_jupyter.languages import N_
from luma_jupyter.providers.http.proxies import ProxiedTransport
from luma_jupyter.providers.http.public import PublicTransport, Resolve, look_up

Sleep = Callable[[float], Awaitable[object]]

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
PROXY_VARIABLES = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY"
FETCH_TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds; for short requests that change nothing


def _tls_context_now() -> Any:
    """The TLS context with the certificates of the environment."""
    return _tls_context(*map(os.environ.get, CERTIFICATES))


@lru_cache(maxsize=1)
def _tls_context(*places: str | None) -> Any:
    """That of these places, made once: to read all certificates is most of what a new client does."""
    return httpx.create_ssl_context()


class KeyAuth(httpx.Auth):
    """Puts the key into the header at the last moment, so that no local variable of a traceback holds it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = self._key.authorization
        yield request


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Translate httpx's exceptions into errors about ``service``; none of httpx's own passes.

    Raises Unreachable where certainly no request was sent, ConfigError for an address that cannot be used,
    ConnectionLost for the rest.
    """
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise Unreachable(service, str(error) or N_("no connection")) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ConfigError(f"{service}: the address cannot be used ({error}). Check the URL settings.") from None
    except httpx.TimeoutException:
        raise ConnectionLost(service, "no answer in time") from None
    except (httpx.HTTPError, httpx.StreamError, httpx.CookieConflict, OSError) as error:
        raise ConnectionLost(service, str(error) or type(error).__name__) from None


@contextmanager
def _environment_translated() -> Iterator[None]:
    """Translate what proxies and certificates of the environment that cannot be used raise. Raises ConfigError."""
    try:
        for name, proxy in getproxies().items():
            if name != "no":  # hosts, see `proxies`
                _ = urlsplit(proxy).port  # raises ValueError for an impossible port, which httpx lets through
        yield
    except ImportError:
        raise ConfigError(
            f"A SOCKS proxy of the environment ({PROXY_VARIABLES}) needs: pip install 'httpx[socks]'"
        ) from None
    except (ValueError, httpx.InvalidURL):  # its text is not quoted: it may have a part of the proxy's password
        raise ConfigError(
            f"A proxy of the environment ({PROXY_VARIABLES}) is not a URL such as http://host:8080."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"The TLS certificates of the environment ({', '.join(CERTIFICATES)}) cannot be read: {error}."
        ) from None


class Connections:
    """The connections to all services of a kernel; belongs to one event loop.

    ``transport``, ``resolve``, ``sleep`` and ``random`` are passed in by tests; where only a transport is, no name is
    looked up.
    """

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve | None = None,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = jitter,
    ) -> None:
        self._transport = transport
        self._resolve = resolve or (look_up if transport is None else None)
        self.sleep = sleep
        self.random = random

    @cached_property
    def kept(self) -> httpx.AsyncClient:
        """The client that keeps connections open and uses them again."""
        return self._new_client(httpx.Limits(max_connections=100, max_keepalive_connections=10))  # most are held

    @cached_property
    def fresh(self) -> httpx.AsyncClient:
        """The client that opens a connection for each request."""
        return self._new_client(httpx.Limits(max_keepalive_connections=0))

    @cached_property
    def public(self) -> httpx.AsyncClient:
        """The client for addresses that a service names, which opens a connection for each request.

        It raises LocalAddress where that would be one to this machine or its network, see `PublicTransport`.
        """
        limits = httpx.Limits(max_connections=20, max_keepalive_connections=0)
        with _environment_translated():
            transport = PublicTransport(self._direct(limits), self._proxies(limits), self._resolve)
            return httpx.AsyncClient(transport=transport, headers=self._headers)

    def _proxies(self, limits: httpx.Limits) -> dict[str, httpx.AsyncBaseTransport]:
        """The proxies of the environment, by the scheme of what goes through them; none beside a test's transport."""
        found = {} if self._transport else getproxies()
        urls = {name: url if "://" in url else f"http://{url}" for name, url in found.items()}
        return {
            name: httpx.AsyncHTTPTransport(verify=_tls_context_now(), limits=limits, proxy=urls[name])
            for name in ("http", "https", "all")
            if urls.get(name)
        }

    @cached_property
    def _headers(self) -> dict[str, str]:
        return {"User-Agent": f"luma-jupyter/{version('luma-jupyter')}"}

    def _direct(self, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
        return self._transport or httpx.AsyncHTTPTransport(verify=_tls_context_now(), limits=limits)

    def _new_client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        """A client that goes through the proxies of the environment, but never for loopback addresses."""
        with _environment_translated():
            transport = ProxiedTransport(self._direct(limits), self._proxies(limits))
            return httpx.AsyncClient(transport=transport, headers=self._headers)

    async def aclose(self) -> None:
        """Close the connections; the next use opens new ones."""
        for name in ("kept", "fresh", "public"):
            if client := self.__dict__.pop(name, None):
                await client.aclose()

    async def addresses(self, host: str) -> Sequence[str]:
        """The addresses of a host, as connections to files find them; none where that cannot be told."""
        try:
            return await self._resolve(host, 443) if self._resolve else []
        except (OSError, UnicodeError):
            return []

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after try number ``attempt`` (from 1): exponential up to 30, with jitter.

        The jitter takes off up to half, so that clients do not come back together.
        """
        return float(min(30.0, 2.0 ** (min(attempt, 6) - 1)) * (0.5 + self.random() / 2))


def parse_json(body: bytes, key: Secret | None) -> Any:
    """The JSON in a body, with the key masked in it; None where the body is not JSON."""
    try:
        answer = json.loads(body)
        return key.mask_in(answer) if key else answer
    except (ValueError, RecursionError):
        return None
