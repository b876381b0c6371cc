"""Downloads that break off: the rest is asked for, of the same file only; in any doubt all of it comes again."""

from __future__ import annotations

import gzip
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from luma_jupyter.errors import ConnectionLost, DownloadError
from luma_jupyter.providers.http.partial import Partial

URL = "https://cdn.example/v.mp4"
VIDEO = bytes(range(256)) * 40
HALF = len(VIDEO) // 2
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


class BrokenBody(httpx.AsyncByteStream):
    """A body that breaks off after its first bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content
        raise httpx.ReadError("connection reset")


def half(**headers: str) -> Any:
    """The file with these headers (``_`` for ``-``), up to its middle."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(200, headers=named, stream=BrokenBody(VIDEO[:HALF]))


def part(start: int, content: bytes, size: int = len(VIDEO), **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """A 206 that says that it begins at ``start``."""
    return 206, content, {"Content-Range": f"bytes {start}-{start + len(content) - 1}/{size}", **headers}


REST = part(HALF, VIDEO[HALF:])


def download(service: Any, partial: Partial, largest: int = 1_000_000) -> bytes:
    """What has come of the file after one more try."""
    service.run(service.http.transfers.download(URL, partial, largest=largest, trusted_origin="https://runapi.ai"))
    return partial.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def interrupted_download(service: Any) -> Partial:
    """What has come of the file when the first try breaks off: half of it."""
    partial = Partial(io.BytesIO())
    with pytest.raises(ConnectionLost, match="connection reset"):
        download(service, partial)
    assert partial.file.getvalue() == VIDEO[:HALF]  # type: ignore[attr-defined]
    return partial


def requested_ranges(service: Any) -> list[tuple[str | None, str | None]]:
    """Which part of which file each request asked for."""
    return [(sent.headers.get("range"), sent.headers.get("if-range")) for sent in service.requests]


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"abc"'}, '"abc"'),
        ({"ETag": '"abc"', "Last_Modified": DATE}, '"abc"'),
        ({"Last_Modified": DATE}, DATE),
        ({"ETag": 'W/"abc"', "Last_Modified": DATE}, DATE),
    ],
)
def test_resume_asks_for_the_rest_of_the_same_file(fake: Any, headers: dict[str, str], validator: str) -> None:
    """After a break the rest of the very same file is asked for, by its strong tag or its date, and only that comes."""
    service = fake(half(**headers), REST)
    assert download(service, interrupted_download(service)) == VIDEO
    assert requested_ranges(service) == [(None, None), (f"bytes={HALF}-", validator)]


def test_resume_after_many_breaks(fake: Any) -> None:
    """However often it breaks off, each byte comes once."""

    def next_part(request: httpx.Request) -> httpx.Response:
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        content, headers = VIDEO[start : start + 3000], {"ETag": '"abc"'}
        if not start:
            return httpx.Response(200, headers=headers, stream=BrokenBody(content))
        headers["Content-Range"] = f"bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}"
        whole = start + 3000 >= len(VIDEO)
        return httpx.Response(206, headers=headers, stream=httpx.ByteStream(content) if whole else BrokenBody(content))

    service = fake(next_part)
    partial = Partial(io.BytesIO())
    for _ in range(3):
        with pytest.raises(ConnectionLost):
            download(service, partial)
    assert download(service, partial) == VIDEO
    assert [asked for asked, _ in requested_ranges(service)] == [None, "bytes=3000-", "bytes=6000-", "bytes=9000-"]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"abc"'}, {"ETag": "abc"}, {"ETag": ""}])
def test_download_without_a_validator_restarts(fake: Any, headers: dict[str, str]) -> None:
    """A host that does not say which file it was, or only weakly, is asked for all of it."""
    service = fake(half(**headers), (200, VIDEO))
    assert download(service, interrupted_download(service)) == VIDEO
    assert requested_ranges(service) == [(None, None)] * 2


def test_changed_file_is_downloaded_whole(fake: Any) -> None:
    """A 200 to a request for the rest is another file, or a host that knows no ranges: it starts over."""
    service = fake(half(ETag='"abc"'), (200, VIDEO[::-1], {"ETag": '"def"'}))
    partial = interrupted_download(service)
    assert download(service, partial) == VIDEO[::-1]
    assert partial.validator == '"def"'


OTHER_PARTS = {
    "too late": part(HALF + 1, VIDEO[HALF + 1 :]),
    "too early": part(HALF - 1, VIDEO[HALF - 1 :]),
    "all of it": part(0, VIDEO),
    "unsaid": (206, VIDEO[HALF:], {}),
    "other units": (206, VIDEO[HALF:], {"Content-Range": f"items {HALF}-"}),
    "no start": (206, VIDEO[HALF:], {"Content-Range": f"bytes */{len(VIDEO)}"}),
    "nothing left": (416, b"", {"Content-Range": f"bytes */{HALF}"}),
    "a page": (416, b"<html>", {}),
}


@pytest.mark.parametrize("answer", OTHER_PARTS.values(), ids=OTHER_PARTS)
def test_another_part_than_the_rest_is_refused(fake: Any, answer: Any) -> None:
    """A part that does not follow what is there, or none, is refused; what came before is forgotten, then all comes."""
    service = fake(half(ETag='"abc"'), answer, (200, VIDEO))
    partial = interrupted_download(service)
    with pytest.raises(DownloadError, match="sent another part of it than was asked for"):
        download(service, partial)
    assert (partial.size, partial.validator) == (0, None)
    assert download(service, partial) == VIDEO
    assert requested_ranges(service)[2] == (None, None)


@pytest.mark.parametrize("answer", [part(5, VIDEO[5:]), (416, b"", {})], ids=["a part", "no part"])
def test_part_that_was_not_asked_for_is_refused(fake: Any, answer: Any) -> None:
    """A host that sends a part of a file that was asked for whole gives no file."""
    partial = Partial(io.BytesIO())
    with pytest.raises(DownloadError, match="sent another part of it"):
        download(fake(answer), partial)
    assert partial.size == 0


def test_206_with_the_whole_file_is_accepted(fake: Any) -> None:
    """A host that answers 206 with all of it gives the file."""
    assert download(fake(part(0, VIDEO)), Partial(io.BytesIO())) == VIDEO


def test_resumed_length_is_checked(fake: Any) -> None:
    """The length of a rest counts together with what was there."""
    headers = {"ETag": '"abc"', "Content-Length": str(len(VIDEO) - HALF), "Content-Range": REST[2]["Content-Range"]}
    service = fake(
        half(ETag='"abc"'),
        lambda request: httpx.Response(206, headers=headers, stream=httpx.ByteStream(VIDEO[HALF:-1])),
        part(len(VIDEO) - 1, VIDEO[-1:]),
    )
    partial = interrupted_download(service)
    with pytest.raises(DownloadError, match=f"only {len(VIDEO) - 1} of {len(VIDEO)} bytes came"):
        download(service, partial)
    assert download(service, partial) == VIDEO


@pytest.mark.parametrize("announced", [True, False])
def test_resumed_size_is_bounded(fake: Any, announced: bool) -> None:
    """A rest that would make the file too large is refused, and nothing of the file is kept."""
    headers = {"Content-Range": REST[2]["Content-Range"]}
    if announced:
        headers["Content-Length"] = str(len(VIDEO) - HALF)
    service = fake(
        half(ETag='"abc"'),
        lambda request: httpx.Response(206, headers=headers, stream=httpx.ByteStream(VIDEO[HALF:])),
    )
    partial = interrupted_download(service)
    with pytest.raises(DownloadError, match="the file is larger than"):
        download(service, partial, largest=len(VIDEO) - 1)
    assert partial.size == 0


def test_error_page_instead_of_the_rest_keeps_what_came(fake: Any) -> None:
    """A gateway's error page in place of the rest is refused by its status; what is there stays for the next try."""
    service = fake(half(ETag='"abc"'), (503, "<html>"), REST)
    partial = interrupted_download(service)
    with pytest.raises(DownloadError, match="HTTP 503"):
        download(service, partial)
    assert download(service, partial) == VIDEO
    assert requested_ranges(service)[1:] == [(f"bytes={HALF}-", '"abc"')] * 2


def test_compressed_download_restarts(fake: Any) -> None:
    """The bytes of a file that came compressed are not counted as its host counts them: it is asked for whole."""
    packed = gzip.compress(VIDEO)
    headers = {"ETag": '"abc"', "Content-Encoding": "gzip"}
    service = fake(
        lambda request: httpx.Response(200, headers=headers, stream=BrokenBody(packed[:-20])), (200, packed, headers)
    )
    partial = Partial(io.BytesIO())
    with pytest.raises(ConnectionLost):
        download(service, partial)
    assert download(service, partial) == VIDEO
    assert requested_ranges(service) == [(None, None)] * 2


def test_resume_follows_redirects(fake: Any) -> None:
    """Where the host redirects, the rest is asked for at the new address too."""
    service = fake(half(ETag='"abc"'), (302, "", {"Location": "https://b.example/c"}), REST)
    assert download(service, interrupted_download(service)) == VIDEO
    assert requested_ranges(service)[1:] == [(f"bytes={HALF}-", '"abc"')] * 2
