"""Videos are fetched once into the store, and nothing that was paid for is lost without a word."""

from __future__ import annotations

import asyncio
import io
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.task import Video
from luma_jupyter.errors import DownloadError, LumaError
from luma_jupyter.gateway.records import Intent, Person, State
from luma_jupyter.gateway.storage import MediaStore, StoreFull
from tests.gateway.test_storage import FullDisk
from tests.support.class_room import ANN, BEN, ClassRoom, runner
from tests.support.fake_service import VIDEO, reply
from tests.support.films import PAGE


def test_video_is_fetched_once(conninfo: str, tmp_path: Path) -> None:
    """A job that runs twice, or for what has no video, does nothing more."""

    async def story(room: ClassRoom) -> None:
        clip, running = await room.complete(ANN), await room.submit(BEN)
        for id in (clip.id, clip.id, running.id, 999):
            await room.jobs.saving.save(id)
        assert len(room.service.seen("video")) == 1
        saved = await room.get(clip.id)
        assert saved.media
        assert await room.jobs.media.read_all(saved.media) == VIDEO
        assert await room.jobs.saving.unsaved() == []

    runner(conninfo, tmp_path)(story)


def test_job_that_runs_twice_at_once_does_no_harm(conninfo: str, tmp_path: Path) -> None:
    """As after SIGSTOP: one file, one row, nothing left over."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        await asyncio.gather(*(room.jobs.saving.save(clip.id) for _ in range(3)))
        assert await room.jobs.media.read_all((await room.get(clip.id)).media or "") == VIDEO
        assert len(await room.rows("SELECT * FROM media")) == 2  # the video and its thumbnail
        assert list(tmp_path.rglob("*.part")) == []

    runner(conninfo, tmp_path)(story)


def test_download_that_breaks_off_goes_on_where_it_was(conninfo: str, tmp_path: Path) -> None:
    """What came of a file is not fetched again in the same job."""

    def half(request: Any) -> Any:
        async def broken() -> Any:
            yield VIDEO[:1000]
            raise OSError("connection reset")

        headers = {"Content-Length": str(len(VIDEO)), "ETag": '"v1"'}
        return httpx.Response(200, headers=headers, content=broken())

    async def story(room: ClassRoom) -> None:
        rest = {"Content-Range": f"bytes 1000-{len(VIDEO) - 1}/{len(VIDEO)}", "ETag": '"v1"'}
        room.service.script("video", half, reply(206, content=VIDEO[1000:], headers=rest))
        clip = await room.complete(ANN)
        await room.jobs.saving.save(clip.id)
        assert room.service.seen("video")[1].request.headers["range"] == "bytes=1000-"
        assert await room.jobs.media.read_all((await room.get(clip.id)).media or "") == VIDEO

    runner(conninfo, tmp_path)(story)


def test_what_is_no_video_is_not_kept_and_worth_another_try(conninfo: str, tmp_path: Path) -> None:
    """A page, an error, half a film: the job fails and is tried again later; nothing half-stored is left."""
    answers = [reply(500), reply(200, html=PAGE), reply(200, content=b"no film"), reply(200, content=VIDEO[:-9])]

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        for answer in answers:
            room.service.script("video", answer, answer, answer)
            with pytest.raises(DownloadError):
                await room.jobs.saving.save(clip.id)
            assert await room.jobs.media.store.names() == {}
            assert list(tmp_path.rglob("*.part")) == []
            assert await room.jobs.saving.unsaved() == [clip.id]
            room.service.behave("video")
        await room.jobs.saving.save(clip.id)
        assert (await room.get(clip.id)).media

    runner(conninfo, tmp_path)(story)


def test_full_disk_is_told_to_the_teacher_until_there_is_room(conninfo: str, tmp_path: Path) -> None:
    """Nothing half-stored; the job is tried again; the trouble goes with the first video that is saved."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        whole = room.jobs.media.store
        room.jobs.media.store = MediaStore(room.settings.media, FullDisk)
        with pytest.raises(StoreFull):
            await room.jobs.saving.save(clip.id)
        assert "no room" in (await room.troubles())["store", ""]
        assert await whole.names() == {}
        assert await room.rows("SELECT * FROM media") == []
        room.jobs.media.store = whole
        await room.jobs.saving.save(clip.id)
        assert await room.troubles() == {}

    runner(conninfo, tmp_path)(story)


def test_disk_that_is_full_at_the_last_moment_leaves_no_row(conninfo: str, tmp_path: Path) -> None:
    """The row that names a file is written with it, or not at all."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        media = room.jobs.media

        async def full(part: io.BufferedRandom, name: str) -> int:
            raise StoreFull

        media.store.place = full  # type: ignore[method-assign, assignment]
        with pytest.raises(StoreFull):
            await room.jobs.saving.save(clip.id)
        assert await room.rows("SELECT * FROM media") == []

    runner(conninfo, tmp_path)(story)


def test_video_that_its_vendor_serves_no_longer_is_written_down_as_lost(conninfo: str, tmp_path: Path) -> None:
    """The vendor is asked for another address first; the teacher is told whose video it is; nobody tries for ever."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        room.service.script("video", reply(404), for_ever=True)
        await room.jobs.saving.save(clip.id)
        assert room.service.seen("look")[-1].ids == [clip.task_id]
        assert "ann" in (await room.troubles())["fetch", str(clip.id)]
        assert await room.jobs.saving.unsaved() == []
        assert (await room.get(clip.id)).state is State.COMPLETED

    runner(conninfo, tmp_path)(story)


def test_video_that_is_lost_answers_no_classmates_request(conninfo: str, tmp_path: Path) -> None:
    """One that shares is sent itself, as nothing is left of the other one: it would be told so at every try."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        asked = partial(Intent, vendor="acedata", body=clip.body, fingerprint=clip.fingerprint, price=1, lesson=True)
        shared = await room.jobs.ledger.admit(asked(BEN, key="one"))
        assert shared.submission.joined == clip.id
        await room.jobs.saving.give_up(clip.id, "gone")
        assert (await room.jobs.ledger.admit(asked(Person("cem"), key="two"))).fresh
        assert await room.jobs.ledger.check() == []

    runner(conninfo, tmp_path)(story)


def test_task_that_is_done_without_an_address_is_written_down_as_lost(conninfo: str, tmp_path: Path) -> None:
    """There is nothing to fetch, and nobody waits for it."""

    async def story(room: ClassRoom) -> None:
        clip = await room.submit(ANN)
        await room.jobs.ledger.complete(clip.id, Video(None), None, 1.0)
        await room.jobs.saving.save(clip.id)
        assert ("fetch", str(clip.id)) in await room.troubles()

    runner(conninfo, tmp_path)(story)


def test_video_whose_address_has_changed_is_fetched_there(conninfo: str, tmp_path: Path) -> None:
    """An address that ended while the gateway was down is asked for anew."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        room.service.result = {"video_url": "https://media.example/newer.mp4"}
        room.service.script("video", reply(410))
        await room.jobs.saving.save(clip.id)
        assert str(room.service.seen("video")[-1].request.url) == "https://media.example/newer.mp4"
        assert (await room.get(clip.id)).media

    runner(conninfo, tmp_path)(story)


def test_thumbnail_that_cannot_be_had_costs_no_video(conninfo: str, tmp_path: Path) -> None:
    """The small picture is worth one try."""

    async def story(room: ClassRoom) -> None:
        room.service.script("thumbnail", reply(200, content=b"no picture"))
        clip = await room.complete(ANN)
        await room.jobs.saving.save(clip.id)
        assert (await room.get(clip.id)).media
        assert await room.rows("SELECT * FROM fetched") == []

    runner(conninfo, tmp_path)(story)


def test_video_on_somebodys_own_network_is_not_fetched(conninfo: str, tmp_path: Path) -> None:
    """A vendor's answer cannot have the gateway look into the university's network."""

    async def story(room: ClassRoom) -> None:
        room.service.result = {"video_url": "http://169.254.169.254/latest"}
        clip = await room.complete(ANN)
        with pytest.raises(LumaError, match="local network"):
            await room.jobs.saving.save(clip.id)
        assert room.service.seen("video") == []

    runner(conninfo, tmp_path)(story)


def test_last_try_gives_up_with_a_word(conninfo: str, tmp_path: Path) -> None:
    """What fails for a day and a half is written down, and tried no more."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        room.service.script("video", reply(500), for_ever=True)
        with pytest.raises(DownloadError):
            await room.jobs.save(clip.id, attempts=3)
        await room.jobs.save(clip.id, attempts=200)
        assert "HTTP 500" in (await room.troubles())["fetch", str(clip.id)]

    runner(conninfo, tmp_path)(story)
