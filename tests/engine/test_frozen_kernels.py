"""Two machines, one home folder: a kernel that was frozen and taken over pays nothing and overwrites nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.leases import LEASE_TIMEOUT, LeaseLost
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.protocol import Accepted
from luma_jupyter.settings import Settings
from tests.support import settings
from tests.support.fake_service import Answer, FakeService
from tests.support.loops import RunningLoop
from tests.support.world import Clock, World

now = Clock()


@pytest.fixture
def machines(keys: None, service: FakeService, providers: ProviderPool) -> tuple[World, World]:
    """A kernel on each of two machines that share a home folder and a media folder."""

    def start(machine: str) -> World:
        engine = Engine(settings.current, RunningLoop(), providers, now, lambda: 0.0)
        home = settings.current().home_folder
        engine.repository.journals[home] = Journal(home, clock=now, owner=f"{machine}|1|1.0", notify=print)
        return World(engine, service)

    return start("one"), start("other")


def paid(service: FakeService) -> int:
    return len(service.seen("submit"))


async def freeze_while_queued(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Handle, asyncio.Event]:
    """Ask for a video, and have the kernel silent from before the request leaves until its lease is over.

    The event wakes it up.
    """
    awake, submit = asyncio.Event(), AceData.submit

    async def frozen(*args: Any, **options: Any) -> Accepted:
        await awake.wait()  # the process is stopped here: written as submitting, nothing has left
        return await submit(*args, **options)

    world.engine.repository.heartbeat = lambda: None  # type: ignore[method-assign]
    with monkeypatch.context() as patch:
        patch.setattr(AceData, "submit", frozen)
        handle = world.generate(again=False)
        await world.until(handle, Status.SUBMITTING)
        await asyncio.sleep(LEASE_TIMEOUT + 10)
    return handle, awake


async def test_a_kernel_that_was_overtaken_while_queued_sends_nothing(
    machines: tuple[World, World], service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is frozen for over a minute, the other asks for the same and pays; the first wakes up, and does not."""
    one, other = machines
    first, awake = await freeze_while_queued(one, monkeypatch)
    second = other.generate(again=False)
    await other.until(second, Status.RUNNING)
    assert paid(service) == 1
    awake.set()
    ended, overtaken = await other.end(second), await one.end(first)
    assert paid(service) == 1
    assert (ended.status, overtaken.status) == (Status.COMPLETED, Status.CANCELLED)
    assert "another one asked for the same" in str(overtaken.error)
    assert one.generate(again=False).task.path == ended.path


async def test_a_kernel_that_was_overtaken_while_running_follows_the_other(
    machines: tuple[World, World], service: FakeService
) -> None:
    """A task of a silent kernel is followed by the other one; the first, awake again, only watches it to its end."""
    one, other = machines
    service.seconds = 500.0
    one.engine.repository.heartbeat = lambda: None  # type: ignore[method-assign]  # it is frozen, but for its polls
    first = one.generate(again=False)
    await one.until(first, Status.RUNNING)
    await asyncio.sleep(LEASE_TIMEOUT + 10)
    second = other.generate(again=False)
    assert second.task.intent == first.task.intent
    ended, watched = await other.end(second), await one.end(first)
    assert (ended.status, watched.status) == (Status.COMPLETED, Status.COMPLETED)
    assert ended.path == watched.path
    assert paid(service) == 1


def late(seconds: float, service: FakeService) -> Answer:
    """A scripted answer that is on its way for so long."""

    async def answer(request: httpx.Request) -> httpx.Response:
        honest = service.honest("submit", request)
        await asyncio.sleep(seconds)
        return honest

    return answer


async def silent_while_sending(world: World) -> Handle:
    """Ask for a video whose answer takes 100 s, of a kernel whose beats nobody sees; by now its lease is over."""
    world.service.script("submit", late(100, world.service))
    world.engine.repository.heartbeat = lambda: None  # type: ignore[method-assign]
    handle = world.generate(again=False)
    await asyncio.sleep(LEASE_TIMEOUT + 10)
    assert handle.task.status is Status.SUBMITTING
    return handle


@pytest.mark.parametrize("looks", [0, 60], ids=["looked before", "looks meanwhile"])
async def test_answer_that_comes_when_another_kernel_does_not_find_the_clip_is_kept(
    machines: tuple[World, World], service: FakeService, looks: float
) -> None:
    """The list does not show the task yet; who gets the answer follows the clip to its end."""
    one, other = machines
    first = await silent_while_sending(one)
    service.script("list", service.after(looks))
    second = other.engine.resume(first.task.intent)
    ended = await one.end(first)
    assert (ended.status, ended.task_id) == (Status.COMPLETED, "task-1")
    watched = await other.end(second)
    assert watched.status is (Status.COMPLETED if looks else Status.UNCONFIRMED)
    assert other.generate(again=False).task.path == ended.path
    entry = other.engine.journal.find(first.task.intent)
    assert entry
    assert entry.task == ended
    assert paid(service) == 1


async def test_answer_that_comes_when_another_kernel_has_found_the_clip_changes_nothing(
    machines: tuple[World, World], service: FakeService
) -> None:
    """Who found it in the service's list follows it; the other one only watches."""
    one, other = machines
    service.lists = True
    first = await silent_while_sending(one)
    service.seconds = 200
    second = other.engine.resume(first.task.intent)
    await asyncio.sleep(60)
    entry = one.engine.journal.find(first.task.intent)
    assert entry
    assert (entry.owner, entry.task.task_id) == (other.engine.journal.owner, "task-1")
    ended, watched = await other.end(second), await one.end(first)
    assert ended == watched
    assert (ended.status, paid(service)) == (Status.COMPLETED, 1)


async def test_answer_that_comes_when_another_kernel_has_sent_it_again_counts_both(
    machines: tuple[World, World], service: FakeService
) -> None:
    """Its task is followed, and the second one, which was sent on the user's word, is still counted as paid for."""
    settings.configure(acedata_price=0.5)
    one, other = machines
    first = await silent_while_sending(one)
    service.script("submit", late(100, service))
    second = other.engine.resume(first.task.intent, may_pay_twice=True)
    ended, watched = await one.end(first), await other.end(second)
    assert (ended.status, ended.task_id, ended.doubts) == (Status.COMPLETED, "task-1", 1)
    assert watched == ended
    await asyncio.sleep(100)
    assert paid(service) == 2
    assert other.engine.costs.spent_today() == (1.0, 0)


async def test_a_lost_lease_refuses_every_write(machines: tuple[World, World]) -> None:
    """What an overtaken kernel writes changes nothing in the journal, also after the other kernel ended its task."""
    one, other = machines
    task = one.generate(again=False).task
    journal, theirs = one.engine.journal, other.engine.journal
    lease = journal.acquire(journal.find(task.intent), task)  # type: ignore[arg-type]
    assert lease
    lease.write(task.evolve(problem="one"))
    taken = theirs.acquire(theirs.find(task.intent), task)  # type: ignore[arg-type]
    assert taken
    assert taken.number == lease.number + 1
    for status in (Status.SUBMITTING, Status.RUNNING, Status.CANCELLED):
        with pytest.raises(LeaseLost):
            lease.write(task.evolve(status=status, problem="lost"))
    taken.write(task.evolve(status=Status.DETACHED, problem="other"))
    with pytest.raises(LeaseLost):
        lease.write(task.evolve(problem="late"))
    entry = journal.find(task.intent)
    assert entry
    assert (entry.task.status, entry.task.problem) == (Status.DETACHED, "other")


async def test_an_older_lease_of_the_same_process_is_refused(machines: tuple[World, World]) -> None:
    """The number counts, not the owner alone: what acquired a task again has a newer lease than what held it before."""
    one, _ = machines
    task = one.generate(again=False).task
    journal = one.engine.journal
    older = journal.acquire(journal.find(task.intent), task)  # type: ignore[arg-type]
    newer = journal.acquire(journal.find(task.intent), task)  # type: ignore[arg-type]
    assert older
    assert newer
    with pytest.raises(LeaseLost):
        older.write(task.evolve(problem="older"))
    newer.write(task.evolve(problem="newer"))


@pytest.fixture
def homes(keys: None, service: FakeService, providers: ProviderPool, tmp_path: Path) -> tuple[World, World]:
    """Two kernels with a home folder each, and one media folder."""

    def at(home: Path) -> Settings:
        return replace(settings.current(), home=home)

    def start(home: str) -> World:
        return World(Engine(partial(at, tmp_path / home), RunningLoop(), providers, now, lambda: 0.0), service)

    return start("home-one"), start("home-two")


async def test_two_homes_with_one_media_folder_share_what_is_done(
    homes: tuple[World, World], service: FakeService
) -> None:
    """Without a common journal a clip is found by its file, and not paid for again."""
    one, two = homes
    first = await one.end(one.generate(again=False))
    assert two.engine.journal.find(first.intent) is None
    second = two.generate(again=False)
    assert second.reused
    assert (second.task.intent, second.task.path) == (first.intent, first.path)
    assert first.path
    assert paid(service) == 1


async def test_two_homes_with_one_media_folder_replace_no_file(
    homes: tuple[World, World], service: FakeService
) -> None:
    """Without a common journal each pays for what runs, and saves it under a name of its own."""
    one, two = homes
    running = one.generate(again=False)
    await one.until(running, Status.RUNNING)
    await asyncio.sleep(5)
    later = two.generate(again=False)
    first = await one.end(running)
    assert first.path
    assert not later.done.done()
    before = first.path.stat()
    second = await two.end(later)
    assert second.path
    assert second.path != first.path
    assert second.path.is_file()
    after = first.path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert paid(service) == 2
