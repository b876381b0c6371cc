"""HTTP clients for tests."""

from __future__ import annotations

import httpx

from luma_jupyter.providers.http.client import HttpClient


async def _at_once(seconds: float) -> None:
    """Wait for nothing."""


def impatient(transport: httpx.AsyncBaseTransport | None = None) -> HttpClient:
    """A client that waits for nothing between two tries; chance is always 1."""
    return HttpClient(transport=transport, sleep=_at_once, random=lambda: 1.0)
