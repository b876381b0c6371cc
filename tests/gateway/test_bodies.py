"""What is sent to vendors: judged, and with addresses that they can reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.gateway.bodies import callback_url
from luma_jupyter.gateway.media import media_url
from luma_jupyter.gateway.records import Vendor
from luma_jupyter.gateway.vendors import ClassAccountError
from tests.support.class_room import ANN, BEN, TEACHER, URL, ClassRoom, runner
from tests.support.films import JPEG, film

PAGE = "https://pictures.example/heron.jpg"


def test_body_is_what_a_kernel_would_send_to_the_vendor(conninfo: str, tmp_path: Path) -> None:
    """The vendor gets the fields that it documents, always asynchronously, and no callback without an address."""

    async def story(room: ClassRoom) -> None:
        body = {"prompt": "a heron", "start_image_url": PAGE, "async": False, "timeout": 20}
        assert await room.bodies.prepare(ANN, "acedata", body) == {
            "action": "generate",
            "prompt": "a heron",
            "aspect_ratio": "16:9",
            "loop": False,
            "enhancement": True,
            "start_image_url": PAGE,
            "async": True,
        }
        modify = {"model": "luma-modify-video", "prompt": "in snow", "source_video_url": "https://v.example/v.mp4"}
        assert await room.bodies.prepare(ANN, "runapi", modify) == modify
        extend = {"action": "extend", "prompt": "on", "video_id": "of-nobody", "end_image_url": PAGE}
        prepared = await room.bodies.prepare(ANN, "acedata", extend)
        assert {name: prepared[name] for name in extend} == extend

    runner(conninfo, tmp_path)(story)


def test_callback_is_the_gateways_own(conninfo: str, tmp_path: Path) -> None:
    """Where a public address is configured the vendor gets a path of it that nobody can guess."""

    async def story(room: ClassRoom) -> None:
        body = await room.bodies.prepare(ANN, "acedata", {"prompt": "a heron"})
        assert body["callback_url"] == callback_url(room.settings, "acedata")
        assert body["callback_url"] != callback_url(room.settings, "runapi")
        assert len(body["callback_url"].removeprefix("https://class.example/callbacks/")) == 32

    runner(conninfo, tmp_path, callback_url="https://class.example")(story)


BAD_BODIES: list[tuple[Vendor, dict[str, Any]]] = [
    ("acedata", {"prompt": "p", "model": "ray"}),
    ("acedata", {"prompt": "p", "callback_url": "https://mine.example"}),
    ("acedata", {"prompt": "p", "start_image_url": "http://169.254.169.254/latest"}),
    ("acedata", {"prompt": "p", "end_image_url": "http://hub:8081/hub/api"}),
    ("acedata", {"prompt": "p", "start_image_url": "http://0x7f000001/"}),
    ("acedata", {"prompt": "p", "start_image_url": 7}),
    ("acedata", {"prompt": "p", "action": "delete"}),
    ("acedata", {"prompt": "p", "aspect_ratio": "5:4"}),
    ("acedata", {"prompt": " "}),
    ("acedata", {"action": "extend", "prompt": "p"}),
    ("acedata", {"action": "extend", "prompt": "p", "video_id": {"a": 1}}),
    ("acedata", {"prompt": "p", "start_image_url": f"{URL}/api/v1/me/balance"}),
    ("runapi", {"prompt": "p", "source_video_url": "file:///etc/passwd"}),
    ("runapi", {"prompt": "p", "source_video_url": f"{URL}/uploads/{'0' * 32}"}),
    ("runapi", {"prompt": "p", "source_video_url": f"{URL}/media/999.mp4"}),
]


def test_bad_body_is_refused_before_anything_is_asked(conninfo: str, tmp_path: Path) -> None:
    """Unknown fields, addresses on somebody's own network, other values than the vendor takes: nothing is sent."""

    async def story(room: ClassRoom) -> None:
        for vendor, body in BAD_BODIES:
            with pytest.raises(InvalidRequest):
                await room.bodies.prepare(ANN, vendor, body)
        assert room.service.requests == []

    runner(conninfo, tmp_path)(story)


def test_body_for_a_vendor_without_key_is_refused(conninfo: str, tmp_path: Path) -> None:
    """That the class has no key is told before anything is entered."""

    async def story(room: ClassRoom) -> None:
        with pytest.raises(ClassAccountError):
            await room.bodies.prepare(ANN, "acedata", {"prompt": "p"})

    runner(conninfo, tmp_path, acedata_token=None)(story)


def test_own_and_a_teachers_clip_may_be_gone_on_with_and_a_classmates_not(conninfo: str, tmp_path: Path) -> None:
    """By its id as by its address: one's own, a teacher's, and for a teacher everybody's."""

    async def story(room: ClassRoom) -> None:
        anns, teachers = await room.complete(ANN), await room.complete(TEACHER)
        assert anns.video
        assert teachers.video
        for person, clip in [(ANN, anns), (BEN, teachers), (TEACHER, anns)]:
            by_id = {"action": "extend", "prompt": "on", "video_id": clip.video and clip.video.video_id}
            assert (await room.bodies.prepare(person, "acedata", by_id))["video_id"] == by_id["video_id"]
            by_url = {"prompt": "snow", "source_video_url": media_url(room.settings, clip, "video")}
            sent = await room.bodies.prepare(person, "runapi", by_url)
            assert sent["source_video_url"] == clip.video.url  # type: ignore[union-attr]
        with pytest.raises(InvalidRequest, match="classmate"):
            await room.bodies.prepare(
                BEN, "acedata", {"action": "extend", "prompt": "on", "video_id": anns.video.video_id}
            )
        with pytest.raises(InvalidRequest, match="not one of your clips"):
            await room.bodies.prepare(
                BEN, "runapi", {"prompt": "snow", "source_video_url": media_url(room.settings, anns, "video")}
            )
        thumbnail = {"prompt": "p", "start_image_url": media_url(room.settings, anns, "thumbnail")}
        assert (await room.bodies.prepare(ANN, "acedata", thumbnail))["start_image_url"] == anns.video.thumbnail_url

    runner(conninfo, tmp_path)(story)


def test_clip_whose_address_has_ended_is_uploaded_anew_once(conninfo: str, tmp_path: Path) -> None:
    """The store has what the vendor serves no longer; a second request finds what was uploaded for the first."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        assert clip.video
        assert clip.video.url
        body = {"prompt": "snow", "source_video_url": media_url(room.settings, clip, "video")}
        room.service.expired.add(clip.video.url)
        with pytest.raises(InvalidRequest, match="no longer keeps it"):
            await room.bodies.prepare(ANN, "runapi", body)
        await room.jobs.saving.save(clip.id)
        sent = [(await room.bodies.prepare(ANN, "runapi", body))["source_video_url"] for _ in range(2)]
        assert len(set(sent)) == 1
        assert sent[0].startswith("https://media.example/uploaded-")
        assert len(room.service.seen("upload")) == 3  # prepare, PUT, confirm

    runner(conninfo, tmp_path)(story)


def test_upload_is_the_owners_and_goes_to_whichever_vendor_needs_it(conninfo: str, tmp_path: Path) -> None:
    """A file gets an address of the gateway's; for each vendor it is uploaded once, whoever gives it."""

    async def story(room: ClassRoom) -> None:
        picture = await room.uploads.add(ANN, "acedata", "heron.jpg", JPEG)
        again = await room.uploads.add(BEN, "acedata", "bird.jpg", JPEG)
        assert picture.url.startswith(f"{URL}/uploads/")
        assert picture.url != again.url
        assert len(room.service.seen("upload")) == 1
        sent = await room.bodies.prepare(ANN, "acedata", {"prompt": "p", "start_image_url": picture.url})
        assert sent["start_image_url"] == "https://media.example/uploaded-1"
        with pytest.raises(InvalidRequest, match="not one of your files"):
            await room.bodies.prepare(BEN, "acedata", {"prompt": "p", "start_image_url": picture.url})

        video = await room.uploads.add(ANN, "acedata", "film.mp4", film())
        await room.bodies.prepare(ANN, "runapi", {"prompt": "p", "source_video_url": video.url})
        assert [seen.request.url.host for seen in room.service.seen("upload")].count("runapi.ai") == 2

        await room.rows("UPDATE uploads SET expires_at = now()")
        anew = await room.bodies.prepare(ANN, "acedata", {"prompt": "p", "start_image_url": picture.url})
        assert anew["start_image_url"] != sent["start_image_url"]

        await room.rows("UPDATE uploads SET expires_at = now()")
        for name in await room.jobs.media.store.names():
            await room.jobs.media.store.remove(name)
        with pytest.raises(InvalidRequest, match="no longer keeps it; give it again"):
            await room.bodies.prepare(ANN, "acedata", {"prompt": "p", "start_image_url": picture.url})

    runner(conninfo, tmp_path)(story)


def test_file_that_is_no_picture_or_video_is_not_kept(conninfo: str, tmp_path: Path) -> None:
    """By its bytes, whatever it is called."""

    async def story(room: ClassRoom) -> None:
        for data in (b"", b"<html>", b"GIF89a" + bytes(20)):
            with pytest.raises(InvalidRequest, match="not a picture"):
                await room.uploads.add(ANN, "acedata", "heron.jpg", data)
        assert room.service.requests == []
        assert await room.rows("SELECT * FROM media") == []

    runner(conninfo, tmp_path)(story)
