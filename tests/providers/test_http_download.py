"""Downloads: streamed, whole, bounded, never from the user's own network, never with a key."""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from luma_jupyter.errors import ConfigError, ConnectionLost, DownloadError, Expired, Unreachable
from luma_jupyter.providers.http.partial import Partial

URL = "https://cdn.example/v.mp4"
VIDEO = bytes(range(256)) * 40


class Body(httpx.AsyncByteStream):
    """A body in chunks, which counts how many were asked for."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks, self.given, self.closed = chunks, 0, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            self.given += 1
            yield chunk

    async def aclose(self) -> None:
        self.closed = True


def download(
    service: Any, file: Any = None, url: str = URL, largest: int = 1_000_000, trusted: str = "https://api.acedata.cloud"
) -> bytes:
    """What a download writes into ``file``."""
    file = io.BytesIO() if file is None else file
    asyncio.run(service.http.transfers.download(url, Partial(file), largest=largest, trusted_origin=trusted))
    return file.getvalue()  # type: ignore[no-any-return]


def test_download_is_written_whole(fake: Any) -> None:
    """The file comes as it is, asked for without compression, with one GET."""
    service = fake((200, VIDEO))
    assert download(service) == VIDEO
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("GET", URL)
    assert request.headers["accept-encoding"] == "identity"
    assert "authorization" not in request.headers


def test_download_is_streamed(fake: Any) -> None:
    """Chunks are written as they come, without a length too; the connection is closed at the end."""
    body = Body([b"one", b"two", b"three"])
    assert download(fake(lambda request: httpx.Response(200, stream=body))) == b"onetwothree"
    assert (body.given, body.closed) == (3, True)


@pytest.mark.parametrize(("length", "message"), [(4, None), (5, "only 4 of 5 bytes came"), (3, "only 4 of 3 bytes")])
def test_download_length_is_checked(fake: Any, length: int, message: str | None) -> None:
    """A file with another length than announced is not whole."""
    headers = {"Content-Length": str(length)}
    service = fake(lambda request: httpx.Response(200, headers=headers, stream=Body([b"ab", b"cd"])))
    if message is None:
        assert download(service) == b"abcd"
    else:
        with pytest.raises(DownloadError, match=message):
            download(service)


def test_compressed_download_is_unpacked(fake: Any) -> None:
    """A host that compresses in spite of being asked not to gives the same file; the length is that of the packing."""
    packed = gzip.compress(VIDEO)
    assert download(fake((200, packed, {"Content-Encoding": "gzip"}))) == VIDEO


def test_broken_compression_is_a_lost_connection(fake: Any) -> None:
    """A body that is not what its encoding says is a broken answer."""
    headers = {"Content-Encoding": "gzip"}
    service = fake(lambda request: httpx.Response(200, headers=headers, stream=Body([b"no gzip"])))
    with pytest.raises(ConnectionLost, match="host of the file did not answer"):
        download(service)


@pytest.mark.parametrize(("length", "read"), [(None, 3), ("1000000", 3), ("nonsense", 3), ("2000001", 0)])
def test_too_large_download_ends_early(fake: Any, length: str | None, read: int) -> None:
    """A file above the limit is given up as soon as it is, whatever it announced; before reading where it says so."""
    body = Body([b"x" * 1_000_000] * 100)
    headers = {"Content-Length": length} if length else {}
    file = io.BytesIO()
    service = fake(lambda request: httpx.Response(200, headers=headers, stream=body))
    with pytest.raises(DownloadError, match="the file is larger than 2 MB"):
        download(service, file, largest=2_000_000)
    assert (body.given, body.closed) == (read, True)
    assert file.getvalue() == b""


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 403, 404, 410, 429, 500, 503])
def test_download_with_another_status_is_an_error(fake: Any, status: int) -> None:
    """Any other answer is an error that names the status, and of its own kind where the address is no longer served."""
    file = io.BytesIO()
    with pytest.raises(DownloadError, match=f"the host of the file answered HTTP {status}") as caught:
        download(fake((status, b"" if status in (204, 304) else b"<html>")), file)
    assert type(caught.value) is (Expired if status in (403, 404, 410) else DownloadError)
    assert file.getvalue() == b""


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("text/html", True),
        ("Text/HTML; charset=utf-8", True),
        ("application/json", True),
        ("application/json;charset=utf-8", True),
        ("video/mp4", False),
        ("application/octet-stream", False),
        ("binary/octet-stream", False),
        ("", False),
    ],
)
def test_page_instead_of_the_file_is_refused(fake: Any, kind: str, refused: bool) -> None:
    """A page or JSON, by what the host calls it, is not the file, and nothing of it is read; other types may be."""
    body, file = Body([VIDEO]), io.BytesIO()
    service = fake(lambda request: httpx.Response(200, headers={"Content-Type": kind}, stream=body))
    if refused:
        with pytest.raises(DownloadError, match="a page came instead of the file"):
            download(service, file)
    else:
        download(service, file)
    assert file.getvalue() == (b"" if refused else VIDEO)
    assert body.given == (not refused)
    assert body.closed


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_download_redirects_are_followed(fake: Any, status: int) -> None:
    """Media hosts redirect, to other hosts as well."""
    service = fake((status, "", {"Location": "/b"}), (status, "", {"Location": "https://b.example/c"}), (200, VIDEO))
    assert download(service) == VIDEO
    assert [str(request.url) for request in service.requests] == [URL, "https://cdn.example/b", "https://b.example/c"]
    assert {request.method for request in service.requests} == {"GET"}


def test_download_redirects_are_limited(fake: Any) -> None:
    """Five redirects are followed; more are an error."""
    forever = (302, "", {"Location": URL})
    service = fake(*[forever] * 5, (200, VIDEO))
    assert download(service) == VIDEO
    service = fake(forever)
    with pytest.raises(DownloadError, match="redirects without end"):
        download(service)
    assert len(service.requests) == 6


LOCAL = [
    "http://127.0.0.1:8888/api/contents",
    "http://localhost/x",
    "http://169.254.169.254/latest/meta-data",
    "http://metadata.google.internal/computeMetadata",
    "http://[::1]/x",
    "http://2130706433/x",
    "https://192.168.0.1/",
]


@pytest.mark.parametrize("local", LOCAL)
@pytest.mark.parametrize("redirected", [False, True])
def test_download_from_the_local_network_is_refused(fake: Any, local: str, redirected: bool) -> None:
    """A result URL, or a redirect, that points into the user's own network is refused before it is asked for."""
    service = fake((302, "", {"Location": local}), (200, b"secret"))
    file = io.BytesIO()
    with pytest.raises(DownloadError, match="the address of the file is on a local network; it was not fetched"):
        download(service, file, URL if redirected else local)
    assert file.getvalue() == b""
    assert len(service.requests) == redirected


def test_download_from_a_local_api_is_allowed(fake: Any) -> None:
    """Where the API is itself on loopback, its own files are fetched, and those of no other local server."""
    service = fake((200, VIDEO))
    assert download(service, url="http://127.0.0.1:5000/v", trusted="http://127.0.0.1:5000") == VIDEO
    with pytest.raises(DownloadError, match="local network"):
        download(service, url="http://127.0.0.1:5001/v", trusted="http://127.0.0.1:5000")
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError("no"), Unreachable),
        (httpx.ReadTimeout(""), ConnectionLost),
        (OSError("odd"), ConnectionLost),
    ],
)
def test_lost_connection_names_the_host_of_the_file(fake: Any, failure: Exception, kind: type[Exception]) -> None:
    """A connection that fails is said to be the file's host's; nobody is told to pay again."""
    with pytest.raises(kind, match=r"^The host of the file ") as caught:
        download(fake(failure))
    assert "again" not in str(caught.value)


def test_connection_lost_inside_the_body_is_no_short_file(fake: Any) -> None:
    """A connection that ends inside the body is a lost connection, not a short file."""

    class BrokenBody(Body):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"half"
            raise httpx.RemoteProtocolError("peer closed connection")

    body = BrokenBody([])
    with pytest.raises(ConnectionLost, match="peer closed connection"):
        download(fake(lambda request: httpx.Response(200, stream=body)))
    assert body.closed


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("ftp://cdn.example/v.mp4", DownloadError),
        ("file:///etc/passwd", DownloadError),
        ("data:video/mp4;base64,AAAA", ConfigError),
        ("https://[::1/", ConnectionLost),
    ],
)
def test_redirect_to_no_web_address_is_refused(fake: Any, location: str, kind: type[Exception]) -> None:
    """A redirect to no web address reads nothing from anywhere."""
    service, file = fake((302, "", {"Location": location})), io.BytesIO()
    with pytest.raises(kind):
        download(service, file)
    assert file.getvalue() == b""
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("error", "words"), [(OSError(errno.ENOSPC, "No space left on device"), "No space left"), (OSError("odd"), "odd")]
)
def test_full_disk_is_not_blamed_on_the_network(fake: Any, error: OSError, words: str) -> None:
    """When the file cannot be written, the error says so instead of blaming the connection."""

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise error

    with pytest.raises(DownloadError, match=f"the file could not be written: {words}"):
        download(fake((200, VIDEO)), Full())
