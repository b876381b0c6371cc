"""The proxies of the environment, and the hosts that are reached without them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.request import getproxies, proxy_bypass

import httpx

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ProxiedTransport(httpx.AsyncBaseTransport):
    """Sends requests through a proxy of ``proxies`` (by scheme, or ``all``), else by ``direct``.

    Loopback goes around them, and so do the hosts of NO_PROXY, as Python's own library reads it: httpx makes patterns
    of its entries, and raises where one is none, such as ``[::1]``.
    """

    def __init__(self, direct: httpx.AsyncBaseTransport, proxies: Mapping[str, httpx.AsyncBaseTransport]) -> None:
        self.direct = direct
        self._proxies = proxies

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        proxy = self._proxies.get(request.url.scheme) or self._proxies.get("all")
        if proxy and request.url.host not in LOOPBACK and not proxy_bypass(request.url.netloc.decode()):
            return await proxy.handle_async_request(request)
        return await self.send_directly(request)

    async def send_directly(self, request: httpx.Request) -> httpx.Response:
        """Send a request that goes through no proxy."""
        return await self.direct.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        for transport in (self.direct, *self._proxies.values()):
            await transport.aclose()


def unread_entries() -> list[str]:
    """The entries of NO_PROXY that fit no host: address ranges and patterns, which other programs know."""
    entries = [entry.strip() for entry in getproxies().get("no", "").split(",")]
    return [entry for entry in entries if entry != "*" and ("/" in entry or "*" in entry)]
