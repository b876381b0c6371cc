"""Downloads that break off: the rest is asked for, of the same file only; in any doubt all of it comes again."""

from __future__ import annotations

import gzip
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from luma_jupyter.errors import ConnectionLost, DownloadError
from luma_jupyter.wire.partial import Partial

URL = "https://cdn.example/v.mp4"
VIDEO = bytes(range(256)) * 40
HALF = len(VIDEO) // 2
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


class Torn(httpx.AsyncByteStream):
    """A body that breaks off after its first bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content
        raise httpx.ReadError("connection reset")


def half(**headers: str) -> Any:
    """The file with these headers (``_`` for ``-``), up to its middle."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(200, headers=named, stream=Torn(VIDEO[:HALF]))


def part(start: int, content: bytes, size: int = len(VIDEO), **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """A 206 that says that it begins at ``start``."""
    return 206, content, {"Content-Range": f"bytes {start}-{start + len(content) - 1}/{size}", **headers}


REST = part(HALF, VIDEO[HALF:])


def download(service: Any, so_far: Partial, largest: int = 1_000_000) -> bytes:
    """What has come of the file after one more try."""
    service.run(service.http.download(URL, so_far, largest=largest, trusted_origin="https://runapi.ai"))
    return so_far.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def torn_once(service: Any) -> Partial:
    """What has come of the file when the first try broke off: half of it."""
    so_far = Partial(io.BytesIO())
    with pytest.raises(ConnectionLost, match="connection reset"):
        download(service, so_far)
    assert so_far.file.getvalue() == VIDEO[:HALF]  # type: ignore[attr-defined]
    return so_far


def ranges(service: Any) -> list[tuple[str | None, str | None]]:
    """Which part of which file each request asked for."""
    return [(sent.headers.get("range"), sent.headers.get("if-range")) for sent in service.requests]


@pytest.mark.parametrize(
    ("headers", "mark"),
    [
        ({"ETag": '"abc"'}, '"abc"'),
        ({"ETag": '"abc"', "Last_Modified": DATE}, '"abc"'),
        ({"Last_Modified": DATE}, DATE),
        ({"ETag": 'W/"abc"', "Last_Modified": DATE}, DATE),
    ],
)
def test_the_rest_is_asked_for(fake: Any, headers: dict[str, str], mark: str) -> None:
    """After a break the rest of the very same file is asked for, by its strong tag or its date, and only that comes."""
    service = fake(half(**headers), REST)
    assert download(service, torn_once(service)) == VIDEO
    assert ranges(service) == [(None, None), (f"bytes={HALF}-", mark)]


def test_many_breaks(fake: Any) -> None:
    """However often it breaks off, each byte comes once."""

    def piece(request: httpx.Request) -> httpx.Response:
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        content, headers = VIDEO[start : start + 3000], {"ETag": '"abc"'}
        if not start:
            return httpx.Response(200, headers=headers, stream=Torn(content))
        headers["Content-Range"] = f"bytes {start}-{len(VIDEO) - 1}/{len(VIDEO)}"
        whole = start + 3000 >= len(VIDEO)
        return httpx.Response(206, headers=headers, stream=httpx.ByteStream(content) if whole else Torn(content))

    service = fake(piece)
    so_far = Partial(io.BytesIO())
    for _ in range(3):
        with pytest.raises(ConnectionLost):
            download(service, so_far)
    assert download(service, so_far) == VIDEO
    assert [asked for asked, _ in ranges(service)] == [None, "bytes=3000-", "bytes=6000-", "bytes=9000-"]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"abc"'}, {"ETag": "abc"}, {"ETag": ""}])
def test_without_a_mark_all_of_it_comes_again(fake: Any, headers: dict[str, str]) -> None:
    """A host that does not say which file it was, or only weakly, is asked for all of it."""
    service = fake(half(**headers), (200, VIDEO))
    assert download(service, torn_once(service)) == VIDEO
    assert ranges(service) == [(None, None)] * 2


def test_another_file_meanwhile_comes_whole(fake: Any) -> None:
    """A 200 to a request for the rest is another file, or a host that knows no ranges: it starts over."""
    service = fake(half(ETag='"abc"'), (200, VIDEO[::-1], {"ETag": '"def"'}))
    so_far = torn_once(service)
    assert download(service, so_far) == VIDEO[::-1]
    assert so_far.mark == '"def"'


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
def test_another_part_is_not_taken(fake: Any, answer: Any) -> None:
    """A part that does not follow what is there, or none, is refused; what came before is forgotten, then all comes."""
    service = fake(half(ETag='"abc"'), answer, (200, VIDEO))
    so_far = torn_once(service)
    with pytest.raises(DownloadError, match="sent another part of it than was asked for"):
        download(service, so_far)
    assert (so_far.size, so_far.mark) == (0, None)
    assert download(service, so_far) == VIDEO
    assert ranges(service)[2] == (None, None)


@pytest.mark.parametrize("answer", [part(5, VIDEO[5:]), (416, b"", {})], ids=["a part", "no part"])
def test_a_part_that_nobody_asked_for(fake: Any, answer: Any) -> None:
    """A host that sends a part of a file that was asked for whole gives no file."""
    so_far = Partial(io.BytesIO())
    with pytest.raises(DownloadError, match="sent another part of it"):
        download(fake(answer), so_far)
    assert so_far.size == 0


def test_a_part_from_the_start_is_the_file(fake: Any) -> None:
    """A host that answers 206 with all of it gives the file."""
    assert download(fake(part(0, VIDEO)), Partial(io.BytesIO())) == VIDEO


def test_the_whole_length_is_checked(fake: Any) -> None:
    """The length of a rest counts together with what was there."""
    headers = {"ETag": '"abc"', "Content-Length": str(len(VIDEO) - HALF), "Content-Range": REST[2]["Content-Range"]}
    service = fake(
        half(ETag='"abc"'),
        lambda request: httpx.Response(206, headers=headers, stream=httpx.ByteStream(VIDEO[HALF:-1])),
        part(len(VIDEO) - 1, VIDEO[-1:]),
    )
    so_far = torn_once(service)
    with pytest.raises(DownloadError, match=f"only {len(VIDEO) - 1} of {len(VIDEO)} bytes came"):
        download(service, so_far)
    assert download(service, so_far) == VIDEO


@pytest.mark.parametrize("announced", [True, False])
def test_the_whole_size_is_bounded(fake: Any, announced: bool) -> None:
    """A rest that would make the file too large is refused, and nothing of the file is kept."""
    headers = {"Content-Range": REST[2]["Content-Range"]}
    if announced:
        headers["Content-Length"] = str(len(VIDEO) - HALF)
    service = fake(
        half(ETag='"abc"'),
        lambda request: httpx.Response(206, headers=headers, stream=httpx.ByteStream(VIDEO[HALF:])),
    )
    so_far = torn_once(service)
    with pytest.raises(DownloadError, match="the file is larger than"):
        download(service, so_far, largest=len(VIDEO) - 1)
    assert so_far.size == 0


def test_a_page_instead_of_the_rest_takes_nothing_away(fake: Any) -> None:
    """A gateway's error page in place of the rest is refused by its status; what is there stays for the next try."""
    service = fake(half(ETag='"abc"'), (503, "<html>"), REST)
    so_far = torn_once(service)
    with pytest.raises(DownloadError, match="HTTP 503"):
        download(service, so_far)
    assert download(service, so_far) == VIDEO
    assert ranges(service)[1:] == [(f"bytes={HALF}-", '"abc"')] * 2


def test_a_compressed_file_starts_over(fake: Any) -> None:
    """The bytes of a file that came compressed are not counted as its host counts them: it is asked for whole."""
    packed = gzip.compress(VIDEO)
    headers = {"ETag": '"abc"', "Content-Encoding": "gzip"}
    service = fake(
        lambda request: httpx.Response(200, headers=headers, stream=Torn(packed[:-20])), (200, packed, headers)
    )
    so_far = Partial(io.BytesIO())
    with pytest.raises(ConnectionLost):
        download(service, so_far)
    assert download(service, so_far) == VIDEO
    assert ranges(service) == [(None, None)] * 2


def test_redirects_keep_asking_for_the_rest(fake: Any) -> None:
    """Where the host redirects, the rest is asked for at the new address too."""
    service = fake(half(ETag='"abc"'), (302, "", {"Location": "https://b.example/c"}), REST)
    assert download(service, torn_once(service)) == VIDEO
    assert ranges(service)[1:] == [(f"bytes={HALF}-", '"abc"')] * 2
