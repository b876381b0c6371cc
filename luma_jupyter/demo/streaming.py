"""Large request bodies, written to a file as they arrive: a video of 200 MB is never in the notebook's memory.

What speaks against a request is known before its body, of which then nothing is kept (`doors`), and told after it.
"""

import base64
import hashlib
import mmap
from contextlib import suppress
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.web import stream_request_body

from luma_jupyter.demo.bodies import BadRequest
from luma_jupyter.demo.handlers import Context, Handler
from luma_jupyter.demo.refusals import Refusal
from luma_jupyter.demo.uploads import MAX_FILE_BYTES
from luma_jupyter.operating_system import discard

# A form is its file and a few hundred bytes around it.
MAX_BODY_BYTES = MAX_FILE_BYTES + 100_000
MAX_PART_HEADER_BYTES = 16_000
MOST_READ_BYTES = 1_000_000_000  # of what is too large or refused: beyond that, the connection is cut


class StreamedBody:
    """A request body on its way into a file: counted, hashed, and no longer written once it is too large."""

    def __init__(self, file: Path) -> None:
        self.file, self.size = file, 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._open = file.open("wb")

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        if self.size <= MAX_BODY_BYTES:
            self._md5.update(chunk)
            self._open.write(chunk)

    def close(self) -> None:
        """Close the file: there is no more to come."""
        self._open.close()

    def discard(self) -> None:
        """Delete the file, unless it was taken over under another name."""
        self.close()
        discard(self.file)

    @property
    def checksum(self) -> str:
        """The MD5, in base64."""
        return base64.b64encode(self._md5.digest()).decode()


@stream_request_body
class StreamingHandler(Handler):
    """A handler that writes its request's body to a file; `post` or `put` get it from `received_body`."""

    _streamed_body: StreamedBody | None = None

    @classmethod
    def check(cls, context: Context, request: HTTPServerRequest) -> None:
        """See whether there is room too."""
        super().check(context, request)
        context.uploads.check_room()

    def prepare(self) -> None:
        """Make a file for the body, unless it is refused."""
        connection = self.request.connection
        assert isinstance(connection, HTTP1Connection)
        connection.set_max_body_size(MOST_READ_BYTES)
        with suppress(Refusal):
            self.check(self.context, self.request)
            self._streamed_body = StreamedBody(self.context.uploads.new_file())

    def data_received(self, chunk: bytes) -> None:
        """Write a piece of the body."""
        if self._streamed_body:
            self._streamed_body.write(chunk)

    def received_body(self) -> StreamedBody | None:
        """Return the whole body, or None where the hook has answered; raises what speaks against the request."""
        body = self._streamed_body
        if body:
            body.close()
        if body and self.context.hook:
            self.request.body = body.file.read_bytes()
        super().prepare()
        return None if self._finished else body

    def on_finish(self) -> None:
        """Delete the file, unless it was taken over."""
        if self._streamed_body:
            self._streamed_body.discard()

    def on_connection_close(self) -> None:
        """Delete the file also where the sender went away half-way."""
        super().on_connection_close()
        self.on_finish()


def copy_form_file(body: Path, content_type: str, field: str, target: Path) -> str:
    """Copy a file out of a multipart/form-data body into `target`, and return its name; raises `BadRequest`."""
    boundary = _parse_headers(f"Content-Type: {content_type}".encode()).get_boundary()
    if not boundary or not body.stat().st_size:
        raise BadRequest(f"{field} is required, as a part of multipart/form-data")
    with body.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        delimiter = b"--" + boundary.encode(errors="replace")
        start = data.find(delimiter) + len(delimiter)
        while data[start : start + 2] == b"\r\n":
            head_end = data.find(b"\r\n\r\n", start, start + MAX_PART_HEADER_BYTES)
            end = data.find(b"\r\n" + delimiter, head_end + 4)
            if head_end < 0 or end < 0:
                break
            headers = _parse_headers(data[start + 2 : head_end])
            if headers.get_param("name", header="content-disposition") == field:
                with memoryview(data) as whole, whole[head_end + 4 : end] as part:
                    target.write_bytes(part)
                return headers.get_filename() or ""
            start = end + 2 + len(delimiter)
    raise BadRequest(f"{field} is required, as a part of multipart/form-data")


def _parse_headers(lines: bytes) -> "Message[str, str]":
    return BytesHeaderParser().parsebytes(lines)
