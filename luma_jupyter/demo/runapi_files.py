"""Uploads as RunAPI's client makes them: from a URL or base64 in one call, or in the three steps for large files.

Of those, the vendor's storage takes the second, a PUT: it wants no key, only its own URL and exactly the headers that
were given out with it. It is strict about both, and so is this one: otherwise a client that leaks its key to the
storage, or loses a header, would be found out only where uploads are real.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from luma_jupyter.demo.bodies import ConfirmBody, FileBody, PrepareBody
from luma_jupyter.demo.fetch import FetchError, download
from luma_jupyter.demo.handlers import Context
from luma_jupyter.demo.refusals import Refusal
from luma_jupyter.demo.runapi import RunApiErrors, RunApiHandler, format_time
from luma_jupyter.demo.streaming import StreamingHandler
from luma_jupyter.demo.uploads import PreparedUpload, UploadedFile
from luma_jupyter.operating_system import discard


class _UploadHandler(RunApiHandler):
    """An endpoint that answers with an uploaded file."""

    def answer(self, upload: UploadedFile) -> None:
        """Send what is known of a file that was kept."""
        self.finish(
            {
                "file_name": upload.name,
                "url": self.context.media_url(upload.file),
                "size_bytes": upload.size,
                "mime_type": upload.mime_type,
                "created_at": format_time(datetime.fromtimestamp(upload.created, UTC)),
                "expires_at": format_time(datetime.fromtimestamp(upload.expires, UTC)),
            }
        )


class RunApiFilesHandler(_UploadHandler):
    """`POST /api/v1/files`: small files, as tornado holds no more than 100 MB of a body in memory."""

    async def post(self) -> None:
        """Keep what a URL leads to, or the data in the body."""
        _, body = self.parse_body(FileBody.parse)
        part = self.context.uploads.new_file()
        try:
            if body.data is not None:
                part.write_bytes(body.data)
            else:
                await self._copy(str(body.url), part)
            name = body.file_name or PurePosixPath(urlsplit(body.url or "").path).name
            self.answer(self.context.uploads.keep(part, name))
        except (FetchError, OSError) as error:
            raise Refusal(400, "bad_request", f"source cannot be read: {error}") from error
        finally:
            discard(part)

    async def _copy(self, url: str, target: Path) -> None:
        file = self.context.file_or_url(url)
        if not isinstance(file, Path):
            await download(url, target)
        elif file.is_file():
            shutil.copyfile(file, target)
        else:
            raise FetchError("there is no such file here")


class PrepareHandler(RunApiHandler):
    """`POST /api/v1/files/prepare`."""

    def post(self) -> None:
        """Answer where, and under which headers, a file may be PUT."""
        _, body = self.parse_body(PrepareBody.parse)
        prepared = PreparedUpload(body.filename, body.byte_size, body.checksum)
        url = f"{self.context.url}/storage/{self.context.uploads.prepare(prepared)}"
        self.finish({"upload_url": url, "headers": prepared.headers, "signed_id": prepared.signed_id})


class StorageHandler(StreamingHandler, RunApiErrors):
    """`PUT` of an `upload_url`."""

    @classmethod
    def check(cls, context: Context, request: HTTPServerRequest) -> None:
        """Take an upload that was prepared, once, under the headers that were given out, and no key."""
        super().check(context, request)
        prepared = context.uploads.prepared_with_key(request.path.rpartition("/")[2])
        headers = request.headers
        if prepared is None:
            raise Refusal(404, "not_found", "Nothing may be uploaded here.")
        if "Authorization" in headers:
            raise Refusal(400, "bad_request", "The storage must not be sent the API key.")
        for name, value in prepared.headers.items():
            if headers.get(name) != value:
                raise Refusal(403, "forbidden", f"{name} is not as it was given out.")
        if prepared.upload:
            raise Refusal(403, "forbidden", "This upload_url has been used.")

    def put(self, key: str) -> None:
        """Take the bytes that were announced."""
        body, prepared = self.received_body(), self.context.uploads.prepared_with_key(key)
        if body is None or prepared is None:
            return
        if (body.size, body.checksum) != (prepared.size, prepared.checksum):
            raise Refusal(400, "bad_request", "Size or checksum are not those that were announced.")
        prepared.upload = self.context.uploads.keep(body.file, prepared.name)


class ConfirmHandler(_UploadHandler):
    """`POST /api/v1/files/confirm`."""

    def post(self) -> None:
        """Answer where the file is; the same again, however often it is asked."""
        _, body = self.parse_body(ConfirmBody.parse)
        prepared = self.context.uploads.prepared_with_signed_id(body.signed_id)
        if prepared is None:
            raise Refusal(404, "not_found", "This signed_id is unknown.")
        if prepared.upload is None:
            raise Refusal(422, "unprocessable", "The file has not been uploaded yet.")
        self.answer(prepared.upload)
