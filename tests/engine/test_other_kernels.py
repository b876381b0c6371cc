"""Several kernels and one home: what one follows others watch, what one leaves another takes up; none pays twice."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.database import Database
from luma_jupyter.engine.store.journal import Entry, Journal
from luma_jupyter.engine.store.leases import HEARTBEAT_INTERVAL
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ClipFailed, ConfigError
from tests.engine.kernels import (
    PROMPT,
    Kernels,
    ask,
    paid,
    requests,
    until,
)
from tests.support import settings
from tests.support.fake_service import VIDEO
from tests.support.world import Clock, submit


async def test_watched_clip_is_seen_to_its_end_without_a_request(kernels: Kernels, media: Path) -> None:
    """A clip that another kernel follows is seen to its end without asking any service for it."""
    one, two = kernels.start(), kernels.start()
    one.service.script("video", one.service.after(10))
    first, second = ask(one), ask(two)
    assert second.task.intent == first.task.intent
    await one.end(first)
    before = requests(one)
    task = await two.end(second)
    assert task == first.task
    assert two.story(second).endswith("running saving completed")
    assert (paid(one), requests(one), len(list(media.glob("*.mp4")))) == (1, before, 1)


now = Clock()


async def test_watching_many_clips_asks_the_journal_once_for_all(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty clips that another kernel follows cost one look a second; while nothing changes, no row is read."""
    one, two = kernels.start(), kernels.start()
    one.service.seconds = 1e9
    followed = [ask(one, f"fox {number}", timeout=1e9) for number in range(20)]
    while any(handle.task.status is not Status.RUNNING for handle in followed):
        await asyncio.sleep(1)
    watched = [ask(two, f"fox {number}", timeout=1e9) for number in range(20)]
    await asyncio.sleep(3)
    asked: list[str] = []
    execute = Database.execute

    def count(database: Database, sql: str, *values: object) -> Any:
        if database is two.engine.journal._file:
            asked.append(sql)
        return execute(database, sql, *values)

    monkeypatch.setattr(Database, "execute", count)
    await asyncio.sleep(10)
    assert 9 <= sum("data_version" in sql for sql in asked) <= 11
    assert sum(" IN (" in sql for sql in asked) <= 2  # after a heartbeat
    followed[3].stop()
    await two.until(watched[3], Status.RUNNING)
    entry = two.engine.journal.find(followed[3].task.intent)
    assert entry
    assert entry.owner == two.engine.journal.owner


async def test_watched_failure_has_the_same_words(kernels: Kernels) -> None:
    """What ends badly in the kernel that follows it has the same words in the one that watches."""
    one, two = kernels.start(), kernels.start()
    one.service.failure = {"code": "api_error", "message": "The dragon escaped."}
    first, second = ask(one), ask(two)
    await one.end(first)
    task = await two.end(second)
    assert (task.status, str(task.error)) == (Status.FAILED, str(first.task.error))
    assert isinstance(task.error, ClipFailed)


async def test_stop_of_watching_does_not_reach_the_other_kernel(kernels: Kernels) -> None:
    """A stop where a clip is watched ends the watching, and does not reach the kernel that follows it."""
    one, two = kernels.start(), kernels.start()
    first, second = ask(one), ask(two)
    await one.until(first, Status.RUNNING)
    second.stop()
    assert (await two.end(second)).status is Status.DETACHED
    assert (await one.end(first)).status is Status.COMPLETED
    assert ask(two).task.path == first.task.path
    assert paid(one) == 1


async def test_watched_clip_that_is_let_go_is_followed_further(kernels: Kernels) -> None:
    """A clip that the other kernel lets go is followed further by the one that watches it."""
    one, two = kernels.start(), kernels.start()
    first, second = ask(one), ask(two)
    await one.until(first, Status.RUNNING)
    first.stop()
    await one.end(first)
    task = await two.end(second)
    assert (task.status, task.intent) == (Status.COMPLETED, first.task.intent)
    assert paid(one) == 1


@pytest.mark.parametrize("watched", [False, True], ids=["asked later", "watched"])
@pytest.mark.parametrize("status", [Status.RUNNING, Status.SAVING])
async def test_clip_of_a_dead_kernel_is_taken_over(kernels: Kernels, status: Status, watched: bool) -> None:
    """A clip whose kernel is gone is followed to its end by the next one that asks, or that watched it."""
    one, two = kernels.start(), kernels.start()
    one.service.script("video", one.service.after(1000))
    one.service.seconds = 100
    first = ask(one)
    second = ask(two) if watched else None
    await until(one, first, status)
    await kernels.kill(one)
    second = second or ask(two)
    task = await two.end(second)
    assert (task.status, task.intent, task.error, task.problem) == (Status.COMPLETED, first.task.intent, None, None)
    assert task.path
    assert task.path.read_bytes() == VIDEO
    assert paid(one) == 1
    (entry,) = two.engine.journal.entries()
    assert (entry.task, entry.owner) == (task, None)


async def test_race_of_two_kernels_makes_one_task(kernels: Kernels) -> None:
    """Of two kernels that both found nothing to show, one makes the task, and the other watches that."""
    one, two = kernels.start(), kernels.start()
    plan = one.engine.plan(TaskSpec(request=GenerateRequest(prompt=PROMPT)))
    assert one.engine.find_earlier(plan) is None
    quicker = ask(two)
    slower = one.engine.submit(plan)
    assert slower.task.intent == quicker.task.intent
    assert (await one.end(slower)).status is Status.COMPLETED
    assert (await two.end(quicker)).status is Status.COMPLETED
    assert paid(one) == len(one.engine.repository.history()) == 1


async def test_race_to_take_over_is_won_by_one_kernel(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two kernels that both found a task that nobody follows, one follows it, and the other watches."""
    one, two = kernels.start(), kernels.start()
    left = ask(one)
    await one.until(left, Status.RUNNING)
    left.stop()
    await one.end(left)
    plan = one.engine.plan(TaskSpec(request=GenerateRequest(prompt=PROMPT)))
    client = one.engine.providers.client
    quicker: list[Handle] = []

    def slowly(*args: Any) -> Any:
        if not quicker:
            quicker.append(left)
            quicker[:] = [ask(two)]
        return client(*args)

    monkeypatch.setattr(one.engine.providers, "client", slowly)
    tasks = [await one.end(one.engine.submit(plan)), await two.end(quicker[0])]
    assert {(task.status, task.intent) for task in tasks} == {(Status.COMPLETED, left.task.intent)}
    times = one.service.times("look")
    assert len(times) == len(set(times)) > 0
    assert paid(one) == 1


@pytest.mark.parametrize("watched", [False, True], ids=["asked later", "watched"])
async def test_request_on_its_way_when_its_kernel_died_is_unconfirmed(kernels: Kernels, watched: bool) -> None:
    """A request that was on its way when its kernel died is in doubt, and is not sent by the next one."""
    one, two = kernels.start(), kernels.start()
    one.service.script("submit", one.service.after(1000))
    first = ask(one)
    second = ask(two) if watched else None
    await asyncio.sleep(1)
    await kernels.kill(one)
    task = await two.end(second or ask(two))
    assert (task.status, task.intent) == (Status.UNCONFIRMED, first.task.intent)
    assert "It may be running and may be billed" in str(task.error)
    assert paid(one) == 1


async def test_request_not_sent_when_its_kernel_died_is_made_once(kernels: Kernels) -> None:
    """A request that certainly never left is a new task for who asks later, and goes on where it is watched."""
    settings.configure(submissions=1)
    one, two, three = kernels.start(), kernels.start(), kernels.start()
    one.service.script("submit", one.service.after(1000))
    ask(one, "Another film")
    await asyncio.sleep(1)
    waiting = ask(one)
    watched = ask(two)
    await kernels.kill(one)
    later = ask(three, again=False)
    tasks = [await two.end(watched), await three.end(later)]
    assert [task.status for task in tasks] == [Status.COMPLETED] * 2
    assert waiting.task.intent == watched.task.intent
    assert {task.intent for task in tasks} == {watched.task.intent}
    assert paid(one) == 2


async def test_clip_that_is_only_listed_is_not_sent_when_its_kernel_dies(kernels: Kernels) -> None:
    """A kernel that only shows what another one had not sent pays for none of it; a cell that asks for it does."""
    settings.configure(submissions=1)
    one, two = kernels.start(), kernels.start()
    one.service.script("submit", one.service.after(1000))
    ask(one, "Another film")
    await asyncio.sleep(1)
    listed, listed_and_asked_for = (two.engine.watch(ask(one, prompt).task) for prompt in (PROMPT, "A grey wolf"))
    assert ask(two, "A grey wolf") is listed_and_asked_for
    await kernels.kill(one)
    assert (await two.end(listed_and_asked_for)).status is Status.COMPLETED
    task = await two.end(listed)
    assert (task.status, "nothing was paid" in str(task.error)) == (Status.CANCELLED, True)
    assert [post.payload["prompt"] for post in one.service.seen("submit")] == ["Another film", "A grey wolf"]
    assert (await two.end(ask(two))).status is Status.COMPLETED


async def test_clip_of_a_dead_kernel_has_one_heir(kernels: Kernels) -> None:
    """Of several that watch a clip whose kernel dies, one takes it over and the others watch that one."""
    one, *others = (kernels.start() for _ in range(4))
    one.service.seconds = 300
    first = ask(one)
    handles = [ask(other) for other in others]
    await one.until(first, Status.RUNNING)
    await kernels.kill(one)
    looks = len(one.service.seen("look"))
    tasks = [await other.end(handle) for other, handle in zip(others, handles, strict=True)]
    assert {(task.status, task.intent) for task in tasks} == {(Status.COMPLETED, first.task.intent)}
    assert len({task.path for task in tasks}) == 1
    times = one.service.times("look")[looks:]
    assert len(times) == len(set(times)) > 0
    assert paid(one) == 1


async def test_clip_from_another_folder_is_copied(kernels: Kernels, tmp_path: Path, media: Path) -> None:
    """Each notebook has its clips in its own folder: a clip of another one is copied, with its sidecar, not fetched."""
    one, two, three = (kernels.start() for _ in range(3))
    first = ask(one)
    other = tmp_path / "other"
    settings.configure(media=other)
    watched = await two.end(ask(two))
    before = requests(one)
    shown = ask(three)
    assert shown.reused
    for task in (watched, shown.task):
        assert task.path == other / first.task.filename
        assert task.intent == first.task.intent
    assert {path.name for path in other.iterdir()} == {first.task.filename, f"{Path(first.task.filename).stem}.json"}
    assert (other / first.task.filename).read_bytes() == VIDEO
    assert (media / first.task.filename).exists()
    assert (paid(one), requests(one)) == (1, before)


async def test_watched_clip_outlives_a_lost_journal(kernels: Kernels, tmp_path: Path) -> None:
    """The watching kernel waits for the other one to enter its task again, and then sees it to its end."""
    one, two = kernels.start(), kernels.start()
    one.service.seconds = 4 * HEARTBEAT_INTERVAL
    first = ask(one)
    await one.until(first, Status.RUNNING)
    second = ask(two)
    await asyncio.sleep(2)
    shutil.rmtree(tmp_path / "home")
    assert (await two.end(second)).status is Status.COMPLETED
    assert paid(one) == 1


async def test_watched_clip_of_a_dead_kernel_without_a_journal_is_told(kernels: Kernels, tmp_path: Path) -> None:
    """Where the journal is lost and the kernel that followed it, too, the watching one says so, and pays nothing."""
    one, two = kernels.start(), kernels.start()
    first = ask(one)
    await one.until(first, Status.RUNNING)
    second = ask(two)
    await asyncio.sleep(2)
    shutil.rmtree(tmp_path / "home")
    await kernels.kill(one)
    task = await two.end(second)
    assert task.status is Status.DETACHED
    assert "nobody can tell what became of it" in str(task.error)
    assert "task-1" in str(task.error)
    assert (await two.end(ask(two))).status is Status.COMPLETED
    assert paid(one) == 1


async def test_watching_goes_on_while_the_journal_cannot_be_read(
    kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that is unreadable for a while is a problem to tell, no end."""
    one, two = kernels.start(), kernels.start()
    first, second = ask(one), ask(two)
    await two.until(second, Status.RUNNING)
    watched = Journal.watched
    answers = iter([ConfigError("The disk is asleep."), ConfigError("The disk is asleep.")])

    def sleepy(self: Journal, intents: Sequence[str]) -> dict[str, Entry]:
        if error := next(answers, None):
            raise error
        return watched(self, intents)

    monkeypatch.setattr(Journal, "watched", sleepy)
    await one.end(first)
    assert (await two.end(second)).status is Status.COMPLETED
    assert "The disk is asleep." in two.problems(second)


async def test_watched_clip_whose_file_cannot_be_copied_says_so(kernels: Kernels, tmp_path: Path) -> None:
    """Where the video of the other kernel cannot be copied into this one's folder, the clip is done, and says why."""
    one, two = kernels.start(), kernels.start()
    one.service.script("thumbnail", one.service.after(30))
    first = ask(one)
    settings.configure(media=tmp_path / "elsewhere")
    second = ask(two)
    await two.until(second, Status.SAVING)
    (tmp_path / "elsewhere").write_text("a file")
    await one.end(first)
    task = await two.end(second)
    assert (task.status, task.path) == (Status.COMPLETED, None)
    assert "could not be copied" in str(task.problem)


async def test_elapsed_time_of_a_dead_kernel_s_cancelled_task_stands_still(kernels: Kernels) -> None:
    """The time of what was never sent does not go on when its kernel is gone."""
    one, two = kernels.start(), kernels.start()
    one.extend(ask(one), again=False)
    await kernels.kill(one)
    before = [task.elapsed(now()) for task in two.engine.repository.history()]
    await asyncio.sleep(100)
    assert [task.elapsed(now()) for task in two.engine.repository.history()] == before


async def test_watched_clip_whose_answer_was_lost_is_unconfirmed(kernels: Kernels) -> None:
    """What one kernel does not know, the other does not send."""
    one, two = kernels.start(), kernels.start()
    one.service.script("submit", httpx.ReadError("connection reset"))
    first, second = ask(one), ask(two)
    await one.end(first)
    task = await two.end(second)
    assert (task.status, str(task.error)) == (Status.UNCONFIRMED, str(first.task.error))
    assert ask(two).task.status is Status.UNCONFIRMED
    assert paid(one) == 1


def test_stopped_demo_clip_stays_open_as_long_as_its_service_runs() -> None:
    """What a kernel has stopped and can resume, no other one settles; when its service has ended, the next one does."""
    settings.configure(demo_seconds=60)
    loop_thread, services, elsewhere = LoopThread(), ProviderPool(settings.current), ProviderPool(settings.current)
    one, two = Engine(settings.current, loop_thread, services), Engine(settings.current, loop_thread, elsewhere)
    now = settings.current()
    two.repository.journals[now.home_folder] = Journal(now.home_folder, owner="elsewhere|1|1.0")
    try:
        handle = submit(one, GenerateRequest(prompt=PROMPT), provider="demo")
        _stop_running(handle)
        assert two.repository.settle_ended(now.folder) == []
        resumed = one.resume(handle.task.intent)
        _stop_running(resumed)
    finally:
        one.close()
    (task,) = two.repository.settle_ended(now.folder)
    assert (task.intent, task.status) == (handle.task.intent, Status.FAILED)
    two.close()


def _stop_running(handle: Handle) -> None:
    """Stop a task as soon as it runs."""
    running = threading.Event()
    handle.listen(lambda event: event.task.status is Status.RUNNING and running.set())
    if handle.task.status is not Status.RUNNING:
        assert running.wait(10)
    handle.stop()
    assert handle.done.result(10).status is Status.DETACHED
