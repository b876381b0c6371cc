"""The one client of a kernel: its connections and proxies, the key, and httpx's errors translated into ours."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from luma_jupyter.errors import ConfigError, ConnectionLost, Unreachable
from luma_jupyter.settings import Secret

Sleep = Callable[[float], Awaitable[object]]

PROXY_VARIABLES = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY"
LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class Bearer(httpx.Auth):
    """Puts the key into the header at the last moment, so that it is in nobody's local variables."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


@contextmanager
def translated(service: str) -> Iterator[None]:
    """The border at which httpx's exceptions become ours; none passes."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise Unreachable(service, str(error) or "no connection") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ConfigError(f"{service}: the address cannot be used ({error}). Check the URL settings.") from None
    except httpx.TimeoutException:
        raise ConnectionLost(service, "no answer in time") from None
    except (httpx.HTTPError, httpx.StreamError, httpx.CookieConflict, OSError) as error:
        raise ConnectionLost(service, str(error) or type(error).__name__) from None


class Client:
    """The connections to all services of a kernel; belongs to one event loop.

    ``transport``, ``sleep`` and ``random`` are passed in by tests.
    """

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self._sleep = sleep
        self._random = random

    @cached_property
    def _kept(self) -> httpx.AsyncClient:
        return self._client(httpx.Limits(max_connections=20, max_keepalive_connections=10))

    @cached_property
    def _fresh(self) -> httpx.AsyncClient:
        return self._client(httpx.Limits(max_keepalive_connections=0))

    @cached_property
    def _tls(self) -> Any:
        return httpx.create_ssl_context()

    def _client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        """A client that goes through the proxies of the environment, but never for loopback addresses."""
        try:
            for proxy in getproxies().values():
                _ = urlsplit(proxy).port  # raises ValueError for one that no server can have; httpx takes it
            tls = self._tls if self._transport is None else False
            direct = self._transport or httpx.AsyncHTTPTransport(verify=tls, limits=limits)
            return httpx.AsyncClient(
                transport=self._transport,
                mounts=dict.fromkeys(LOOPBACK, direct),
                verify=tls,
                limits=limits,
                headers={"User-Agent": f"luma-jupyter/{version('luma-jupyter')}"},
            )
        except ImportError:
            raise ConfigError(
                f"A SOCKS proxy of the environment ({PROXY_VARIABLES}) needs: pip install 'httpx[socks]'"
            ) from None
        except (ValueError, httpx.InvalidURL):  # whose text may quote a part of the proxy's password
            raise ConfigError(
                f"A proxy of the environment ({PROXY_VARIABLES}) is not a URL such as http://host:8080."
            ) from None
        except OSError as error:
            raise ConfigError(
                f"The TLS certificates of the environment (SSL_CERT_FILE, SSL_CERT_DIR) cannot be read: {error}."
            ) from None

    async def aclose(self) -> None:
        """Close the connections."""
        for name in ("_kept", "_fresh"):
            if client := self.__dict__.pop(name, None):
                await client.aclose()

    def backoff(self, attempt: int) -> float:
        """Seconds before try ``attempt + 1``: exponential, with jitter so that clients do not come back together."""
        return float(min(30.0, 2.0 ** (attempt - 1)) * (0.5 + self._random() / 2))


def parsed(body: bytes) -> Any:
    """The JSON in a body; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
