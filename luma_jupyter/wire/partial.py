"""A file on its way: what has come of it, what may still come, and what is not taken for a part of it."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from luma_jupyter.errors import DownloadError, Expired

EXPIRED = (403, 404, 410)
_PAGES = ("text/html", "application/json")


@dataclass
class Partial:
    """What has come of a file so far, and the mark (ETag or date) by which its host knows the rest of the same file."""

    file: BinaryIO
    mark: str | None = None

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.file.seek(0, os.SEEK_END)

    def start_over(self) -> None:
        """Forget what has come."""
        self.file.seek(0)
        self.file.truncate()
        self.mark = None

    async def take(self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes], largest: int) -> None:
        """Write what a host answered: the file, or the rest of it.

        Raises DownloadError for anything else, for more than ``largest`` bytes and for fewer than announced; Expired.
        """
        if status in EXPIRED:
            raise Expired(f"the host of the file answered HTTP {status}")
        if status not in (200, 206, 416):
            raise DownloadError(f"the host of the file answered HTTP {status}")
        start = re.match(r"bytes (\d+)-", headers.get("content-range", "")) if status == 206 else None
        if start is None or int(start[1]) != self.size:
            self.start_over()
            if status != 200:
                raise DownloadError("the host of the file sent another part of it than was asked for")
        if headers.get("content-type", "").partition(";")[0].strip().lower() in _PAGES:
            raise DownloadError("a page came instead of the file")
        etag = headers.get("etag", "")
        encoded = headers.get("content-encoding", "identity") != "identity"
        if not encoded:  # else the bytes here are not counted as the host counts them; and a weak tag is not enough
            self.mark = etag if etag.startswith('"') else headers.get("last-modified")
        announced = headers.get("content-length", "")
        expected = self.size + int(announced) if announced.isdigit() and not encoded else None
        self._check_size(max(self.size, expected or 0), largest)
        async for chunk in chunks:
            try:
                self.file.write(chunk)
            except OSError as error:
                raise DownloadError(f"the file could not be written: {error.strerror or error}") from None
            self._check_size(self.file.tell(), largest)
        if expected is not None and self.size != expected:
            raise DownloadError(f"only {self.size} of {expected} bytes came")

    def _check_size(self, size: int, largest: int) -> None:
        if size > largest:
            self.start_over()
            raise DownloadError(f"the file is larger than {largest / 1e6:.0f} MB")
