"""Files of the user's on their way into a task: uploaded first, once, and nothing paid where that fails."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.local_files import as_video
from luma_jupyter.engine.run.submission import FRESH
from luma_jupyter.errors import ClipFailed, InvalidRequest
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.text import status_text
from tests.support.fake_service import VIDEO, FakeService, reply
from tests.support.world import EPOCH, World, preview, submit

PICTURE = LocalFile(hashlib.sha256(b"picture").hexdigest(), "image/png", "first.png", 7, data=b"picture")
OTHER = LocalFile(hashlib.sha256(b"other").hexdigest(), "image/png", "last.png", 5, data=b"other")


@pytest.fixture
def film(tmp_path: Path) -> LocalFile:
    path = tmp_path / "film.mp4"
    path.write_bytes(VIDEO)
    return as_video(path)


def requests(film: LocalFile) -> dict[str, tuple[Request, list[str]]]:
    """Each action with each file that it takes, and where the addresses go."""
    source = VideoRef(url="https://x.example/v.mp4")
    return {
        "generate, start": (GenerateRequest(prompt="p", start_image=PICTURE), ["start_image_url"]),
        "generate, end": (GenerateRequest(prompt="p", end_image=PICTURE), ["end_image_url"]),
        "generate, both": (
            GenerateRequest(prompt="p", start_image=PICTURE, end_image=OTHER),
            ["start_image_url", "end_image_url"],
        ),
        "extend, end": (ExtendRequest(prompt="p", source=source, end_image=PICTURE), ["end_image_url"]),
        "extend, source": (ExtendRequest(prompt="p", source=film), ["video_url"]),
        "modify, source": (ModifyRequest(prompt="p", source=film), ["source_video_url"]),
    }


def uploads(service: FakeService) -> list[tuple[str, str]]:
    return [(seen.request.method, seen.request.url.path) for seen in service.seen("upload")]


@pytest.mark.parametrize("case", requests(PICTURE))
async def test_files_are_uploaded_before_the_request(world: World, film: LocalFile, case: str) -> None:
    """Each file of each action goes to the service that reads it, and its address into the request."""
    request, fields = requests(film)[case]
    handle = world.submit(request)
    task = await world.end(handle)
    assert task.status is Status.COMPLETED
    (sent,) = world.service.seen("submit")
    assert all(sent.payload[field].startswith("https://media.example/uploaded-") for field in fields)
    assert len({sent.payload[field] for field in fields}) == len(fields)
    assert task.request == request
    one = [("POST", "/api/v1/files/")]
    three = [("POST", "/api/v1/files/prepare"), ("PUT", "/put"), ("POST", "/api/v1/files/confirm")]
    assert uploads(world.service) == (three if request.action == "modify" else one * len(fields))
    assert world.story(handle) == "queued submitting running saving completed"


async def test_upload_tells_the_key_to_no_other_host(world: World, film: LocalFile) -> None:
    """Neither the host of the upload nor that of the video hears a key."""
    await world.end(world.submit(ModifyRequest(prompt="p", source=film)))
    foreign = [
        seen
        for kind in ("upload", "video")
        for seen in world.service.seen(kind)
        if seen.request.url.host not in ("runapi.ai",)
    ]
    assert {seen.request.url.host for seen in foreign} == {"store.example", "media.example"}
    assert {seen.key for seen in foreign} == {None}


async def test_upload_of_known_content_is_not_repeated(world: World) -> None:
    """A picture that the service has is not sent again, however often and under whatever name it is used."""
    same = LocalFile(PICTURE.sha256, "image/png", "copy.png", 7, data=b"picture")
    for prompt, picture in (("one", PICTURE), ("two", same)):
        await world.end(world.submit(GenerateRequest(prompt=prompt, start_image=picture)))
    one, two = (seen.payload["start_image_url"] for seen in world.service.seen("submit"))
    assert one == two
    assert len(uploads(world.service)) == 1


# Several clips with one file, which its service does not have yet.

SAME = LocalFile(PICTURE.sha256, "image/png", "copy.png", 7, data=b"picture")


def with_picture(world: World, *pictures: LocalFile) -> list[Handle]:
    """Ask for a video of each of these, all at once."""
    prompts = enumerate(pictures)
    return [world.submit(GenerateRequest(prompt=f"{number}", start_image=picture)) for number, picture in prompts]


def told(world: World, handle: Handle) -> list[str | None]:
    """What a clip said of its upload, in order, each once in a row."""
    return [words for words, _ in groupby(event.task.upload for event in world.events[handle])]


async def refuse_late(request: httpx.Request) -> httpx.Response:
    """A scripted answer: the file is refused, after a while."""
    await asyncio.sleep(5)
    return httpx.Response(413, json={"error": "too large"})


async def test_clips_asked_for_at_once_share_an_upload(world: World) -> None:
    """Clips with the same picture wait for one upload of it, which each of them tells of, and have its address."""
    world.service.script("upload", world.service.after(10), for_ever=True)
    handles = with_picture(world, PICTURE, SAME, PICTURE, SAME, PICTURE)
    tasks = [await world.end(handle) for handle in handles]
    assert {task.status for task in tasks} == {Status.COMPLETED}
    assert len(uploads(world.service)) == 1
    assert {seen.payload["start_image_url"] for seen in world.service.seen("submit")} == {
        "https://media.example/uploaded-1"
    }
    for handle, name in zip(handles[:4], ["first.png", "copy.png"] * 2, strict=True):
        assert told(world, handle) == [f"uploading {name} (0 %)", f"uploading {name} (100 %)", None]
    assert told(world, handles[4]) == [None]  # its turn came later


async def test_clip_that_joins_an_upload_says_how_far_it_is(world: World) -> None:
    """A clip that is asked for while its picture is on its way says what has gone already."""
    world.service.script("upload", world.service.after(10))
    (first,) = with_picture(world, PICTURE)
    await asyncio.sleep(5)
    second = world.submit(GenerateRequest(prompt="later", start_image=SAME))
    await world.end(second)
    assert told(world, second) == ["uploading copy.png (100 %)", None]
    await world.end(first)


async def test_videos_asked_for_at_once_share_an_upload(world: World, film: LocalFile) -> None:
    """A video goes up once for all clips that are made from it, in the three steps of its service."""
    world.service.expires_at = "2023-11-14T22:20:00Z"  # soon: who comes later cannot count on it
    handles = [world.submit(ModifyRequest(prompt=prompt, source=film)) for prompt in ("one", "two", "three")]
    for handle in handles:
        await world.end(handle)
    assert len(uploads(world.service)) == 3
    assert len({seen.payload["source_video_url"] for seen in world.service.seen("submit")}) == 1


async def test_upload_that_fails_is_tried_by_the_next(world: World) -> None:
    """An upload that fails fails the clip that began it; the others try it once more, together."""
    world.service.script("upload", refuse_late, world.service.after(10), for_ever=True)
    handles = with_picture(world, PICTURE, PICTURE, PICTURE)
    tasks = [await world.end(handle) for handle in handles]
    assert [task.status for task in tasks] == [Status.FAILED, Status.COMPLETED, Status.COMPLETED]
    assert len(uploads(world.service)) == 2
    assert {task.upload for task in tasks} == {None}


async def test_upload_that_comes_at_a_bad_moment_fails_no_clip(world: World) -> None:
    """A service that gets too many requests has the file once more for all clips, after the time that it asks for."""
    busy = reply(429, {"error": "slow down"}, headers={"Retry-After": "30"})
    world.service.script("upload", busy)
    tasks = [await world.end(handle) for handle in with_picture(world, *[PICTURE] * 10)]
    assert {task.status for task in tasks} == {Status.COMPLETED}
    assert world.service.times("upload") == [0.0, 30.0]


async def test_file_that_is_gone_fails_only_its_own_clip(world: World, tmp_path: Path) -> None:
    """Of two equal files one may be gone by the time of the upload: the clip with the other one is made."""
    gone = replace(PICTURE, data=None, path=tmp_path / "gone.png")
    first, second = with_picture(world, gone, PICTURE)
    assert "gone" not in str((await world.end(second)).error)
    assert (second.task.status, first.task.status) == (Status.COMPLETED, Status.FAILED)
    assert "first.png cannot be read any more" in str(first.task.error)


async def test_upload_that_always_fails_ends_all(world: World) -> None:
    """Where no try comes through, each clip fails, in the service's words, and nothing was sent."""
    world.service.script("upload", refuse_late, for_ever=True)
    tasks = [await world.end(handle) for handle in with_picture(world, PICTURE, PICTURE, PICTURE)]
    assert [task.status for task in tasks] == [Status.FAILED] * 3
    assert all("too large" in str(task.error) for task in tasks)
    assert world.service.seen("submit") == []


@pytest.mark.parametrize("stopped", [0, 1])
async def test_stopped_clip_leaves_the_upload_to_the_others(world: World, stopped: int) -> None:
    """Whichever clip is stopped, the one that began the upload or one that waits: it goes on for the others."""
    world.service.script("upload", world.service.after(60), for_ever=True)
    handles = with_picture(world, PICTURE, PICTURE, PICTURE)
    await asyncio.sleep(5)
    handles[stopped].stop()
    task = await world.end(handles[stopped])
    assert (task.status, task.upload) == (Status.CANCELLED, None)
    others = [await world.end(handle) for handle in handles if handle is not handles[stopped]]
    assert [task.status for task in others] == [Status.COMPLETED] * 2
    assert len(uploads(world.service)) == 1
    assert len(world.service.seen("submit")) == 2


async def test_upload_that_nobody_waits_for_is_broken_off(world: World) -> None:
    """When all clips that wait for an upload are stopped, it ends; who asks later begins another one."""
    world.service.script("upload", world.service.after(60), for_ever=True)
    handles = with_picture(world, PICTURE, PICTURE)
    await asyncio.sleep(5)
    for handle in handles:
        handle.stop()
    tasks = [await world.end(handle) for handle in handles]
    assert [task.status for task in tasks] == [Status.CANCELLED] * 2
    (later,) = with_picture(world, PICTURE)
    assert (await world.end(later)).status is Status.COMPLETED
    assert (len(uploads(world.service)), world.service.most_at_once["upload"]) == (2, 1)


@pytest.mark.parametrize(("lives", "again"), [("2023-11-15T00:00:00Z", True), ("2023-12-15T00:00:00Z", False)])
async def test_upload_that_expires_is_repeated(world: World, film: LocalFile, lives: str, again: bool) -> None:
    """An upload counts as long as its service keeps it, with time left for the task to read it."""
    world.service.expires_at = lives  # the tests' day is 2023-11-14, 22:13
    for prompt in ("one", "two"):
        await world.end(world.submit(ModifyRequest(prompt=prompt, source=film)))
        await asyncio.sleep(3600)
    assert len(uploads(world.service)) == (6 if again else 3)


async def test_upload_without_an_end_is_used_for_a_day(world: World) -> None:
    """Where the service says nothing, the address is used again for a day."""
    for hours in (0, 20, 10):
        await asyncio.sleep(hours * 3600)
        await world.end(world.submit(GenerateRequest(prompt=f"{hours}", start_image=PICTURE)))
    assert len(uploads(world.service)) == 2


async def test_unconfirmed_request_is_looked_for_with_the_address_that_was_sent(world: World) -> None:
    """A look uploads nothing, though the address is too old for a new request: the service lists what it was sent."""
    world.service.lists = True
    world.service.script("submit", world.service.lose)
    lost = await world.end(world.submit(GenerateRequest(prompt="p", start_image=PICTURE)))
    assert lost.status is Status.UNCONFIRMED
    await asyncio.sleep(2 * 86400)
    found = await world.end(world.engine.resume(lost.intent))
    assert (found.status, found.task_id) == (Status.COMPLETED, "task-1")
    assert len(uploads(world.service)) == 1
    assert len(world.service.seen("submit")) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(401, {"error": {"code": "invalid_token", "message": "no"}}), "ACEDATACLOUD_PLATFORM_TOKEN"),
        (reply(413, {"error": "too large"}), "too large"),
        (httpx.ConnectError("refused"), "cannot be reached"),
    ],
)
async def test_upload_that_fails_pays_nothing(world: World, answer: Any, said: str) -> None:
    """When the file cannot be uploaded the clip has failed, in the service's words, and no task was asked for."""
    world.service.script("upload", *[answer] * 3)
    task = await world.end(world.submit(GenerateRequest(prompt="p", start_image=PICTURE)))
    assert (task.status, type(task.error)) == (Status.FAILED, ClipFailed)
    assert said in str(task.error)
    assert (task.sent_at, task.upload) == (None, None)
    assert world.service.seen("submit") == []


async def test_upload_of_a_changed_file_pays_nothing(world: World, film: LocalFile) -> None:
    """A file that is another one by the time of its upload is not sent."""
    assert film.path
    source = world.generate()
    handle = world.submit(ModifyRequest(prompt="p", source=film))
    film.path.write_bytes(VIDEO + b"\0\0\0\x08free")
    task = await world.end(handle)
    assert task.status is Status.FAILED
    assert "has changed since then" in str(task.error)
    await world.end(source)
    assert len(world.service.seen("submit")) == 1


async def test_stop_while_uploading_sends_nothing(world: World) -> None:
    """A stop during the upload sends nothing that costs."""
    world.service.script("upload", world.service.after(60))
    handle = world.submit(GenerateRequest(prompt="p", start_image=PICTURE))
    await asyncio.sleep(5)
    assert handle.task.status is Status.QUEUED
    handle.stop()
    task = await world.end(handle)
    assert task.status is Status.CANCELLED
    assert "Nothing was sent" in str(task.error)
    assert world.service.seen("submit") == []


async def test_upload_says_how_far_it_is(world: World) -> None:
    """While a file is uploaded the clip says which, and how far; afterwards no more."""
    handle = world.submit(GenerateRequest(prompt="p", start_image=PICTURE))
    task = await world.end(handle)
    said = [event.task.upload for event in world.events[handle] if event.task.upload]
    assert said[0] == "uploading first.png (0 %)"
    assert said[-1] == "uploading first.png (100 %)"
    assert task.upload is None
    uploading = next(event.task for event in world.events[handle] if event.task.upload)
    assert (
        status_text(ClipState(uploading, None, EPOCH, handle.duration_model))
        == "uploading first.png (0 %); nothing is paid yet"
    )


async def test_request_with_an_equal_file_is_answered_by_the_first(world: World) -> None:
    """A request with a picture is answered by what the same picture came to, whatever it is called."""
    done = await world.end(world.submit(GenerateRequest(prompt="p", start_image=PICTURE)))
    same = LocalFile(PICTURE.sha256, "image/png", "renamed.png", 7, data=b"picture")
    again = submit(world.engine, GenerateRequest(prompt="p", start_image=same))
    assert again.task.intent == done.intent
    other = submit(world.engine, GenerateRequest(prompt="p", start_image=OTHER))
    assert other.task.intent != done.intent
    await world.end(other)


async def test_records_tell_of_a_file_and_not_where_it_lies(world: World, film: LocalFile, media: Path) -> None:
    """Journal and sidecar name the file; neither has its bytes or its folder."""
    task = await world.end(world.submit(ExtendRequest(prompt="p", source=film)))
    entry = world.engine.journal.find(task.intent)
    assert entry
    assert entry.task.request == task.request
    sidecar = next(media.glob("*.json")).read_text()
    assert film.sha256 in sidecar
    assert str(film.path) not in sidecar


async def test_preview_uploads_nothing(world: World, film: LocalFile) -> None:
    """Looking at a request names the files that would be uploaded first."""
    shown = preview(world.engine, GenerateRequest(prompt="p", start_image=PICTURE))
    assert shown.payload["start_image_url"] == "‹first.png, uploaded first›"
    assert (
        preview(world.engine, ModifyRequest(prompt="p", source=film))
        .payload["source_video_url"]
        .startswith("‹film.mp4")
    )
    assert uploads(world.service) == []


async def completed(world: World) -> Handle:
    handle = world.generate()
    await world.end(handle)
    return handle


@pytest.mark.parametrize("expired", [True, False])
async def test_source_whose_address_expired_is_uploaded(world: World, expired: bool) -> None:
    """An old clip's address is looked at before it is paid for; the saved file takes its place where it is gone."""
    source = await completed(world)
    if expired:
        world.service.expired.add("https://media.example/task-1.mp4")
    await asyncio.sleep(FRESH)
    task = await world.end(world.modify(source))
    assert task.status is Status.COMPLETED
    sent = world.service.seen("submit")[-1].payload["source_video_url"]
    assert sent.startswith("https://media.example/uploaded-" if expired else "https://media.example/task-1")
    assert len(world.service.seen("head")) == 1


async def test_source_whose_address_refuses_head_is_sent_as_it_is(world: World) -> None:
    """An address that is signed for GET alone has not expired because it refuses HEAD: nothing is uploaded for it."""
    source = await completed(world)
    world.service.script("head", reply(403))
    await asyncio.sleep(FRESH)
    task = await world.end(world.modify(source))
    assert task.status is Status.COMPLETED
    assert world.service.seen("submit")[-1].payload["source_video_url"] == "https://media.example/task-1.mp4"
    assert uploads(world.service) == []


async def test_source_that_is_fresh_is_not_doubted(world: World) -> None:
    """A clip that has just ended is used as it is, without a question."""
    source = await completed(world)
    await world.end(world.modify(source))
    assert world.service.seen("head") == uploads(world.service) == []


async def test_source_without_address_and_file_pays_nothing(world: World) -> None:
    """Where neither the address nor the file is there, the clip fails before anything is paid, and says why."""
    source = await completed(world)
    world.service.expired.add("https://media.example/task-1.mp4")
    assert source.task.path
    source.task.path.unlink()
    await asyncio.sleep(FRESH)
    task = await world.end(world.modify(source))
    assert task.status is Status.FAILED
    assert "Nothing was sent: its source was not saved here, and its address at the service has expired" in str(
        task.error
    )
    assert len(world.service.seen("submit")) == 1


async def test_source_whose_address_is_cut_is_uploaded(world: World) -> None:
    """Of a clip that was handed out only the file is whole, so that goes out; without it, nothing is paid."""
    source = await completed(world)
    assert source.task.video
    source.task = source.task.evolve(video=replace(source.task.video, url="https://media.example/task-1.mp4?…"))
    task = await world.end(world.modify(source))
    sent = world.service.seen("submit")[-1].payload["source_video_url"]
    assert (task.status, sent.partition("-")[0]) == (Status.COMPLETED, "https://media.example/uploaded")
    source.task = source.task.evolve(path=None)
    with pytest.raises(InvalidRequest, match="its whole address is known only where it was made"):
        world.modify(source, again=True)


async def test_demo_source_goes_to_a_paid_service_as_a_file(world: World) -> None:
    """A simulated clip is uploaded, where somebody says so; its loopback address is never sent."""
    source = await completed(world)
    source.task = source.task.evolve(provider="demo", base_url="http://127.0.0.1:5")
    task = await world.end(world.modify(source, provider="runapi"))
    assert task.status is Status.COMPLETED
    assert world.service.seen("submit")[-1].payload["source_video_url"].startswith("https://media.example/uploaded-")


async def test_demo_source_without_a_file_is_refused(world: World) -> None:
    """A simulated clip whose file is gone cannot be sent anywhere, which is said before anything is sent."""
    source = await completed(world)
    source.task = source.task.evolve(provider="demo", base_url="http://127.0.0.1:5", path=None)
    with pytest.raises(InvalidRequest, match="was not saved here"):
        world.modify(source, provider="runapi")
