"""The one place that speaks HTTP: the key, what may be sent again, and httpx's errors translated into ours.

Three doors, by what a repetition would cost:

* `Http.look` reads. It is tried once; whoever polls has a rhythm of its own for trying again.
* `Http.submit` creates a paid task. It is repeated only where the request certainly was not accepted: no connection
  came about, or the service answered 429. A kept-alive connection that the server closed meanwhile would look like a
  lost answer, so each submission opens a connection of its own. The moment before the body leaves is told.
* `Http.download` streams a file, and goes on where it was broken off. It carries no key: media lives on other hosts
  than the API.

A 429 makes everything for that service wait, not only what was refused.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from luma_jupyter.errors import (
    ConfigError,
    ConnectionLost,
    DownloadError,
    Unconfirmed,
    Unreachable,
)
from luma_jupyter.settings import Secret
from luma_jupyter.urls import is_local_url, is_web_url, origin
from luma_jupyter.wire.partial import Partial
from luma_jupyter.wire.replies import Reply, Sending

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[object]]

SUBMIT_TRIES = 4
LONGEST_RETRY_AFTER = 300.0  # seconds; a service that asks for more gets an error that says so
LOOK_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
SUBMIT_TIMEOUT = httpx.Timeout(90.0, connect=15.0)  # patient: a lost answer may be a lost payment
DOWNLOAD_TIMEOUT = httpx.Timeout(60.0, connect=15.0)
MOST_REDIRECTS = 5
PROXY_VARIABLES = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY"
LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class _Bearer(httpx.Auth):
    """Puts the key into the header at the last moment, so that it is in nobody's local variables."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


@contextmanager
def _translated(service: str) -> Iterator[None]:
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


class Http:
    """One client for all services of a kernel; belongs to one event loop.

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
        self._paused_until: dict[tuple[str, str, int | None], float] = {}

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

    def backoff(self, attempt: int) -> float:
        """Seconds before try ``attempt + 1``: exponential, with jitter so that clients do not come back together."""
        return float(min(30.0, 2.0 ** (attempt - 1)) * (0.5 + self._random() / 2))

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
        with _translated(service):
            response = await client.request(
                method,
                url,
                auth=_Bearer(key),
                content=content,
                headers=headers,
                timeout=timeout,
                follow_redirects=False,
            )
        try:
            data = json.loads(key.hidden_in(response.content))
        except (ValueError, RecursionError):
            data = None
        reply = Reply(response.status_code, data, response.headers, attempt)
        if reply.status == 429 and reply.retry_after:
            pause = min(reply.retry_after, LONGEST_RETRY_AFTER)
            self._paused_until[origin(url)] = asyncio.get_running_loop().time() + pause
        return reply

    async def download(self, url: str, so_far: Partial, *, largest: int, trusted_origin: str) -> None:
        """Fetch the file at ``url``, or the rest of it: streamed, without a key, redirects followed.

        Addresses that only this machine or its network can reach are refused, but for those at ``trusted_origin`` (the
        API's own base URL). Raises DownloadError, also for more than ``largest`` bytes and for fewer than announced;
        Expired; Unreachable; ConnectionLost. What has come stays in ``so_far``.
        """
        with _translated("The host of the file"):
            client = self._kept
            headers = {"Accept-Encoding": "identity"}
            if so_far.mark and so_far.size:
                headers |= {"Range": f"bytes={so_far.size}-", "If-Range": so_far.mark}
            request = client.build_request("GET", url, headers=headers, timeout=DOWNLOAD_TIMEOUT)
            for _ in range(MOST_REDIRECTS + 1):
                hop = str(request.url)
                if not is_web_url(hop):
                    raise DownloadError("the address of the file is no web address; it was not fetched")
                if is_local_url(hop) and origin(hop) != origin(trusted_origin):
                    raise DownloadError("the address of the file is on a local network; it was not fetched")
                response = await client.send(request, stream=True, follow_redirects=False)
                try:
                    if response.next_request is None:
                        return await so_far.take(
                            response.status_code, response.headers, response.aiter_bytes(), largest
                        )
                finally:
                    await response.aclose()
                request = response.next_request
        raise DownloadError("the address of the file redirects without end")


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
