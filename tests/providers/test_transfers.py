"""Uploads to the service that will read the file, with the key for the service alone; and whether a video is gone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.errors import (
    ConnectionLost,
    InvalidKey,
    InvalidRequest,
    RateLimited,
    ServiceError,
    Unreachable,
    UnusableAnswer,
)
from luma_jupyter.providers.http.transfers import CHUNK, UPLOAD_TRIES
from luma_jupyter.providers.protocol import Upload

DATA = bytes(range(256)) * 1000
FILE = LocalFile(hashlib.sha256(DATA).hexdigest(), "image/png", "first.png", len(DATA), data=DATA)
AT_THE_SERVICE = "https://cdn.acedata.cloud/first.png"
STORE = "https://store.example/bucket/abc?signature=s"
PREPARED = {"upload_url": STORE, "headers": {"Content-Type": "image/png", "x-meta": "1"}, "signed_id": "signed-1"}
CONFIRMED = {"file_name": "first.png", "url": "https://files.runapi.ai/f.png", "expires_at": "2026-12-01T00:00:00Z"}


def upload(api: Any, file: LocalFile = FILE) -> tuple[Upload, list[float]]:
    """Where the file is, and the shares that were reported on the way."""
    shares: list[float] = []
    return asyncio.run(api.upload(file, shares.append)), shares


@pytest.mark.parametrize("name", ["file_url", "url"])
def test_acedata_upload(fake: Any, key: str, platform_token: str, name: str) -> None:
    """One form with the field ``file`` and the platform token, never the key; the address has either of two names."""
    service = fake({name: AT_THE_SERVICE})
    found, shares = upload(service.acedata())
    assert found == Upload(AT_THE_SERVICE)
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("POST", "https://platform.acedata.cloud/api/v1/files/")
    assert request.headers["authorization"] == f"Bearer {platform_token}"
    assert key not in str(request.headers.raw)
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert b'name="file"; filename="first.png"' in request.content
    assert b"Content-Type: image/png" in request.content
    assert DATA in request.content
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_runapi_upload(fake: Any, key: str) -> None:
    """Prepare, put, confirm; the host of the file gets the bytes with exactly its headers, and never the key."""
    service = fake(PREPARED, (200, ""), CONFIRMED)
    found, shares = upload(service.runapi())
    assert found == Upload("https://files.runapi.ai/f.png", 1796083200.0)
    prepare, put, confirm = service.requests
    assert [(request.method, str(request.url)) for request in service.requests] == [
        ("POST", "https://runapi.ai/api/v1/files/prepare"),
        ("PUT", STORE),
        ("POST", "https://runapi.ai/api/v1/files/confirm"),
    ]
    checksum = base64.b64encode(hashlib.md5(DATA).digest()).decode()
    assert json.loads(prepare.content) == {"filename": "first.png", "byte_size": len(DATA), "checksum": checksum}
    assert json.loads(confirm.content) == {"signed_id": "signed-1"}
    assert put.content == DATA
    assert put.headers["content-type"] == "image/png"
    assert put.headers["x-meta"] == "1"
    assert put.headers["content-length"] == str(len(DATA))
    assert key not in str(put.headers)
    assert {request.headers["authorization"] for request in (prepare, confirm)} == {f"Bearer {key}"}
    assert len(shares) == -(-len(DATA) // CHUNK)
    assert shares[-1] == 1


REFUSALS: dict[str, tuple[Any, type[ServiceError]]] = {
    "no key": ((401, {"error": {"code": "invalid_token", "message": "no"}}), InvalidKey),
    "too large": ((413, {"error": "too large"}), ServiceError),
    "a page": ((200, "<html>"), UnusableAnswer),
    "no address": ({"name": "x"}, UnusableAnswer),
    "no web address": ({"file_url": "file:///x", "upload_url": "file:///x", "signed_id": "s"}, UnusableAnswer),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("kind", ["acedata", "runapi"])
def test_refused_upload_is_an_error(fake: Any, name: str, kind: str) -> None:
    """Whatever a service answers instead, it is one of our errors, and nothing more is sent."""
    answer, error = REFUSALS[name]
    service = fake(answer)
    with pytest.raises(error):
        upload(getattr(service, kind)())
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [301, 403, 404])
def test_upload_refused_by_the_host_of_the_file(fake: Any, status: int) -> None:
    """A refused PUT is an error with its status, and nothing is confirmed; redirects are not followed."""
    service = fake(PREPARED, (status, "", {"Location": "https://other.example/"}))
    with pytest.raises(ServiceError, match=f"HTTP {status}"):
        upload(service.runapi())
    assert len(service.requests) == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "http://192.168.0.1/x", "http://localhost:9/x"])
def test_upload_to_the_local_network_is_refused(fake: Any, url: str) -> None:
    """A service cannot have the user's file sent to somebody's own network."""
    service = fake(PREPARED | {"upload_url": url})
    with pytest.raises(UnusableAnswer, match="local network"):
        upload(service.runapi())
    assert len(service.requests) == 1
    near = fake(PREPARED | {"upload_url": "http://127.0.0.1:5/put"}, (200, ""), CONFIRMED)
    assert upload(near.runapi("http://127.0.0.1:5"))[0].url == CONFIRMED["url"]


@pytest.mark.parametrize("trouble", [httpx.ConnectError("no"), httpx.ReadError("gone"), (503, "busy")])
def test_upload_is_repeated(fake: Any, trouble: Any) -> None:
    """An upload costs nothing, so it is repeated where no answer came or the server was in trouble."""
    service = fake(trouble, {"file_url": AT_THE_SERVICE})
    found = service.run(service.acedata().upload(FILE, lambda share: None))
    assert found == Upload(AT_THE_SERVICE)
    assert len(service.requests) == 2
    assert all(DATA in request.content for request in service.requests)


BUSY = (429, {"error": "slow down"}, {"Retry-After": "40"})


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "40"}, 40.0), ({}, 1.0)])
def test_upload_waits_out_a_rate_limit(fake: Any, headers: dict[str, str], seconds: float) -> None:
    """A service that gets too many requests has not refused the file: it is sent again when that is over."""
    service = fake((429, {"error": "slow down"}, headers), {"file_url": AT_THE_SERVICE})
    assert service.run(service.acedata().upload(FILE, lambda share: None)) == Upload(AT_THE_SERVICE)
    assert service.times("upload") == [0.0, seconds]


@pytest.mark.parametrize("step", range(3), ids=["prepare", "put", "confirm"])
@pytest.mark.parametrize("trouble", [BUSY, (503, "busy"), httpx.ReadError("gone")], ids=["429", "503", "lost"])
def test_each_step_of_an_upload_is_repeated(fake: Any, trouble: Any, step: int) -> None:
    """Each of RunAPI's three steps costs nothing, and is sent again by itself; those before it are not."""
    answers = [PREPARED, (200, ""), CONFIRMED]
    service = fake(*answers[:step], trouble, *answers[step:])
    found = service.run(service.runapi().upload(FILE, lambda share: None))
    assert found.url == CONFIRMED["url"]
    methods = [request.method for request in service.requests]
    assert methods == ["POST", "PUT", "POST"][: step + 1] + ["POST", "PUT", "POST"][step:]
    again = 40.0 if trouble is BUSY else 1.0
    assert service.times("upload") == [0.0] * (step + 1) + [again] * (3 - step)


@pytest.mark.parametrize("name", ["acedata", "runapi"])
def test_upload_that_is_to_wait_very_long_gives_up(fake: Any, name: str) -> None:
    """Whoever asks for an hour is not waited for: the clip says so at once."""
    service = fake((429, {"error": "slow down"}, {"Retry-After": "3600"}))
    with pytest.raises(RateLimited, match="3600 s"):
        upload(getattr(service, name)())
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (httpx.ConnectError("no"), Unreachable),
        (httpx.ReadTimeout("slow"), ConnectionLost),
        ((500, "x"), ServiceError),
        ((429, "x"), RateLimited),
    ],
)
def test_upload_gives_up(fake: Any, trouble: Any, error: type[Exception]) -> None:
    """After some tries the trouble is raised."""
    service = fake(trouble)
    with pytest.raises(error):
        service.run(service.acedata().upload(FILE, lambda share: None))
    assert len(service.requests) == UPLOAD_TRIES


def test_changed_file_is_not_uploaded(fake: Any) -> None:
    """What is uploaded is what was checked, or nothing."""
    service = fake({"file_url": AT_THE_SERVICE})
    other = LocalFile("0" * 64, "image/png", "first.png", 3, data=b"abc")
    for api in (service.acedata(), service.runapi()):
        with pytest.raises(InvalidRequest, match="has changed"):
            upload(api, other)
    assert service.requests == []


@pytest.mark.parametrize(
    ("status", "gone"), [(200, False), (403, True), (404, True), (410, True), (405, False), (500, False), (302, False)]
)
def test_video_is_gone_only_where_its_host_says_so(fake: Any, status: int, gone: bool) -> None:
    """Only a clear no counts; the question carries no key."""
    service = fake((status, ""))
    assert asyncio.run(service.http.transfers.is_gone("https://cdn.example/v.mp4", trusted_origin="")) is gone
    asked = [request.method for request in service.requests]
    assert asked == (["HEAD", "GET"] if status == 403 else ["HEAD"])
    assert not any("authorization" in request.headers for request in service.requests)


class _Unread(httpx.AsyncByteStream):
    """A file that nobody reads."""

    closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        raise AssertionError("the file was read")
        yield b""

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("status", "gone"), [(206, False), (200, False), (403, True), (404, True), (503, False)])
def test_video_whose_address_is_for_get_alone_is_asked_for_by_get(fake: Any, status: int, gone: bool) -> None:
    """A signed address refuses HEAD with 403 though the video is there: what GET says counts, and no byte is read."""
    video = _Unread()
    service = fake((403, ""), lambda request: httpx.Response(status, stream=video))
    assert asyncio.run(service.http.transfers.is_gone("https://cdn.example/v.mp4", trusted_origin="")) is gone
    head, get = service.requests
    assert (head.method, get.method, get.headers["range"]) == ("HEAD", "GET", "bytes=0-0")
    assert "authorization" not in get.headers
    assert video.closed


def test_video_that_cannot_be_asked_for_is_not_gone(fake: Any) -> None:
    """Without a network, or on somebody's own one, nothing is known, so nothing is gone."""
    service = fake(httpx.ConnectError("no"))
    assert not asyncio.run(service.http.transfers.is_gone("https://cdn.example/v.mp4", trusted_origin=""))
    assert not asyncio.run(service.http.transfers.is_gone("http://10.0.0.1/v.mp4", trusted_origin="https://x.example"))
    assert len(service.requests) == 1
