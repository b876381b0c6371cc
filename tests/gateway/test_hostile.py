"""What bad gets: students who forge, flood and look elsewhere, vendors who send elsewhere, clocks and disks that fail.

What else there is of it is tested where it belongs: keys and bodies in `test_api`, who asks in `test_identity`,
requests in `test_bodies`, addresses of videos in `test_media`, the disk in `test_storage` and `test_saving`.
"""

from __future__ import annotations

import errno
import json
import socket
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from luma_jupyter.errors import LumaError
from luma_jupyter.gateway import api
from luma_jupyter.gateway.records import Intent, State
from luma_jupyter.gateway.submissions import Lost, Submissions
from luma_jupyter.gateway.turns import Turns
from tests.gateway.test_api import MODIFY, retrieve, submit
from tests.support.class_room import ANN, ClassRoom, runner
from tests.support.fake_service import reply
from tests.support.gateway import KEY, PREFIX, RunningGateway
from tests.support.misbehaving import Server, Status
from tests.support.waiting import until

HOUR = 3600.0
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


# Keys.


def test_no_answer_has_a_key_that_a_vendor_quotes(vendor: Server, gateway: RunningGateway, ann: httpx.Client) -> None:
    """Neither a refusal nor the failure of a task nor an answer that is none, whatever the vendor writes into it."""
    refusal = {"success": False, "error": {"code": "forbidden", "message": f"{KEY} may not"}, "trace_id": KEY}
    vendor.script("submit", Status(422, refusal), Status(400, f"<p>{KEY}</p>"), Status(500, refusal))
    answers = [submit(ann) for _ in range(3)]
    vendor.failure = f"no luck with {KEY}"
    made = submit(ann, prompt="another")
    gateway.look()
    answers += [made, retrieve(ann, made.json()["task_id"])]
    assert [answer.status_code for answer in answers] == [422, 400, 502, 200, 200]
    assert "no luck with" in answers[-1].text
    assert not [answer.text for answer in answers if KEY in answer.text + str(answer.headers)]


# Requests.


def _raw(gateway: RunningGateway, head: str, body: bytes = b"") -> bytes:
    """What comes back for bytes that no client would send."""
    address = urlsplit(gateway.url)
    with closing(socket.create_connection((address.hostname, address.port), timeout=10)) as connection:
        connection.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
        connection.settimeout(10)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize("end", ["\r", "\n", "\0", "\x0b"])
def test_header_with_a_line_in_it_is_refused(gateway: RunningGateway, vendor: Server, end: str) -> None:
    """It reaches neither an answer nor the vendor."""
    body = json.dumps({"prompt": "A boat", "async": True}).encode()
    head = (
        f"POST {PREFIX}/luma/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.token('ann')}\r\n"
        f"Idempotency-Key: k{end}X-Evil: 1\r\nContent-Length: {len(body)}"
    )
    answer = _raw(gateway, head, body)
    assert not [request for request in vendor.seen("submit") if "x-evil" in request.headers]
    assert b"x-evil" not in answer.lower().partition(b"\r\n\r\n")[0]
    if end != "\n":  # which ends a header line, too: then there are two headers, of which one is not known
        assert answer.split()[1:2] in ([b"400"], [])
        assert vendor.seen("submit") == []


@pytest.mark.parametrize("path", ["login", "class/cap", "callbacks/ab", "media/1.mp4", "health", "static/live.js"])
def test_large_body_is_refused_unread_where_none_belongs(gateway: RunningGateway, path: str) -> None:
    """It would be in memory as a whole, before anybody has said who they are."""
    head = f"POST {PREFIX}/{path} HTTP/1.1\r\nHost: x\r\n"
    assert _raw(gateway, f"{head}Content-Length: 300000000").startswith(b"HTTP/1.1 400 ")
    assert _raw(gateway, f"{head}Transfer-Encoding: chunked", b"11e1a300\r\n").startswith(b"HTTP/1.1 400 ")


def test_name_of_a_file_brings_nothing_into_the_vendors_form(ann: httpx.Client, vendor: Server) -> None:
    """Quotes, lines and paths in it stay words in a name."""
    name = '../../x".png"\r\nX-Evil: 1\r\n\r\nhello'
    assert ann.post("/api/v1/files/", files={"file": (name, PNG)}).status_code in (200, 400)
    for request in vendor.requests:
        assert b"\r\nX-Evil" not in request.body
        assert "x-evil" not in request.headers


@pytest.mark.parametrize(
    "path",
    [
        "/media/../luma-gateway.toml",
        "/media/..%2f..%2fetc%2fpasswd",
        "/media/1.mp4/../../../etc/passwd",
        "/media/%2e%2e/%2e%2e/etc/passwd.mp4",
        "/media/..%5c1.mp4",
        "/media/1%00.mp4",
        "/uploads/../../etc/passwd",
        "/storage/..%2f..%2fetc%2fpasswd",
    ],
)
def test_path_leads_nowhere_but_to_what_is_served(gateway: RunningGateway, path: str) -> None:
    """Addresses of videos are numbers; there is no file behind any other."""
    answer = _raw(gateway, f"GET {PREFIX}{path} HTTP/1.1\r\nHost: x")
    assert answer.split()[1] in (b"400", b"403", b"404", b"405")
    assert b"root:" not in answer


def test_address_of_an_upload_is_not_a_path(ann: httpx.Client, gateway: RunningGateway, vendor: Server) -> None:
    """What is named in a request as the gateway's own has to be what it gave out."""
    for address in (
        "/uploads/../media/1.mp4",
        "/uploads/x",
        "/storage/x",
        "/media/../../etc/passwd",
        "/uploads/%2e%2e",
    ):
        answer = submit(ann, start_image_url=gateway.url + address)
        assert answer.status_code == 400
    assert vendor.tasks == []


def test_disk_that_is_full_refuses_an_upload_in_words(
    ann: httpx.Client, vendor: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file is on the disk while it comes; without room for it the student reads whom to tell."""

    class Full(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(api.tempfile, "SpooledTemporaryFile", Full)
    answer = ann.post("/api/v1/files/", files={"file": ("a.png", PNG)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "store_full")
    assert vendor.requests == []


ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1e308,
        10**40,
        "",
        " ",
        "\0",
        "\ud800",
        "x" * 100_000,
        [],
        {},
        [[]],
        {"a": {"b": []}},
        ["x"] * 999,
    ),
    *("http://127.0.0.1:8081/", "http://[::1]/", "http://2130706433/", "http://169.254.169.254/", "file:///etc/passwd"),
    *(
        "https://user:pass@10.0.0.1/v.mp4",
        "gopher://x/",
        "//x",
        "http://",
        "../..",
        "' OR 1=1 --",
        "%00",
        "\u202e\r\nX: 1",
    ),
)
ENDPOINTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/luma/videos", {"action": "generate", "prompt": "p", "async": True, "start_image_url": "x", "video_id": "v"}),
    ("/luma/videos", {"action": "extend", "prompt": "p", "async": True, "video_url": "x", "end_image_url": "y"}),
    ("/luma/videos", {"prompt": "p", "async": True, "loop": True, "aspect_ratio": "1:1", "callback_url": "x"}),
    ("/luma/tasks", {"action": "retrieve", "id": "x"}),
    ("/luma/tasks", {"action": "retrieve_batch", "ids": ["x"], "limit": 1, "offset": 1, "created_at_min": 1}),
    (MODIFY, {"prompt": "p", "source_video_url": "https://example.com/v.mp4", "watermark": "w", "model": "m"}),
    ("/api/v1/price_quotes", {"service": "luma", "action": "modify-video", "model": "luma-modify-video"}),
    ("/api/v1/files", {"source": {"type": "url", "url": "http://127.0.0.1/"}, "file_name": "x"}),
    ("/api/v1/files/prepare", {"filename": "x", "byte_size": 1, "checksum": "x"}),
    ("/api/v1/files/confirm", {"signed_id": "x"}),
)


@pytest.mark.parametrize(("path", "body"), ENDPOINTS)
def test_odd_value_in_any_field_is_no_fault_of_the_gateways(
    ann: httpx.Client, vendor: Server, caplog: pytest.LogCaptureFixture, path: str, body: dict[str, Any]
) -> None:
    """It is refused in words, here or by the vendor, who gets no address on the gateway's own network."""
    vendor.script("submit", *[Status(422)] * len(ODD) * len(body))
    for field in body:
        for value in ODD:
            content = json.dumps({**body, field: value}).encode()
            answer = ann.post(path, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code < 500, (field, value, answer.text)
            assert answer.json()
    addresses = [
        address for request in vendor.seen("submit") for name, address in request.json.items() if name.endswith("_url")
    ]
    assert {urlsplit(address).hostname for address in addresses} <= {"example.com"}
    assert "failed:" not in caplog.text


# Floods.


def test_one_students_held_look_ups_starve_nobody(gateway: RunningGateway, vendor: Server, bob: httpx.Client) -> None:
    """Two hundred connections with fifty ids each: a classmate is served at once, and few of them are held."""
    vendor.seconds, gateway.gateway.hold_seconds = 1e6, 20.0
    token = gateway.token("ann")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as ann:
        ids = [submit(ann, prompt=str(number)).json()["task_id"] for number in range(4)]
    body = json.dumps({"ids": ids * 12, "action": "retrieve_batch"}).encode()
    head = (
        f"POST {PREFIX}/luma/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}"
    )
    address = urlsplit(gateway.url)
    with ExitStack() as stack:
        for _ in range(200):
            connection = stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=10))
            connection.sendall(head.encode() + b"\r\n\r\n" + body)
        begun = time.monotonic()
        made = submit(bob, prompt="mine")
        assert made.status_code == 200
        assert bob.get("/api/v1/me/balance").status_code == 200
        assert time.monotonic() - begun < 5
        until(lambda: 0 < gateway.gateway.holds.number("ann") <= api.MOST_HELD)
        gateway.gateway.hold_seconds = 0.0
        assert retrieve(bob, made.json()["task_id"]).status_code == 200
    until(lambda: gateway.gateway.holds.number("ann") == 0)


def test_oldest_of_too_many_look_ups_is_let_go() -> None:
    """Each student has places of their own."""
    holds = api.Holds()
    with ExitStack() as stack:
        events = [stack.enter_context(holds.hold("ann", 2)) for _ in range(4)]
        other = stack.enter_context(holds.hold("ben", 2))
        assert [event.is_set() for event in events] == [True, True, False, False]
        assert not other.is_set()
        assert (holds.number("ann"), holds.number("ben")) == (2, 1)
    assert (holds.number("ann"), holds.number("ben")) == (0, 0)


# Vendors who send elsewhere.


def test_redirect_of_a_video_into_the_own_network_is_not_followed(conninfo: str, tmp_path: Path) -> None:
    """A host that serves videos may send on, but not to what only the gateway's machine can reach."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        for target in ("http://127.0.0.1:8081/hub/api/users", "http://169.254.169.254/latest", "file:///etc/passwd"):
            room.service.script("video", reply(302, headers={"Location": target}), for_ever=True)
            with pytest.raises(LumaError):
                await room.jobs.saving.save(clip.id)
        assert {urlsplit(str(seen.request.url)).hostname for seen in room.service.all_seen} <= {
            urlsplit(url).hostname
            for url in (
                room.settings.acedata_base_url,
                clip.video.url if clip.video else "",
                "https://platform.acedata.cloud",
            )
        }
        assert (await room.get(clip.id)).media is None

    runner(conninfo, tmp_path)(story)


# Clocks.


def test_clock_that_is_put_back_stops_no_look_up(conninfo: str, tmp_path: Path) -> None:
    """What was sent, planned and claimed in what is now the future is looked at all the same."""

    async def story(room: ClassRoom) -> None:
        await room.submit(ANN, prompt="planned")
        claimed = await room.submit(ANN, prompt="claimed")
        for field in ("sent_at", "next_look_at"):
            await room.rows(f"UPDATE submissions SET {field} = now() + interval '1 hour'")
        await room.rows("UPDATE submissions SET claimed_until = now() + interval '1 hour' WHERE id = %s", claimed.id)
        await room.jobs.looks.round("acedata", 0.1)
        rows = await room.rows(
            "SELECT next_look_at < now() + interval '2 minutes', claimed_until FROM submissions ORDER BY id"
        )
        assert rows == [(True, None)] * 2

    runner(conninfo, tmp_path)(story)


def test_clock_that_is_put_forward_pays_nothing_twice(conninfo: str, tmp_path: Path) -> None:
    """What is being sent seems to be old, and is given up; its own answer settles it, and nobody sends it again."""

    async def story(room: ClassRoom) -> None:
        sent = await room.enter(ANN)
        again = Intent(ANN, sent.vendor, sent.key, sent.body, sent.fingerprint, sent.price)
        another = Submissions(room.jobs.ledger, Turns(room.database, 4), room.jobs.vendors)
        await room.jobs.ledger.stale_sent(time.time() + HOUR)
        assert (await room.get(sent.id)).state is State.UNCONFIRMED
        with pytest.raises(Lost):
            await another.submit(again)
        await room.jobs.ledger.accept(sent.id, "task", None, None)
        assert (await room.get(sent.id)).state is State.ACCEPTED
        assert (await another.submit(again)).task_id == "task"
        assert room.service.tasks == []
        assert await room.jobs.ledger.check() == []

    runner(conninfo, tmp_path)(story)
