"""The demo service's doors: who may not ask is refused before a byte is kept, and nothing grows without end."""

from __future__ import annotations

import base64
import hashlib
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.demo.server import DemoService
from tests.support.demo import own_service

VIDEOS, TASKS, MODIFY = "/luma/videos", "/luma/tasks", "/api/v1/luma/modify_video"
FORM, FILES, PREPARE = "/api/v1/files/", "/api/v1/files", "/api/v1/files/prepare"
PIECE = bytes(1_000_000)
PNG = b"\x89PNG\r\n\x1a\n and the rest"
ORIGINS = ["https://evil.example", "null", "", "http://127.0.0.1:8888"]
HOSTS = ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost", "[::1]:PORT", "0.0.0.0:PORT", ""]
DOORS = [
    ("POST", VIDEOS),
    ("POST", TASKS),
    ("POST", MODIFY),
    ("GET", f"{MODIFY}/x"),
    ("GET", "/api/v1/me/balance"),
    ("POST", "/api/v1/price_quotes"),
    ("GET", "/api/v1/apis/"),
    ("GET", "/api/v1/services/"),
    ("GET", "/api/v1/applications/"),
    ("GET", "/api/v1/usage/apis/"),
    ("POST", FORM),
    ("POST", FILES),
    ("POST", PREPARE),
    ("POST", "/api/v1/files/confirm"),
    ("PUT", "/storage/x"),
    ("GET", "/nowhere"),
]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[Path, DemoService]]:
    """A service of its own, and the folder of its files."""
    with own_service(tmp_path, seconds=1000) as own:
        yield own


def port(service: DemoService) -> int:
    """The port that a service listens on."""
    return int(service.url.rpartition(":")[2])


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_page_is_refused_though_it_has_the_key(
    origin: str, method: str, path: str, api: httpx.Client, service: DemoService
) -> None:
    """Whatever a page asks for with an Origin is a 403 that no page can read, its preflight too."""
    for token in (service.token, service.platform_token):
        headers = {"Origin": origin, "Authorization": f"Bearer {token}"}
        answer = api.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")
    preflight = {"Origin": origin, "Access-Control-Request-Method": method}
    answer = api.options(path, headers=preflight)
    assert answer.status_code in (403, 405)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_simple_request_of_a_page_makes_nothing(content_type: str, kept: tuple[Path, DemoService]) -> None:
    """What a page can send without asking first, a form or a text, makes no task and no file."""
    folder, service = kept
    headers = {"Origin": "https://evil.example", "Content-Type": content_type}
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {service.token}"}) as api:
        for path in (VIDEOS, MODIFY, FILES, FORM):
            assert api.post(path, content=b'{"prompt": "A boat [fail]"}', headers=headers).status_code in (400, 403)
        assert api.post(TASKS, json={"action": "retrieve_batch", "limit": 1000}).json()["count"] == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("method", "path"), [*DOORS, ("GET", "MEDIA"), ("HEAD", "MEDIA")])
@pytest.mark.parametrize("host", HOSTS)
def test_name_that_was_made_to_lead_here_is_refused(
    host: str, method: str, path: str, api: httpx.Client, service: DemoService, clip: dict[str, Any]
) -> None:
    """DNS rebinding: a page's own name that points to this machine is no name of this service, for films neither."""
    url = clip["video_url"] if path == "MEDIA" else path
    answer = api.request(method, url, headers={"Host": host.replace("PORT", str(port(service)))})
    assert answer.status_code == 421


def test_own_names_are_let_in(api: httpx.Client, service: DemoService) -> None:
    """The service is 127.0.0.1 and localhost at its port, in any letters."""
    for host in ("127.0.0.1", "localhost", "LocalHost"):
        assert api.get("/api/v1/me/balance", headers={"Host": f"{host}:{port(service)}"}).status_code == 200


def test_page_shows_films_and_reads_none(clip: dict[str, Any]) -> None:
    """A player and a picture in any page go on to work, and no page is allowed to read what they show."""
    for headers in ({}, {"Origin": "http://localhost:8888"}, {"Origin": "null"}):
        for url, kind in ((clip["video_url"], "video/mp4"), (clip["thumbnail_url"], "image/jpeg")):
            part = httpx.get(url, headers={**headers, "Range": "bytes=0-9", "Sec-Fetch-Dest": "video"})
            assert (part.status_code, part.headers["content-type"]) == (206, kind)
            assert "access-control-allow-origin" not in part.headers


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", FORM, {"Origin": "https://evil.example", "Host": "evil.example"}, 421),
        ("POST", FORM, {"Authorization": "Bearer wrong"}, 401),
        ("POST", FORM, {"Authorization": "Bearer known"}, 401),
        ("POST", FORM, {}, 401),
        ("POST", FORM, {"Origin": "null", "Authorization": "Bearer PLATFORM"}, 403),
        ("POST", FILES, {"Content-Type": "application/json"}, 401),
        ("POST", FILES, {"Content-Type": "application/json", "Authorization": "Bearer PLATFORM"}, 401),
        ("POST", VIDEOS, {}, 401),
        ("POST", VIDEOS, {"Host": "evil.example", "Authorization": "Bearer known"}, 421),
        ("POST", MODIFY, {"Origin": "null", "Authorization": "Bearer known"}, 403),
        ("PUT", "/storage/unknown", {}, 404),
        ("POST", "/media/x.mp4", {}, 405),
        ("POST", "/nowhere", {"Authorization": "Bearer known"}, 404),
    ],
)
def test_refused_body_is_kept_nowhere(
    method: str, path: str, headers: dict[str, str], status: int, kept: tuple[Path, DemoService]
) -> None:
    """60 MB without the right key, host or origin are neither on the disk nor in memory; the answer says why."""
    folder, service = kept
    headers = {name: value.replace("PLATFORM", service.platform_token) for name, value in headers.items()}
    seen: list[Path] = []

    def body() -> Iterator[bytes]:
        for _ in range(60):
            seen.extend(folder.iterdir())
            yield PIECE

    tracemalloc.start()
    answer = httpx.request(method, service.url + path, content=body(), headers=headers, timeout=60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == status
    assert answer.json()["error"]["code"]
    assert seen == list(folder.iterdir()) == []
    assert peak < 10_000_000


def test_body_without_end_is_cut_off(kept: tuple[Path, DemoService]) -> None:
    """A body that says to be larger than anything the service takes is not even read."""
    _, service = kept
    for path, size in ((VIDEOS, 100_000_001), (FORM, 1_000_000_001)):
        with socket.create_connection(("127.0.0.1", port(service)), timeout=20) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port(service)}\r\nContent-Length: {size}\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
            while connection.recv(1000):
                pass


def test_headers_are_bounded(kept: tuple[Path, DemoService], capfd: pytest.CaptureFixture[str]) -> None:
    """Headers of more than 16 kB end the connection; the service goes on, and prints nothing."""
    _, service = kept
    with pytest.raises(httpx.HTTPError):
        httpx.get(service.url, headers={"X-Long": "x" * 20_000})
    assert httpx.get(service.url, headers={"X-Long": "x" * 10_000}).status_code == 404
    assert capfd.readouterr() == ("", "")


def test_json_that_is_nested_without_end_is_a_bad_request(api: httpx.Client) -> None:
    """A body of brackets alone is a 400, as any other that is no object."""
    assert api.post(VIDEOS, content=b"[" * 1_000_000).status_code == 400


def test_tasks_are_bounded(kept: tuple[Path, DemoService], monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that has made as many videos as it makes says so, for both APIs."""
    monkeypatch.setattr("luma_jupyter.demo.jobs.MOST_JOBS", 2)
    _, service = kept
    video = {"prompt": "A boat [fail]", "async": True}
    modify = {"model": "luma-modify-video", "prompt": "x [fail]", "source_video_url": "http://127.0.0.1:1/x.mp4"}
    with httpx.Client(base_url=service.url, headers={"Authorization": "Bearer known"}) as client:
        assert client.post(VIDEOS, json=video).status_code == client.post(MODIFY, json=modify).status_code == 200
        for path, body in ((VIDEOS, video), (MODIFY, modify)):
            answer = client.post(path, json=body)
            assert answer.status_code == 400
            assert "2 videos at most: restart the kernel" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("name", "most"), [("MOST_FILES", 2), ("MOST_BYTES", 2 * len(PNG))])
def test_files_are_bounded(
    name: str, most: int, kept: tuple[Path, DemoService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that keeps as many files as it can says so, whichever way the next one comes, and keeps none of it."""
    monkeypatch.setattr(f"luma_jupyter.demo.uploads.{name}", most)
    folder, service = kept
    checksum = base64.b64encode(hashlib.md5(PNG).digest()).decode()
    api, platform = ({"Authorization": f"Bearer {key}"} for key in (service.token, service.platform_token))
    data = {"source": {"type": "base64", "data": base64.b64encode(PNG).decode()}}
    announced = {"filename": "a.png", "byte_size": len(PNG), "checksum": checksum}
    ways: list[Callable[[], httpx.Response]] = [
        lambda: httpx.post(service.url + FORM, files={"file": ("a.png", PNG)}, headers=platform),
        lambda: httpx.post(service.url + FILES, json=data, headers=api),
    ]
    assert [way().status_code for way in ways] == [200, 200]
    ways.append(lambda: httpx.post(service.url + PREPARE, json=announced, headers=api))
    for way in ways:
        answer = way()
        assert answer.status_code == 400
        assert "keeps no more files: restart the kernel" in answer.json()["error"]["message"]
    assert len(list(folder.iterdir())) == 2
