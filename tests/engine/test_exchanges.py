"""What goes over the wire for a clip is recorded with its reasons; whatever the recorder does, nothing paid knows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.exchange import FIRST, LAST, WORDS, Exchange, Recorded, Step
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine import exchanges
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.exchanges import ExchangeTable
from luma_jupyter.errors import ConfigError
from luma_jupyter.providers.http.client import HttpClient
from tests.engine.kernels import Kernels
from tests.support import settings
from tests.support.fake_service import VIDEO, FakeService, reply
from tests.support.loops import RunningLoop, VirtualLoop
from tests.support.world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, Clock, World

PICTURE = LocalFile(hashlib.sha256(b"picture").hexdigest(), "image/png", "first.png", 7, data=b"picture")
MODIFY = ModifyRequest(prompt="Fog", source=VideoRef(url="https://x.example/v.mp4?sig=abc"))
TOO_MANY = reply(429, {"error": {"code": "too_many"}}, headers={"Retry-After": "7"})


def recorded(world: World, handle: Handle) -> Recorded:
    return world.engine.repository.recorded(handle.task)


def steps(world: World, handle: Handle) -> list[Step]:
    """The steps of a clip without those that ask for money's sake."""
    money = (Step.PRICE, Step.BALANCE, Step.STATEMENT)
    return [one.step for one in recorded(world, handle).exchanges if one.step not in money]


async def test_each_exchange_of_a_clip_is_recorded_in_order(world: World) -> None:
    """Written down, sent, looked at, fetched: each with its time, and the paid one with all that was sent."""
    handle = world.generate("A red fox")
    await world.end(handle)
    told = recorded(world, handle).exchanges
    assert steps(world, handle) == [
        *(Step.WRITTEN, Step.SUBMIT),
        *(Step.LOOK_EARLY, Step.LOOK_EARLY, Step.LOOK_EARLY, Step.LOOK_EARLY),
        *(Step.VIDEO, Step.THUMBNAIL),
    ]
    looks = [one for one in told if one.step is Step.LOOK_EARLY]
    assert [round(one.at - EPOCH, 1) for one in looks] == world.service.times("look")
    (paid,) = [one for one in told if one.step is Step.SUBMIT]
    (seen,) = world.service.seen("submit")
    assert (paid.method, paid.url, paid.status) == ("POST", "https://api.acedata.cloud/luma/videos", 200)
    assert json.loads(paid.body) == seen.payload
    assert json.loads(paid.answer) == {"task_id": "task-1"}
    assert paid.headers["Authorization"] == "Bearer ‹your key›"
    assert paid.headers["Idempotency-Key"] == seen.request.headers["Idempotency-Key"]
    assert "under the same key" in paid.why
    assert ACEDATA_KEY not in repr(told)


async def test_written_down_comes_before_what_is_sent(world: World) -> None:
    """The request begins when its body leaves, which is once the journal has it."""
    real = world.engine.journal.write
    moments: list[float] = []

    def write(task: Any, lease: int) -> None:
        moments.append(world.clock())
        world.clock.slept += 0.5  # what the disk takes
        real(task, lease)

    world.engine.journal.write = write  # type: ignore[method-assign]
    handle = world.generate()
    await world.end(handle)
    written, paid = (
        next(one for one in recorded(world, handle).exchanges if one.step is step)
        for step in (Step.WRITTEN, Step.SUBMIT)
    )
    assert written.seconds == 0.5
    assert paid.at == written.at + written.seconds
    assert written.method == written.url == written.body == ""


async def test_tries_are_recorded_one_by_one(world: World) -> None:
    """A try that was refused for a while, one that found no connection, and the one that was accepted."""
    world.service.script("submit", TOO_MANY, httpx.ConnectError("no way"), None)
    handle = world.submit(MODIFY)
    await world.end(handle)
    tries = [one for one in recorded(world, handle).exchanges if one.step in (Step.WRITTEN, Step.SUBMIT)]
    assert [(one.step, one.status) for one in tries] == [
        (Step.WRITTEN, None),
        (Step.SUBMIT, 429),
        (Step.WRITTEN, None),
        (Step.SUBMIT, None),
        (Step.WRITTEN, None),
        (Step.SUBMIT, 200),
    ]
    assert tries[1].answer_headers["Retry-After"] == "7"
    assert tries[2].at - tries[1].at >= 7
    assert "cannot be reached" in tries[3].trouble
    assert len({one.headers["Idempotency-Key"] for one in tries if one.step is Step.SUBMIT}) == 1
    assert json.loads(tries[1].body)["source_video_url"] == "https://x.example/v.mp4?…"
    assert RUNAPI_KEY not in repr(tries)


async def test_a_lost_answer_is_recorded_and_what_follows_from_it(world: World) -> None:
    """The request that nobody answered, the search for its task, and that it was sent again, as somebody wanted."""
    world.service.script("submit", httpx.ReadError("lost"))
    handle = world.generate()
    assert (await world.end(handle)).status is Status.UNCONFIRMED
    assert recorded(world, handle).exchanges[-1].trouble
    again = world.engine.resume(handle.task.intent, resend=True, may_pay_twice=True)
    assert (await world.end(again)).status is Status.COMPLETED
    assert steps(world, again)[:5] == [Step.WRITTEN, Step.SUBMIT, Step.FIND, Step.WRITTEN, Step.RESEND]


async def test_uploads_are_recorded_without_their_bytes(world: World) -> None:
    """How many bytes went, at both services; the addresses without their query."""
    film = LocalFile(hashlib.sha256(VIDEO).hexdigest(), "video/mp4", "v.mp4", len(VIDEO), data=VIDEO)
    first = world.submit(GenerateRequest(prompt="p", start_image=PICTURE))
    second = world.submit(ModifyRequest(prompt="p", source=film))
    for handle in (first, second):
        await world.end(handle)
    one = [each for each in recorded(world, first).exchanges if each.step is Step.UPLOAD]
    assert [(each.method, each.body) for each in one] == [("POST", "‹a file: 7 bytes›")]
    three = [each for each in recorded(world, second).exchanges if each.step is Step.UPLOAD]
    assert [(each.method, each.url.rpartition("/")[2]) for each in three] == [
        ("POST", "prepare"),
        ("PUT", "put"),
        ("POST", "confirm"),
    ]
    assert three[1].body == f"‹a file: {len(VIDEO):,} bytes›"
    assert "Authorization" not in three[1].headers
    assert '"signed_id": "‹not shown›"' in three[2].body
    assert steps(world, second).index(Step.UPLOAD) < steps(world, second).index(Step.WRITTEN)


async def test_a_shared_upload_is_in_the_record_of_the_clip_that_began_it(world: World) -> None:
    """The others sent no file, and say so; the clip that began it tells of it even when it was stopped meanwhile."""
    world.service.script("upload", world.service.after(10))
    first, second = (world.submit(GenerateRequest(prompt=prompt, start_image=PICTURE)) for prompt in ("one", "two"))
    await asyncio.sleep(5)
    first.stop()
    for handle in (first, second):
        await world.end(handle)
    (upload,) = recorded(world, first).exchanges
    assert (upload.step, upload.status, upload.shared) == (Step.UPLOAD, 200, 0)
    assert Step.UPLOAD not in steps(world, second)


async def test_a_shared_look_up_is_in_the_record_of_each_clip(world: World) -> None:
    """For one it was due, for others it was taken along, and each has its own part of the answer."""
    handles = [world.generate(f"Fox {number}") for number in range(4)]
    for handle in handles:
        await world.end(handle)
    for number, handle in enumerate(handles):
        shared = [one for one in recorded(world, handle).exchanges if one.shared]
        assert shared
        assert all(one.shared == 3 for one in shared)
        mine, left = json.loads(shared[0].answer)["items"]
        assert (mine["id"], left) == (f"task-{number + 1}", "‹3 more, of other clips›")
        assert "One look-up for this and 3 other clips." in shared[0].why


async def test_a_look_up_that_was_due_for_another_clip_says_so(world: World) -> None:
    """A clip that began later is taken along in the looks of the one before it."""
    first = world.generate("Fox")
    await asyncio.sleep(2)
    second = world.generate("Hare")
    for handle in (first, second):
        await world.end(handle)
    assert {one.step for one in recorded(world, first).exchanges if one.shared} == {Step.LOOK_EARLY}
    (along, *_) = [one for one in recorded(world, second).exchanges if one.shared]
    assert (along.step, along.shared) == (Step.LOOK_ALONG, 1)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([reply(500, {"error": {"message": "oops"}})], Step.LOOK_AFTER_FAULT),
        ([reply(404, {"error": "not found"})], None),
        ([reply(200, {"id": "task-1", "status": "processing"}, headers={"Retry-After": "30"})], Step.LOOK_ASKED),
    ],
)
async def test_a_look_up_says_what_made_its_moment(world: World, script: list[Any], expected: Step | None) -> None:
    """After a fault, after a while that the service had asked for; else as the model has it."""
    world.service.script("look", *script)
    handle = world.submit(MODIFY)
    await world.end(handle)
    looks = [step for step in steps(world, handle) if step.startswith("look")]
    assert looks[0] is Step.LOOK_EARLY
    assert looks[1] is (expected or Step.LOOK_EARLY)


async def test_a_task_that_the_service_does_not_know_yet_is_looked_for_soon(world: World) -> None:
    """Sooner than the model would have it."""
    world.service.seconds = 300
    world.service.hidden = {"task-1"}
    handle = world.submit(MODIFY, timeout=250)
    await world.end(handle)
    assert Step.LOOK_UNKNOWN in steps(world, handle)


async def test_polls_after_a_sleep_say_so(world: World) -> None:
    """A machine that wakes up looks at once."""
    world.service.seconds = 100
    handle = world.generate()
    await asyncio.sleep(20)
    world.engine._runner.poll_now(50.0)
    await world.end(handle)
    assert Step.LOOK_NOW in steps(world, handle)


async def test_of_a_long_clip_the_first_and_the_last_steps_are_kept(world: World) -> None:
    """A clip of an hour and many looks is told by its beginning and its end, in the journal and in memory."""
    world.service.seconds = 3600
    handle = world.submit(MODIFY, timeout=7200)
    await world.end(handle)
    told = recorded(world, handle)
    assert len(told.exchanges) == FIRST + LAST
    assert told.left_out >= len(world.service.seen("look")) - FIRST - LAST
    assert told.exchanges[0].at == EPOCH
    assert told.exchanges[-1].step is Step.VIDEO


async def test_with_the_setting_off_nothing_is_recorded(world: World) -> None:
    """Neither in memory nor in the journal."""
    settings.configure(keep_exchanges=False)
    handle = world.generate()
    await world.end(handle)
    assert recorded(world, handle) == Recorded()


async def test_a_setting_that_is_wrong_by_now_records_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip that is under way is not harmed by it."""
    handle = world.generate()
    monkeypatch.setenv("LUMA_JUPYTER_KEEP_EXCHANGES", "perhaps")
    await asyncio.sleep(0)
    assert world.engine.repository.exchanges.is_on is False
    monkeypatch.delenv("LUMA_JUPYTER_KEEP_EXCHANGES")
    assert (await world.end(handle)).status is Status.COMPLETED


async def test_another_kernel_explains_what_this_one_made(kernels: Kernels) -> None:
    """The record is in the journal that kernels share; of the kernel that takes over, its own steps come after it."""
    first, second = kernels.start(), kernels.start()
    handle = first.generate("A red fox")
    await first.until(handle, Status.RUNNING)
    await asyncio.sleep(5)
    before = recorded(second, handle)
    assert Step.SUBMIT in [one.step for one in before.exchanges]
    await kernels.kill(first)
    again = second.engine.resume(handle.task.intent)
    await second.end(again)
    told = recorded(second, again).exchanges
    assert told[: len(before.exchanges)] == before.exchanges
    assert [one.step for one in told][-2:] == [Step.VIDEO, Step.THUMBNAIL]


async def test_what_was_asked_outside_of_a_clip_is_recorded_for_nobody(world: World) -> None:
    """The look of an adoption, a price, a balance that a user asks for."""
    task_id = await world.service.made_elsewhere({"action": "generate", "prompt": "p"})
    client = world.engine.providers.client("acedata", "generate")
    assert await client.find_task(task_id)
    assert list(world.engine.repository.exchanges._pending) == []


# Nothing of it costs or harms what is paid.


class Trouble:
    """Raises an error whenever it is called; ``met`` is how often that was."""

    def __init__(self, kind: type[Exception], words: str) -> None:
        self._kind = kind
        self._words = words
        self.met = 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.met += 1
        raise self._kind(self._words)


fail = Trouble(RuntimeError, "the recorder is broken")
refuse = Trouble(ConfigError, "database or disk is full")

Change = Callable[[pytest.MonkeyPatch], None]

FAULTS: dict[str, Change] = {
    "nobody can listen": lambda patch: patch.setattr(exchanges, "_Recording", fail),
    "hearing fails": lambda patch: patch.setattr(exchanges.Exchanges, "hear", fail),
    "the clock fails": lambda patch: patch.setattr(exchanges._Recording, "clock", fail),
    "masking fails": lambda patch: patch.setattr(exchanges, "masked", fail),
    "the journal refuses": lambda patch: patch.setattr(ExchangeTable, "add", refuse),
    "the journal breaks": lambda patch: patch.setattr(ExchangeTable, "add", fail),
    "no thread can be had": lambda patch: patch.setattr(exchanges, "in_thread", fail),
}

CHANGES: dict[str, Change] = {
    "none": lambda patch: None,
    "off": lambda patch: settings.configure(keep_exchanges=False),
    "memory for two": lambda patch: patch.setattr(exchanges, "MOST_PENDING", 2),
    "written at each step": lambda patch: patch.setattr(exchanges, "WRITE_FROM", 1),
    **FAULTS,
}


async def _lesson(world: World) -> list[Any]:
    """Clips to which everything happens; all that the services saw of it, when, and what came of it."""
    service = world.service
    service.script("submit", TOO_MANY, httpx.ReadError("lost"), httpx.ConnectError("no way"), None)
    service.script("look", reply(500, {}), None, reply(429, {}, headers={"Retry-After": "20"}))
    service.script("video", httpx.ReadError("half"), None)
    handles = [world.generate(f"Fox {number}") for number in range(3)]
    handles += [world.submit(MODIFY), world.submit(GenerateRequest(prompt="p", start_image=PICTURE))]
    await asyncio.sleep(3)
    handles[2].stop()
    for handle in handles:
        await world.end(handle)
    await asyncio.sleep(60)
    sent = [(seen.kind, seen.at, seen.request.method, str(seen.request.url)) for seen in service.all_seen]
    bodies = sorted(seen.request.content for seen in service.seen("submit"))
    ends = [(handle.task.status, str(handle.task.error), handle.task.problem) for handle in handles]
    return [sent, bodies, ends, [world.story(handle) for handle in handles]]


def _lesson_results(folder: Path, *, keep: bool | None) -> list[Any]:
    """What comes of it in a world of its own, whose time begins anew."""
    settings.configure(keep_exchanges=keep, home=folder / "home", media=folder / "videos")
    service = FakeService(EPOCH)
    new_http = partial(HttpClient, transport=httpx.MockTransport(service), random=lambda: 1.0)
    engine = Engine(settings.current, RunningLoop(), ProviderPool(settings.current, new_http), Clock(), lambda: 0.0)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_lesson(World(engine, service)))


@pytest.mark.parametrize("change", CHANGES)
def test_no_fault_of_the_recorder_changes_what_is_sent(keys: None, change: str, tmp_path: Path) -> None:
    """With each fault the services see the very same requests at the same moments, and the clips end the same."""
    expected = _lesson_results(tmp_path / "plain", keep=False)
    met_before = fail.met + refuse.met
    with pytest.MonkeyPatch.context() as patch:
        CHANGES[change](patch)
        found = _lesson_results(tmp_path / "recorded", keep=False if change == "off" else None)
    assert found == expected
    assert (fail.met + refuse.met > met_before) is (change in FAULTS)
    ends = [status for status, *_ in expected[2]]
    assert {Status.COMPLETED, Status.UNCONFIRMED, Status.CANCELLED} <= set(ends)


def _count_transactions(patch: pytest.MonkeyPatch) -> Counter[str]:
    """How often something was committed, by what it was of: a clip, its exchanges, or only a heartbeat."""
    counted: Counter[str] = Counter()
    inside: list[str] = []

    def trace(statement: str) -> None:
        if not statement.startswith(("INSERT", "UPDATE", "DELETE", "COMMIT")):
            return
        inside.append(statement)
        if statement == "COMMIT":
            of_clip = any(" tasks " in one for one in inside)
            of_exchanges = any(" exchanges " in one for one in inside)
            counted["exchanges" if of_exchanges else "clip" if of_clip else "other"] += 1
            inside.clear()

    real = sqlite3.connect

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = real(*args, **options)
        connection.set_trace_callback(trace)
        return connection

    patch.setattr(sqlite3, "connect", connect)
    return counted


@pytest.mark.parametrize(("seconds", "least"), [(2, 1), (100, 10), (600, 20)])
async def test_look_ups_add_no_commit(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: float, least: int
) -> None:
    """A clip costs two commits more, one after its submission and one at its end, however many looks it takes."""
    counted = _count_transactions(monkeypatch)
    world.service.seconds = seconds
    handle = world.submit(MODIFY)
    await world.end(handle)
    await asyncio.sleep(10)
    assert len(world.service.seen("look")) >= least
    assert counted["exchanges"] == 2
    with_record = counted["clip"]
    counted.clear()
    settings.configure(keep_exchanges=False)
    await world.end(world.submit(MODIFY))
    await asyncio.sleep(10)
    assert (counted["clip"], counted["exchanges"]) == (with_record, 0)


async def test_clips_that_run_together_share_their_commits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of forty costs a few commits more, not eighty."""
    counted = _count_transactions(monkeypatch)
    handles = [world.generate(f"Fox {number}") for number in range(40)]
    for handle in handles:
        await world.end(handle)
    await asyncio.sleep(10)
    assert 0 < counted["exchanges"] <= 4
    assert all(Step.VIDEO in steps(world, handle) for handle in handles)


async def test_what_is_masked_while_a_setting_is_wrong_has_no_key_either(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that a request was sent with is known by the request."""
    handle = world.generate(f"A fox with {ACEDATA_KEY}")
    await world.end(handle)
    monkeypatch.setenv("LUMA_JUPYTER_BUDGET", "much")
    world.engine.repository.exchanges.write()
    monkeypatch.delenv("LUMA_JUPYTER_BUDGET")
    paid = next(one for one in recorded(world, handle).exchanges if one.step is Step.SUBMIT)
    assert json.loads(paid.body)["prompt"] == "A fox with ‹your key›"


async def test_what_cannot_be_written_is_told_from_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel whose journal is busy or full explains its clips all the same, and writes when it can."""
    with monkeypatch.context() as patch:
        patch.setattr(ExchangeTable, "add", refuse)
        handle = world.generate()
        await world.end(handle)
        await asyncio.sleep(10)
        before = recorded(world, handle)
        assert Step.SUBMIT in [one.step for one in before.exchanges]
        assert world.engine.journal.exchanges.read(handle.task.intent) == Recorded()
    assert recorded(world, handle) == before
    assert world.engine.journal.exchanges.read(handle.task.intent) == before


async def test_what_is_just_being_written_is_told_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks while a thread writes gets all: what that has taken up is not in memory, and not in the journal yet."""
    handle = world.generate("A red fox")
    await world.end(handle)
    add, told = ExchangeTable.add, []
    asking = threading.Thread(target=lambda: told.append(recorded(world, handle)))

    def slowly(self: ExchangeTable, *args: Any) -> None:
        asking.start()
        asking.join(0.05)  # where it does not wait for this thread, it has its answer by now
        add(self, *args)

    monkeypatch.setattr(ExchangeTable, "add", slowly)
    world.engine.repository.exchanges.write()
    asking.join()
    assert told == [recorded(world, handle)]
    assert Step.THUMBNAIL in [one.step for one in told[0].exchanges]


async def test_what_is_written_while_the_journal_is_read_is_told_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the journal was busy a moment before, another thread may write what waits just after it was read."""
    read, told = ExchangeTable.read, []
    with monkeypatch.context() as busy:
        busy.setattr(ExchangeTable, "add", refuse)
        handle = world.generate("A red fox")
        await world.end(handle)
        writing = threading.Thread(target=world.engine.repository.exchanges.write)

        def then_write(self: ExchangeTable, intent: str) -> Recorded:
            found = read(self, intent)
            busy.undo()
            writing.start()
            writing.join(0.05)  # where it does not wait for this thread, it has written all by now
            return found

        busy.setattr(ExchangeTable, "read", then_write)
        told.append(recorded(world, handle))
    writing.join()
    assert told == [recorded(world, handle)]
    assert Step.SUBMIT in [one.step for one in told[0].exchanges]


async def test_memory_for_the_record_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest steps that could not be written are forgotten."""
    monkeypatch.setattr(exchanges, "MOST_PENDING", 5)
    world.engine.repository.exchanges.reset()
    monkeypatch.setattr(ExchangeTable, "add", refuse)
    handle = world.generate()
    await world.end(handle)
    assert [one.step for one in recorded(world, handle).exchanges][-2:] == [Step.VIDEO, Step.THUMBNAIL]
    assert len(recorded(world, handle).exchanges) == 5


async def test_what_was_heard_is_written_when_all_is_closed(world: World) -> None:
    """A kernel that ends in order leaves no step untold."""
    handle = world.generate()
    await world.end(handle)
    world.engine.repository.close()
    assert Step.THUMBNAIL in [one.step for one in world.engine.journal.exchanges.read(handle.task.intent).exchanges]


def test_each_step_has_its_words() -> None:
    """Each says in plain sentences why it is done, and what is waited for before it."""
    assert set(WORDS) == set(Step)
    for words in WORDS.values():
        assert words.title[0].isupper()
        assert words.why.endswith(".")
        assert not words.waited.endswith(".")
    assert Exchange(at=0.0, step=Step.LOOK, shared=1).why.endswith("One look-up for this and 1 other clip.")
