"""URLs outside of this service, fetched within limits: a slow or endless one never holds the service up for long."""

import time
import urllib.request
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPError

TIMEOUT_SECONDS = 5.0
MAX_MEGABYTES = 50


class FetchError(Exception):
    """The URL, or a file of this service, could not be read; the text says why."""


def fetch(url: str) -> bytes:
    """Read an http(s) URL; raises `FetchError`, also for more than 50 MB and for answers that take too long."""
    _check_scheme(url)
    deadline, data = time.monotonic() + TIMEOUT_SECONDS, bytearray()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            while chunk := response.read1(1 << 18):
                data += chunk
                if len(data) > MAX_MEGABYTES * 1_000_000:
                    raise FetchError(f"it is larger than {MAX_MEGABYTES} MB")
                if time.monotonic() > deadline:
                    raise FetchError(f"it takes more than {TIMEOUT_SECONDS:g} s")
    except (OSError, HTTPException, ValueError) as error:
        raise FetchError(str(error)) from error
    return bytes(data)


async def download(url: str, target: Path) -> None:
    """Do as `fetch`, but into a file and on an event loop, which goes on serving meanwhile."""
    _check_scheme(url)
    # tornado's own limit ends in "Connection closed", which tells nobody why.
    client = AsyncHTTPClient(force_instance=True, max_body_size=1 << 50)
    size = 0
    with closing(client), target.open("wb") as file:

        def write(chunk: bytes) -> None:
            nonlocal size
            size += len(chunk)
            if size <= MAX_MEGABYTES * 1_000_000:
                file.write(chunk)

        failure: Exception | None = None
        try:
            await client.fetch(
                url, streaming_callback=write, connect_timeout=TIMEOUT_SECONDS, request_timeout=TIMEOUT_SECONDS
            )
        except (HTTPError, OSError, ValueError) as error:
            failure = error
    if size > MAX_MEGABYTES * 1_000_000:
        raise FetchError(f"it is larger than {MAX_MEGABYTES} MB") from failure
    if failure:
        raise FetchError(str(failure)) from failure


def _check_scheme(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise FetchError("it is not an http(s) URL")
