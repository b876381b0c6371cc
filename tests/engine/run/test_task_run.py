"""A task's run, as its events tell it: submitted once, followed, saved; and each way in which it can end."""

from __future__ import annotations

import asyncio
import pickle
import time
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.run.task_run import LAST_LOOKS
from luma_jupyter.engine.store.journal import Journal
from luma_jupyter.errors import (
    ClipDetached,
    ClipFailed,
    ClipUnconfirmed,
    ConfigError,
    InvalidRequest,
    LumaError,
    Moderated,
    TaskFailed,
)
from tests.support import settings
from tests.support.fake_service import Answer, reply
from tests.support.loops import VirtualLoop
from tests.support.world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, World, submit

HELLO = GenerateRequest(prompt="hello")


async def test_run_of_a_task_submits_once_follows_and_saves(world: World, media: Any) -> None:
    """A task is queued, submitted once, followed, saved and completed, and its snapshot then has everything."""
    handle = world.generate("Astronauts shuttle from space to volcano")
    assert handle.task.status is Status.QUEUED
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running saving completed"
    (submitted,) = world.service.seen("submit")
    assert submitted.payload == {
        "action": "generate",
        "prompt": "Astronauts shuttle from space to volcano",
        "aspect_ratio": "16:9",
        "loop": False,
        "enhancement": True,
        "async": True,
    }
    assert submitted.key == f"Bearer {ACEDATA_KEY}"
    assert task.task_id == "task-1"
    assert task.video
    assert (task.video.video_id, task.video.width, task.video.height) == ("video-of-task-1", 1280, 720)
    assert task.path == media / task.filename
    assert task.file_size == task.path.stat().st_size > 0
    assert (task.error, task.problem) == (None, None)
    assert handle.task is task


async def test_elapsed_time_counts_from_the_submission_to_the_end(world: World) -> None:
    """Elapsed time counts from the submission and stands still at the end."""
    await asyncio.sleep(5)
    handle = world.generate()
    task = await world.end(handle)
    assert (task.created_at, task.submitted_at) == (EPOCH + 5, EPOCH + 5)
    assert task.ended_at == EPOCH + 5 + 18
    assert [event.at for event in world.events[handle]] == sorted(event.at for event in world.events[handle])
    assert task.elapsed(EPOCH + 9999) == 18


@pytest.mark.parametrize(
    ("request_", "provider", "sent"),
    [
        (ExtendRequest(prompt="p", source=VideoRef(video_id="v-1")), "acedata", {"video_id": "v-1"}),
        (
            ExtendRequest(prompt="p", source=VideoRef(url="https://x.example/v")),
            "acedata",
            {"video_url": "https://x.example/v"},
        ),
        (
            ModifyRequest(prompt="p", source=VideoRef(url="https://x.example/v")),
            "runapi",
            {"source_video_url": "https://x.example/v"},
        ),
    ],
)
async def test_named_source_is_sent_as_named(
    world: World, request_: Request, provider: str, sent: dict[str, str]
) -> None:
    """A video that is named by id or URL is sent at once as it was named, to the service that does the action."""
    task = await world.end(world.submit(request_))
    assert (task.status, task.provider) == (Status.COMPLETED, provider)
    (submitted,) = world.service.seen("submit")
    assert submitted.payload.items() >= sent.items()


async def test_runapi_gets_an_idempotency_key_per_paid_request(world: World) -> None:
    """Each submission to RunAPI carries a key of its own, and a repetition that cost nothing carries the same."""
    world.service.script("submit", reply(429), None)
    request = ModifyRequest(prompt="p", source=VideoRef(url="https://x.example/v"))
    await world.end(world.submit(request))
    await world.end(world.submit(request))
    intents = [seen.request.headers["idempotency-key"] for seen in world.service.seen("submit")]
    assert len(intents) == 3
    assert intents[0] == intents[1] != intents[2]
    assert world.service.seen("look")[0].key == f"Bearer {RUNAPI_KEY}"


@pytest.mark.parametrize(("usage", "cost"), [({"cost": 0.5}, 0.5), ({"cost": "0.5"}, None), (None, None)])
async def test_cost_is_what_the_service_reports(world: World, usage: object, cost: float | None) -> None:
    """RunAPI may report the cost of a finished task: its snapshot and the journal have it."""
    world.service.result = {"usage": usage}
    task = await world.end(world.submit(ModifyRequest(prompt="p", source=VideoRef(url="https://x.example/v"))))
    assert (task.status, task.cost) == (Status.COMPLETED, cost)
    assert [kept.cost for kept in world.engine.repository.history()] == [cost]


async def test_refused_task_fails_in_the_service_s_words(world: World) -> None:
    """A request that the service refuses has failed, in the service's words, and was sent once."""
    world.service.script(
        "submit", reply(403, {"error": {"code": "forbidden", "message": "No dragons."}, "trace_id": "t9"})
    )
    handle = world.generate()
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting failed"
    assert isinstance(task.error, ClipFailed)
    assert "No dragons." in str(task.error)
    assert isinstance(task.error.reason, Moderated)
    assert task.task_id is None
    assert len(world.service.seen("submit")) == 1
    assert not world.service.seen("look")


async def test_running_task_fails_in_the_service_s_words(world: World) -> None:
    """A task that the service ends without a video has failed, in the service's words."""
    world.service.failure = {"code": "api_error", "message": "The dragon escaped."}
    handle = world.generate()
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running failed"
    assert isinstance(task.error, ClipFailed)
    assert "The dragon escaped." in str(task.error)
    assert isinstance(task.error.reason, TaskFailed)
    assert task.task_id == "task-1"
    assert not world.service.seen("video")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadError("connection reset"),
        httpx.ReadTimeout("too long"),
        httpx.RemoteProtocolError("server disconnected"),
        reply(500, {"error": {"code": "api_error", "message": "oops"}}),
        reply(502, text="<html>Bad gateway</html>"),
        reply(504),
        reply(200, text="{broken"),
        reply(200, text="<html>Welcome</html>"),
        reply(200, {"success": True}),
    ],
    ids=lambda answer: type(answer).__name__,
)
async def test_lost_answer_is_unconfirmed_and_never_sent_again(world: World, answer: Answer) -> None:
    """Where no usable answer came, the request stays sent once; the message says when, and that it may be billed."""
    world.service.script("submit", answer)
    handle = world.generate()
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting unconfirmed"
    assert isinstance(task.error, ClipUnconfirmed)
    sent = time.strftime("%H:%M:%S on %Y-%m-%d", time.localtime(EPOCH))
    assert str(task.error).startswith(f"Sent at {sent}, no usable answer: AceDataCloud ")
    assert "It may be running and may be billed, so it is not sent again by itself." in str(task.error)
    assert isinstance(task.error.reason, LumaError)
    await asyncio.sleep(1000)
    assert len(world.service.seen("submit")) == 1


@pytest.mark.parametrize(
    ("accident", "words"),
    [(RuntimeError("a bug"), "Internal error, please report it"), (asyncio.CancelledError(), "broken off")],
    ids=["bug", "cancelled"],
)
async def test_bug_while_sending_is_unconfirmed(world: World, accident: Any, words: str) -> None:
    """Whatever goes wrong inside a submission, nobody claims that nothing was sent."""

    def break_down(request: httpx.Request) -> httpx.Response:
        raise accident

    world.service.script("submit", break_down)
    task = await world.end(world.generate())
    assert task.status is Status.UNCONFIRMED
    assert words in str(task.error)
    assert "may be billed" in str(task.error)
    assert len(world.service.seen("submit")) == 1


async def test_bug_before_sending_is_a_failure(world: World, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """A bug of ours before anything is sent ends the task with a message that asks for a report, instead of a hang."""
    handle = world.generate()
    monkeypatch.setattr(world.engine.providers, "client", None)
    task = await world.end(handle)
    assert world.story(handle) == "queued failed"
    assert "Internal error, please report it" in str(task.error)
    assert "A task ended in an unforeseen way" in caplog.text


@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), reply(429)], ids=["no connection", "busy"])
async def test_request_certainly_not_accepted_is_sent_again(world: World, answer: Answer) -> None:
    """While no connection comes about, or the service says "later", the request is sent again and then lives on."""
    world.service.script("submit", answer, answer)
    handle = world.generate()
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running saving completed"
    assert len(world.service.seen("submit")) == 3
    assert task.task_id == "task-1"


async def test_unreachable_service_is_a_failure(world: World) -> None:
    """When no connection comes about at all, the task has failed, and the message says that nothing was sent."""
    world.service.script("submit", *[httpx.ConnectError("refused")] * 4)
    task = await world.end(world.generate())
    assert task.status is Status.FAILED
    assert "Nothing was sent" in str(task.error)


async def test_timeout_detaches(world: World) -> None:
    """After the timeout a task is not followed any more; the message has its id and says that it may be billed."""
    world.service.seconds = 10_000
    handle = world.generate(timeout=60)
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running detached"
    assert isinstance(task.error, ClipDetached)
    assert "watched for 60 s" in str(task.error)
    assert "may still run and be billed (task id task-1)" in str(task.error)
    assert task.ended_at == EPOCH + 60
    looks = len(world.service.seen("look"))
    await asyncio.sleep(1000)
    assert len(world.service.seen("look")) == looks


def sleep(seconds: float) -> None:
    """Have the machine sleep, with the loop's clock going on, as on Windows."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.sleep(seconds)


async def test_timeout_that_passes_while_the_machine_sleeps_leaves_time_for_a_look(world: World) -> None:
    """Clips that ended meanwhile are saved, though poll and timeout are due at once, before the network is back."""
    world.service.seconds = 100
    modify = ModifyRequest(prompt="p", source=VideoRef(url="https://x.example/v"))
    handles = [world.generate("one"), world.generate("two", timeout=30), world.submit(modify)]
    await asyncio.sleep(20)
    world.service.script("look", *[httpx.ConnectError("no route")] * 4)
    sleep(3600)
    for handle in handles:
        assert (await world.end(handle)).status is Status.COMPLETED


async def test_timeout_that_passes_while_the_machine_sleeps_detaches_after_a_look(world: World) -> None:
    """What still runs then is looked at, and not watched much further, however often the machine sleeps."""
    world.service.seconds = 1e6
    handle = world.generate(timeout=60)
    await asyncio.sleep(20)
    looks = len(world.service.seen("look"))
    for _ in range(2):
        sleep(3600)
        await asyncio.sleep(1)
        assert handle.task.status is Status.RUNNING
        assert len(world.service.seen("look")) == (looks := looks + 1)
    task = await world.end(handle)
    assert task.status is Status.DETACHED
    assert "watched for 60 s" in str(task.error)
    assert task.ended_at
    assert task.ended_at - EPOCH == pytest.approx(20 + 2 * 3600 + 1 + LAST_LOOKS, abs=1)


async def test_request_that_cannot_be_sent_makes_no_task(world: World) -> None:
    """A missing key, or an address that only this machine can reach, is an error at once, and no task exists."""
    settings.configure(acedata_token=None)
    with pytest.raises(ConfigError, match="ACEDATACLOUD_API_TOKEN"):
        submit(world.engine, HELLO)
    local = ModifyRequest(prompt="p", source=VideoRef(url="http://192.168.1.5/v.mp4"))
    with pytest.raises(InvalidRequest, match="cannot reach"):
        submit(world.engine, local)
    assert world.engine.handles == {}


async def test_key_taken_away_meanwhile_sends_nothing(world: World) -> None:
    """A task whose key is gone when its turn comes has failed, names the variable, and nothing was sent."""
    source = world.generate()
    handle = world.modify(source)
    await world.until(source, Status.RUNNING)
    settings.configure(runapi_key=None)
    task = await world.end(handle)
    assert world.story(handle) == "queued failed"
    assert "RUNAPI_API_KEY" in str(task.error)
    assert len(world.service.seen("submit")) == 1


@pytest.mark.parametrize(("ending", "told"), [("completed", "saving"), ("failed", "failed")])
async def test_end_is_told_before_its_duration_is_written_down(
    world: World, ending: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for the end of a task does not wait for what is learned from it."""
    heard = []
    monkeypatch.setattr(Journal, "add_duration", lambda *duration: heard.append(world.story(handle)))
    world.service.seconds = 40
    handle = world.generate_to(ending)
    await world.end(handle)
    assert heard == [f"queued submitting running {told}"]


@pytest.mark.parametrize("ending", ["completed", "failed", "unconfirmed", "detached", "cancelled"])
async def test_snapshot_can_be_pickled(world: World, ending: str) -> None:
    """The snapshot of an ended task survives pickling, with its error, so that clips can be stored."""
    task = await world.end(world.generate_to(ending))
    assert task.status == ending
    revived = pickle.loads(pickle.dumps(task))
    assert revived.evolve(error=None) == task.evolve(error=None)
    assert (type(revived.error), str(revived.error)) == (type(task.error), str(task.error))
    if isinstance(task.error, ClipUnconfirmed):
        assert isinstance(revived.error.reason, type(task.error.reason))
