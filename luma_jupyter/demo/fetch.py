"""Other people's URLs, fetched within limits: a slow or endless one never holds the service up for long."""

import time
import urllib.request
from http.client import HTTPException

SECONDS = 5.0
MEGABYTES = 50


class Unreachable(Exception):
    """The URL could not be read; the text says why."""


def fetch(url: str) -> bytes:
    """Read an http(s) URL; raises `Unreachable`, also for more than 50 MB and for answers that take too long."""
    if not url.startswith(("http://", "https://")):
        raise Unreachable("it is not an http(s) URL")
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
