"""Requests to the services' APIs: look-ups and paid submissions; what may be sent again, and what must not.

* `Requests.fetch` changes nothing. It is sent once; whoever polls has a rhythm of its own for trying again.
* `Requests.submit` creates a paid task. It is sent again only where the request certainly was not accepted: no
  connection came about, or the service answered 429. A kept connection that the server closed meanwhile would look
  like a lost reply, so each submission opens a connection of its own. A listener is called just before the body is
  sent.

After a 429 with a Retry-After every request to that service waits, not only the one that was refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.urls import origin
from luma_jupyter.errors import ConnectionLost, Unconfirmed, Unreachable
from luma_jupyter.languages import N_
from luma_jupyter.providers.exchanges import Observation, Seen
from luma_jupyter.providers.http.connections import FETCH_TIMEOUT, Connections, KeyAuth, parse_json, translated
from luma_jupyter.providers.http.reply import Reply
from luma_jupyter.providers.protocol import SubmissionListener
from luma_jupyter.worker_threads import despite_cancellation

SUBMIT_TRIES = 4
LONGEST_RETRY_AFTER = 300.0  # seconds; a service that asks for more gets an error that says so
SUBMIT_TIMEOUT = httpx.Timeout(90.0, connect=15.0)  # seconds; long, since a lost reply may be a lost payment


@dataclass(frozen=True)
class Call:
    """A request to a service's API: ``payload`` is sent as JSON (None: no body), ``headers`` beside the key's.

    ``key``, or a login, goes into the Authorization header; None: the call needs none, and none is sent.
    """

    service: str
    method: str
    url: str
    key: Secret | None
    payload: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Requests:
    """Look-ups and paid submissions, with the key."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._paused_until: dict[tuple[str, str, int | None], float] = {}  # by origin, in the loop's time

    async def fetch(self, call: Call) -> Reply:
        """Send a request that changes nothing; once.

        Raises Unreachable, ConnectionLost, or ConfigError for an address or proxy that cannot be used.
        """
        await self.wait_for_service(call.url)
        reply = await self._send(self._connections.kept, call, FETCH_TIMEOUT)
        self.note_pause(call.url, reply)
        return reply

    async def submit(self, call: Call, listener: SubmissionListener | None = None) -> Reply:
        """Send a request that creates a paid task; again only where it certainly was not accepted.

        When it gives up after a 429, that is the reply. Raises Unreachable when it gives up otherwise (nothing was
        accepted), Unconfirmed when no reply came, ConfigError, and what ``listener`` raises. Cancelling takes effect
        between two tries, or at the caller's next wait, never while a request is being sent or answered.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                reply = await self.submit_once(call, listener)
            except (Unreachable, ConnectionLost) as error:
                if attempt == SUBMIT_TRIES:
                    raise gave_up(error) from None
                delay, reason = self._connections.backoff(attempt), error.finding
            else:
                self.note_pause(call.url, reply)
                asked = reply.retry_after or 0.0
                if reply.status != 429 or attempt == SUBMIT_TRIES or asked > LONGEST_RETRY_AFTER:
                    return reply
                delay = max(asked, self._connections.backoff(attempt))
                reason = N_(f"{call.service} gets too many requests at the moment.")
            if listener:
                await listener.not_accepted(reason, delay)
            await self._connections.sleep(delay)

    async def submit_once(self, call: Call, listener: SubmissionListener | None = None) -> Reply:
        """Send a request that creates a paid task, once.

        Raises Unreachable or ConnectionLost where it certainly did not leave, Unconfirmed when no reply came. It is not
        cancelled while it is being sent or answered.
        """
        sent = False

        async def before_send() -> None:
            nonlocal sent
            if listener:
                await listener.before_send()
            sent = True

        await self.wait_for_service(call.url)
        try:
            request = self._send(self._connections.fresh, call, SUBMIT_TIMEOUT, before_send)
            return await despite_cancellation(asyncio.ensure_future(request))
        except ConnectionLost as error:
            if sent:
                raise Unconfirmed(error) from None
            raise
        except asyncio.CancelledError:  # not the caller's cancellation, which is put off, but the request's own
            raise Unconfirmed(ConnectionLost(call.service, "the request was broken off")) from None

    async def wait_for_service(self, url: str) -> None:
        """Wait until the service at ``url`` takes requests again, and by chance up to a tenth longer.

        So the requests that waited do not come back all at once.
        """
        waited_until = asyncio.get_running_loop().time()
        while (until := self._paused_until.get(origin(url), 0.0)) > waited_until:  # it may be put off meanwhile
            await self._connections.sleep((until - waited_until) * (1 + self._connections.random() / 10))
            waited_until = until

    async def _send(
        self,
        client: httpx.AsyncClient,
        call: Call,
        timeout: httpx.Timeout,
        before_send: Callable[[], Awaitable[None]] | None = None,
    ) -> Reply:
        """Send a request once."""
        headers = call.headers
        content: bytes | AsyncIterator[bytes] | None = None
        if call.payload is not None:
            sent = json.dumps(call.payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
            # The length is given here, since httpx would send a body that is an iterator in chunks.
            headers = {"Content-Length": str(len(sent)), "Content-Type": "application/json", **headers}
            content = sent
        with Observation(Seen(call.method, call.url, headers, call.payload, key=call.key)) as seen:
            if before_send and isinstance(content, bytes):
                content = _body_after(before_send, seen.begin, content)
            with translated(call.service):
                response = await client.request(
                    call.method,
                    call.url,
                    auth=KeyAuth(call.key) if call.key else None,
                    content=content,
                    headers=headers,
                    timeout=timeout,
                    follow_redirects=False,
                )
            seen.answered(response.status_code, response.headers, response.content)
        return Reply(response.status_code, parse_json(response.content, call.key), response.headers)

    def note_pause(self, url: str, reply: Reply) -> None:
        """Note how long the service at ``url`` is to be left alone: by whichever of its answers that is longest."""
        if reply.status == 429 and reply.retry_after:
            until = asyncio.get_running_loop().time() + min(reply.retry_after, LONGEST_RETRY_AFTER)
            self._paused_until[origin(url)] = max(until, self._paused_until.get(origin(url), 0.0))


def gave_up(error: Unreachable | ConnectionLost) -> Unreachable:
    """What a submission that never left ends with, after the last try."""
    advice = N_("Nothing was sent. Check the network and the base URL, then run the cell again.")
    return Unreachable(error.service, error.words, advice=advice)


async def _body_after(
    before_send: Callable[[], Awaitable[None]], begin: Callable[[], None], body: bytes
) -> AsyncIterator[bytes]:
    """Give the body, after ``before_send`` was called, and then ``begin``.

    httpx asks for it when the connection stands, so what fails before that certainly was not accepted.
    """
    await before_send()
    begin()
    yield body
