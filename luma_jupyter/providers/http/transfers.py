"""Transfers of files: the user's to a service, videos from their hosts. They cost nothing, so they may be repeated.

Files go to and come from other hosts than the API: only `Transfers.upload`, which speaks to the API itself, sends the
key.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.urls import is_local_url, is_web_url, origin
from luma_jupyter.errors import ConnectionLost, DownloadError, LumaError, ServiceError, Unreachable, UnusableAnswer
from luma_jupyter.languages import N_
from luma_jupyter.providers.exchanges import Observation, Seen
from luma_jupyter.providers.http.connections import FETCH_TIMEOUT, Connections, KeyAuth, parse_json, translated
from luma_jupyter.providers.http.partial import EXPIRED, Partial
from luma_jupyter.providers.http.public import LocalAddress
from luma_jupyter.providers.http.reply import Reply
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER, Call, Requests
from luma_jupyter.worker_threads import in_thread

UPLOAD_TIMEOUT = httpx.Timeout(120.0, connect=15.0)  # seconds
DOWNLOAD_TIMEOUT = httpx.Timeout(60.0, connect=15.0)  # seconds, between two chunks
UPLOAD_TRIES = 3
CHUNK = 64 * 1024  # bytes
MOST_REDIRECTS = 5
_FORM = {"Content-Type": "multipart/form-data"}
FILE_HOST = N_("The host of the file")  # the service's name in errors about downloads


@dataclass(frozen=True)
class UploadTarget:
    """Where a service wants a file to be put: the address and the headers that it named.

    ``trusted_origin`` is the API's base URL: the only server on a local network that the file may go to.
    """

    service: str
    url: str
    headers: Mapping[str, str]
    trusted_origin: str


class Transfers:
    """Uploads and downloads. Uploads leave a service alone as its ``requests`` do."""

    def __init__(self, connections: Connections, requests: Requests) -> None:
        self._connections = connections
        self._requests = requests

    async def upload(
        self, service: str, url: str, *, key: Secret, file: LocalFile, on_progress: Callable[[float], None]
    ) -> Reply:
        """POST a file as the field ``file`` of a form; ``on_progress`` is called with the share sent, 0 to 1.

        Raises Unreachable or ConnectionLost when it gives up, InvalidRequest where the file has changed.
        """
        data = await in_thread(file.read)

        async def post() -> httpx.Response:
            form = {"file": (file.name, _ProgressReader(data, on_progress), file.mime)}
            return await self._connections.kept.post(
                url, auth=KeyAuth(key), files=form, timeout=UPLOAD_TIMEOUT, follow_redirects=False
            )

        return await self._with_retries(
            lambda: self._upload(service, post, _upload_seen("POST", url, _FORM, data, key))
        )

    async def send_step(self, call: Call) -> Reply:
        """Send a step of an upload that is not the file itself; repeated as that is.

        Raises Unreachable or ConnectionLost when it gives up.
        """
        return await self._with_retries(lambda: self._requests.fetch(call))

    async def put(self, target: UploadTarget, data: bytes, on_progress: Callable[[float], None]) -> None:
        """PUT a file to the host that a service named, with its headers, and without the key.

        ``on_progress`` is called with the share sent, 0 to 1. Raises ServiceError where that host refuses the file, is
        on a local network (but for the trusted origin), or cannot be reached.
        """

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(data), CHUNK):
                yield data[start : start + CHUNK]
                on_progress(min(1.0, (start + CHUNK) / len(data)))

        headers = {"Content-Length": str(len(data)), **target.headers}

        async def put() -> httpx.Response:
            return await self._client(target.url, target.trusted_origin).put(
                target.url, content=chunks(), headers=headers, timeout=UPLOAD_TIMEOUT, follow_redirects=False
            )

        try:
            reply = await self._with_retries(
                lambda: self._upload(target.service, put, _upload_seen("PUT", target.url, headers, data))
            )
        except LocalAddress:
            raise UnusableAnswer(target.service, "the host for the file is on a local network") from None
        if not reply.ok:
            words = N_(f"the host of the file answered HTTP {reply.status}")
            raise ServiceError(target.service, words, http_status=reply.status)

    async def _upload(self, service: str, send: Callable[[], Awaitable[httpx.Response]], seen: Seen) -> Reply:
        """Call ``send`` when the service takes requests; it is seen as ``seen`` says."""
        await self._requests.wait_for_service(seen.url)
        with Observation(seen) as observed, translated(service):
            response = await send()
            observed.answered(response.status_code, response.headers, response.content)
        reply = Reply(response.status_code, parse_json(response.content, seen.key), response.headers)
        self._requests.note_pause(seen.url, reply)
        return reply

    async def _with_retries(self, send: Callable[[], Awaitable[Reply]]) -> Reply:
        """Call ``send``, and again where no answer came, the server had an error, or it gets too many requests.

        Only for what costs nothing. It waits as long as the server asks for, unless that is very long. Raises
        Unreachable or ConnectionLost after the last try.
        """
        attempt = 0
        while True:
            attempt += 1
            delay = self._connections.backoff(attempt)
            try:
                reply = await send()
            except (Unreachable, ConnectionLost):
                if attempt == UPLOAD_TRIES:
                    raise
            else:
                asked = reply.retry_after or 0.0
                passes = reply.status == 429 or reply.status >= 500
                if not passes or attempt == UPLOAD_TRIES or asked > LONGEST_RETRY_AFTER:
                    return reply
                delay = max(asked, delay)
            await self._connections.sleep(delay)

    async def is_gone(self, url: str, *, trusted_origin: str) -> bool:
        """Whether the host of a file says that it is gone; asks without the key, and takes any other answer for a no.

        An address that is signed for GET may answer HEAD with 403, so then its first byte is asked for. A host on a
        local network is not asked, but for ``trusted_origin`` (the API's base URL).
        """
        try:
            client = self._client(url, trusted_origin)
            status = await _file_status(client, "HEAD", url, {})
            if status == 403:
                status = await _file_status(client, "GET", url, {"Range": "bytes=0-0"})
        except (LumaError, LocalAddress):
            return False
        return status in EXPIRED

    async def download(self, url: str, partial: Partial, *, largest: int, trusted_origin: str) -> None:
        """Fetch the file at ``url``, or the rest of it, into ``partial``: streamed, without the key; once.

        Redirects are followed. Addresses that only this machine or its network can reach are refused, but for those at
        ``trusted_origin`` (the API's base URL). Raises DownloadError, also for more than ``largest`` bytes and for
        fewer than announced; Expired; Unreachable; ConnectionLost. What came before an error mostly stays in
        ``partial`` for the next try, see `Partial.write_response`.
        """
        with translated(FILE_HOST):
            headers = {"Accept-Encoding": "identity"}
            if partial.validator and partial.size:
                headers |= {"Range": f"bytes={partial.size}-", "If-Range": partial.validator}
            request = self._connections.kept.build_request("GET", url, headers=headers, timeout=DOWNLOAD_TIMEOUT)
            for _ in range(MOST_REDIRECTS + 1):
                with Observation(Seen("GET", str(request.url), headers)) as observed:
                    response = await self._ask_for_file(request, trusted_origin)
                    observed.answered(response.status_code, response.headers)
                    try:
                        if response.next_request is None:
                            return await partial.write_response(
                                response.status_code, response.headers, response.aiter_bytes(), largest
                            )
                    finally:
                        observed.received(response.num_bytes_downloaded)
                        await response.aclose()
                request = response.next_request
        raise DownloadError("the address of the file redirects without end")

    async def _ask_for_file(self, request: httpx.Request, trusted_origin: str) -> httpx.Response:
        """Send one request of a download. Raises DownloadError for no web address, and for a local network."""
        url = str(request.url)
        if not is_web_url(url):
            raise DownloadError("the address of the file is no web address; it was not fetched")
        try:
            return await self._client(url, trusted_origin).send(request, stream=True, follow_redirects=False)
        except LocalAddress:
            raise DownloadError("the address of the file is on a local network; it was not fetched") from None

    def _client(self, url: str, trusted_origin: str) -> httpx.AsyncClient:
        """The client for an address that a service named. Raises LocalAddress, as that client does."""
        if origin(url) == origin(trusted_origin):
            return self._connections.kept
        if is_local_url(url):
            raise LocalAddress
        return self._connections.public


async def _file_status(client: httpx.AsyncClient, method: str, url: str, headers: Mapping[str, str]) -> int:
    """The status with which the host of a file answers; the file itself is not read. Raises as `translated` does."""
    with Observation(Seen(method, url, headers)) as observed, translated(FILE_HOST):
        request = client.build_request(method, url, headers=headers, timeout=FETCH_TIMEOUT)
        response = await client.send(request, stream=True, follow_redirects=False)
        observed.answered(response.status_code, response.headers)
        await response.aclose()
    return response.status_code


def _upload_seen(method: str, url: str, headers: Mapping[str, str], data: bytes, key: Secret | None = None) -> Seen:
    """An upload as it is seen: without its bytes."""
    return Seen(method, url, headers, file=f"‹a file: {len(data):,} bytes›", key=key)


class _ProgressReader(io.BytesIO):
    """A file in memory that reports which share of it has been read."""

    def __init__(self, data: bytes, on_progress: Callable[[float], None]) -> None:
        super().__init__(data)
        self._size = len(data)
        self._on_progress = on_progress

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self._on_progress(min(1.0, self.tell() / self._size))
        return chunk
