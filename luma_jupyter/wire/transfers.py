"""Files on their way: the user's to a service, videos from their hosts. None of it costs anything, so it is repeated.

A file goes to another host than the API, and comes from another one: only `Transfers.upload`, which speaks to the API
itself, carries the key.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import httpx

from luma_jupyter.errors import ConnectionLost, DownloadError, LumaError, ServiceError, Unreachable, UnusableAnswer
from luma_jupyter.files import LocalFile
from luma_jupyter.settings import Secret
from luma_jupyter.urls import is_local_url, is_web_url, origin
from luma_jupyter.wire.client import Bearer, Client, parsed, translated
from luma_jupyter.wire.partial import EXPIRED, Partial
from luma_jupyter.wire.replies import Reply

LOOK_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
UPLOAD_TIMEOUT = httpx.Timeout(120.0, connect=15.0)
DOWNLOAD_TIMEOUT = httpx.Timeout(60.0, connect=15.0)
UPLOAD_TRIES = 3
PIECE = 64 * 1024  # bytes
MOST_REDIRECTS = 5


class Transfers(Client):
    """Uploads and downloads."""

    async def upload(
        self, service: str, url: str, *, key: Secret, file: LocalFile, told: Callable[[float], None]
    ) -> Reply:
        """POST a file as a form's field ``file``; ``told`` is called with the share that has been sent.

        Raises Unreachable or ConnectionLost when giving up, InvalidRequest where the file has changed.
        """
        data = file.read()

        async def once() -> httpx.Response:
            form = {"file": (file.name, _Counted(data, told), file.mime)}
            return await self._kept.post(
                url, auth=Bearer(key), files=form, timeout=UPLOAD_TIMEOUT, follow_redirects=False
            )

        response = await self._patiently(service, once)
        return Reply(response.status_code, parsed(key.hidden_in(response.content)), response.headers)

    async def put(
        self,
        service: str,
        url: str,
        data: bytes,
        headers: Mapping[str, str],
        *,
        told: Callable[[float], None],
        trusted_origin: str,
    ) -> None:
        """PUT a file to the host that a service named, with exactly its headers, and without the key.

        Raises ServiceError where that host refuses it, is on a local network (but for ``trusted_origin``), or cannot be
        reached.
        """
        if is_local_url(url) and origin(url) != origin(trusted_origin):
            raise UnusableAnswer(service, "the host for the file is on a local network")

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(data), PIECE):
                yield data[start : start + PIECE]
                told(min(1.0, (start + PIECE) / len(data)))

        async def once() -> httpx.Response:
            lengthy = {"Content-Length": str(len(data)), **headers}
            return await self._kept.put(
                url, content=pieces(), headers=lengthy, timeout=UPLOAD_TIMEOUT, follow_redirects=False
            )

        response = await self._patiently(service, once)
        if not response.is_success:
            words = f"the host of the file answered HTTP {response.status_code}"
            raise ServiceError(service, words, http_status=response.status_code)

    async def _patiently(self, service: str, once: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Try again what costs nothing: where no answer came, or the server was in trouble."""
        attempt = 0
        while True:
            attempt += 1
            try:
                with translated(service):
                    response = await once()
                if response.status_code < 500 or attempt == UPLOAD_TRIES:
                    return response
            except (Unreachable, ConnectionLost):
                if attempt == UPLOAD_TRIES:
                    raise
            await self._sleep(self.backoff(attempt))

    async def is_gone(self, url: str, *, trusted_origin: str) -> bool:
        """Whether the host of a file says that it is gone; asks without a key, and takes any other answer for a no."""
        if is_local_url(url) and origin(url) != origin(trusted_origin):
            return False
        try:
            with translated("The host of the file"):
                response = await self._kept.head(url, timeout=LOOK_TIMEOUT, follow_redirects=False)
        except LumaError:
            return False
        return response.status_code in EXPIRED

    async def download(self, url: str, so_far: Partial, *, largest: int, trusted_origin: str) -> None:
        """Fetch the file at ``url``, or the rest of it: streamed, without a key, redirects followed.

        Addresses that only this machine or its network can reach are refused, but for those at ``trusted_origin`` (the
        API's own base URL). Raises DownloadError, also for more than ``largest`` bytes and for fewer than announced;
        Expired; Unreachable; ConnectionLost. What has come stays in ``so_far``.
        """
        with translated("The host of the file"):
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


class _Counted(io.BytesIO):
    """A file that tells how much of it has been read."""

    def __init__(self, data: bytes, told: Callable[[float], None]) -> None:
        super().__init__(data)
        self._size = len(data)
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self._told(min(1.0, self.tell() / self._size))
        return piece
