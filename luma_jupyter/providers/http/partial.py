"""A file that is being downloaded: what has come of it, and whether a response is the rest of the same file."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from luma_jupyter.errors import DownloadError, Expired
from luma_jupyter.worker_threads import in_thread

EXPIRED = (403, 404, 410)  # the statuses of an address that is no longer served
_PAGE_TYPES = ("text/html", "application/json")


@dataclass
class Partial:
    """What has come of a file so far, in ``file``.

    ``validator``, its ETag or Last-Modified, lets the host answer a request for the rest only where the file is still
    the same (RFC 9110, If-Range); None: all of it has to come again.
    """

    file: BinaryIO
    validator: str | None = None

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.file.seek(0, os.SEEK_END)

    def restart(self) -> None:
        """Throw away what has come, so that the next try asks for all of it."""
        self.file.seek(0)
        self.file.truncate()
        self.validator = None

    async def write_response(
        self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes], largest: int
    ) -> None:
        """Write a host's response: the file, or the rest of it.

        What came before stays where the response is an error by its status or breaks off; it is thrown away where the
        response is all of the file, another part of it than the rest, or makes it larger than ``largest`` bytes.
        Raises Expired; DownloadError for any other response than the file, and for another length than announced.
        """
        if status in EXPIRED:
            raise Expired(f"the host of the file answered HTTP {status}")
        if status not in (200, 206, 416):
            raise DownloadError(f"the host of the file answered HTTP {status}")
        start = re.match(r"bytes (\d+)-", headers.get("content-range", "")) if status == 206 else None
        if start is None or int(start[1]) != self.size:
            self.restart()
            if status != 200:
                raise DownloadError("the host of the file sent another part of it than was asked for")
        if headers.get("content-type", "").partition(";")[0].strip().lower() in _PAGE_TYPES:
            raise DownloadError("a page came instead of the file")
        encoded = headers.get("content-encoding", "identity") != "identity"
        if not encoded:  # of an encoded file the host counts other bytes than those written here: no Range fits
            etag = headers.get("etag", "")  # a weak one, W/"…", is not enough for If-Range
            self.validator = etag if etag.startswith('"') else headers.get("last-modified")
        announced = headers.get("content-length", "")
        expected = self.size + int(announced) if announced.isdigit() and not encoded else None
        self._check_size(max(self.size, expected or 0), largest)
        async for chunk in chunks:
            try:
                await in_thread(partial(self.file.write, chunk))
            except OSError as error:
                reason = error.strerror or error
                raise DownloadError(f"the file could not be written: {reason}") from None
            self._check_size(self.file.tell(), largest)
        if expected is not None and self.size != expected:
            raise DownloadError(f"only {self.size} of {expected} bytes came")

    def _check_size(self, size: int, largest: int) -> None:
        if size > largest:
            self.restart()
            raise DownloadError(f"the file is larger than {largest / 1e6:.0f} MB")
