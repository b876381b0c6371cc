"""Requests to hosts that a service names: they reach public addresses alone.

A name may stand for any address, and for another one a moment later. So it is looked up here, once for each request;
each of its addresses is judged, and the connection goes to one that was, while TLS and the Host header keep the name.
Behind a proxy, which looks names up by itself, the name is all that can be judged, and that was done before.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import httpx

from luma_jupyter.domain.urls import is_local_address
from luma_jupyter.languages import N_
from luma_jupyter.providers.http.proxies import ProxiedTransport

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]  # the addresses of a host, for a port

MOST_ADDRESSES = 4  # of a host are tried


class LocalAddress(Exception):
    """A host is on this machine or its network; nothing was sent to it."""


async def look_up(host: str, port: int) -> list[str]:
    """The IP addresses of a host, as the machine's resolver has them. Raises OSError where there are none."""
    # As bytes: of a name that is text, Python makes an IDNA name by older rules, and that may be another one.
    found = await asyncio.get_running_loop().getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class PublicTransport(ProxiedTransport):
    """Sends what goes through no proxy to public addresses alone.

    ``direct`` must not keep connections: one to an address would serve all names that stand for it, whatever name its
    certificate was checked for. ``resolve`` None: ``direct`` is no network, and nothing is looked up.
    """

    def __init__(
        self,
        direct: httpx.AsyncBaseTransport,
        proxies: Mapping[str, httpx.AsyncBaseTransport],
        resolve: Resolve | None,
    ) -> None:
        super().__init__(direct, proxies)
        self._resolve = resolve

    async def send_directly(self, request: httpx.Request) -> httpx.Response:
        """Send a request that goes through no proxy. Raises LocalAddress for a host that has no public address."""
        if self._resolve is None:
            return await self.direct.handle_async_request(request)
        addresses = await self._public_addresses(request)
        for number, address in enumerate(addresses, 1):
            try:
                return await self.direct.handle_async_request(_sent_to(address, request, len(addresses)))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise LocalAddress

    async def _public_addresses(self, request: httpx.Request) -> list[str]:
        """The public ones among the addresses of a request's host, IPv4 first: one that has no way fails at once."""
        assert self._resolve is not None
        url = request.url
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        try:
            async with asyncio.timeout(_connect_timeout(request)):
                found = await self._resolve(url.raw_host.decode("ascii"), port)
        except TimeoutError:
            raise httpx.ConnectTimeout(N_("its name was not found in time"), request=request) from None
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from None
        public = [address for address in dict.fromkeys(found) if not is_local_address(address)]
        return sorted(public, key=lambda address: ":" in address)[:MOST_ADDRESSES]


def _connect_timeout(request: httpx.Request) -> float | None:
    """Seconds in which a connection has to stand."""
    timeout: float | None = request.extensions.get("timeout", {}).get("connect")
    return timeout


def _sent_to(address: str, request: httpx.Request, tries: int) -> httpx.Request:
    """The request, sent to an address of its host; ``tries`` of them share the time to connect."""
    timeout = _connect_timeout(request)
    extensions = {
        **request.extensions,
        "sni_hostname": request.url.raw_host.decode("ascii"),
        "timeout": {**request.extensions.get("timeout", {}), "connect": timeout and timeout / tries},
    }
    url = request.url.copy_with(host=address)
    return httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)
