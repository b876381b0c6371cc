"""The jobs of workers: each may run again, none is lost, whoever is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from procrastinate.jobs import Job

from luma_jupyter.errors import Expired, LumaError
from luma_jupyter.gateway.database import Database, DatabaseAway
from luma_jupyter.gateway.jobs import (
    CLOCK_SEEN_EVERY,
    GONE_AFTER,
    LONGEST_PAUSE,
    MOST_TRIES,
    SAVE,
    Patience,
    clock_jumps,
    work,
)
from luma_jupyter.gateway.records import State
from luma_jupyter.gateway.storage import Part, StoreAway, StoreFull
from tests.support.class_room import ANN, ClassRoom, runner, settings_for
from tests.support.fake_service import reply
from tests.support.hanging_vendor import HangingVendor, hanging_vendor
from tests.support.postgres import PostgresServer

JOBS = "SELECT task_name, args->>'id', status::text FROM procrastinate_jobs WHERE task_name = 'luma.save' ORDER BY id"


async def work_off(room: ClassRoom) -> None:
    """Do all jobs that are in the queue, as a worker does."""
    async with room.jobs.app.open_async():
        await room.jobs.app.run_worker_async(
            queues=["save"], wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="successful"
        )


def test_download_is_deferred_with_the_completion_and_done_once(conninfo: str, tmp_path: Path) -> None:
    """In one transaction: a video is never done without its download in the queue."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        assert await room.rows(JOBS) == [(SAVE, str(clip.id), "todo")]
        async with room.database.connection() as connection:
            await room.jobs.defer_save(connection, clip.id)  # it is there already
        await work_off(room)
        assert (await room.get(clip.id)).media
        assert await room.rows(JOBS) == []

    runner(conninfo, tmp_path)(story)


def test_completion_that_is_rolled_back_defers_nothing(conninfo: str, tmp_path: Path) -> None:
    """What is not in the ledger is in no queue either."""

    async def story(room: ClassRoom) -> None:
        clip = await room.submit(ANN)
        defer = room.jobs.defer_save

        async def broken(connection: object, id: int) -> None:
            await defer(connection, id)  # type: ignore[arg-type]
            raise RuntimeError("killed in this moment")

        room.jobs.ledger._on_completed = broken
        await room.follow()
        assert (await room.get(clip.id)).state is State.ACCEPTED
        assert await room.rows(JOBS) == []

    runner(conninfo, tmp_path)(story)


def test_download_that_fails_is_tried_again_later(conninfo: str, tmp_path: Path) -> None:
    """The job stays in the queue, scheduled ever later."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        room.service.script("video", *[reply(500)] * 3)
        await work_off(room)
        assert await room.rows(JOBS) == [(SAVE, str(clip.id), "todo")]
        await room.rows("UPDATE procrastinate_jobs SET scheduled_at = now()")
        await work_off(room)
        assert (await room.get(clip.id)).media

    runner(conninfo, tmp_path)(story)


@pytest.mark.parametrize("status", [403, 404])
def test_video_whose_host_is_late_is_not_lost(conninfo: str, tmp_path: Path, status: int) -> None:
    """A refusal just after it was made, or of a firewall, costs nobody a video that was paid for."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        room.service.script("video", reply(status), for_ever=True)
        await work_off(room)
        assert await room.troubles() == {}
        assert await room.rows(JOBS) == [(SAVE, str(clip.id), "todo")]
        room.service.behave("video")
        await room.rows("UPDATE procrastinate_jobs SET scheduled_at = now()")
        await work_off(room)
        assert (await room.get(clip.id)).media

    runner(conninfo, tmp_path)(story)


def test_video_whose_host_does_not_serve_it_for_an_hour_is_lost(conninfo: str, tmp_path: Path) -> None:
    """The teacher is told, and nobody waits for it any longer."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        room.service.script("video", reply(404), for_ever=True)
        for _ in range(GONE_AFTER - 1):
            with pytest.raises(Expired):
                await room.jobs.save(clip.id)
        await room.jobs.save(clip.id)
        assert "no longer has it" in (await room.troubles())["fetch", str(clip.id)]
        assert await room.jobs.saving.unsaved() == []

    runner(conninfo, tmp_path)(story)


def test_patience_grows_and_ends() -> None:
    """Seconds at first, ten minutes at last; a worker that ends gives its job back at once."""

    def pause(attempts: int, error: BaseException) -> float | None:
        job = Job(queue="save", lock=None, queueing_lock=None, task_name=SAVE, attempts=attempts)
        decision = Patience().get_retry_decision(exception=error, job=job)
        if decision is None or decision.retry_at is None:
            return None
        return round((decision.retry_at - datetime.now(UTC)).total_seconds())

    assert [pause(attempts, OSError()) for attempts in (0, 3, 50)] == [1, 8, LONGEST_PAUSE]
    assert pause(MOST_TRIES, OSError()) is None
    assert pause(7, asyncio.CancelledError()) == 0


def test_video_whose_job_has_gone_is_fetched_all_the_same(conninfo: str, tmp_path: Path) -> None:
    """Once a minute what is still to be fetched gets a job, where it has none that is alive."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        assert await room.jobs.defer_unsaved() == 1
        assert len(await room.rows(JOBS)) == 1
        await room.rows("DELETE FROM procrastinate_jobs")
        await room.jobs.defer_unsaved()
        await room.jobs.defer_unsaved()
        assert await room.rows(JOBS) == [(SAVE, str(clip.id), "todo")]
        await room.rows("UPDATE procrastinate_jobs SET status = 'doing'")
        await room.jobs.defer_unsaved()
        assert len(await room.rows(JOBS)) == 1
        await room.rows("UPDATE procrastinate_events SET at = at - interval '1 hour'")
        await room.jobs.defer_unsaved()
        assert len(await room.rows(JOBS)) == 2

    runner(conninfo, tmp_path)(story)


@pytest.mark.parametrize("error", [StoreFull(), StoreAway("no such bucket")])
def test_video_outlives_a_store_that_fails_for_days(conninfo: str, tmp_path: Path, error: LumaError) -> None:
    """The last try of its job is not the end: it gets another job, and is fetched once there is room for it."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN)
        store = room.jobs.media.store
        place = store.place

        async def fail(part: Part, name: str) -> int:
            raise error

        store.place = fail  # type: ignore[method-assign]
        await room.rows("UPDATE procrastinate_jobs SET attempts = %s", MOST_TRIES)
        await work_off(room)
        assert [row[2] for row in await room.rows(JOBS)] == ["failed"]
        await room.jobs.defer_unsaved()
        store.place = place  # type: ignore[method-assign]
        await work_off(room)
        assert (await room.get(clip.id)).media

    runner(conninfo, tmp_path)(story)


def test_jobs_of_a_killed_worker_are_rescued(conninfo: str, tmp_path: Path) -> None:
    """Downloads go back into the queue, unless an equal one is there; of periodic jobs the next one comes anyway."""

    async def story(room: ClassRoom) -> None:
        await room.complete(ANN)
        async with room.jobs.app.open_async():
            manager = room.jobs.app.job_manager
            await room.jobs.app.configure_task("luma.sweep", queueing_lock="luma.sweep").defer_async(timestamp=1)
            worker = await manager.register_worker()
            while await manager.fetch_job(None, worker):
                pass
            assert await room.jobs.rescue() == 0  # its worker lives
            await room.rows("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
            assert await room.jobs.rescue() == 2
            assert [row[2] for row in await room.rows(JOBS)] == ["todo"]
            assert await room.rows("SELECT * FROM procrastinate_jobs WHERE task_name = 'luma.sweep'") == []

            await manager.fetch_job(["save"], worker)
            async with room.database.connection() as connection:
                await room.jobs.defer_save(connection, 1)
            assert await room.jobs.rescue() == 1
            assert [row[2] for row in await room.rows(JOBS)] == ["todo"]
            assert await room.jobs.rescue() == 0
        await work_off(room)
        assert (await room.get(1)).media

    runner(conninfo, tmp_path)(story)


def test_job_that_has_ended_meanwhile_is_not_rescued(conninfo: str, tmp_path: Path) -> None:
    """Two rescuers at once, or a worker that was only slow: nothing happens."""

    async def story(room: ClassRoom) -> None:
        await room.complete(ANN)
        async with room.jobs.app.open_async():
            manager = room.jobs.app.job_manager
            job = await manager.fetch_job(["save"], await manager.register_worker())
            assert job
            await room.rows("DELETE FROM procrastinate_jobs")
            await room.jobs._rescue(job)
            assert await room.rows(JOBS) == []

    runner(conninfo, tmp_path)(story)


def test_sweep_forgets_jobs_that_failed_for_good(conninfo: str, tmp_path: Path) -> None:
    """A day later; beside what the store no longer keeps."""

    async def story(room: ClassRoom) -> None:
        await room.complete(ANN)
        await room.rows("UPDATE procrastinate_jobs SET status = 'failed'")
        async with room.jobs.app.open_async():
            await room.jobs.sweep()
            assert len(await room.rows(JOBS)) == 1
            await room.rows("UPDATE procrastinate_events SET at = at - interval '2 days'")
            await room.jobs.sweep()
        assert await room.rows(JOBS) == []

    runner(conninfo, tmp_path)(story)


WORKER = """
import asyncio, sys
from pathlib import Path
from luma_jupyter.gateway.jobs import work
from tests.support.class_room import settings_for
conninfo, folder, url = sys.argv[1:]
asyncio.run(work(settings_for(conninfo, Path(folder), acedata_base_url=url)))
"""


async def kill_worker_that_hangs(room: ClassRoom, folder: Path, vendor: HangingVendor) -> None:
    """Start a worker in a process of its own, and kill it when the vendor has been asked."""
    arguments = (room.settings.database, str(folder), vendor.url)
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, *arguments, cwd=root)
    try:
        await asyncio.wait_for(vendor.asked.wait(), 20)
    finally:
        process.kill()
        await process.wait()


async def until_saved(room: ClassRoom, id: int) -> None:
    with room.database.news("submissions", {str(id)}) as news:
        while not (await room.get(id)).media:
            assert await news.wait(20)


@pytest.mark.parametrize("hangs", ["look", "video"])
def test_worker_that_is_killed_loses_nothing(conninfo: str, tmp_path: Path, hangs: str) -> None:
    """SIGKILL in the middle of a look-up and of a download: the next worker takes both up; SIGTERM ends that one."""

    async def story(room: ClassRoom) -> None:
        clip = await room.submit(ANN)
        await room.rows("UPDATE submissions SET looks = 1")
        async with hanging_vendor() as vendor:
            vendor.hangs = hangs
            await kill_worker_that_hangs(room, tmp_path, vendor)
            assert (await room.get(clip.id)).media is None
            assert len(list(tmp_path.rglob("*.part"))) == (hangs == "video")

            # As much later as it takes until the killed one is known to be dead, and the next rounds are due.
            await room.rows("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
            await room.rows("UPDATE submissions SET claimed_until = claimed_until - interval '1 minute'")
            await room.rows("DELETE FROM procrastinate_periodic_defers")
            vendor.hangs = None
            next_one = asyncio.ensure_future(work(replace(room.settings, acedata_base_url=vendor.url)))
            await until_saved(room, clip.id)
            os.kill(os.getpid(), signal.SIGTERM)
            await next_one
        assert await room.jobs.ledger.check() == []

    runner(conninfo, tmp_path, runapi_key=None)(story)


def test_worker_ends_when_its_database_goes_away(postgres: PostgresServer, conninfo: str, tmp_path: Path) -> None:
    """Whoever started it starts it again."""

    async def play() -> None:
        worker = asyncio.ensure_future(work(settings_for(conninfo, tmp_path)))
        async with asyncio.timeout(20), Database(conninfo, size=1) as database:
            while True:
                async with database.connection() as connection:
                    cursor = await connection.execute("SELECT count(*) FROM procrastinate_workers")
                    if await cursor.fetchone() == (2,):
                        break
                await asyncio.sleep(0.02)
        postgres.stop(signal.SIGQUIT)
        try:
            await asyncio.wait({worker}, timeout=20)
            assert worker.done()
            assert isinstance(worker.exception(), DatabaseAway | NoneType)  # of which one line is said
        finally:
            postgres.start()

    asyncio.run(play())


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_clock_that_jumps_is_noticed(run_virtually: Callable[[Coroutine[Any, Any, Any]], Any], jump: float) -> None:
    """Put on or back; one that is slowly put right is not."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        clock = {"ahead": 0.0, "fast": 1.001}
        noticed = asyncio.create_task(clock_jumps(lambda: loop.time() * clock["fast"] + clock["ahead"], loop.time))
        await asyncio.sleep(100_000)
        assert not noticed.done()
        clock["ahead"] = jump
        await asyncio.sleep(CLOCK_SEEN_EVERY + 0.1)
        assert noticed.done()

    run_virtually(story())


def test_worker_ends_when_the_clock_jumps(conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one plans its periodic jobs anew: this one would wait until the clock is where it was."""
    monkeypatch.setattr("luma_jupyter.gateway.jobs.clock_jumps", lambda: asyncio.sleep(0.1))
    asyncio.run(asyncio.wait_for(work(settings_for(conninfo, tmp_path)), 20))
