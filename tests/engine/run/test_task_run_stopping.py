"""Stopping: whenever it comes, what was paid for keeps its id, and what was not sent never is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipCancelled, ClipDetached
from tests.support.fake_service import reply
from tests.support.world import World


@pytest.mark.parametrize("steps", range(4))
async def test_stop_in_the_first_moments_ends_the_task(world: World, steps: int) -> None:
    """A stop in the first moments always ends the task: sent and detached, or cancelled and never sent."""
    handle = world.generate()
    for _ in range(steps):
        await asyncio.sleep(0)
    handle.stop()
    task = await world.end(handle)
    await asyncio.sleep(1000)
    sent = len(world.service.seen("submit"))
    assert (task.status, sent, task.task_id) in [
        (Status.CANCELLED, 0, None),
        (Status.DETACHED, 1, "task-1"),
    ]
    if steps == 0:
        assert task.status is Status.CANCELLED


async def test_stop_while_queued_sends_nothing(world: World) -> None:
    """A task that is stopped while it waits for its source is cancelled, and nothing is ever sent for it."""
    source = world.generate()
    handle = world.extend(source)
    await world.until(source, Status.RUNNING)
    handle.stop()
    task = await world.end(handle)
    assert world.story(handle) == "queued cancelled"
    assert isinstance(task.error, ClipCancelled)
    assert "Nothing was sent" in str(task.error)
    assert (await world.end(source)).status is Status.COMPLETED
    await asyncio.sleep(1000)
    assert len(world.service.seen("submit")) == 1


async def test_stop_as_the_source_completes_sends_nothing(world: World) -> None:
    """A stop that comes just as the source completes still wins: nothing is sent."""
    source = world.generate()
    handle = world.extend(source)
    source.listen(lambda event: handle.stop() if event.task.status is Status.COMPLETED else None)
    task = await world.end(handle)
    assert (source.task.status, task.status) == (Status.COMPLETED, Status.CANCELLED)
    await asyncio.sleep(1000)
    assert len(world.service.seen("submit")) == 1


async def test_stop_while_submitting_keeps_the_id(world: World) -> None:
    """A paid request that is on its way is never aborted: its id is kept, and then the task is detached."""
    world.service.script("submit", world.service.after(30))
    handle = world.generate()
    await world.until(handle, Status.SUBMITTING)
    for _ in range(3):
        handle.stop()
        await asyncio.sleep(5)
    assert handle.task.status is Status.SUBMITTING
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running detached"
    assert isinstance(task.error, ClipDetached)
    assert task.task_id == "task-1"
    assert "You stopped watching it. The task may still run and be billed (task id task-1)" in str(task.error)
    assert len(world.service.seen("submit")) == 1
    await asyncio.sleep(1000)
    assert not world.service.seen("look")


@pytest.mark.parametrize(
    ("answer", "ending"),
    [(reply(402, {"error": "no credits"}), "failed"), (httpx.ReadError("lost"), "unconfirmed")],
    ids=["refused", "lost"],
)
async def test_stop_while_submitting_hides_no_refusal(world: World, answer: object, ending: str) -> None:
    """A stop does not hide how a submission ended: refused is failed, a lost answer is unconfirmed."""

    async def late(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(10)
        if isinstance(answer, Exception):
            raise answer
        return answer(request)  # type: ignore[operator, no-any-return]

    world.service.script("submit", late)
    handle = world.generate()
    await world.until(handle, Status.SUBMITTING)
    handle.stop()
    task = await world.end(handle)
    assert world.story(handle) == f"queued submitting {ending}"
    assert task.error


async def test_stop_between_two_tries_cancels(world: World) -> None:
    """Stopped while a rate limit delays the next try, the request is not sent again: nothing was accepted."""
    world.service.script("submit", reply(429, {}, headers={"Retry-After": "30"}))
    handle = world.generate()
    await world.until(handle, Status.SUBMITTING)
    await asyncio.sleep(5)
    handle.stop()
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting cancelled"
    assert "had not accepted it" in str(task.error)
    await asyncio.sleep(1000)
    assert len(world.service.seen("submit")) == 1


async def test_stop_while_running_detaches(world: World) -> None:
    """A running task that is stopped is detached: it is not polled again, and the message has its id."""
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    await asyncio.sleep(5)
    handle.stop()
    handle.stop()
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running detached"
    assert isinstance(task.error, ClipDetached)
    assert "may still run and be billed (task id task-1)" in str(task.error)
    await asyncio.sleep(1000)
    assert world.service.times("look") == [1, 3]


async def test_stop_while_the_service_is_failing_tells_why(world: World) -> None:
    """Who stops because nothing moves is told why nothing moved."""
    world.service.script("look", *[reply(503)] * 20)
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    await asyncio.sleep(20)
    handle.stop()
    task = await world.end(handle)
    assert "The last look failed: AceDataCloud" in str(task.error)
    assert "503" in str(task.error)


async def test_stop_of_one_task_leaves_the_others(world: World) -> None:
    """Tasks that share their polls are stopped one by one."""
    handles = [world.generate() for _ in range(3)]
    await world.until(handles[2], Status.RUNNING)
    handles[1].stop()
    endings = [(await world.end(handle)).status for handle in handles]
    assert endings == [Status.COMPLETED, Status.DETACHED, Status.COMPLETED]


async def test_stop_while_saving_completes_without_a_file(world: World, media: Path) -> None:
    """A task whose video is being fetched has completed; the message says that the file is missing, and it is."""
    world.service.script("video", world.service.after(30))
    handle = world.generate()
    await world.until(handle, Status.SAVING)
    await asyncio.sleep(5)
    handle.stop()
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running saving completed"
    assert (task.path, task.file_size, task.error) == (None, None, None)
    assert "file was not saved" in str(task.problem)
    assert task.video
    assert list(media.iterdir()) == []


async def test_stop_while_the_thumbnail_is_fetched_keeps_the_file(world: World, media: Path) -> None:
    """A stop after the video was saved takes nothing away: file and sidecar are there, and the task knows them."""
    world.service.script("thumbnail", world.service.after(30))
    handle = world.generate()
    await world.until(handle, Status.SAVING)
    await asyncio.sleep(5)
    handle.stop()
    task = await world.end(handle)
    assert (task.status, task.problem) == (Status.COMPLETED, None)
    assert task.path
    assert task.file_size == task.path.stat().st_size
    assert sorted(path.suffix for path in media.iterdir()) == [".json", ".mp4"]


async def test_stop_after_the_end_changes_nothing(world: World) -> None:
    """Stopping what has ended changes nothing."""
    handle = world.generate()
    task = await world.end(handle)
    handle.stop()
    await asyncio.sleep(1)
    assert handle.task is task
