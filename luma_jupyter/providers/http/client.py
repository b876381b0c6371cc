"""The HTTP client that the provider clients are given: requests and transfers over shared connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import httpx

from luma_jupyter.jitter import jitter
from luma_jupyter.providers.http.connections import Connections, Sleep
from luma_jupyter.providers.http.public import Resolve
from luma_jupyter.providers.http.requests import Requests
from luma_jupyter.providers.http.transfers import Transfers


class HttpClient:
    """The one HTTP client of a kernel; belongs to one event loop.

    ``transport``, ``resolve``, ``sleep`` and ``random`` are passed in by tests.
    """

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve | None = None,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = jitter,
    ) -> None:
        self.connections = Connections(transport=transport, resolve=resolve, sleep=sleep, random=random)
        self.requests = Requests(self.connections)
        self.transfers = Transfers(self.connections, self.requests)

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after try number ``attempt`` (from 1), see `Connections.backoff`."""
        return self.connections.backoff(attempt)

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await self.connections.sleep(seconds)

    def random(self) -> float:
        """A number from 0 to 1, by chance."""
        return self.connections.random()

    async def addresses(self, host: str) -> Sequence[str]:
        """The addresses of a host, see `Connections.addresses`."""
        return await self.connections.addresses(host)

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        await self.connections.aclose()
