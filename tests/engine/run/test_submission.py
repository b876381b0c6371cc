"""The paid request: in its turn, written down before it leaves; and what may be done when its answer was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.money import Price
from luma_jupyter.domain.requests import ModifyRequest, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.local_files import as_video
from luma_jupyter.engine.run.submission import CLOCK_SLACK
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.errors import (
    ClipCancelled,
    ClipFailed,
    ClipUnconfirmed,
    ConfigError,
    Conflict,
    InsufficientBalance,
    InvalidRequest,
    KeyReused,
    OverBudget,
    Unreachable,
)
from luma_jupyter.views.clip_html import final_html
from luma_jupyter.views.text import status_text
from tests.engine.kernels import Kernels
from tests.support import settings
from tests.support.fake_service import VIDEO, Answer, reply
from tests.support.states import clip_state
from tests.support.world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, World


def _modify(world: World, **options: Any) -> Handle:
    return world.submit(ModifyRequest(prompt="p", source=VideoRef(url="https://x.example/v.mp4")), **options)


SUBMIT: dict[str, Callable[..., Handle]] = {"acedata": World.generate, "runapi": _modify}
PROVIDERS = pytest.mark.parametrize("provider", SUBMIT)
BUSY = reply(429, {"error": "slow down"}, headers={"Retry-After": "30"})
REFUSED = reply(402, {"error": "no credits"})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the journal."""
    return tmp_path / "home"


@pytest.fixture
def other_kernel(home: Path) -> Journal:
    """The journal as another kernel sees it."""
    return Journal(home, owner="another machine|1|0.0")


def break_journal(home: Path) -> None:
    """Let nothing be written into the journal any more, whoever asks, the superuser too."""
    for path in home.glob(f"{FILE_NAME}*"):
        path.unlink()
    (home / FILE_NAME).mkdir()


# In its turn.


@pytest.mark.parametrize(("setting", "at_once"), [(None, 4), (1, 1), (2, 2), (10, 10)])
async def test_submissions_are_as_many_at_once_as_set(world: World, setting: int | None, at_once: int) -> None:
    """No more requests than set are on their way to a service at once; the rest stay queued and come in their turn."""
    settings.configure(submissions=setting)
    world.service.script("submit", *[world.service.after(10)] * 12)
    handles = [world.generate() for _ in range(12)]
    await asyncio.sleep(5)
    words = [handle.task.status for handle in handles]
    assert words == [Status.SUBMITTING] * at_once + [Status.QUEUED] * (12 - at_once)
    tasks = [await world.end(handle) for handle in handles]
    assert {task.status for task in tasks} == {Status.COMPLETED}
    assert world.service.most_at_once["submit"] == at_once
    assert world.service.times("submit") == [number // at_once * 10 for number in range(12)]
    assert [task.submitted_at - EPOCH for task in tasks] == world.service.times("submit")  # type: ignore[operator]


async def test_submissions_setting_raised_while_tasks_wait_holds_for_all(world: World) -> None:
    """One limit holds for all tasks, also for those that waited when it was changed; they come in their order."""
    settings.configure(submissions=1)
    world.service.script("submit", *[world.service.after(10)] * 6)
    handles = [world.generate(f"{number}") for number in range(5)]
    await asyncio.sleep(5)
    settings.configure(submissions=3)
    handles.append(world.generate("5"))
    for handle in handles:
        assert (await world.end(handle)).status is Status.COMPLETED
    assert world.service.times("submit") == [0, 5, 5, 10, 15, 15]
    assert [seen.payload["prompt"] for seen in world.service.seen("submit")] == [f"{number}" for number in range(6)]
    assert world.service.most_at_once["submit"] == 3


async def test_submissions_setting_lowered_while_tasks_wait_holds_for_all(world: World) -> None:
    """A lower limit is no second one beside the first: later tasks wait behind those that came before."""
    settings.configure(submissions=3)
    world.service.script("submit", *[world.service.after(10)] * 7)
    handles = [world.generate(f"{number}") for number in range(5)]
    await asyncio.sleep(5)
    settings.configure(submissions=1)
    handles += [world.generate(f"{number}") for number in (5, 6)]
    for handle in handles:
        assert (await world.end(handle)).status is Status.COMPLETED
    assert world.service.times("submit") == [0, 0, 0, 10, 20, 30, 40]
    assert [seen.payload["prompt"] for seen in world.service.seen("submit")] == [f"{number}" for number in range(7)]


async def test_submission_slots_are_of_one_service(world: World) -> None:
    """A queue before one service keeps nobody from another."""
    settings.configure(submissions=1)
    world.service.script("submit", *[world.service.after(10)] * 6)
    handles = [submit(world) for _ in range(3) for submit in SUBMIT.values()]
    for handle in handles:
        await world.end(handle)
    assert world.service.times("submit") == [0, 0, 10, 10, 20, 20]
    assert world.service.most_at_once["submit"] == 2


@pytest.mark.parametrize(
    "answer", [REFUSED, httpx.ReadError("reset"), RuntimeError("a bug")], ids=["refused", "lost", "bug"]
)
async def test_submission_slot_ends_with_its_submission(world: World, answer: Answer) -> None:
    """However a submission ends, the next one has its turn."""
    settings.configure(submissions=1)
    world.service.script("submit", answer)
    first, second = world.generate(), world.generate()
    assert (await world.end(second)).status is Status.COMPLETED
    assert first.task.status in (Status.FAILED, Status.UNCONFIRMED)


async def test_follow_up_takes_no_slot_while_it_waits_for_its_source(world: World) -> None:
    """What waits for its source takes no turn meanwhile."""
    settings.configure(submissions=1)
    source = world.generate()
    follow_ups = [world.extend(source) for _ in range(3)]
    await world.until(source, Status.RUNNING)
    other = world.generate()
    await world.until(other, Status.RUNNING)
    assert world.service.times("submit") == [0, 0]
    for handle in follow_ups:
        assert (await world.end(handle)).status is Status.COMPLETED


async def test_stop_before_its_turn_sends_nothing(world: World) -> None:
    """What is stopped before its turn is cancelled and never sent; those behind it move up."""
    settings.configure(submissions=1)
    world.service.script("submit", *[world.service.after(10)] * 3)
    first, second, third = (world.generate() for _ in range(3))
    await asyncio.sleep(5)
    second.stop()
    task = await world.end(second)
    assert world.story(second) == "queued cancelled"
    assert isinstance(task.error, ClipCancelled)
    assert "Nothing was sent" in str(task.error)
    assert task.sent_at is None
    for handle in (first, third):
        assert (await world.end(handle)).status is Status.COMPLETED
    assert world.service.times("submit") == [0, 10]


async def test_rate_limit_slows_all_submissions(world: World) -> None:
    """When one request is told to wait, a later one waits as well, and shows that it is being submitted."""
    world.service.script("submit", BUSY)
    first = world.generate()
    await asyncio.sleep(10)
    second = world.generate()
    await world.until(second, Status.SUBMITTING)
    for handle in (first, second):
        assert (await world.end(handle)).status is Status.COMPLETED
    first_try, *later = world.service.times("submit")
    assert (first_try, len(later)) == (0, 2)
    assert min(later) >= 30


# Written down before it leaves.


@PROVIDERS
async def test_journal_has_each_step_around_the_request(world: World, provider: str, other_kernel: Journal) -> None:
    """Before the request arrives its intent, key and time are on disk; at the first look its id is, and so on."""
    seen: list[Task] = []

    def remember(request: httpx.Request) -> httpx.Response:
        found = other_kernel.find(handle.task.intent)
        assert found
        seen.append(found.task)
        kind = "submit" if len(seen) == 1 else "look"
        return world.service.honest(kind, request)  # type: ignore[arg-type]

    world.service.script("submit", remember)
    world.service.script("look", remember)
    handle = SUBMIT[provider](world)
    queued = other_kernel.find(handle.task.intent)
    assert queued
    assert queued.task == handle.task
    assert (queued.task.status, queued.task.sent_at) == (Status.QUEUED, None)
    task = await world.end(handle)
    sent, running = seen
    assert (sent.status, sent.sent_at, sent.task_id) == (Status.SUBMITTING, EPOCH, None)
    assert sent.request == handle.task.request
    assert (running.status, running.task_id) == (Status.RUNNING, "task-1")
    ended = other_kernel.find(handle.task.intent)
    assert ended
    assert ended.task == task
    if provider == "runapi":
        assert world.service.seen("submit")[0].request.headers["idempotency-key"] == sent.intent


async def test_journal_has_no_doubt_between_two_tries(world: World, other_kernel: Journal) -> None:
    """After a 429 the journal says again that nothing was accepted: a kernel that ends now leaves no doubt."""
    world.service.script("submit", BUSY)
    handle = world.generate()
    await world.until(handle, Status.SUBMITTING)
    await asyncio.sleep(5)
    found = other_kernel.find(handle.task.intent)
    assert found
    assert (found.task.status, found.task.sent_at) == (Status.SUBMITTING, None)
    assert handle.task.problem == "AceDataCloud gets too many requests at the moment. The next try is in 30 s."
    task = await world.end(handle)
    assert (task.sent_at, task.problem) == (EPOCH + 30, None)


@pytest.mark.parametrize("answer", [REFUSED, httpx.ConnectError("refused")], ids=["refused", "unreachable"])
async def test_refused_request_counts_as_not_sent(world: World, answer: Answer, other_kernel: Journal) -> None:
    """A request that certainly was not accepted counts as never sent, in the journal too: it costs nothing."""
    world.service.script("submit", *[answer] * 4)
    handle = world.generate()
    task = await world.end(handle)
    assert (task.status, task.sent_at, task.doubts) == (Status.FAILED, None, 0)
    found = other_kernel.find(handle.task.intent)
    assert found
    assert found.task.sent_at is None


@pytest.mark.parametrize("broken", ["home is a file", "journal is a folder"])
async def test_submit_without_a_journal_sends_nothing(world: World, home: Path, broken: str) -> None:
    """A journal that cannot be written is told at once, with the setting to change; there is no task."""
    if broken == "home is a file":
        home.write_text("in the way")
    else:
        (home / FILE_NAME).mkdir(parents=True)
    with pytest.raises(
        ConfigError, match=r"^The journal of your clips cannot be written in .* set LUMA_JUPYTER_HOME to "
    ):
        world.generate()
    await asyncio.sleep(100)
    assert world.engine.handles == {}
    assert not world.service.seen("submit")


async def test_setting_that_breaks_while_the_answer_is_awaited_costs_no_task(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that cannot be used any more leaves what was sent alone: its answer is taken, and it is followed."""
    world.service.script("submit", world.service.after(5))
    handle = world.generate()
    await asyncio.sleep(1)
    monkeypatch.setenv("LUMA_JUPYTER_BUDGET", "5$")
    await asyncio.sleep(5)
    assert (handle.task.status, handle.task.task_id) == (Status.RUNNING, "task-1")
    monkeypatch.delenv("LUMA_JUPYTER_BUDGET")
    assert (await world.end(handle)).status is Status.COMPLETED


@pytest.mark.parametrize("when", ["while queued", "just before it leaves"])
async def test_journal_that_breaks_before_the_request_leaves_keeps_it_back(world: World, home: Path, when: str) -> None:
    """A journal that breaks at the last moment keeps the request back: it failed, says why, and nothing was sent."""
    handle = world.generate()
    if when == "while queued":
        break_journal(home)
    else:
        handle.listen(lambda event: break_journal(home) if event.task.status is Status.SUBMITTING else None)
    task = await world.end(handle)
    assert world.story(handle) == ("queued failed" if when == "while queued" else "queued submitting failed")
    assert isinstance(task.error, ClipFailed)
    assert isinstance(task.error.reason, ConfigError)
    assert "LUMA_JUPYTER_HOME" in str(task.error)
    assert task.sent_at is None
    await asyncio.sleep(100)
    assert not world.service.seen("submit")
    assert world.service.tasks == []


@pytest.mark.parametrize("when", ["on its way", "running", "saving"])
async def test_journal_that_breaks_later_costs_no_video(world: World, home: Path, when: str) -> None:
    """What was paid for goes on without a journal: the video comes, and a line says that nothing is written down."""

    def break_and_accept(request: httpx.Request) -> httpx.Response:
        break_journal(home)
        return world.service.honest("submit", request)

    if when == "on its way":
        world.service.script("submit", break_and_accept)
    world.service.script("video", world.service.after(30))
    handle = world.generate()
    if when != "on its way":
        await world.until(handle, Status(when))
        break_journal(home)
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running saving completed"
    assert (task.status, task.error) == (Status.COMPLETED, None)
    assert task.path
    assert task.path.exists()
    assert str(task.problem).startswith("The journal of your clips cannot be written in ")
    assert len(world.service.seen("submit")) == 1


async def test_journal_that_is_back_knows_all(world: World, home: Path, other_kernel: Journal) -> None:
    """Whoever repairs the journal meanwhile finds the clip in it, and no line about it any more."""
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    break_journal(home)
    await asyncio.sleep(5)
    (home / FILE_NAME).rmdir()
    task = await world.end(handle)
    assert (task.status, task.problem) == (Status.COMPLETED, None)
    found = other_kernel.find(handle.task.intent)
    assert found
    assert found.task == task


# In doubt.


async def _lost(world: World, provider: str = "acedata", answer: Any = None) -> Task:
    """A task whose answer was lost: accepted and so paid for, unless ``answer`` says otherwise."""
    world.service.script("submit", answer or world.service.lose)
    task = await world.end(SUBMIT[provider](world))
    assert task.status is Status.UNCONFIRMED
    await asyncio.sleep(100)
    return task


async def _retry(world: World, task: Task, **options: bool) -> Task:
    """How a retry ends."""
    handle = world.engine.resume(task.intent, **options)
    handle.listen(world.events[handle].append)
    return await world.end(handle)


def _sent_at(seconds: float) -> str:
    return time.strftime("Sent at %H:%M:%S on %Y-%m-%d, no usable answer: ", time.localtime(EPOCH + seconds))


LOST_BEFORE = httpx.ReadError("connection reset")
WAYS = pytest.mark.parametrize(
    "options", [{}, {"resend": True}, {"may_pay_twice": True}], ids=["look only", "resend", "may pay twice"]
)


@WAYS
async def test_retry_finds_its_task_in_the_list(world: World, options: dict[str, bool], other_kernel: Journal) -> None:
    """Exactly one equal task that nobody else claims is ours: it is followed, and nothing is sent again."""
    world.service.lists = True
    await world.end(world.generate("Another prompt"))
    lost = await _lost(world)
    task = await _retry(world, lost, **options)
    assert (task.status, task.task_id, task.doubts) == (Status.COMPLETED, "task-2", 0)
    assert task.intent == lost.intent
    assert task.path
    assert task.error is None
    assert len(world.service.seen("submit")) == 2
    (looked,) = world.service.seen("list")
    assert lost.sent_at
    assert looked.payload["created_at_min"] == lost.sent_at - CLOCK_SLACK
    found = other_kernel.find(lost.intent)
    assert found
    assert found.task == task


async def test_retry_takes_none_of_several_equal_tasks(world: World) -> None:
    """Two equal tasks that nobody claims may both be another's: none is taken, and nothing is sent."""

    def accept_twice(request: httpx.Request) -> httpx.Response:
        world.service.honest("submit", request)
        return world.service.lose(request)

    world.service.lists = True
    task = await _retry(world, await _lost(world, answer=accept_twice))
    assert (task.status, task.task_id) == (Status.UNCONFIRMED, None)
    assert len(world.service.seen("submit")) == 1


async def test_retry_does_not_take_a_task_of_another_clip(world: World) -> None:
    """An equal task of another clip is that one's, also when it is the only one in the list."""
    world.service.lists = True
    lost = await _lost(world, answer=LOST_BEFORE)
    other = await world.end(world.generate())
    assert (other.status, other.task_id) == (Status.COMPLETED, "task-1")
    task = await _retry(world, lost)
    assert (task.status, task.task_id) == (Status.UNCONFIRMED, None)


async def test_retry_does_not_take_a_task_that_was_made_much_later(world: World) -> None:
    """An equal task made an hour after the request is somebody else's, who has the same key."""
    world.service.lists = True
    lost = await _lost(world, answer=LOST_BEFORE)
    assert lost.payload
    await asyncio.sleep(3600)
    await world.service.made_elsewhere(dict(lost.payload))
    task = await _retry(world, lost)
    assert (task.status, task.task_id) == (Status.UNCONFIRMED, None)


async def test_retry_takes_the_task_that_no_clip_has(world: World) -> None:
    """Of two equal tasks one belongs to another clip, so the other one is ours."""
    world.service.lists = True
    lost = await _lost(world)
    assert (await world.end(world.generate())).task_id == "task-2"
    task = await _retry(world, lost)
    assert (task.status, task.task_id) == (Status.COMPLETED, "task-1")
    assert len(world.service.seen("submit")) == 2


async def test_retry_tells_two_lost_requests_apart_by_their_times(world: World) -> None:
    """Of two lost clips of equal requests the later one cannot be the earlier task; once it is known, the other is."""
    world.service.lists = True
    first, second = await _lost(world), await _lost(world)
    assert (await _retry(world, first)).status is Status.UNCONFIRMED
    assert (await _retry(world, second)).task_id == "task-2"
    assert (await _retry(world, first)).task_id == "task-1"
    assert len(world.service.seen("submit")) == 2


@pytest.mark.parametrize(
    "answer",
    [None, reply(200, {"items": [], "count": 0}), reply(500), httpx.ConnectError("refused"), httpx.ReadTimeout("slow")],
    ids=["no list", "empty", "500", "unreachable", "slow"],
)
async def test_retry_of_what_is_not_found_sends_nothing(world: World, answer: Answer) -> None:
    """Where the list does not show it, it stays unconfirmed; what is offered then says that it may pay twice."""
    lost = await _lost(world)
    world.service.script("list", answer)
    task = await _retry(world, lost, resend=True)
    assert (task.status, task.doubts, task.sent_at) == (Status.UNCONFIRMED, 0, lost.sent_at)
    assert isinstance(task.error, ClipUnconfirmed)
    assert str(task.error).startswith(_sent_at(0))
    assert "pay twice" in str(task.error)
    assert "--may-pay-twice" in str(task.error)
    await asyncio.sleep(100)
    assert len(world.service.seen("submit")) == 1


async def test_retry_that_may_pay_twice_sends_it_again(world: World, other_kernel: Journal) -> None:
    """AceDataCloud makes a new task of each request: sent again only with that said, and both count as paid for."""
    doubts: list[int] = []

    def remember(request: httpx.Request) -> httpx.Response:
        found = other_kernel.find(lost.intent)
        assert found
        doubts.append(found.task.doubts)
        return world.service.honest("submit", request)

    lost = await _lost(world)
    world.service.script("submit", remember)
    task = await _retry(world, lost, may_pay_twice=True)
    assert (task.status, task.task_id, task.doubts) == (Status.COMPLETED, "task-2", 1)
    assert doubts == [1], "that it may be paid twice is on disk before it leaves"
    assert world.service.tasks == ["task-1", "task-2"]
    first, second = world.service.seen("submit")
    assert first.payload == second.payload


async def test_retry_at_runapi_repeats_the_key_and_is_paid_once(world: World) -> None:
    """RunAPI gets the same idempotency key again and answers with the same task: paid for once."""
    world.service.idempotent = True
    lost = await _lost(world, "runapi")
    task = await _retry(world, lost, resend=True)
    assert (task.status, task.task_id, task.doubts) == (Status.COMPLETED, "task-1", 0)
    assert world.service.tasks == ["task-1"]
    first, second = world.service.seen("submit")
    assert first.request.headers["idempotency-key"] == second.request.headers["idempotency-key"] == lost.intent
    assert first.payload == second.payload


async def test_retry_with_the_key_of_another_account_is_no_repetition(world: World) -> None:
    """An idempotency key holds within one account: with another's key it may pay twice, so the user has to say that."""
    world.service.idempotent = True
    lost = await _lost(world, "runapi")
    settings.configure(runapi_key="another-accounts-key")
    task = await _retry(world, lost, resend=True)
    assert task.status is Status.UNCONFIRMED
    assert len(world.service.seen("submit")) == 1
    assert "--may-pay-twice" in str(task.error)
    assert not world.engine.may_send_again(lost.intent, may_pay_twice=False)
    task = await _retry(world, lost, may_pay_twice=True)
    assert (task.status, task.doubts) == (Status.COMPLETED, 1)
    assert task.charge(None) == 1.0


async def test_retry_with_the_first_key_again_is_a_repetition(world: World) -> None:
    """A key that was set meanwhile changes nothing of the account that may have been charged."""
    world.service.idempotent = True
    lost = await _lost(world, "runapi")
    settings.configure(runapi_key="another-accounts-key")
    await _retry(world, lost, resend=True)
    settings.configure(runapi_key=RUNAPI_KEY)
    task = await _retry(world, lost, resend=True)
    assert (task.status, task.doubts) == (Status.COMPLETED, 0)
    assert world.service.tasks == ["task-1"]


async def test_retry_at_runapi_is_what_was_sent_to_the_letter(world: World, tmp_path: Path) -> None:
    """Also where its file would have another address by now, in a kernel that read it in the journal: byte-equal.

    Another body under the same key is refused, and then nobody could tell what came of the first.
    """
    world.service.idempotent = world.service.traced = True
    world.service.expires_at = "2001-01-01T00:00:00Z"  # so that nothing uploaded is used again
    film = tmp_path / "film.mp4"
    film.write_bytes(VIDEO)
    world.service.script("submit", world.service.lose)
    lost = await world.end(world.submit(ModifyRequest(prompt="Nebel, größer", source=as_video(film))))
    assert lost.status is Status.UNCONFIRMED
    uploaded = len(world.service.seen("upload"))
    world.engine.handles.clear()
    task = await _retry(world, lost, resend=True)
    first, second = world.service.seen("submit")
    assert first.request.content == second.request.content
    assert first.request.headers["idempotency-key"] == second.request.headers["idempotency-key"]
    assert len(world.service.seen("upload")) == uploaded
    assert (task.status, task.task_id, task.trace_id) == (Status.COMPLETED, "task-1", "trace-of-task-1")
    assert world.service.tasks == ["task-1"]


async def test_retry_that_the_service_had_already_says_so_on_the_card(world: World, other_kernel: Journal) -> None:
    """What was made before is no new video: the card says that nothing new was paid, and the journal keeps it."""
    world.service.idempotent = world.service.traced = True
    lost = await _lost(world, "runapi")
    task = await _retry(world, lost, resend=True)
    words = "the service had it already: no charge"
    assert words in final_html(replace(clip_state(), task=task))
    found = other_kernel.find(lost.intent)
    assert found
    assert found.task.replayed
    fresh = await world.end(SUBMIT["runapi"](world))
    assert not fresh.replayed
    assert words not in final_html(replace(clip_state(), task=fresh))


async def test_retry_whose_key_was_used_for_another_request_stays_unconfirmed(world: World) -> None:
    """A 409 to the repetition made nothing, and does not say what the first made: in doubt as before, paid once."""
    world.service.idempotent = True
    lost = await _lost(world, "runapi")
    refused = {"error": {"code": "idempotency_key_reused", "message": "another body"}}
    world.service.script("submit", reply(409, refused))
    task = await _retry(world, lost, resend=True)
    assert (task.status, task.sent_at, task.doubts) == (Status.UNCONFIRMED, lost.sent_at, 0)
    assert isinstance(task.error, ClipUnconfirmed)
    assert isinstance(task.error.reason, KeyReused)
    assert world.service.tasks == ["task-1"]
    assert task.charge(0.5) == lost.charge(0.5)


async def test_retry_without_the_user_s_word_sends_nothing(world: World) -> None:
    """Without the user's word to send it again, RunAPI's clip stays unconfirmed, and how to send it is said."""
    lost = await _lost(world, "runapi")
    task = await _retry(world, lost)
    assert task.status is Status.UNCONFIRMED
    assert "sends it again under the same idempotency key" in str(task.error)
    assert len(world.service.seen("submit")) == 1


async def test_retry_says_that_it_could_not_be_looked_for(world: World) -> None:
    """Where the list cannot be had, nobody says that the request is not in it."""
    lost = await _lost(world, "acedata")
    world.service.script("list", httpx.ConnectError("no route"))
    task = await _retry(world, lost)
    assert task.status is Status.UNCONFIRMED
    assert "it could not be looked for: AceDataCloud cannot be reached: “no route”." in str(task.error)
    assert len(world.service.seen("submit")) == 1


async def test_retry_does_not_say_not_found_of_a_list_that_goes_on(world: World) -> None:
    """Where the list is longer than can be read, nobody says that the request is not in it."""
    lost = await _lost(world)
    others = [{"id": f"other-{number}", "created_at": lost.sent_at, "request": {}} for number in range(50)]
    world.service.script("list", reply(200, {"items": others}), for_ever=True)
    task = await _retry(world, lost)
    assert task.status is Status.UNCONFIRMED
    assert "it could not be looked for: AceDataCloud sent an answer that cannot be used: “its list" in str(task.error)
    assert "not found" not in str(task.error)


@PROVIDERS
async def test_retry_does_not_say_not_found_of_what_was_sent_with_another_key(world: World, provider: str) -> None:
    """Another account knows nothing of it: that another key is set is said, unless the first one is set again."""
    lost = await _lost(world, provider)
    world.service.script("list", reply(200, {"items": [], "count": 0}), for_ever=True)
    settings.configure(acedata_token="another-accounts-key", runapi_key="another-accounts-key")
    task = await _retry(world, lost)
    assert task.status is Status.UNCONFIRMED
    assert "no usable answer: another key is set now than the one that it was sent with." in str(task.error)
    assert "not found" not in str(task.error)
    settings.configure(acedata_token=ACEDATA_KEY, runapi_key=RUNAPI_KEY)
    assert "it was looked for, and not found." in str((await _retry(world, lost)).error)


async def test_retry_answered_with_conflict_stays_unconfirmed(world: World) -> None:
    """A 409 to the repeated key says that the first was accepted: unconfirmed as before, with the service's words."""
    lost = await _lost(world, "runapi")
    world.service.script("submit", reply(409, {"error": "this key was used"}))
    task = await _retry(world, lost, resend=True)
    assert (task.status, task.doubts) == (Status.UNCONFIRMED, 0)
    assert isinstance(task.error, ClipUnconfirmed)
    assert isinstance(task.error.reason, Conflict)
    assert "this key was used" in str(task.error)


@PROVIDERS
@pytest.mark.parametrize(
    ("answers", "reason"),
    [([REFUSED], InsufficientBalance), ([httpx.ConnectError("refused")] * 4, Unreachable)],
    ids=["refused", "unreachable"],
)
async def test_retry_that_is_refused_leaves_the_first_in_doubt(
    world: World, provider: str, answers: list[Answer], reason: type[Exception], other_kernel: Journal
) -> None:
    """When the repetition certainly was not accepted, all stands as before it: the first one is still in doubt."""
    lost = await _lost(world, provider)
    world.service.script("submit", *answers)
    task = await _retry(world, lost, may_pay_twice=True)
    assert (task.status, task.sent_at, task.doubts) == (Status.UNCONFIRMED, lost.sent_at, 0)
    assert str(task.error).startswith(_sent_at(0))
    assert isinstance(task.error, ClipUnconfirmed)
    assert isinstance(task.error.reason, reason)
    assert task.problem is None
    found = other_kernel.find(lost.intent)
    assert found
    assert (found.task.status, found.task.sent_at) == (Status.UNCONFIRMED, lost.sent_at)


async def test_retry_that_is_lost_is_a_second_doubt(world: World) -> None:
    """When the repetition is lost too, both may be billed; the message has the time of the later one."""
    lost = await _lost(world)
    world.service.script("submit", world.service.lose)
    task = await _retry(world, lost, may_pay_twice=True)
    assert (task.status, task.sent_at, task.doubts) == (Status.UNCONFIRMED, EPOCH + 100, 1)
    assert str(task.error).startswith(_sent_at(100))
    again = await _retry(world, task, may_pay_twice=True)
    assert (again.status, again.doubts, again.task_id) == (Status.COMPLETED, 2, "task-3")


async def test_retry_looks_again_each_time(world: World) -> None:
    """A list that shows it later finds it at a later try, since the time when it was first sent."""
    lost = await _lost(world)
    world.service.script("submit", REFUSED)
    assert (await _retry(world, lost, may_pay_twice=True)).status is Status.UNCONFIRMED
    await asyncio.sleep(1000)
    world.service.lists = True
    task = await _retry(world, lost)
    assert (task.status, task.task_id, task.doubts) == (Status.COMPLETED, "task-1", 0)


async def test_retry_waits_for_a_slot(world: World) -> None:
    """A repetition takes a turn as any submission does."""
    settings.configure(submissions=1)
    lost = await _lost(world, "runapi")
    world.service.script("submit", world.service.after(10))
    first = _modify(world)
    await world.until(first, Status.SUBMITTING)
    handle = world.engine.resume(lost.intent, resend=True)
    await asyncio.sleep(5)
    assert handle.task.status is Status.QUEUED
    assert (await world.end(handle)).status is Status.COMPLETED
    assert world.service.times("submit") == [0, 100, 110]


@pytest.mark.parametrize("when", ["queued", "looking", "between two tries"])
async def test_stop_of_a_retry_leaves_it_unconfirmed(world: World, when: str, other_kernel: Journal) -> None:
    """A retry that is stopped leaves it unconfirmed, never cancelled: the first request may be billed all the same."""
    settings.configure(submissions=1)
    lost = await _lost(world)
    if when == "queued":
        world.service.script("submit", world.service.after(1000))
        other = world.generate()
        await world.until(other, Status.SUBMITTING)
    elif when == "looking":
        world.service.script("list", world.service.after(1000))
    else:
        world.service.script("submit", BUSY)
    handle = world.engine.resume(lost.intent, may_pay_twice=True)
    await asyncio.sleep(10)
    sent = len(world.service.seen("submit"))
    handle.stop()
    task = await world.end(handle)
    assert (task.status, task.sent_at, task.doubts) == (Status.UNCONFIRMED, lost.sent_at, 0)
    assert isinstance(task.error, ClipUnconfirmed)
    assert str(task.error).startswith(f"{_sent_at(0)}it was stopped. It may be running and may be billed")
    await asyncio.sleep(100)
    assert len(world.service.seen("submit")) == sent
    found = other_kernel.find(lost.intent)
    assert found
    assert (found.task.status, found.task.doubts) == (Status.UNCONFIRMED, 0)


async def test_stop_while_a_retry_is_sent_keeps_its_id(world: World) -> None:
    """A repetition on its way is not aborted: its id is kept, and then the task is detached."""
    lost = await _lost(world)
    world.service.script("submit", world.service.after(30))
    handle = world.engine.resume(lost.intent, may_pay_twice=True)
    await asyncio.sleep(10)
    handle.stop()
    task = await world.end(handle)
    assert (task.status, task.task_id, task.doubts) == (Status.DETACHED, "task-2", 1)


async def test_retry_without_a_key_is_refused_at_once(world: World) -> None:
    """Without the service's key nobody can look or send: the error names the variable, and the doubt stays."""
    lost = await _lost(world)
    settings.configure(acedata_token=None)
    with pytest.raises(ConfigError, match="ACEDATACLOUD_API_TOKEN"):
        world.engine.resume(lost.intent, may_pay_twice=True)
    settings.configure(acedata_token="k")
    assert (await _retry(world, lost)).status is Status.UNCONFIRMED


@pytest.mark.parametrize("ending", ["failed", "cancelled", "unknown"])
async def test_retry_of_what_made_no_video_is_refused(world: World, ending: str) -> None:
    """What certainly made no video is not sent again under the same intent: its cell makes a new one."""
    intent = "0" * 32
    if ending != "unknown":
        world.service.script("submit", REFUSED)
        handle = world.generate()
        if ending == "cancelled":
            handle.stop()
        intent = (await world.end(handle)).intent
        assert handle.task.status == ending
    sent = len(world.service.seen("submit"))
    with pytest.raises(InvalidRequest, match=r"[Rr]un its cell again"):
        world.engine.resume(intent, may_pay_twice=True)
    await asyncio.sleep(100)
    assert len(world.service.seen("submit")) == sent


async def test_retries_at_once_do_not_pass_the_budget_together(world: World) -> None:
    """Each may pay a second time, so each counts once more before it leaves: the budget has room for one of three."""
    settings.configure(budget=2.0, acedata_price=0.5)
    lost = [await _lost(world) for _ in range(3)]
    handles = [world.engine.resume(task.intent, may_pay_twice=True) for task in lost]
    tasks = [await world.end(handle) for handle in handles]
    assert [task.status for task in tasks].count(Status.COMPLETED) == 1
    refused = [task for task in tasks if task.status is Status.UNCONFIRMED]
    for task in refused:
        assert isinstance(task.error, ClipUnconfirmed)
        assert isinstance(task.error.reason, OverBudget)
        assert "$2.00 a day" in str(task.error)
        assert task.doubts == 0
    assert len(refused) == 2
    assert len(world.service.seen("submit")) == 4
    assert world.engine.costs.spent_today() == (2.0, 0)


async def test_retry_of_yesterdays_clip_counts_today(world: World) -> None:
    """It is sent today, and may be paid for today: a budget without room for it holds it back."""
    settings.configure(budget=1.0, acedata_price=0.5)
    lost = [await _lost(world) for _ in range(2)]
    await asyncio.sleep(24 * 3600)
    assert world.engine.costs.spent_today() == (0.0, 0)
    assert (await _retry(world, lost[0], may_pay_twice=True)).status is Status.COMPLETED
    assert world.engine.costs.spent_today() == (1.0, 0)
    with pytest.raises(OverBudget):
        world.engine.resume(lost[1].intent, may_pay_twice=True)


async def test_task_that_another_kernel_takes_meanwhile_is_not_taken_twice(
    world: World, other_kernel: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two equal clips in doubt, of which the service has one: who writes it down first is alone with it."""
    world.service.lists = True
    lost, other = await _lost(world, answer=LOST_BEFORE), await _lost(world)
    has_task_id = Journal.has_task_id

    def look(journal: Journal, task_id: str) -> bool:
        found = has_task_id(journal, task_id)
        if not found and (entry := other_kernel.find(other.intent)) and entry.owner is None:
            other_kernel.acquire(entry, other.evolve(status=Status.RUNNING, task_id=task_id))
        return found

    monkeypatch.setattr(Journal, "has_task_id", look)
    task = await _retry(world, lost)
    assert (task.status, task.task_id) == (Status.UNCONFIRMED, None)
    assert [entry.task.intent for entry in other_kernel.entries() if entry.task.task_id] == [other.intent]
    assert len(world.service.seen("submit")) == 2


@WAYS
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "another kernel"])
async def test_task_of_an_equal_clip_that_is_being_sent_is_left_to_it(
    kernels: Kernels, elsewhere: bool, options: dict[str, bool]
) -> None:
    """The service lists the task before its answer is there: a lost clip does not take it, nor is it sent again."""
    world = kernels.start()
    world.service.lists = True
    lost = await _lost(world, answer=LOST_BEFORE)

    async def answer_late(request: httpx.Request) -> httpx.Response:
        answer = world.service.honest("submit", request)
        await asyncio.sleep(30)
        return answer

    world.service.script("submit", answer_late)
    sender = kernels.start() if elsewhere else world
    other = sender.generate()
    await asyncio.sleep(5)
    task = await _retry(world, lost, **options)
    assert (other.task.status, task.status, task.task_id) == (Status.SUBMITTING, Status.UNCONFIRMED, None)
    assert "not found" not in str(task.error)
    assert "a clip of the same request is being sent" in str(task.error)
    assert "`%luma retry NAME`" in str(task.error)
    assert ((await sender.end(other)).status, other.task.task_id) == (Status.COMPLETED, "task-1")
    again = await _retry(world, lost)
    assert (again.status, again.task_id) == (Status.UNCONFIRMED, None)
    assert "it was looked for, and not found." in str(again.error)
    assert len(world.service.seen("submit")) == 2


async def test_request_that_a_killed_kernel_was_sending_holds_no_other_one_up(kernels: Kernels) -> None:
    """Nobody waits for its answer any more: a lost clip takes the one task that the service has of both."""
    world, killed = kernels.start(), kernels.start()
    world.service.lists = True
    lost = await _lost(world)
    world.service.script("submit", world.service.after(1e6))
    other = killed.generate()
    await asyncio.sleep(5)
    assert other.task.status is Status.SUBMITTING
    await kernels.kill(killed)
    task = await _retry(world, lost)
    assert (task.status, task.task_id) == (Status.COMPLETED, "task-1")


async def test_lost_clips_that_are_looked_for_at_once_hold_one_another_up_in_nothing(world: World) -> None:
    """Of two lost clips of equal requests one has the task that there is, though the other one is looked for, too."""
    world.service.lists = True
    lost = [await _lost(world, answer=LOST_BEFORE), await _lost(world)]
    world.service.script("list", *[world.service.after(10)] * 2)
    retries = [world.engine.resume(task.intent) for task in lost]
    await asyncio.sleep(5)
    assert [status_text(replace(clip_state(), task=retry.task)) for retry in retries] == [
        "nobody knows yet whether it was received: it is looked for at the service"
    ] * 2
    tasks = [await world.end(retry) for retry in retries]
    assert sorted(str(task.task_id) for task in tasks) == ["None", "task-1"]
    assert sorted(task.status for task in tasks) == [Status.COMPLETED, Status.UNCONFIRMED]
    assert len(world.service.seen("submit")) == 2


async def test_retry_of_what_another_kernel_has_found_meanwhile_sends_nothing(
    world: World, other_kernel: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the price is asked for, another kernel finds the clip, and follows it to its end: that is what it is."""
    lost = await _lost(world)

    def find_meanwhile(*call: Any) -> Price:
        entry = other_kernel.find(lost.intent)
        assert entry
        lease = other_kernel.acquire(entry, lost.evolve(status=Status.RUNNING, task_id="task-1"))
        assert lease
        lease.write(lost.evolve(status=Status.FAILED, task_id="task-1", error=ClipFailed("No dragons.")))
        return Price(0.5, "as set")

    monkeypatch.setattr(world.engine.costs, "countable_price", find_meanwhile)
    task = await _retry(world, lost, may_pay_twice=True)
    assert (task.status, task.task_id, task.doubts) == (Status.FAILED, "task-1", 0)
    assert len(world.service.seen("submit")) == 1


async def test_retry_that_cannot_be_entered_leaves_what_there_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clip in doubt is still known to this kernel, also as one of an equal request."""
    lost = await _lost(world)
    (handle,) = world.engine.handles.equal(lost.fingerprint)

    def refuse(*what: Any) -> None:
        raise ConfigError("The disk is full.")

    monkeypatch.setattr(Journal, "acquire", refuse)
    with pytest.raises(ConfigError, match="The disk is full"):
        world.engine.resume(lost.intent)
    assert world.engine.handles == {lost.intent: handle}
    assert world.engine.handles.equal(lost.fingerprint) == [handle]


async def test_retry_of_a_running_retry_is_that_one(world: World) -> None:
    """Whoever clicks twice gets the retry that is under way."""
    lost = await _lost(world)
    one = world.engine.resume(lost.intent, may_pay_twice=True)
    other = world.engine.resume(lost.intent, may_pay_twice=True)
    assert one is other
    assert (await world.end(one)).status is Status.COMPLETED
    assert len(world.service.seen("submit")) == 2
