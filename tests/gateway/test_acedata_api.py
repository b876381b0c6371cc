"""AceDataCloud's wire, as the vendor's own client and the kernel's drive it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from acedatacloud import AceDataCloud, AuthenticationError, InsufficientBalanceError, ValidationError
from acedatacloud._runtime.tasks import failure_reason, task_status

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.money import Balance, Charge, Quote
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, VideoRef
from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.task import TaskPhase
from luma_jupyter.errors import InsufficientBalance, InvalidKey, InvalidParameter, Unconfirmed
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.acedata_platform import AceDataPlatform
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.protocol import Accepted
from tests.support.gateway import RunningGateway, gateway_settings, running_gateway
from tests.support.misbehaving import DropAfter, Server

T = TypeVar("T")
PNG = b"\x89PNG\r\n\x1a\n and the rest"
BOAT = GenerateRequest(prompt="A boat")


@pytest.fixture
def theirs(gateway: RunningGateway) -> Iterator[AceDataCloud]:
    """The vendor's client, with a student's token for its key."""
    with AceDataCloud(
        gateway.token("ann"), base_url=gateway.url, platform_base_url=gateway.url, max_retries=0
    ) as client:
        yield client


@pytest.fixture
def ours(gateway: RunningGateway) -> Callable[[Callable[[AceData], Awaitable[T]]], T]:
    """Have the kernel's client do something, with a student's token for its keys."""
    token = Secret(gateway.token("ann"))

    def run(use: Callable[[AceData], Awaitable[T]]) -> T:
        async def story() -> T:
            http = HttpClient()
            try:
                return await use(AceData(http, gateway.url, token, platform=AceDataPlatform(http, gateway.url, token)))
            finally:
                await http.aclose()

        return asyncio.run(story())

    return run


Ours = Callable[[Callable[[AceData], Awaitable[Any]]], Any]


def test_vendors_client_generates_extends_and_watches(
    theirs: AceDataCloud, gateway: RunningGateway, vendor: Server
) -> None:
    """The video is the gateway's, whose address is good without any key, and a source that can be gone on with."""
    handle = theirs.luma.generate(prompt="A boat")
    assert task_status(theirs.tasks.get(handle.id, service="luma")) == ""
    gateway.look()
    gateway.save()
    task = handle.wait(poll_interval=0.05)
    assert task_status(task) == "succeeded"
    assert handle.urls() == [task["response"]["video_url"], task["response"]["thumbnail_url"]]
    assert all(url.startswith(f"{gateway.url}/media/") for url in handle.urls())
    assert httpx.get(handle.urls()[0]).headers["content-type"] == "video/mp4"
    assert httpx.get(handle.urls()[1]).headers["content-type"] == "image/jpeg"
    assert httpx.get(handle.urls()[0].partition("?")[0]).status_code == 403
    clip = task["response"]
    for source in ({"video_id": clip["video_id"]}, {"video_url": clip["video_url"]}):
        assert theirs.luma.generate(action="extend", prompt="The boat lands", **source).id
    first, by_id, by_url = vendor.tasks
    assert by_id.request["video_id"] == f"video-of-{first.id}"
    assert by_url.request["video_url"] == vendor.video_url(first.id)


def test_vendors_client_sees_a_failed_task(theirs: AceDataCloud, gateway: RunningGateway, vendor: Server) -> None:
    """With the vendor's words."""
    vendor.failure = "the film tore"
    handle = theirs.luma.generate(prompt="A boat")
    gateway.look()
    task = handle.wait(poll_interval=0.05)
    assert task_status(task) == "failed"
    assert "the film tore" in failure_reason(task)


def test_vendors_client_sees_refusals_as_its_own_errors(theirs: AceDataCloud, gateway: RunningGateway) -> None:
    """A bad request, a cap that is reached, a token that is nobody's."""
    with pytest.raises(ValidationError, match="The prompt is empty"):
        theirs.luma.generate()
    gateway.run(gateway.gateway.ledger.set_cap("class", "", 100_000, None, "teacher"))
    with pytest.raises(InsufficientBalanceError, match="set by your teacher"):
        theirs.luma.generate(prompt="A boat")
    with AceDataCloud("wrong", base_url=gateway.url) as stranger, pytest.raises(AuthenticationError):
        stranger.luma.generate(prompt="A boat")


def test_vendors_client_uploads_and_lists(theirs: AceDataCloud, tmp_path: Path, vendor: Server) -> None:
    """A file is given an address of the gateway's, which is the vendor's again when a request names it."""
    (tmp_path / "start.png").write_bytes(PNG)
    answer = theirs.files.upload(str(tmp_path / "start.png"))
    assert answer["file_url"] == answer["url"]
    theirs.luma.generate(prompt="A boat", start_image_url=answer["url"])
    assert vendor.tasks[0].request["start_image_url"] == f"{vendor.url}/files/uploaded"
    with pytest.raises(ValidationError, match="is not a picture"):
        theirs.files.upload(b"mere bytes")
    (subscription,) = theirs.platform.applications.list()["items"]
    assert (subscription["remaining_amount"], subscription["used_amount"]) == (None, 0)


def test_kernels_client_makes_a_clip_and_knows_its_money(ours: Ours, gateway: RunningGateway) -> None:
    """Generate, look up, list, find; price, balance and what was charged, where a credit is a dollar."""
    gateway.run(gateway.gateway.ledger.set_cap("student", "", 2_000_000, 1_000_000, "teacher"))
    begun = time.time()

    async def submit(client: AceData) -> str:
        assert await client.quote() == Quote(0.3)
        assert await client.balance() == Balance(1.0, None, 0.0, 1.0, 0.0)
        accepted = await client.submit(client.payload(BOAT), "intent")
        assert (await client.fetch([accepted.task_id]))[accepted.task_id].phase is TaskPhase.RUNNING
        assert await client.find(client.payload(BOAT), begun - 1) == [accepted.task_id]
        return accepted.task_id

    task_id = ours(submit)
    gateway.look()

    async def look(client: AceData) -> None:
        await client.check()
        state = (await client.fetch([task_id, "unknown"]))[task_id]
        assert state.phase is TaskPhase.COMPLETED
        assert state.video
        assert state.video.video_id == f"video-of-{task_id}"
        assert (state.video.width, state.video.height) == (1280, 720)
        listed = await client.find_task(task_id)
        assert listed
        assert listed.request["prompt"] == "A boat"
        assert [task.task_id for task in await client.list_tasks(begun - 1, time.time())] == [task_id]
        assert (await client.balance()).spent_in_all == 0.3
        assert await client.find_task("unknown") is None

    ours(look)


def test_task_does_not_tell_where_the_vendor_calls_back(conninfo: str, vendor: Server, tmp_path: Path) -> None:
    """That is a secret between the two; the rest of a request is told, by which a kernel finds its own again."""
    settings = gateway_settings(conninfo, vendor.url, tmp_path, callback_url="https://class.example")
    with running_gateway(settings) as gateway:
        headers = {"Authorization": f"Bearer {gateway.token('ann')}"}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=30, trust_env=False) as ann:
            body = {"action": "generate", "prompt": "A boat", "async": True}
            task_id = ann.post("/luma/videos", json=body).json()["task_id"]
            assert vendor.tasks[0].request["callback_url"].startswith("https://class.example/callbacks/")
            batch = {"action": "retrieve_batch"}
            asked = ({"action": "retrieve", "id": task_id}, {**batch, "ids": [task_id]}, batch)
            told = [ann.post("/luma/tasks", json=look).text for look in asked]
    assert not [text for text in told if "callback" in text]
    assert json.loads(told[0])["request"]["prompt"] == "A boat"


def test_kernels_client_sees_what_was_charged_by_its_trace(ours: Ours, gateway: RunningGateway) -> None:
    """The statement has the student's own rows, at what they cost in the end; one that failed has cost nothing."""
    ledger = gateway.gateway.ledger

    async def submit(client: AceData) -> list[str]:
        return [(await client.submit(client.payload(BOAT), f"{number}" * 8)).task_id for number in range(3)]

    first, second, _ = ours(submit)

    async def settle() -> None:
        for task_id in (first, second):
            row = await ledger.find_task("ann", "acedata", task_id)
            assert row
            async with gateway.gateway.database.connection() as connection:
                await connection.execute("UPDATE submissions SET trace_id = %s WHERE id = %s", (f"t-{row.id}", row.id))
            if task_id == first:
                await ledger.charge(row.id, 250_000)
            else:
                await ledger.fail(row.id, "api_error", "torn")

    gateway.run(settle())
    gateway.look()

    async def look(client: AceData) -> None:
        now = time.time()
        assert await client.charged("t-1", now - 60, now + 1) == Charge(0.25, 0.25)
        assert await client.charged("t-2", now - 60, now + 1) == Charge(0.0, 0.0)
        assert await client.charged("t-3", now - 60, now + 1) is None

    ours(look)


def test_kernels_client_reads_long_lists_page_by_page(ours: Ours, gateway: RunningGateway) -> None:
    """Rows that have no task yet, or never will, are left out, and no task is missed for them."""

    async def fill() -> None:
        async with gateway.gateway.database.connection() as connection:
            await connection.execute(
                "INSERT INTO submissions (owner, day, vendor, key, body, fingerprint, state, price, task_id, sent_at)"
                " SELECT 'ann', current_date, 'acedata', n::text, '{}', n::text,"
                " CASE WHEN n % 3 = 0 THEN 'refused' ELSE 'failed' END, 0,"
                " CASE WHEN n % 3 = 0 THEN NULL ELSE 'task-' || n END, now() FROM generate_series(1, 120) AS n"
            )

    gateway.run(fill())

    async def look(client: AceData) -> None:
        listed = await client.list_tasks(time.time() - 60, time.time() + 1)
        assert {task.task_id for task in listed} == {f"task-{n}" for n in range(1, 121) if n % 3}

    ours(look)


def test_kernels_client_uploads_a_frame_and_extends_by_address(ours: Ours, vendor: Server) -> None:
    """What a file was uploaded as is a start image; the video of elsewhere is a source."""

    async def make(client: AceData) -> None:
        upload = await client.upload(LocalFile.of(PNG, "image/png", "first.png"), lambda share: None)
        body = client.payload(GenerateRequest(prompt="x", start_image=upload.url))
        await client.submit(body, "one")
        source = VideoRef(url="https://example.com/v.mp4")
        await client.submit(client.payload(ExtendRequest(prompt="x", source=source)), "two")

    ours(make)
    generated, extended = (task.request for task in vendor.tasks)
    assert (generated["action"], generated["start_image_url"]) == ("generate", f"{vendor.url}/files/uploaded")
    assert (extended["action"], extended["video_url"]) == ("extend", "https://example.com/v.mp4")


def test_vendor_does_not_learn_what_a_students_file_is_called(ours: Ours, vendor: Server) -> None:
    """Its name may say whose it is; the vendor gets the file under one that says nothing."""
    ours(lambda client: client.upload(LocalFile.of(PNG, "image/png", "ann-mueller.png"), lambda share: None))
    (upload,) = [request.body for request in vendor.seen("other") if b"filename=" in request.body]
    assert (PNG in upload, b'.png"' in upload, b"mueller" in upload) == (True, True, False)


def test_lessons_request_is_answered_with_the_video_of_a_classmate(
    ours: Ours, gateway: RunningGateway, vendor: Server
) -> None:
    """Where the class's setting leaves it to lessons, a notebook that asks for it pays nothing for what there is."""
    classmate = {"Authorization": f"Bearer {gateway.token('bob')}", "X-Luma-Lesson": "1"}

    async def ask_twice(client: AceData) -> list[Accepted]:
        body = client.payload(BOAT)
        httpx.post(f"{gateway.url}/luma/videos", json=body, headers=classmate).raise_for_status()
        return [await one.submit(body, key) for one, key in ((replace(client, lesson=True), "a"), (client, "b"))]

    object.__setattr__(gateway.gateway.settings, "share", "lesson")
    try:
        shared, own = ours(ask_twice)
    finally:
        object.__setattr__(gateway.gateway.settings, "share", "off")
    assert [task.id for task in vendor.tasks] == [shared.task_id, own.task_id]


def test_kernels_client_sees_refusals_as_its_own_errors(ours: Ours, gateway: RunningGateway, vendor: Server) -> None:
    """What is wrong, what is spent, what is unconfirmed, who is nobody."""

    async def story(client: AceData) -> None:
        body = client.payload(BOAT)
        with pytest.raises(InvalidParameter, match="surprise"):
            await client.submit({**body, "surprise": 1}, "one")
        vendor.script("submit", DropAfter())
        with pytest.raises(Unconfirmed, match="502"):
            await client.submit(body, "two")
        await gateway_cap()
        with pytest.raises(InsufficientBalance, match="set by your teacher"):
            await client.submit(body, "three")
        stranger = AceData(client.http, gateway.url, Secret("wrong"))
        with pytest.raises(InvalidKey):
            await stranger.submit(body, "four")

    async def gateway_cap() -> None:
        await asyncio.to_thread(gateway.run, gateway.gateway.ledger.set_cap("student", "ann", 300_000, None, "teacher"))

    ours(story)


def test_upload_that_is_no_form_or_too_large_is_refused(
    ann: httpx.Client, gateway: RunningGateway, vendor: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it reaches the vendor."""
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for content in (b"", b"--x\r\n\r\n", b"--x\r\nnothing\r\n--x--"):
        assert ann.post("/api/v1/files/", content=content, headers=form).status_code == 400
    assert ann.post("/api/v1/files/", files={"other": ("a.png", PNG)}).status_code == 400
    smaller = replace(gateway.gateway.settings, upload_bytes=300_000)
    monkeypatch.setattr(gateway.gateway, "settings", smaller)
    large = ann.post("/api/v1/files/", files={"file": ("a.png", PNG + bytes(2_000_000))})
    assert (large.status_code, large.json()["error"]["code"]) == (413, "too_large")
    assert vendor.requests == []


def test_prices_are_told_for_the_one_api(ann: httpx.Client) -> None:
    """Another path has none; pages end."""
    assert ann.get("/api/v1/apis/", params={"path": "/other"}).json() == {"count": 0, "items": []}
    assert ann.get("/api/v1/services/", params={"offset": 1}).json() == {"count": 1, "items": []}
    assert ann.get("/api/v1/services/", params={"limit": "x"}).status_code == 400
