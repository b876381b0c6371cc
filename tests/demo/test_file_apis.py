"""Uploads on the wire: both vendors' ways, what is kept, what is refused, and what large bodies leave behind."""

import base64
import hashlib
import socket
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.demo import streaming, uploads
from luma_jupyter.demo.bodies import BadRequest
from luma_jupyter.demo.server import LOST, DemoService, InjectedReply, RequestInfo
from luma_jupyter.demo.streaming import StreamedBody, copy_form_file
from tests.support.demo import own_service
from tests.support.file_systems import hold_open
from tests.support.waiting import until

FORM, FILES = "/api/v1/files/", "/api/v1/files"
PREPARE, CONFIRM = "/api/v1/files/prepare", "/api/v1/files/confirm"
PNG = b"\x89PNG\r\n\x1a\n and the rest"
PNG_TEXT = base64.b64encode(PNG).decode()


def md5(data: bytes) -> str:
    """A checksum as RunAPI wants it."""
    return base64.b64encode(hashlib.md5(data).digest()).decode()


@pytest.fixture
def prepared(api: httpx.Client) -> dict[str, Any]:
    """The answer to a prepared upload of a small PNG file."""
    answer = api.post(PREPARE, json={"filename": "start.png", "byte_size": len(PNG), "checksum": md5(PNG)})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Path, DemoService]]:
    """A service of its own, and the folder of its files."""
    with own_service(tmp_path, seconds=0) as own:
        yield own


@pytest.mark.parametrize("path", [FORM, FILES])
def test_form_file_is_served_as_it_came(path: str, platform: httpx.Client, service: DemoService) -> None:
    """A form is answered as AceDataCloud does, with the slash and without, and its file is served as it came."""
    answer = platform.post(path, files={"file": ("start image.PNG", PNG)}, data={"other": "field"})
    assert answer.status_code == 200
    assert answer.json() == dict.fromkeys(("file_url", "url"), answer.json()["url"])
    assert answer.json()["url"].startswith(f"{service.url}/media/")
    assert answer.json()["url"].endswith(".png")
    media = httpx.get(answer.json()["url"])
    assert (media.content, media.headers["content-type"]) == (PNG, "image/png")
    again = platform.post(path, files={"file": ("start image.PNG", PNG)}).json()["url"]
    assert again != answer.json()["url"]


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({"files": {"image": ("a.png", PNG)}}, "file is required"),
        ({"files": {"file": ("a.png", b"")}}, "file is empty"),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, "file is required"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "file is required"),
        ({"content": PNG, "headers": {"Content-Type": "image/png"}}, "file is required"),
        ({"content": b""}, "file is required"),
    ],
)
def test_form_without_a_file_is_refused(form: dict[str, Any], complaint: str, platform: httpx.Client) -> None:
    """Without a file, or with an empty one, the answer is a 400 in AceDataCloud's shape that says so."""
    answer = platform.post(FORM, **form)
    assert answer.status_code == 400
    assert set(answer.json()) == {"success", "error", "trace_id"}
    assert answer.json()["error"]["code"] == "bad_request"
    assert complaint in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("header", "code"), [("", "no_token"), ("Bearer wrong", "invalid_token"), ("Bearer KEY", "invalid_token")]
)
def test_form_wants_the_platform_token(header: str, code: str, platform: httpx.Client, service: DemoService) -> None:
    """Without the platform's token, or with the key, a form is read to its end and refused with a 401, large or not."""
    headers = {"Authorization": header.replace("KEY", service.token)}
    answer = platform.post(FORM, files={"file": ("a.png", bytes(3_000_000))}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


def test_too_large_form_is_refused_and_deleted(
    folder: tuple[Path, DemoService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file over the limit is a 400, whether its body is over it too or not, and nothing of it stays on the disk."""
    path, service = folder
    monkeypatch.setattr("luma_jupyter.demo.acedata_platform.MAX_PLATFORM_FILE_BYTES", 1000)
    for module in ("acedata_platform", "streaming"):
        monkeypatch.setattr(f"luma_jupyter.demo.{module}.MAX_BODY_BYTES", 5000)
    for size, status in ((1000, 200), (1001, 400), (1_000_000, 400)):
        headers = {"Authorization": f"Bearer {service.platform_token}"}
        answer = httpx.post(service.url + FORM, files={"file": ("a.bin", bytes(size))}, headers=headers)
        assert answer.status_code == status
    assert answer.json()["error"] == {"code": "bad_request", "message": "file is larger than 100 MB"}
    until(lambda: [file.stat().st_size for file in path.iterdir()] == [1000])


def test_large_form_is_never_in_memory(folder: tuple[Path, DemoService], monkeypatch: pytest.MonkeyPatch) -> None:
    """A body larger than tornado's 100 MB arrives whole, and is never in memory, neither whole nor in part."""
    path, service = folder
    monkeypatch.setattr("luma_jupyter.demo.acedata_platform.MAX_PLATFORM_FILE_BYTES", 200_000_000)
    size, edge = 120_000_000, b"--edge\r\n"
    head = edge + b'Content-Disposition: form-data; name="file"; filename="film.mp4"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head + b"\0\0\0\x18ftypisom"
        yield from [bytes(1_000_000)] * 120
        yield b"the end\r\n--edge--\r\n"

    token = service.platform_token
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=edge"}
    tracemalloc.start()
    answer = httpx.post(service.url + FORM, content=body(), headers=headers, timeout=60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 200
    assert peak < 20_000_000
    part = httpx.get(answer.json()["url"], headers={"Range": "bytes=-7"})
    assert part.content == b"the end"
    assert part.headers["content-type"] == "video/mp4"
    until(lambda: [file.stat().st_size for file in path.iterdir()] == [size + 12 + 7])


def test_broken_off_upload_leaves_no_file(folder: tuple[Path, DemoService]) -> None:
    """Of an upload that breaks off half-way nothing stays."""
    path, service = folder
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        headers = f"Host: {host}:{port}\r\nAuthorization: Bearer {service.platform_token}\r\nContent-Length: 1000"
        connection.sendall(f"POST /api/v1/files/ HTTP/1.1\r\n{headers}\r\n\r\nhalf".encode())
        until(lambda: list(path.iterdir()))
    until(lambda: not list(path.iterdir()))


@pytest.mark.parametrize("answer", [LOST, InjectedReply(503, b"busy"), None])
def test_hook_sees_and_answers_an_upload(answer: InjectedReply | None, tmp_path: Path) -> None:
    """A hook sees an upload with its body, may answer it or lose its answer; a lost one is carried out all the same."""
    seen: list[RequestInfo] = []

    def hook(request: RequestInfo) -> InjectedReply | None:
        seen.append(request)
        return answer

    with own_service(tmp_path, seconds=0, hook=hook) as (folder, service):
        headers = {"Authorization": f"Bearer {service.platform_token}"}
        request: dict[str, Any] = {"files": {"file": ("a.png", PNG)}, "headers": headers}
        if answer is LOST:
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.post(service.url + FORM, **request)
        else:
            assert httpx.post(service.url + FORM, **request).status_code == (answer.status if answer else 200)
        left = [] if answer and answer is not LOST else [".png"]
        until(lambda: [file.suffix for file in folder.iterdir()] == left)
    assert [(request.method, request.path) for request in seen] == [("POST", FORM)]
    assert PNG in seen[0].body


@pytest.mark.parametrize("path", [FORM, FILES])
@pytest.mark.parametrize("text", [PNG_TEXT, f"data:image/png;base64,{PNG_TEXT}"])
def test_base64_becomes_a_file(path: str, text: str, api: httpx.Client) -> None:
    """JSON is answered as RunAPI does, with the slash and without: base64, also as a data URL, becomes a file."""
    body = {"source": {"type": "base64", "data": text}, "file_name": "start.png"}
    answer = api.post(path, json=body)
    assert answer.status_code == 200
    upload = answer.json()
    assert list(upload) == ["file_name", "url", "size_bytes", "mime_type", "created_at", "expires_at"]
    assert (upload["file_name"], upload["size_bytes"], upload["mime_type"]) == ("start.png", len(PNG), "image/png")
    created, expires = (datetime.fromisoformat(upload[name]) for name in ("created_at", "expires_at"))
    assert expires - created == timedelta(days=7)
    assert abs(datetime.now(created.tzinfo) - created) < timedelta(minutes=1)
    assert httpx.get(upload["url"]).content == PNG


def test_url_becomes_a_file(api: httpx.Client, clip: dict[str, Any], service: DemoService) -> None:
    """A URL becomes a file of its own, be it one of this service's media or any other."""
    elsewhere = service.url.replace("127.0.0.1", "localhost")
    for url in (clip["thumbnail_url"], clip["thumbnail_url"].replace(service.url, elsewhere)):
        upload = api.post(FILES, json={"source": {"type": "url", "url": url}}).json()
        assert upload["mime_type"] == "image/jpeg"
        assert upload["file_name"] == url.rpartition("/")[2]
        assert upload["url"] != url
        assert httpx.get(upload["url"]).content == httpx.get(url).content


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        (FILES, {}, "source must be"),
        (FILES, {"source": "https://example.com/a.png"}, "source has the wrong type"),
        (FILES, {"source": {"type": "url"}}, "source must be"),
        (FILES, {"source": {"type": "file", "data": PNG_TEXT}}, "source must be"),
        (FILES, {"source": {"type": "base64", "data": ""}}, "source must be"),
        (FILES, {"source": {"type": "base64", "data": "data:image/png;base64,"}}, "source must be"),
        (FILES, {"source": {"type": "base64", "data": "not base64"}}, "source.data is not base64"),
        (FILES, {"source": {"type": "base64", "data": "ü"}}, "source.data is not base64"),
        (FILES, {"source": {"type": "base64", "data": PNG_TEXT}, "file_name": 5}, "file_name has the wrong type"),
        (FILES, {"source": {"type": "url", "url": "file:///etc/hostname"}}, "source cannot be read: it is not an http"),
        (FILES, {"source": {"type": "url", "url": "http://127.0.0.1:1/x"}}, "source cannot be read: "),
        (FILES, {"source": {"type": "url", "url": "SERVICE/media/gone.png"}}, "there is no such file here"),
        (FILES, {"source": {"type": "url", "url": "SERVICE/media/.."}}, "there is no such file here"),
        (PREPARE, {"byte_size": 5, "checksum": md5(PNG)}, "filename is required"),
        (PREPARE, {"filename": "a.png", "checksum": md5(PNG)}, "byte_size must be 1 to 200000000"),
        (PREPARE, {"filename": "a.png", "byte_size": 0, "checksum": md5(PNG)}, "byte_size must be"),
        (PREPARE, {"filename": "a.png", "byte_size": 200_000_001, "checksum": md5(PNG)}, "byte_size must be"),
        (PREPARE, {"filename": "a.png", "byte_size": "5", "checksum": md5(PNG)}, "byte_size has the wrong type"),
        (PREPARE, {"filename": "a.png", "byte_size": 5}, "checksum must be the MD5"),
        (PREPARE, {"filename": "a.png", "byte_size": 5, "checksum": hashlib.md5(PNG).hexdigest()}, "checksum must be"),
        (PREPARE, {"filename": "a.png", "byte_size": 5, "checksum": "?"}, "checksum must be"),
        (CONFIRM, {}, "signed_id is required"),
    ],
)
def test_bad_upload_body_names_the_field(
    path: str, body: dict[str, Any], complaint: str, api: httpx.Client, service: DemoService
) -> None:
    """Whatever is wrong with a body is a 400 in RunAPI's shape that names the field."""
    source = body.get("source")
    if isinstance(source, dict) and "url" in source:
        body = {**body, "source": {**source, "url": source["url"].replace("SERVICE", service.url)}}
    answer = api.post(path, json=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["code"] == "bad_request"
    assert complaint in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", [FILES, PREPARE, CONFIRM])
@pytest.mark.parametrize(("key", "complaint"), [("", "missing"), ("Bearer wrong", "invalid")])
def test_runapi_wants_the_key(path: str, key: str, complaint: str, api: httpx.Client) -> None:
    """Without the key, or with a wrong one, every step but the PUT is a 401 in RunAPI's shape."""
    answer = api.post(path, json={}, headers={"Authorization": key})
    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": "unauthorized", "message": f"API key is {complaint}."}}


def test_prepare_put_confirm_keeps_the_file(prepared: dict[str, Any], api: httpx.Client) -> None:
    """Prepare, PUT without the key, confirm: the file is there; a confirmation may be asked for again."""
    assert list(prepared) == ["upload_url", "headers", "signed_id"]
    put = httpx.put(prepared["upload_url"], content=PNG, headers=prepared["headers"])
    assert (put.status_code, put.content) == (200, b"")
    answers = [api.post(CONFIRM, json={"signed_id": prepared["signed_id"]}).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert list(answers[0]) == ["file_name", "url", "size_bytes", "mime_type", "created_at", "expires_at"]
    assert (answers[0]["file_name"], answers[0]["size_bytes"]) == ("start.png", len(PNG))
    media = httpx.get(answers[0]["url"])
    assert (media.content, media.headers["content-type"]) == (PNG, "image/png")


@pytest.mark.parametrize(
    ("content", "change", "status", "complaint"),
    [
        (PNG, {"Authorization": "Bearer KEY"}, 400, "must not be sent the API key"),
        (PNG, {"Authorization": "Bearer wrong"}, 400, "must not be sent the API key"),
        (PNG, {"Content-MD5": None}, 403, "Content-MD5"),
        (PNG, {"Content-MD5": md5(b"another")}, 403, "Content-MD5"),
        (PNG, {"Content-Type": None}, 403, "Content-Type"),
        (PNG, {"Content-Type": "image/jpeg"}, 403, "Content-Type"),
        (PNG[:-1], {}, 400, "Size or checksum"),
        (PNG[:-1] + b"!", {}, 400, "Size or checksum"),
        (b"", {}, 400, "Size or checksum"),
    ],
)
def test_wrong_put_is_refused_and_the_right_one_taken(
    content: bytes,
    change: dict[str, str | None],
    status: int,
    complaint: str,
    prepared: dict[str, Any],
    api: httpx.Client,
    service: DemoService,
) -> None:
    """A PUT with the key, without one of its headers, or of other bytes is refused; the right one is taken after it."""
    headers = {**prepared["headers"], **change}
    headers = {name: value.replace("KEY", service.token) for name, value in headers.items() if value}
    refused = httpx.put(prepared["upload_url"], content=content, headers=headers)
    assert (refused.status_code, set(refused.json())) == (status, {"error"})
    assert complaint in refused.json()["error"]["message"]
    early = api.post(CONFIRM, json={"signed_id": prepared["signed_id"]})
    assert (early.status_code, early.json()["error"]["code"]) == (422, "unprocessable")
    assert httpx.put(prepared["upload_url"], content=PNG, headers=prepared["headers"]).status_code == 200
    assert api.post(CONFIRM, json={"signed_id": prepared["signed_id"]}).status_code == 200


def test_upload_url_is_good_for_one_put(prepared: dict[str, Any]) -> None:
    """An upload URL is good for a single PUT."""
    first, second = (
        httpx.put(prepared["upload_url"], content=PNG, headers=prepared["headers"]).status_code for _ in range(2)
    )
    assert (first, second) == (200, 403)


def test_unknown_upload_is_404(api: httpx.Client, service: DemoService) -> None:
    """A signed_id or an upload URL that was never given out is a 404 in RunAPI's shape."""
    unknown = api.post(CONFIRM, json={"signed_id": "unknown"}), httpx.put(f"{service.url}/storage/unknown", content=PNG)
    for answer in unknown:
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", FORM), ("GET", FILES), ("PUT", FORM), ("DELETE", FILES), ("GET", PREPARE), ("POST", "/storage/x")],
)
def test_other_methods_are_405(method: str, path: str, api: httpx.Client) -> None:
    """What is none of the vendors' calls is a 405 in JSON."""
    answer = api.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("head", "name", "mime"),
    [
        (PNG, "lie.mp4", "image/png"),
        (b"\xff\xd8\xff\xe0", "", "image/jpeg"),
        (b"GIF89a", "a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a", "application/octet-stream"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "a", "image/avif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a.png", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "a", "video/quicktime"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "old.MOV", "video/quicktime"),
        (b"\x1aE\xdf\xa3", "a", "video/webm"),
        (b"?", "photo.JPEG", "image/jpeg"),
        (b"<html>", "page.html", "application/octet-stream"),
        (b"<svg>", "picture.svg", "application/octet-stream"),
        (b"?", "../../x", "application/octet-stream"),
    ],
)
def test_first_bytes_decide_the_type(head: bytes, name: str, mime: str, api: httpx.Client) -> None:
    """First bytes say what a file is, its name only where they do not; a page is served as mere bytes."""
    source = {"type": "base64", "data": base64.b64encode(head).decode()}
    upload = api.post(FILES, json={"source": source, "file_name": name}).json()
    assert upload["mime_type"] == mime
    media = httpx.get(upload["url"])
    assert (media.headers["content-type"], media.headers["x-content-type-options"]) == (mime, "nosniff")
    assert media.content == head


@pytest.mark.parametrize(
    "form",
    [
        b"--edge",
        b"--edge--\r\n",
        b"no edge at all",
        b"--edge\r\nContent-Disposition: form-data; name=file\r\n",
        b"--edge\r\nContent-Disposition: form-data; name=file\r\n\r\nunfinished",
        b"--edge\r\n\r\nnameless\r\n--edge--",
        b"--edge\r\nX: " + b"y" * 20_000 + b"\r\n\r\n\r\n--edge--",
        b"--edge\r\nContent-Disposition: form-data; name*=utf-8''file\r\n\r\nx\r\n--edge--",
    ],
)
def test_broken_form_is_refused(form: bytes, tmp_path: Path) -> None:
    """A form that is cut off, or has no such part, is refused, and nothing is written."""
    (tmp_path / "body").write_bytes(form)
    with pytest.raises(BadRequest, match="file is required"):
        copy_form_file(tmp_path / "body", "multipart/form-data; boundary=edge", "file", tmp_path / "target")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n--edg", b"a\r\n\r\n--\r\nb\r\n"])
def test_form_file_keeps_its_bytes(data: bytes, tmp_path: Path) -> None:
    """What looks like parts of a form within a file belongs to the file, up to its last byte."""
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="\xc3\xbc.png"\r\n\r\n'
    form = b"--edge\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n" + head + data + b"\r\n--edge--\r\n"
    (tmp_path / "body").write_bytes(form)
    assert copy_form_file(tmp_path / "body", 'Multipart/Form-Data; boundary="edge"', "file", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data


def test_size_limits() -> None:
    """Files of 200 MB are taken, with room for the form around them."""
    assert uploads.MAX_FILE_BYTES == 200_000_000
    assert streaming.MAX_BODY_BYTES > uploads.MAX_FILE_BYTES


def test_upload_that_a_scanner_holds_is_kept_and_its_rest_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Windows: its new name is waited for, and what cannot be deleted is no error."""
    held = ("from", "unlink", "remove")
    body = StreamedBody(tmp_path / "a.part")
    body.write(PNG)
    body.close()
    holder = hold_open(tmp_path, monkeypatch, lambda call, name: call in held and name == "a.part", patience=2)
    kept = uploads.UploadStore(tmp_path).keep(body.file, "a.png")
    assert (kept.file.read_bytes(), kept.mime_type, len(holder.pauses)) == (PNG, "image/png", 2)
    rest = StreamedBody(tmp_path / "a.part")
    holder.patience = 100
    rest.discard()
    assert rest.file.exists()
