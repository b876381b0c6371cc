"""Other people's URLs, fetched within limits: a slow or endless one never holds the service up for long."""

import time
import urllib.request
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPError

SECONDS = 5.0
MEGABYTES = 50


class Unreachable(Exception):
    """The URL could not be read; the text says why."""


def fetch(url: str) -> bytes:
    """Read an http(s) URL; raises `Unreachable`, also for more than 50 MB and for answers that take too long."""
    _check(url)
    deadline, data = time.monotonic() + SECONDS, bytearray()
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as response:
            while chunk := response.read1(1 << 18):
                data += chunk
                if len(data) > MEGABYTES * 1_000_000:
                    raise Unreachable(f"it is larger than {MEGABYTES} MB")
                if time.monotonic() > deadline:
                    raise Unreachable(f"it takes more than {SECONDS:g} s")
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(str(error)) from error
    return bytes(data)


async def download(url: str, target: Path) -> None:
    """As `fetch`, but into a file and on an event loop, which goes on serving meanwhile."""
    _check(url)
    # tornado's own limit ends in "Connection closed", which tells nobody why.
    client = AsyncHTTPClient(force_instance=True, max_body_size=1 << 50)
    size = 0
    with closing(client), target.open("wb") as file:

        def write(chunk: bytes) -> None:
            nonlocal size
            size += len(chunk)
            if size <= MEGABYTES * 1_000_000:
                file.write(chunk)

        reason: Exception | None = None
        try:
            await client.fetch(url, streaming_callback=write, connect_timeout=SECONDS, request_timeout=SECONDS)
        except (HTTPError, OSError, ValueError) as error:
            reason = error
    if size > MEGABYTES * 1_000_000:
        raise Unreachable(f"it is larger than {MEGABYTES} MB") from reason
    if reason:
        raise Unreachable(str(reason)) from reason


def _check(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise Unreachable("it is not an http(s) URL")
