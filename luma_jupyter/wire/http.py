"""What is said to services: looks and paid submissions; what may be sent again, and what must not.

* `Http.look` reads. It is tried once; whoever polls has a rhythm of its own for trying again.
* `Http.submit` creates a paid task. It is repeated only where the request certainly was not accepted: no connection
  came about, or the service answered 429. A kept-alive connection that the server closed meanwhile would look like a
  lost answer, so each submission opens a connection of its own. The moment before the body leaves is told.
* Uploads and downloads cost nothing: `transfers`.

A 429 makes everything for that service wait, not only what was refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import cached_property
from typing import Any, TypeVar

import httpx

from luma_jupyter.errors import ConnectionLost, Unconfirmed, Unreachable
from luma_jupyter.settings import Secret
from luma_jupyter.urls import origin
from luma_jupyter.wire.client import Bearer, parsed, translated
from luma_jupyter.wire.replies import Reply, Sending
from luma_jupyter.wire.transfers import LOOK_TIMEOUT, Transfers

T = TypeVar("T")

SUBMIT_TRIES = 4
LONGEST_RETRY_AFTER = 300.0  # seconds; a service that asks for more gets an error that says so
SUBMIT_TIMEOUT = httpx.Timeout(90.0, connect=15.0)  # patient: a lost answer may be a lost payment


class Http(Transfers):
    """All that a kernel says to services."""

    @cached_property
    def _paused_until(self) -> dict[tuple[str, str, int | None], float]:
        return {}

    async def look(self, service: str, method: str, url: str, *, key: Secret, payload: object = None) -> Reply:
        """Send a request that changes nothing; once.

        Raises Unreachable or ConnectionLost.
        """
        await self._pause(url)
        return await self._send(self._kept, service, method, url, key, payload, {}, LOOK_TIMEOUT)

    async def submit(
        self,
        service: str,
        url: str,
        *,
        key: Secret,
        payload: object,
        headers: Mapping[str, str] | None = None,
        sending: Sending | None = None,
    ) -> Reply:
        """POST a request that creates a paid task; sent again only while it certainly was not accepted.

        Gives back a 429 when giving up. Raises Unreachable when giving up (nothing was accepted), Unconfirmed when no
        answer came, and what ``sending`` raises. Cancelling it takes effect between two tries, or after it, never while
        a request is on its way.
        """
        attempt = 0
        left = False

        def leaves() -> None:
            nonlocal left
            if sending:
                sending.leaves()
            left = True

        while True:
            attempt += 1
            left = False
            await self._pause(url)
            try:
                request = self._send(
                    self._fresh, service, "POST", url, key, payload, headers or {}, SUBMIT_TIMEOUT, leaves, attempt
                )
                reply = await _to_its_end(request)
            except (Unreachable, ConnectionLost) as error:
                if left and isinstance(error, ConnectionLost):
                    raise Unconfirmed(error) from None
                if attempt == SUBMIT_TRIES:
                    advice = "Nothing was sent. Check the network and the base URL, then run the cell again."
                    raise Unreachable(service, error.words, advice=advice) from None
                delay, why = self.backoff(attempt), error.finding
            except asyncio.CancelledError:  # the request's own, by an accident; ours waits for its end
                raise Unconfirmed(ConnectionLost(service, "the request was broken off")) from None
            else:
                wanted = reply.retry_after or 0.0
                if reply.status != 429 or attempt == SUBMIT_TRIES or wanted > LONGEST_RETRY_AFTER:
                    return reply
                delay, why = max(wanted, self.backoff(attempt)), f"{service} is limiting the rate of requests."
            if sending:
                sending.returned(why, delay)
            await self._sleep(delay)

    async def _pause(self, url: str) -> None:
        """Wait as long as the service at ``url`` asked its clients to; each a little longer than the one before."""
        until = self._paused_until.get(origin(url), 0.0)
        if (delay := until - asyncio.get_running_loop().time()) > 0:
            await self._sleep(delay * (1 + self._random() / 10))

    async def _send(
        self,
        client: httpx.AsyncClient,
        service: str,
        method: str,
        url: str,
        key: Secret,
        payload: object,
        headers: Mapping[str, str],
        timeout: httpx.Timeout,
        leaves: Callable[[], None] | None = None,
        attempt: int = 1,
    ) -> Reply:
        content: bytes | AsyncIterator[bytes] | None = None
        if payload is not None:
            body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
            headers = {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}
            content = _told(body, leaves) if leaves else body
        with translated(service):
            response = await client.request(
                method,
                url,
                auth=Bearer(key),
                content=content,
                headers=headers,
                timeout=timeout,
                follow_redirects=False,
            )
        reply = Reply(response.status_code, parsed(key.hidden_in(response.content)), response.headers, attempt)
        if reply.status == 429 and reply.retry_after:
            pause = min(reply.retry_after, LONGEST_RETRY_AFTER)
            self._paused_until[origin(url)] = asyncio.get_running_loop().time() + pause
        return reply


async def _told(body: bytes, leaves: Callable[[], None]) -> AsyncIterator[bytes]:
    """A body that is asked for when the connection stands: what fails before that certainly is not accepted."""
    leaves()
    yield body


async def _to_its_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await ``coroutine`` though cancelled meanwhile; the cancellation takes effect at the caller's next wait."""
    inner = asyncio.ensure_future(coroutine)
    cancelled = False
    while not inner.done():
        try:
            await asyncio.wait({inner})
        except asyncio.CancelledError:
            cancelled = True
    outer = asyncio.current_task()
    if cancelled and outer:
        outer.cancel()
    return inner.result()
