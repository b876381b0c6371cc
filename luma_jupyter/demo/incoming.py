"""Large request bodies, written to a file as they arrive: a video of 200 MB is never in the notebook's memory.

A request that is refused is read to its end all the same, and dropped: somebody who is still sending would see a
broken connection instead of the answer. So key and hook are asked after the body, unlike elsewhere.
"""

import base64
import hashlib
import mmap
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

from tornado.http1connection import HTTP1Connection
from tornado.web import stream_request_body

from luma_jupyter.demo.handlers import Handler
from luma_jupyter.demo.orders import BadRequest
from luma_jupyter.demo.uploads import LARGEST

# A form is its file and a few hundred bytes around it.
LARGEST_BODY = LARGEST + 100_000
LARGEST_PART_HEAD = 16_000
ENDLESS = 1 << 50


class Incoming:
    """Bytes on their way into a file: counted, hashed, and no longer written once there are too many."""

    def __init__(self, file: Path) -> None:
        self.file, self.size = file, 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._open = file.open("wb")

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        if self.size <= LARGEST_BODY:
            self._md5.update(chunk)
            self._open.write(chunk)

    def close(self) -> None:
        """There is no more to come."""
        self._open.close()

    def discard(self) -> None:
        """Delete the file, unless it was taken over under another name."""
        self.close()
        self.file.unlink(missing_ok=True)

    @property
    def checksum(self) -> str:
        """The MD5, in base64."""
        return base64.b64encode(self._md5.digest()).decode()


@stream_request_body
class LargeBody(Handler):
    """A handler whose body is `incoming`; its methods begin with `admitted`."""

    incoming: Incoming | None = None

    def prepare(self) -> None:
        """Make room for the body."""
        connection = self.request.connection
        assert isinstance(connection, HTTP1Connection)
        connection.set_max_body_size(ENDLESS)
        self.incoming = Incoming(self.context.uploads.new_file())

    def data_received(self, chunk: bytes) -> None:
        """Write a piece of the body."""
        if self.incoming:
            self.incoming.write(chunk)

    def admitted(self) -> Incoming | None:
        """The whole body, where neither hook nor key stand against it; None where the hook has answered."""
        incoming = self.incoming
        assert incoming
        incoming.close()
        if self.context.hook:
            self.request.body = incoming.file.read_bytes()
        super().prepare()
        return None if self._finished else incoming

    def on_finish(self) -> None:
        """Leave no file behind that nobody took over."""
        if self.incoming:
            self.incoming.discard()

    def on_connection_close(self) -> None:
        """Nor where the sender went away half-way."""
        super().on_connection_close()
        self.on_finish()


def from_form(body: Path, content_type: str, field: str, target: Path) -> str:
    """Copy a file out of a multipart/form-data body into `target`; gives its name, or raises `BadRequest`."""
    boundary = _headers(f"Content-Type: {content_type}".encode()).get_boundary()
    if not boundary or not body.stat().st_size:
        raise BadRequest(f"{field} is required, as a part of multipart/form-data")
    with body.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        delimiter = b"--" + boundary.encode(errors="replace")
        start = data.find(delimiter) + len(delimiter)
        while data[start : start + 2] == b"\r\n":
            head_end = data.find(b"\r\n\r\n", start, start + LARGEST_PART_HEAD)
            end = data.find(b"\r\n" + delimiter, head_end + 4)
            if head_end < 0 or end < 0:
                break
            headers = _headers(data[start + 2 : head_end])
            if headers.get_param("name", header="content-disposition") == field:
                with memoryview(data) as whole, whole[head_end + 4 : end] as part:
                    target.write_bytes(part)
                return headers.get_filename() or ""
            start = end + 2 + len(delimiter)
    raise BadRequest(f"{field} is required, as a part of multipart/form-data")


def _headers(lines: bytes) -> "Message[str, str]":
    return BytesHeaderParser().parsebytes(lines)
