"""What is kept of videos, for how long, and who may fetch it: signed addresses, parts, and what is gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from luma_jupyter.domain.secret import Secret
from luma_jupyter.gateway import media_handler
from luma_jupyter.gateway.media import MediaKind, Wanted, media_url
from luma_jupyter.gateway.media_handler import MEDIA_PATH, MediaHandler, Span, read_range
from tests.support.class_room import ANN, URL, ClassRoom, runner
from tests.support.fake_service import VIDEO
from tests.support.films import JPEG, film

Fetch = Callable[..., Awaitable[httpx.Response]]


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@asynccontextmanager
async def served(room: ClassRoom, held: float = 0.0, timeout: float = 30.0) -> AsyncIterator[Fetch]:
    """The handler on a real socket; gives what fetches one of the gateway's addresses there."""
    sockets = bind_sockets(0, "127.0.0.1")
    application = Application([(MEDIA_PATH, MediaHandler, {"media": room.jobs.media, "held": held})])
    server = HTTPServer(application)
    server.add_sockets(sockets)
    base = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    async with httpx.AsyncClient() as client:

        async def fetch(url: str, method: str = "GET", **headers: str) -> httpx.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, base + url.removeprefix(URL), headers=named, timeout=timeout)

        yield fetch
    server.stop()
    await server.close_all_connections()


def test_saved_video_is_served_whole_and_in_parts(conninfo: str, tmp_path: Path) -> None:
    """GET, HEAD and Range, with the content as ETag; a part of another version is all of this one."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        await room.jobs.saving.save(clip.id)
        url, size = media_url(room.settings, clip, "video"), len(VIDEO)
        assert url == media_url(room.settings, await room.get(clip.id), "video")
        async with served(room) as fetch:
            whole = await fetch(url)
            assert (whole.status_code, whole.content) == (200, VIDEO)
            assert whole.headers["content-type"] == "video/mp4"
            assert whole.headers["accept-ranges"] == "bytes"
            head = await fetch(url, "HEAD")
            assert (head.content, head.headers["content-length"]) == (b"", str(size))
            etag = whole.headers["etag"]
            part = await fetch(url, Range="bytes=10-19", If_Range=etag)
            assert (part.status_code, part.content) == (206, VIDEO[10:20])
            assert part.headers["content-range"] == f"bytes 10-19/{size}"
            assert (await fetch(url, Range="bytes=10-", If_Range='"other"')).content == VIDEO
            beyond = await fetch(url, Range=f"bytes={size}-")
            assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
            assert (await fetch(url, If_None_Match=etag)).status_code == 304
            thumbnail = await fetch(media_url(room.settings, clip, "thumbnail"))
            assert (thumbnail.content, thumbnail.headers["content-type"]) == (JPEG, "image/jpeg")

    runner(conninfo, tmp_path)(story)


def test_address_is_good_for_its_file_its_owner_and_its_time_alone(conninfo: str, tmp_path: Path) -> None:
    """Another file, a longer time, another key, no signature: 403, as for a file that does not exist."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        other = await room.complete(ANN)
        url = media_url(room.settings, clip, "video")
        path, query = urlsplit(url).path, urlsplit(url).query
        forged = replace(room.settings, signing_key=Secret("another key, as long"))
        bad = [
            f"{URL}/media/{other.id}.mp4?{query}",
            f"{URL}/media/{clip.id}.jpg?{query}",
            url.replace("expires=", "expires=9"),
            url.replace("expires=", "expires=x"),
            url[:-1],
            f"{URL}{path.removeprefix('/services/luma')}",
            media_url(forged, clip, "video"),
            media_url(room.settings, replace(clip, owner="ben"), "video"),
            media_url(room.settings, replace(clip, id=999), "video"),
        ]
        async with served(room) as fetch:
            assert [(await fetch(address)).status_code for address in bad] == [403] * len(bad)
            old = replace(clip, ended_at=1.0)
            assert (await fetch(media_url(room.settings, old, "video"))).status_code == 410

    runner(conninfo, tmp_path)(story)


def test_request_for_a_video_that_is_still_fetched_is_held(
    conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered as soon as the video is there; not for ever."""
    monkeypatch.setattr(media_handler, "LOOKED_AGAIN", 60.0)

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        url = media_url(room.settings, clip, "video")
        async with served(room) as fetch:
            later = await fetch(url)
            assert (later.status_code, later.headers["retry-after"]) == (503, "5")
        wanted, looked = room.jobs.media.wanted, asyncio.Event()

        async def look(submission: int, kind: MediaKind) -> Wanted | None:
            found = await wanted(submission, kind)
            looked.set()
            return found

        monkeypatch.setattr(room.jobs.media, "wanted", look)
        async with asyncio.timeout(10), served(room, held=20) as fetch:
            waiting = asyncio.ensure_future(fetch(url))
            await looked.wait()
            await room.jobs.saving.save(clip.id)
            assert (await waiting).content == VIDEO

    runner(conninfo, tmp_path)(story)


def test_kernel_that_goes_away_in_the_middle_ends_the_answer(conninfo: str, tmp_path: Path) -> None:
    """Nothing more is read from the store for nobody."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        await room.jobs.saving.save(clip.id)
        gone, read = asyncio.Event(), 0

        async def endless(name: str, start: int, end: int) -> AsyncIterator[bytes]:
            nonlocal read
            for begin in range(start, end):
                yield VIDEO[begin : begin + 1]
                read += 1
                await gone.wait()
                await asyncio.sleep(0.01)

        room.jobs.media.store.read = endless  # type: ignore[method-assign]
        async with served(room, timeout=0.1) as fetch:
            with pytest.raises(httpx.ReadTimeout):
                await fetch(media_url(room.settings, clip, "video"))
            gone.set()
            await asyncio.sleep(0.1)
        assert 1 <= read < 5

    runner(conninfo, tmp_path)(story)


def test_video_that_is_lost_failed_or_removed_is_not_waited_for(conninfo: str, tmp_path: Path) -> None:
    """410 for what was there or should have been, 404 for what never was, 503 while the database is away."""

    async def story(room: ClassRoom) -> None:
        lost, removed = await room.complete(ANN), await room.complete(ANN)
        await room.jobs.saving.give_up(lost.id, "gone")
        await room.jobs.saving.save(removed.id)
        name = (await room.get(removed.id)).media
        assert name
        await room.jobs.media.store.remove(name)
        room.service.failure = {"code": "api_error", "message": "no"}
        failed = await room.complete(ANN)
        async with served(room, held=20) as fetch:
            urls = [media_url(room.settings, clip, "video") for clip in (lost, removed, failed)]
            assert [(await fetch(url)).status_code for url in urls] == [410, 410, 404]
            await room.database.pool.close()
            assert (await fetch(urls[0])).status_code == 503

    runner(conninfo, tmp_path)(story)


def test_what_was_kept_for_long_enough_is_removed(conninfo: str, tmp_path: Path) -> None:
    """Retention in days; the address answers 410 then, and an equal video that comes later is kept again."""

    async def story(room: ClassRoom) -> None:
        media = room.jobs.media
        clip = await room.complete(ANN)
        await room.jobs.saving.save(clip.id)
        await media.sweep()
        assert len(await media.store.names()) == 2
        await room.rows("UPDATE media SET kept_at = now() - interval '31 days'")
        await media.sweep()
        assert await media.store.names() == {}
        assert await room.jobs.saving.unsaved() == []
        assert (await room.get(clip.id)).media is None
        async with served(room) as fetch:
            assert (await fetch(media_url(room.settings, clip, "video"))).status_code == 410
        again = await room.complete(ANN, prompt="another")
        await room.jobs.saving.save(again.id)
        assert len(await media.store.names()) == 2

    runner(conninfo, tmp_path)(story)


def test_old_uploads_and_troubles_are_forgotten(conninfo: str, tmp_path: Path) -> None:
    """An upload's address lives as long as its file is kept; of a video that was lost nobody reads for ever."""

    async def story(room: ClassRoom) -> None:
        for title in ("old.jpg", "new.jpg"):
            await room.uploads.add(ANN, "acedata", title, JPEG)
        for subject in ("1", "2"):
            await room.jobs.vendors.troubles.note("fetch", subject, "lost")
        await room.rows("UPDATE uploads SET created_at = now() - interval '40 days' WHERE title = 'old.jpg'")
        for title, days in (("old.jpg", 40), ("new.jpg", 1)):
            await room.rows(
                "INSERT INTO prepared_uploads (id, owner, groups, teaches, name, size, checksum, made_at)"
                " VALUES (%s, 'ann', '{}', false, %s, 1, '', now() - make_interval(days => %s))",
                title,
                title,
                days,
            )
        await room.rows("UPDATE trouble SET last_at = now() - interval '40 days' WHERE subject = '1'")
        await room.jobs.media.sweep()
        assert await room.rows("SELECT title FROM uploads WHERE owner <> ''") == [("new.jpg",)]
        assert await room.rows("SELECT name FROM prepared_uploads") == [("new.jpg",)]
        assert list(await room.troubles()) == [("fetch", "2")]

    runner(conninfo, tmp_path)(story)


def test_quota_removes_the_oldest(conninfo: str, tmp_path: Path) -> None:
    """As many of the newest stay as fit."""

    async def story(room: ClassRoom) -> None:
        media = room.jobs.media
        names = [await media.put(once(film(content=900 + number)), "mp4") for number in range(4)]
        for age, name in enumerate(reversed(names)):
            await room.rows("UPDATE media SET kept_at = now() - make_interval(hours => %s) WHERE name = %s", age, name)
        await media.sweep()
        assert set(await media.store.names()) == set(names[2:])

    runner(conninfo, tmp_path, media_quota=2 * len(film(content=903)))(story)


def test_file_that_no_table_names_is_swept(conninfo: str, tmp_path: Path) -> None:
    """Where PostgreSQL went away while a file took its place, the file goes later, but not at once."""

    async def story(room: ClassRoom) -> None:
        media = room.jobs.media
        name = await media.put(once(film()), "mp4")
        await room.rows("DELETE FROM media")
        await media.sweep()
        assert set(await media.store.names()) == {name}
        (file,) = (tmp_path / "media").rglob("*.mp4")
        os.utime(file, (1, 1))
        await media.sweep()
        assert await media.store.names() == {}

    runner(conninfo, tmp_path)(story)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("", None),
        ("bytes=0-", Span(0, 10)),
        ("bytes=3-5", Span(3, 6)),
        ("bytes=3-500", Span(3, 10)),
        ("bytes=-4", Span(6, 10)),
        ("bytes=-400", Span(0, 10)),
        ("bytes=5-3", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("words=0-1", None),
    ],
)
def test_range_is_read_as_http_says(header: str, span: Span | None) -> None:
    """RFC 9110: one part is served, what is no range or several at once is all of the file."""
    assert read_range(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_range_beyond_the_end_is_refused(header: str) -> None:
    """There are no such bytes."""
    with pytest.raises(ValueError, match="no such bytes"):
        read_range(header, 10)


def test_store_that_breaks_off_answers_not_now(conninfo: str, tmp_path: Path) -> None:
    """A store that cannot be reached is a passing trouble."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        await room.jobs.saving.save(clip.id)
        (tmp_path / "media").rename(tmp_path / "elsewhere")
        (tmp_path / "media").write_bytes(b"")
        async with served(room) as fetch:
            assert (await fetch(media_url(room.settings, clip, "video"))).status_code == 503

    runner(conninfo, tmp_path)(story)
