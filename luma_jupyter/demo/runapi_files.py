"""Uploads as RunAPI's client makes them: from a URL or base64 in one call, or in the three steps for large files.

Of those, the vendor's storage takes the second, a PUT: it wants no key, only its own URL and exactly the headers that
were given out with it. It is strict about both, and so is this one, or a client that leaks its key to the storage, or
loses a header, would show only where uploads are real.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from luma_jupyter.demo.fetch import Unreachable, download
from luma_jupyter.demo.handlers import Refusal
from luma_jupyter.demo.incoming import LargeBody
from luma_jupyter.demo.orders import ConfirmOrder, FileOrder, PrepareOrder
from luma_jupyter.demo.runapi import RunApiErrors, RunApiHandler
from luma_jupyter.demo.uploads import Ticket, Upload


class _Kept(RunApiHandler):
    def answer(self, upload: Upload) -> None:
        """Send what is known of a file that was kept."""
        self.finish(
            {
                "file_name": upload.name,
                "url": self.context.media_url(upload.file),
                "size_bytes": upload.size,
                "mime_type": upload.mime_type,
                "created_at": _moment(upload.created),
                "expires_at": _moment(upload.expires),
            }
        )


class Files(_Kept):
    """`POST /api/v1/files`: small files, as tornado holds no more than 100 MB of a body in memory."""

    async def post(self) -> None:
        """Keep what a URL leads to, or what is in the body."""
        _, order = self.parsed(FileOrder.parse)
        part = self.context.uploads.new_file()
        try:
            if order.data is not None:
                part.write_bytes(order.data)
            else:
                await self._read(str(order.url), part)
            name = order.file_name or PurePosixPath(urlsplit(order.url or "").path).name
            self.answer(self.context.uploads.keep(part, name))
        except (Unreachable, OSError) as error:
            raise Refusal(400, "bad_request", f"source cannot be read: {error}") from error
        finally:
            part.unlink(missing_ok=True)

    async def _read(self, url: str, part: Path) -> None:
        place = self.context.place(url)
        if not isinstance(place, Path):
            await download(url, part)
        elif place.is_file():
            shutil.copyfile(place, part)
        else:
            raise Unreachable("there is no such file here")


class Prepare(RunApiHandler):
    """`POST /api/v1/files/prepare`."""

    def post(self) -> None:
        """Give out where, and under which headers, a file may be PUT."""
        _, order = self.parsed(PrepareOrder.parse)
        ticket = Ticket(order.filename, order.byte_size, order.checksum)
        url = f"{self.context.url}/storage/{self.context.uploads.prepare(ticket)}"
        self.finish({"upload_url": url, "headers": ticket.headers, "signed_id": ticket.signed_id})


class Storage(LargeBody, RunApiErrors):
    """`PUT` of an `upload_url`."""

    def put(self, key: str) -> None:
        """Take the bytes that were announced, under the headers that were given out, and no key."""
        incoming, headers = self.admitted(), self.request.headers
        if incoming is None:
            return
        ticket = self.context.uploads.ticket(key)
        if ticket is None:
            raise Refusal(404, "not_found", "Nothing may be uploaded here.")
        if "Authorization" in headers:
            raise Refusal(400, "bad_request", "The storage must not be sent the API key.")
        for name, value in ticket.headers.items():
            if headers.get(name) != value:
                raise Refusal(403, "forbidden", f"{name} is not as it was given out.")
        if ticket.upload:
            raise Refusal(403, "forbidden", "This upload_url has been used.")
        if (incoming.size, incoming.checksum) != (ticket.size, ticket.checksum):
            raise Refusal(400, "bad_request", "Size or checksum are not those that were announced.")
        ticket.upload = self.context.uploads.keep(incoming.file, ticket.name)


class Confirm(_Kept):
    """`POST /api/v1/files/confirm`."""

    def post(self) -> None:
        """Say where the file is; the same again, however often it is asked."""
        _, order = self.parsed(ConfirmOrder.parse)
        ticket = self.context.uploads.confirmable(order.signed_id)
        if ticket is None:
            raise Refusal(404, "not_found", "This signed_id is unknown.")
        if ticket.upload is None:
            raise Refusal(422, "unprocessable", "The file has not been uploaded yet.")
        self.answer(ticket.upload)


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
