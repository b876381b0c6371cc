"""Serves videos and thumbnails to kernels: by signed addresses, with Range (RFC 9110, section 14)."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from luma_jupyter.gateway.database import DatabaseAway
from luma_jupyter.gateway.handler import Handler
from luma_jupyter.gateway.media import SUFFIXES, Media, MediaKind, is_signed
from luma_jupyter.gateway.storage import StoreAway

HELD = 20.0  # seconds that a request is held for a video that is not fetched yet
RETRY_AFTER = 5  # seconds
LOOKED_AGAIN = 2.0  # seconds after which the table is asked again, whatever news came
MIME_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "jpg": "image/jpeg", "png": "image/png"}
_KINDS = {suffix: kind for kind, suffix in SUFFIXES.items()}
_BYTES = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True)
class Span:
    """The bytes of a file that were asked for: from ``start`` to before ``end``."""

    start: int
    end: int


def read_range(header: str, size: int) -> Span | None:
    """The part of a file of ``size`` bytes that a Range header asks for; None: all of it.

    Several parts at once count as all of it, which a server may do. Raises ValueError for a part that is not there.
    """
    found = _BYTES.fullmatch(header.strip())
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if first and last and int(first) > int(last):
        return None  # not a range at all: to be ignored
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or (not first and int(last) == 0):
        raise ValueError("there are no such bytes")
    return Span(start, end)


MEDIA_PATH = r"/media/(\d{1,18})\.(mp4|jpg)"
NOT_PERMITTED = "This address is not good"
NONE = "There is none"
GONE = "It is not kept any more"
NOT_NOW = "Not now: try again in a moment"


class MediaHandler(Handler):
    """``GET`` and ``HEAD <prefix>/media/<submission>.<mp4|jpg>?expires=…&signature=…``."""

    def initialize(self, media: Media, held: float = HELD) -> None:
        """Take what handlers of one application share."""
        self.media = media
        self.held = held
        self.size = 0

    async def get(self, submission: str, suffix: str) -> None:
        """Send a video or a part of it."""
        try:
            name = await self._name(f"{submission}.{suffix}", int(submission), _KINDS[suffix])
            size = await self.media.store.size(name)
            if size is None:
                raise HTTPError(410, reason=GONE)
            await self._send(name, size)
        except (DatabaseAway, StoreAway):
            raise HTTPError(503, reason=NOT_NOW) from None
        except StreamClosedError:
            return

    async def head(self, submission: str, suffix: str) -> None:
        """Say how long a video is, and that parts of it can be had."""
        await self.get(submission, suffix)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say no more than the status, and when to come again."""
        if status_code == 503:
            self.set_header("Retry-After", RETRY_AFTER)
        if status_code == 416:
            self.set_header("Content-Range", f"bytes */{self.size}")
        self.set_header("Content-Type", "text/plain")
        self.finish(f"{self._reason}\n")

    async def _name(self, file: str, submission: int, kind: MediaKind) -> str:
        """What is asked for, by its name in the store, once it is there. Raises HTTPError, DatabaseAway."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.held
        with self.media.database.news("submissions", {str(submission)}) as news:
            while True:
                wanted = await self.media.wanted(submission, kind)
                if wanted is None or not self._is_permitted(file, wanted.owner):
                    raise HTTPError(403, reason=NOT_PERMITTED)
                if wanted.gone or int(self.get_query_argument("expires")) < time.time():
                    raise HTTPError(410, reason=GONE)
                if wanted.name:
                    return wanted.name
                if not wanted.pending:
                    raise HTTPError(404, reason=NONE)
                if loop.time() >= until:
                    raise HTTPError(503, reason=NOT_NOW)
                await news.wait(min(until - loop.time(), LOOKED_AGAIN))

    def _is_permitted(self, file: str, owner: str) -> bool:
        expires, signature = (self.get_query_argument(name, "") for name in ("expires", "signature"))
        return is_signed(self.media.settings, file, owner, expires, signature)

    async def _send(self, name: str, size: int) -> None:
        """Send a file of so many bytes, or the part of it that is asked for. Raises HTTPError, StoreAway."""
        etag = f'"{name.partition(".")[0]}"'
        self.size = size
        self.set_header("ETag", etag)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Cache-Control", "private, max-age=86400")
        self.set_header("Content-Type", MIME_TYPES.get(name.rpartition(".")[2], "application/octet-stream"))
        if self.request.headers.get("If-None-Match") == etag:
            self.set_status(304)
            return
        same = self.request.headers.get("If-Range", etag) == etag
        try:
            span = read_range(self.request.headers.get("Range", ""), size) if same else None
        except ValueError:
            raise HTTPError(416) from None
        if span:
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {span.start}-{span.end - 1}/{size}")
        span = span or Span(0, size)
        self.set_header("Content-Length", span.end - span.start)
        if self.request.method == "HEAD":
            return
        async for chunk in self.media.store.read(name, span.start, span.end):
            self.write(chunk)
            await self.flush()

    def compute_etag(self) -> None:
        """None: the name in the store says more than what was written last."""
