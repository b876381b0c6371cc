"""An orderly end of the program: nothing is half done, and what goes on without us is named."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.ending import Ending
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.database import Database
from tests.support import settings
from tests.support.fake_service import FakeService
from tests.support.world import submit


@pytest.fixture
def engine(keys: None, loop_thread: LoopThread, providers: ProviderPool) -> Engine:
    """An engine with a thread of its own, whose seconds take a few milliseconds."""
    return Engine(settings.current, loop_thread, providers, jitter=lambda: 0.0)


def until(engine: Engine, intent: str, status: Status) -> None:
    """Wait for a status, which may be there already."""

    async def reached() -> None:
        while engine.handles[intent].task.status is not status:
            await asyncio.sleep(0.1)

    engine.loop_thread.submit(reached()).result(10)


def sent(service: FakeService) -> int:
    return len(service.seen("submit"))


def test_a_submission_under_way_gets_its_answer(engine: Engine, service: FakeService) -> None:
    """The task id of what was sent is written down before the program is over."""
    service.script("submit", service.after(100))
    handle = submit(engine, GenerateRequest(prompt="A boat"))
    until(engine, handle.task.intent, Status.SUBMITTING)
    ending = engine.finish(grace=20)
    (task,) = ending.tasks
    assert (task.status, task.task_id) == (Status.DETACHED, "task-1")
    entry = engine.journal.find(task.intent)
    assert entry
    assert (entry.task.status, entry.task.task_id, entry.owner) == (Status.DETACHED, "task-1", None)
    assert str(ending).startswith("luma_jupyter: 1 clip goes on at the service;")


def test_what_is_queued_is_not_sent(engine: Engine, service: FakeService) -> None:
    """Of a batch that had just begun, only what has left by then is paid; all else is told as unsent."""
    settings.configure(submissions=1)
    service.script("submit", service.after(100))
    handles = [submit(engine, GenerateRequest(prompt=f"Boat {number}")) for number in range(6)]
    until(engine, handles[0].task.intent, Status.SUBMITTING)
    ending = engine.finish(grace=20)
    assert sent(service) == 1
    assert [handle.task.status for handle in handles] == [Status.DETACHED, *[Status.CANCELLED] * 5]
    assert "5 clips were not sent and cost nothing." in str(ending)
    assert "1 clip goes on at the service" in str(ending)
    assert all("The program ended" in str(handle.task.error) for handle in handles)


def test_an_answer_that_does_not_come_in_time_leaves_it_unconfirmed(engine: Engine, service: FakeService) -> None:
    """After its grace the program ends all the same; the journal says that it was sent, and the words say it too."""
    service.script("submit", service.after(10_000))
    handle = submit(engine, GenerateRequest(prompt="A boat"))
    until(engine, handle.task.intent, Status.SUBMITTING)
    ending = engine.finish(grace=0.05)
    entry = engine.journal.find(handle.task.intent)
    assert entry
    assert entry.task.sent_at
    assert entry.task.task_id is None
    assert "1 clip was sent and not answered yet" in str(ending)


def test_a_video_that_is_being_saved_is_saved(engine: Engine, service: FakeService) -> None:
    """A file on its way is waited for, as long as the grace lasts."""
    service.script("video", service.after(2))
    handle = submit(engine, GenerateRequest(prompt="A boat"))
    until(engine, handle.task.intent, Status.SAVING)
    ending = engine.finish(grace=20)
    assert handle.task.status is Status.COMPLETED
    assert handle.task.path
    assert handle.task.path.exists()
    assert str(ending) == ""


def test_what_is_told_later_stays_in_the_journal(engine: Engine, service: FakeService) -> None:
    """Where nobody hears of it now, the next kernel says once what was not sent."""
    settings.configure(submissions=1)
    service.script("submit", service.after(100))
    first, second = (submit(engine, GenerateRequest(prompt=prompt)) for prompt in ("One", "Two"))
    until(engine, first.task.intent, Status.SUBMITTING)
    engine.finish(grace=20, tell_later=True)
    assert second.task.status is Status.CANCELLED
    entry = engine.journal.find(second.task.intent)
    assert entry
    assert entry.task.status is Status.QUEUED
    folder = settings.current().folder
    assert [task.intent for task in engine.repository.settle_ended(folder)] == [second.task.intent]
    assert engine.repository.settle_ended(folder) == []
    entry = engine.journal.find(second.task.intent)
    assert entry
    assert entry.task.status is Status.CANCELLED


def test_all_that_was_not_sent_is_settled_in_one_transaction(
    engine: Engine, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many clips a kernel leaves unsent, the next one begins after one write to the disk."""
    settings.configure(submissions=1)
    service.script("submit", service.after(100))
    first, *_ = [submit(engine, GenerateRequest(prompt=f"Number {number}")) for number in range(5)]
    until(engine, first.task.intent, Status.SUBMITTING)
    engine.finish(grace=20, tell_later=True)
    written: list[str] = []
    execute = Database.execute

    def count(database: Database, sql: str, *values: object) -> Any:
        if threading.current_thread() is threading.main_thread() and sql == "COMMIT":
            written.append(sql)
        return execute(database, sql, *values)

    monkeypatch.setattr(Database, "execute", count)
    assert len(engine.repository.settle_ended(settings.current().folder)) == 4
    assert written == ["COMMIT"]


def test_an_engine_without_tasks_ends_at_once(engine: Engine, service: FakeService) -> None:
    """Nothing is waited for and nothing is said where everything had ended."""
    submit(engine, GenerateRequest(prompt="A boat")).done.result(10)
    assert str(engine.finish(grace=10_000)) == ""


def task(status: Status, provider: Provider = "acedata", **changes: object) -> Task:
    made = Task(
        intent="0" * 32,
        request=GenerateRequest(prompt="A boat"),
        provider=provider,
        status=status,
        created_at=1.0,
        filename="a-boat.mp4",
    )
    return made.evolve(**changes)


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([], ""),
        ([task(Status.COMPLETED, "demo")], ""),
        ([task(Status.CANCELLED)], "luma_jupyter: 1 clip was not sent and cost nothing."),
        (
            [task(Status.DETACHED, task_id="t")] * 3,
            "luma_jupyter: 3 clips go on at the service; to watch them further, run this again or say %luma resume.",
        ),
        (
            [task(Status.SUBMITTING, sent_at=2.0)],
            "luma_jupyter: 1 clip was sent and not answered yet, and may be made and billed: %luma retry asks what "
            "became of it, in Python clip.retry().",
        ),
        ([task(Status.DETACHED, "demo")] * 2, "luma_jupyter: 2 clips of the demo service ended unfinished."),
        (
            [task(Status.COMPLETED, task_id="t")],
            "luma_jupyter: 1 clip is made but not saved here; to save it, run this again or say %luma resume.",
        ),
    ],
)
def test_an_ending_says_what_is_left(tasks: list[Task], words: str) -> None:
    """Each kind has a line of its own, with its number; a finished program says nothing."""
    assert str(Ending(tasks)) == words


def test_a_refusal_during_the_end_is_no_loose_end(engine: Engine, service: FakeService) -> None:
    """What the service refuses while the program ends has ended like any other refusal."""

    async def refuse(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(100)
        return httpx.Response(403, json={"error": {"code": "forbidden", "message": "No boats."}})

    service.script("submit", refuse)
    handle = submit(engine, GenerateRequest(prompt="A boat"))
    until(engine, handle.task.intent, Status.SUBMITTING)
    ending = engine.finish(grace=20)
    assert (handle.task.status, handle.task.task_id) == (Status.FAILED, None)
    assert "No boats." in str(handle.task.error)
    assert str(ending) == ""
