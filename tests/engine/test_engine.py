"""Asking an engine again, and resuming: what was made is shown, what runs is followed, what is in doubt is told."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.library.index import MediaIndex
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.run.poller import Poller
from luma_jupyter.engine.store import database
from luma_jupyter.engine.store.database import Database
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import (
    ClipUnconfirmed,
    ConfigError,
    InvalidRequest,
)
from luma_jupyter.providers.http.client import HttpClient
from tests.engine.kernels import (
    PROMPT,
    Kernels,
    ask,
    cancelled,
    detached,
    failed,
    failed_while_running,
    paid,
    requests,
)
from tests.support import settings
from tests.support.fake_service import VIDEO, FakeService, reply
from tests.support.world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, World, preview, submit


def test_engine_makes_its_own_parts() -> None:
    """Without arguments an engine has a loop thread and a provider pool of its own, and has started nothing."""
    one, other = Engine(settings.current), Engine(settings.current)
    assert one.loop_thread is not other.loop_thread
    assert one.providers is not other.providers
    assert one.handles == {}


def test_random_numbers_of_a_notebook_stay_its_own(keys: None, service: FakeService, loop_thread: LoopThread) -> None:
    """A notebook that has seeded `random` gets the same numbers from it, whatever is waited for meanwhile."""
    service.script("submit", reply(429), reply(429))
    service.seconds = 300
    before = random.getstate()
    pool = ProviderPool(settings.current, lambda: HttpClient(transport=httpx.MockTransport(service)))
    engine = Engine(settings.current, loop_thread, pool, lambda: EPOCH + loop_thread.loop.time())
    assert submit(engine, GenerateRequest(prompt="A red fox")).done.result(30).path
    assert len(service.seen("submit")) == 3
    assert len(service.seen("look")) > 1
    assert random.getstate() == before


async def test_preview_sends_nothing(world: World) -> None:
    """A preview shows the address and the body, never the key, names a source that is not done, and sends nothing."""
    shown = preview(world.engine, GenerateRequest(prompt="hello", loop=True))
    assert (shown.provider, shown.url) == ("acedata", "https://api.acedata.cloud/luma/videos")
    assert shown.payload["loop"] is True
    source = world.generate()
    later = preview(world.engine, ExtendRequest(prompt="on"), after=source, label="fox")
    assert later.payload["video_url"] == "‹video of fox, when it is done›"
    await world.end(source)
    done = preview(world.engine, ModifyRequest(prompt="on"), after=source, label="fox")
    assert done.payload["source_video_url"] == "https://media.example/task-1.mp4"
    assert "Idempotency-Key" in done.headers
    assert not any(key in repr((shown, later, done)) for key in (ACEDATA_KEY, RUNAPI_KEY))
    assert len(world.service.seen("submit")) == 1


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "10"])
def test_timeout_must_be_positive(world: World, timeout: Any) -> None:
    """A timeout that would detach at once is refused before anything is sent."""
    with pytest.raises(InvalidRequest, match="timeout"):
        submit(world.engine, GenerateRequest(prompt="hello"), timeout=timeout)
    assert world.engine.handles == {}


async def test_submit_of_a_running_request_is_the_same_task(world: World) -> None:
    """The same cell again while its clip is under way is the same task, at each step of its life."""
    world.service.script("video", world.service.after(10))
    first = ask(world)
    for status in (Status.SUBMITTING, Status.RUNNING, Status.SAVING):
        assert ask(world) is first
        await world.until(first, status)
        assert ask(world) is first
    await world.end(first)
    assert not first.reused
    assert paid(world) == 1


async def test_submit_of_a_completed_request_shows_its_clip(world: World) -> None:
    """The same cell again after the end is the same clip, with its file, and nobody is asked for anything."""
    made = await world.end(ask(world))
    before = requests(world)
    shown = ask(world)
    assert shown.reused
    assert shown.done.done()
    same = ("intent", "task_id", "path", "file_size", "created_at", "ended_at", "video", "provider")
    assert {name: getattr(shown.task, name) for name in same} == {name: getattr(made, name) for name in same}
    assert shown.task.path
    assert shown.task.path.read_bytes() == VIDEO
    assert requests(world) == before


@pytest.mark.parametrize("end", [failed, failed_while_running, cancelled])
async def test_submit_after_a_failed_clip_makes_a_new_task(world: World, end: Callable[[World], Any]) -> None:
    """After a failed or a cancelled clip, the same cell is a new task."""
    first = await end(world)
    assert (await world.end(first)).status in (Status.FAILED, Status.CANCELLED)
    before = paid(world)
    second = await world.end(ask(world))
    assert second.status is Status.COMPLETED
    assert second.intent != first.task.intent
    assert paid(world) == before + 1


async def test_submit_of_a_detached_request_follows_it_further(world: World) -> None:
    """After a stop, the same cell follows the same task to its end."""
    first = ask(world)
    await world.until(first, Status.RUNNING)
    first.stop()
    assert (await world.end(first)).status is Status.DETACHED
    second = ask(world)
    task = await world.end(second)
    assert (task.status, task.intent, task.error) == (Status.COMPLETED, first.task.intent, None)
    assert paid(world) == 1


async def test_submit_of_an_unconfirmed_request_sends_nothing(world: World) -> None:
    """After a lost answer, the same cell sends nothing, however often, and tells what is known."""
    world.service.script("submit", world.service.lose)
    first = await world.end(ask(world))
    assert first.status is Status.UNCONFIRMED
    for _ in range(3):
        told = ask(world)
        assert told.done.done()
        assert (told.task.intent, told.task.status) == (first.intent, Status.UNCONFIRMED)
        assert isinstance(told.task.error, ClipUnconfirmed)
        assert str(told.task.error) == str(first.error)
    assert paid(world) == 1


@pytest.mark.parametrize("when", ["running", "completed", "unconfirmed"])
async def test_submit_again_makes_a_new_task(world: World, when: str) -> None:
    """Who asks for another one gets another one, whatever stands; from then on it is the one that is shown."""
    if when == "unconfirmed":
        world.service.script("submit", world.service.lose)
    first = ask(world)
    await (world.until(first, Status.RUNNING) if when == "running" else world.end(first))
    await asyncio.sleep(1)
    second = ask(world, again=True)
    assert second.task.intent != first.task.intent
    made = await world.end(second)
    assert made.status is Status.COMPLETED
    assert ask(world).task.intent == made.intent
    assert paid(world) == 2


async def test_submit_of_a_follow_up_of_a_new_source_makes_a_new_task(world: World) -> None:
    """A follow-up of the same clip is the same; of one that was made again, it is another."""
    fox = ask(world)
    longer, blue = world.extend(fox, again=False), world.modify(fox, again=False)
    for handle in (fox, longer, blue):
        await world.end(handle)
    await asyncio.sleep(1)
    new_fox = ask(world, again=True)
    new_longer = world.extend(new_fox, again=False)
    assert new_longer.task.intent != longer.task.intent
    await world.end(new_longer)
    assert paid(world) == 5
    assert world.extend(fox, again=False).task.intent == longer.task.intent
    assert world.modify(fox, again=False).task.intent == blue.task.intent
    assert world.extend(new_fox, again=False).task.intent == new_longer.task.intent
    assert paid(world) == 5


async def test_submit_of_a_whole_notebook_again_pays_nothing(world: World) -> None:
    """Restart & Run All of three steps: three paid tasks the first time, none the second."""
    for _ in range(2):
        fox = ask(world)
        longer = world.extend(fox, again=False)
        blue = world.modify(longer, again=False)
        assert (await world.end(blue)).status is Status.COMPLETED
        assert paid(world) == 3


async def test_submit_with_another_timeout_or_callback_is_the_same_request(world: World) -> None:
    """Another time limit, callback or variable, or the service by its name, is the same request."""
    made = await world.end(ask(world))
    request = GenerateRequest(prompt=PROMPT, callback_url="https://hook.example/")
    assert world.submit(request, again=False, timeout=5, name="x", provider="acedata").task.intent == made.intent


async def test_submit_of_another_prompt_makes_another_task(world: World) -> None:
    """Any other request is another clip."""
    await world.end(ask(world))
    await world.end(ask(world, "A red fox."))
    assert paid(world) == 2


async def test_submit_after_an_internal_error_follows_further(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours while a task runs lets it go: the same cell then follows it further and pays nothing."""

    async def broken(*args: Any) -> None:
        raise RuntimeError("our mistake")

    with monkeypatch.context() as patch:
        patch.setattr(Poller, "wait_for_end", broken)
        task = await world.end(ask(world))
    assert task.status is Status.DETACHED
    assert "please report it" in str(task.error)
    assert "task-1" in str(task.error)
    assert (await world.end(ask(world))).status is Status.COMPLETED
    assert paid(world) == 1


@pytest.mark.parametrize("made", ["new", "taken over"])
async def test_submit_that_cannot_be_written_down_begins_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """Where the disk is full at the last moment, nothing is begun; when it has room again, the same cell works."""
    intent = (await detached(world)).intent if made == "taken over" else None
    execute = Database.execute

    def full(self: Database, sql: str, *values: object) -> Any:
        if sql == "COMMIT":
            raise ConfigError("The disk is full.")
        return execute(self, sql, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "execute", full)
        with pytest.raises(ConfigError, match="The disk is full"):
            ask(world)
    task = await world.end(ask(world))
    assert task.status is Status.COMPLETED
    assert intent in (None, task.intent)
    assert paid(world) == len(world.engine.repository.history()) == 1


async def test_resume_of_a_detached_task_follows_it_to_its_end(world: World, kernels: Kernels) -> None:
    """A detached clip is followed to its end, in any kernel."""
    task = await detached(world)
    two = kernels.start()
    ended = await two.end(two.engine.resume(task.intent))
    assert (ended.status, ended.intent) == (Status.COMPLETED, task.intent)
    assert paid(world) == 1


async def test_resume_of_a_completed_task_shows_it_or_fetches_its_file(world: World) -> None:
    """A clip with its file is shown; one without is fetched."""
    made = await world.end(ask(world))
    shown = world.engine.resume(made.intent)
    assert (shown.reused, shown.task.path) == (True, made.path)
    assert made.path
    made.path.unlink()
    assert (await world.end(world.engine.resume(made.intent))).path == made.path
    assert made.path.exists()


async def test_resume_of_a_running_task_is_that_one(world: World, kernels: Kernels) -> None:
    """What runs here is the same task; what runs in another kernel is watched."""
    first = ask(world)
    assert world.engine.resume(first.task.intent) is first
    two = kernels.start()
    watched = two.engine.resume(first.task.intent)
    assert (await two.end(watched)).path == (await world.end(first)).path
    assert paid(world) == 1


async def test_resume_of_an_unconfirmed_task_looks_for_it(world: World) -> None:
    """A clip in doubt is looked for, and stays in doubt where nothing is found: nothing is sent."""
    world.service.script("submit", world.service.lose)
    task = await world.end(ask(world))
    again = await world.end(world.engine.resume(task.intent))
    assert (again.status, again.intent) == (Status.UNCONFIRMED, task.intent)
    assert (paid(world), len(world.service.seen("list"))) == (1, 1)
    world.service.lists = True
    found = await world.end(world.engine.resume(task.intent))
    assert (found.status, found.task_id) == (Status.COMPLETED, "task-1")
    assert paid(world) == 1


@pytest.mark.parametrize("end", [failed, cancelled])
async def test_resume_of_a_failed_or_cancelled_task_is_refused(world: World, end: Callable[[World], Any]) -> None:
    """There is nothing to follow of a failed or cancelled clip: the error says why, and what to do."""
    task = await world.end(await end(world))
    with pytest.raises(InvalidRequest, match=f"ended as {task.status}.*run its cell again"):
        world.engine.resume(task.intent)


@pytest.mark.parametrize("intent", ["", "0" * 32, "../etc/passwd"])
async def test_resume_of_an_unknown_intent_is_refused(world: World, intent: str) -> None:
    """An intent that the journal does not have is an error, and no task."""
    with pytest.raises(InvalidRequest, match="Nothing is written down of this clip"):
        world.engine.resume(intent)
    assert world.engine.handles == {}


async def test_resume_without_a_key_is_refused_at_once(world: World, no_keys: Any) -> None:
    """A task whose service has no key cannot be followed: that is said at once, and it stays as it was."""
    task = await detached(world)
    no_keys()
    for resume in (lambda: world.engine.resume(task.intent), lambda: ask(world)):
        with pytest.raises(ConfigError, match="ACEDATACLOUD_API_TOKEN"):
            resume()
    (entry,) = world.engine.journal.entries()
    assert (entry.task.status, entry.owner) == (Status.DETACHED, None)


@pytest.mark.parametrize(("made_at", "here"), [("http://127.0.0.1:9", True), ("https://a.example", False)])
async def test_resume_of_a_task_of_another_service_says_so_at_once(world: World, made_at: str, here: bool) -> None:
    """A task that was accepted at another address, and that the one in use does not know, is not followed for long."""
    settings.configure(acedata_base_url=made_at)
    task = await detached(world)
    settings.configure(acedata_base_url=None)
    world.service.hidden.add(str(task.task_id))
    before = world.clock()
    ended = await world.end(world.engine.resume(task.intent))
    assert world.clock() - before < 30
    assert ended.status is Status.DETACHED
    assert str(ended.error).startswith(f"It was made at {made_at} (task id task-1), and https://api.acedata.cloud does")
    assert ("ended with its tasks if it was a demo" in str(ended.error)) is here
    assert ("It is paid for: set that address" in str(ended.error)) is not here
    world.service.hidden.clear()
    assert (await world.end(world.engine.resume(task.intent))).status is Status.COMPLETED


async def test_one_look_that_does_not_know_an_old_task_ends_nothing(world: World) -> None:
    """It may be a proxy's page, or a list that was late: what was paid for is still had, and not paid again."""
    task = await detached(world)
    await asyncio.sleep(25 * 3600)
    world.service.hidden.add(str(task.task_id))
    handle = world.engine.resume(task.intent)
    while "does not know" not in str(handle.task.problem):
        assert not handle.task.status.ended
        await asyncio.sleep(1)
    world.service.hidden.clear()
    assert (await world.end(handle)).status is Status.COMPLETED


async def test_resume_of_a_task_the_service_forgot_fails_after_a_day(world: World) -> None:
    """A task that the service does not know is waited for, as some are slow to know it; after a day it has failed."""
    task = await detached(world)
    world.service.hidden.add(str(task.task_id))
    early = await world.end(world.engine.resume(task.intent))
    assert early.status is Status.DETACHED
    assert "does not know" in str(early.error)
    await asyncio.sleep(24 * 3600)
    late = await world.end(world.engine.resume(task.intent))
    assert late.status is Status.FAILED
    assert "AceDataCloud does not know this task any more (task id task-1)" in str(late.error)
    world.service.hidden.clear()
    assert (await world.end(ask(world))).intent != task.intent


async def test_task_that_another_account_does_not_know_does_not_fail(world: World) -> None:
    """However old it is: with the key that it was made with it is there, and running its cell again pays nothing."""
    task = await detached(world)
    await asyncio.sleep(25 * 3600)
    world.service.hidden.add(str(task.task_id))
    settings.configure(acedata_token="another")
    assert (await world.end(world.engine.resume(task.intent))).status is Status.DETACHED
    settings.configure(acedata_token=ACEDATA_KEY)
    world.service.hidden.clear()
    assert (await world.end(ask(world))).intent == task.intent
    assert len(world.service.seen("submit")) == 1


@pytest.mark.usefixtures("demo")
async def test_demo_clip_answers_only_demo_requests(world: World, no_keys: Any) -> None:
    """A demo clip is shown again where the request goes to demo; with a key the real one is made, and shown from then.

    It is also shown where the key is gone, or the demo is asked for.
    """
    no_keys()
    simulated = await world.end(ask(world))
    assert (simulated.status, simulated.provider) == (Status.COMPLETED, "demo")
    assert ask(world).task.intent == simulated.intent
    settings.configure(acedata_token=ACEDATA_KEY, runapi_key=RUNAPI_KEY)
    await asyncio.sleep(1)
    real = await world.end(ask(world))
    assert (real.status, real.provider) == (Status.COMPLETED, "acedata")
    assert ask(world, provider="demo").task.intent == real.intent
    no_keys()
    assert ask(world).task.intent == real.intent
    assert paid(world) == 2


@pytest.mark.usefixtures("demo")
async def test_demo_clip_without_its_file_is_made_anew(world: World, no_keys: Any) -> None:
    """A demo clip whose file is gone is simulated again."""
    no_keys()
    first = await world.end(ask(world))
    assert first.path
    first.path.unlink()
    second = await world.end(ask(world))
    assert (second.status, second.intent != first.intent) == (Status.COMPLETED, True)


@pytest.mark.usefixtures("demo")
async def test_demo_clip_ends_with_its_kernel(kernels: Kernels, providers: ProviderPool, no_keys: Any) -> None:
    """A demo clip that ran in a kernel that is gone is simulated again in the next."""
    no_keys()
    one, two = kernels.start(), kernels.start()
    first = ask(one)
    await one.until(first, Status.RUNNING)
    await kernels.kill(one)
    assert providers._demo
    providers._demo.url = "http://127.0.0.1:5001"  # type: ignore[misc]
    second = await two.end(ask(two))
    assert (second.status, second.intent != first.task.intent) == (Status.COMPLETED, True)
    assert two.engine.repository.history()[0].status is Status.FAILED


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.RUNNING])
async def test_submit_without_a_key_shows_what_is_there(world: World, no_keys: Any, status: Status) -> None:
    """Where one key is missing, what is there is shown all the same; what is not is refused before anything is sent."""
    request = ModifyRequest(prompt="Fog", source=VideoRef(url="https://x.example/v.mp4"))
    handle = world.submit(request, again=False)
    await (world.end(handle) if status is Status.COMPLETED else world.until(handle, status))
    settings.configure(runapi_key=None)
    assert world.submit(request, again=False).task.intent == handle.task.intent
    with pytest.raises(ConfigError, match="RUNAPI_API_KEY"):
        world.submit(replace(request, prompt="More fog"), again=False)
    with pytest.raises(ConfigError, match="RUNAPI_API_KEY"):
        world.submit(request, again=True)
    assert paid(world) == 1


@pytest.mark.parametrize("ending", ["completed", "failed", "cancelled"])
async def test_task_that_has_ended_is_let_go(world: World, ending: str) -> None:
    """Journal and media folder tell all of it from then on: it is found there, and its budget counted."""
    task = await world.end(world.generate_to(ending))
    assert task.status == ending
    assert world.engine.handles == {}
    assert [known.intent for known in world.engine.repository.history()] == [task.intent]
    again = world.generate(again=False)
    assert (again.task.intent == task.intent) is (ending == "completed")


@pytest.mark.parametrize("ending", ["unconfirmed", "detached"])
async def test_task_that_may_still_be_paid_for_is_kept(world: World, tmp_path: Path, ending: str) -> None:
    """A kernel knows what it has sent itself, even where the journal is lost: nothing is paid twice."""
    task = await world.end(world.generate_to(ending))
    assert [handle.task for handle in world.engine.handles.values()] == [task]
    shutil.rmtree(tmp_path / "home")
    assert (await world.end(world.generate(again=False))).intent == task.intent
    assert paid(world) == 1


async def test_task_whose_end_was_not_written_down_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then this kernel alone knows what came of it."""
    handle = world.generate()
    save = handle.save

    def save_if_possible(task: Task) -> None:
        if task.status.ended:
            raise ConfigError("The disk is full.")
        save(task)

    monkeypatch.setattr(handle, "save", save_if_possible)
    task = await world.end(handle)
    assert (task.status, task.problem) == (Status.COMPLETED, "The disk is full.")
    assert list(world.engine.handles.values()) == [handle]


async def test_folder_is_looked_through_while_other_kernels_may_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the media folder is read before the journal's transaction, which locks out the other kernels."""
    find_equal, looks = MediaIndex.find_equal, []

    def look(index: MediaIndex, folder: Path, specs: Sequence[TaskSpec]) -> list[list[Task]]:
        other.heartbeat()
        looks.append(folder)
        return find_equal(index, folder, specs)

    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.05)
    monkeypatch.setattr(MediaIndex, "find_equal", look)
    with closing(Journal(settings.current().home_folder, owner="elsewhere|1|1.0")) as other:
        await world.end(world.generate("A red fox", again=False))
    assert looks == [settings.current().media_folder]
