"""Work beside an event loop: where it is done, what comes of it, and what a cancellation does not do to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from luma_jupyter.worker_threads import MOST_THREADS, WorkerThreads, in_thread
from tests.support.waiting import until


@pytest.fixture
def workers() -> Iterator[WorkerThreads]:
    workers = WorkerThreads()
    yield workers
    workers.shutdown()


def test_in_thread_gives_what_a_function_gives_and_raises_what_it_raises() -> None:
    """The function is called in another thread, and is as good as one that is called here."""

    def fail() -> None:
        raise OSError("the disk is gone")

    async def ask() -> threading.Thread:
        with pytest.raises(OSError, match="the disk is gone"):
            await in_thread(fail)
        return await in_thread(threading.current_thread)

    assert asyncio.run(ask()) is not threading.current_thread()


def test_in_thread_is_awaited_to_its_end_though_cancelled() -> None:
    """Whoever is cancelled meanwhile learns what came of it all the same, and is cancelled at the next wait."""
    begun, go_on = threading.Event(), threading.Event()
    heard: list[str] = []

    def write() -> str:
        begun.set()
        go_on.wait(10)
        return "written"

    async def run() -> None:
        heard.append(await in_thread(write))
        await asyncio.sleep(0)
        heard.append("not cancelled")

    async def cancel() -> None:
        task = asyncio.create_task(run())
        while not begun.is_set():
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert heard == ["written"]


def test_worker_threads_are_few_and_end_when_told(workers: WorkerThreads) -> None:
    """However much is to be done at once, there are so many threads at most; a free one is used before a new one."""
    before, go_on = threading.active_count(), threading.Event()
    assert workers.submit(lambda: "first").result(10) == "first"
    jobs = [workers.submit(go_on.wait, 10) for _ in range(3 * MOST_THREADS)]
    assert threading.active_count() - before <= MOST_THREADS
    go_on.set()
    assert all(job.result(10) for job in jobs)
    workers.shutdown()
    until(lambda: threading.active_count() == before)


def test_job_that_was_cancelled_in_time_is_not_done(workers: WorkerThreads) -> None:
    """What nobody waits for any more, and what has not begun, never begins."""
    go_on, done = threading.Event(), list[str]()
    jobs = [workers.submit(go_on.wait, 10) for _ in range(MOST_THREADS)]
    late = workers.submit(done.append, "late")
    assert late.cancel()
    go_on.set()
    assert all(job.result(10) for job in jobs)
    assert workers.submit(lambda: "next").result(10) == "next"
    assert done == []


def test_work_is_done_though_no_thread_can_be_started(workers: WorkerThreads, monkeypatch: pytest.MonkeyPatch) -> None:
    """By those that there are; by the caller where there is none, as at the end of an interpreter."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert workers.submit(threading.current_thread).result(10) is threading.current_thread()
    held = threading.Event()
    busy = workers.submit(held.wait)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    waiting = workers.submit(threading.current_thread)
    assert not waiting.done()
    held.set()
    assert busy.result(10)
    assert waiting.result(10) is not threading.current_thread()
