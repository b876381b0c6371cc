"""Tasks that were made elsewhere, or lost here: found by their id, followed and saved, and never paid again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.adoption import UNKNOWN_PROMPT
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.store.journal import Journal, Lease
from luma_jupyter.errors import InvalidRequest
from tests.support import settings
from tests.support.fake_service import VIDEO, FakeService, reply
from tests.support.world import EPOCH, submit

FOX = GenerateRequest(prompt="A red fox", aspect_ratio="9:16")
PICTURE = LocalFile.of(b"\x89PNG\r\n\x1a\n and the rest", "image/png", "fox.png")
WITH_A_FILE = GenerateRequest(prompt="A red fox", start_image=PICTURE)
FOG = ModifyRequest(prompt="Fog", source=VideoRef(url="https://x.example/v.mp4"))


@pytest.fixture
def engine(keys: None, service: FakeService, loop_thread: LoopThread, providers: ProviderPool) -> Engine:
    """A kernel with both keys, at services that say what they were asked for."""
    service.echoes = True
    return Engine(settings.current, loop_thread, providers, lambda: EPOCH + loop_thread.loop.time())


@pytest.fixture
def other_kernel(engine: Engine) -> Journal:
    """The journal as another kernel sees it."""
    return Journal(settings.current().home, clock=engine._clock, owner="another machine|1|0.0")


def elsewhere(engine: Engine, service: FakeService, request: Request = FOX, **more: Any) -> str:
    """Make a task as another program does, with the very body that ours would be; its id."""
    client = engine.providers.client("runapi" if request is FOG else "acedata", request.action)
    made = service.made_elsewhere({**client.payload(request), **more}, client.submit_url)
    return engine.loop_thread.submit(made).result(10)


def end(handle: Handle) -> Task:
    return handle.done.result(timeout=10)


def paid(service: FakeService) -> int:
    return len(service.seen("submit"))


def test_adopted_task_is_followed_and_saved_and_paid_by_nobody_here(engine: Engine, service: FakeService) -> None:
    """A task of another program becomes a clip as if it had been made here, but for its price."""
    task_id = elsewhere(engine, service)
    task = end(engine.adopt(task_id))
    assert (task.status, task.task_id, task.provider, task.request) == (Status.COMPLETED, task_id, "acedata", FOX)
    assert task.path
    assert task.path.read_bytes() == VIDEO
    assert task.charge(0.35) == 0.0
    assert engine.costs.spent_today() == (0.0, 0)
    assert paid(service) == 0


def test_adopted_task_answers_an_equal_request(engine: Engine, service: FakeService) -> None:
    """Where the service says the whole request, the cell that would ask for the same finds the adopted clip."""
    adopted = end(engine.adopt(elsewhere(engine, service)))
    again = submit(engine, FOX)
    assert end(again).intent == adopted.intent
    assert again.reused
    assert paid(service) == 0


@pytest.mark.parametrize("more", [{"seed": 7}, {"model": "another"}], ids=["seed", "model"])
def test_adopted_task_with_more_than_we_ask_for_answers_nothing(
    engine: Engine, service: FakeService, more: dict[str, Any]
) -> None:
    """What was made by options that we do not have is another video than the one that a cell asks for."""
    adopted = end(engine.adopt(elsewhere(engine, service, **more)))
    assert (adopted.status, adopted.request) == (Status.COMPLETED, FOX)
    made = end(submit(engine, FOX))
    assert made.intent != adopted.intent
    assert paid(service) == 1


def test_adopted_task_without_an_echo_is_a_clip_all_the_same(engine: Engine, service: FakeService) -> None:
    """A service that does not say what was asked for still has the video; it answers no request."""
    task_id = elsewhere(engine, service)
    service.echoes = False
    task = end(engine.adopt(task_id))
    assert (task.status, task.request.prompt) == (Status.COMPLETED, UNKNOWN_PROMPT)
    assert task.path
    end(submit(engine, FOX))
    assert paid(service) == 1


@pytest.mark.parametrize(
    ("echo", "prompt"),
    [
        ({"prompt": "\u200b "}, UNKNOWN_PROMPT),
        ({"prompt": None}, UNKNOWN_PROMPT),
        ({"prompt": ["A", "list"]}, UNKNOWN_PROMPT),
        ({"action": "describe"}, "A red fox"),
        ({"aspect_ratio": "2:1"}, "A red fox"),
        ({"start_image_url": "ftp://x.example/1.png"}, "A red fox"),
    ],
    ids=["invisible", "none", "list", "action", "ratio", "address"],
)
def test_adopted_task_whose_echo_is_not_understood_is_saved(
    engine: Engine, service: FakeService, echo: dict[str, Any], prompt: str
) -> None:
    """Whatever another program asked for, its video is had; the prompt is told where there is one."""
    task = end(engine.adopt(elsewhere(engine, service, **echo)))
    assert (task.status, task.request.prompt) == (Status.COMPLETED, prompt)
    assert task.path
    end(submit(engine, FOX))
    assert paid(service) == 1


def test_runapi_s_task_is_adopted(engine: Engine, service: FakeService) -> None:
    """The services whose key is set are asked one after the other, or the one that is named."""
    task_id = elsewhere(engine, service, FOG)
    service.hidden.add(task_id)
    with pytest.raises(InvalidRequest, match="No service whose key is set knows a task"):
        engine.adopt(task_id)
    service.hidden.clear()
    service.script("look", reply(404, {"error": "not found"}))  # AceDataCloud does not know it
    task = end(engine.adopt(task_id))
    assert (task.status, task.provider, task.request.action) == (Status.COMPLETED, "runapi", "modify")
    assert task.path
    assert paid(service) == 0


def test_id_of_a_clip_that_is_here_gives_that_clip(engine: Engine, service: FakeService) -> None:
    """Nothing is looked up for it, and no second clip is made."""
    made = submit(engine, FOX)
    task = end(made)
    looks = len(service.seen("look"))
    again = engine.adopt(task.task_id or "")
    assert end(again).intent == task.intent
    assert end(again).path == task.path
    assert len(service.seen("look")) == looks
    twice = engine.adopt(elsewhere(engine, service, GenerateRequest(prompt="A kite")))
    assert engine.adopt(end(twice).task_id or "").task.intent == twice.task.intent


@pytest.mark.parametrize("request_", [FOX, WITH_A_FILE], ids=["a prompt", "a file"])
def test_task_that_an_unconfirmed_clip_waits_for_settles_that_clip(
    engine: Engine, service: FakeService, request_: GenerateRequest
) -> None:
    """An id from the service's console ends the doubt: the clip goes on with its task, and nothing is sent."""
    service.script("submit", service.lose)
    lost = submit(engine, request_)
    assert end(lost).status is Status.UNCONFIRMED
    (task_id,) = service.tasks
    task = end(engine.adopt(task_id))
    assert (task.intent, task.status, task.task_id) == (lost.task.intent, Status.COMPLETED, task_id)
    assert task.path
    assert paid(service) == 1


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SUBMITTING])
def test_task_of_a_request_that_is_looked_for_is_left_to_it(
    engine: Engine, service: FakeService, other_kernel: Journal, status: Status
) -> None:
    """Else the clip in doubt would not find it any more, and might be sent a second time; once that is over, it is had.

    Another kernel begins to look for the clip while the service is asked for the task.
    """
    service.script("submit", service.lose)
    lost = end(submit(engine, FOX))
    (task_id,) = service.tasks

    def begin(request: httpx.Request) -> httpx.Response:
        lease.append(_acquired(other_kernel, lost.evolve(status=status)))
        return service.honest("look", request)

    lease: list[Lease] = []
    service.script("look", begin)
    with pytest.raises(InvalidRequest, match="adopt it once that has ended"):
        engine.adopt(task_id)
    assert [entry.task.intent for entry in other_kernel.entries()] == [lost.intent]
    lease[0].write(lost)
    task = end(engine.adopt(task_id))
    assert (task.intent, task.status, task.task_id) == (lost.intent, Status.COMPLETED, task_id)
    assert paid(service) == 1


def test_task_that_its_clip_finds_meanwhile_gives_that_clip(
    engine: Engine, service: FakeService, other_kernel: Journal
) -> None:
    """Another kernel finds it for the clip in doubt while the service is asked for it: no second clip has it then."""
    service.script("submit", service.lose)
    lost = end(submit(engine, FOX))
    (task_id,) = service.tasks

    def find(request: httpx.Request) -> httpx.Response:
        _acquired(other_kernel, lost.evolve(status=Status.RUNNING, task_id=task_id))
        return service.honest("look", request)

    service.script("look", find)
    assert engine.adopt(task_id).task.intent == lost.intent
    assert [entry.task.intent for entry in other_kernel.entries()] == [lost.intent]
    assert paid(service) == 1


def _acquired(journal: Journal, task: Task) -> Lease:
    """The lease under which another kernel follows a task from here on."""
    entry = journal.find(task.intent)
    assert entry
    lease = journal.acquire(entry, task)
    assert lease
    return lease


def test_task_of_another_request_settles_no_unconfirmed_clip(engine: Engine, service: FakeService) -> None:
    """What was not asked for by the clip is none of its tasks."""
    service.script("submit", service.lose)
    lost = submit(engine, FOX)
    end(lost)
    other = end(engine.adopt(elsewhere(engine, service, GenerateRequest(prompt="A kite"))))
    assert other.intent != lost.task.intent
    assert engine.journal.find(lost.task.intent).task.status is Status.UNCONFIRMED  # type: ignore[union-attr]


def test_adopted_task_of_a_request_with_a_callback_is_no_settlement_by_chance(
    engine: Engine, service: FakeService
) -> None:
    """Its echo says where the result was to be posted too: that is another request than the clip's."""
    service.script("submit", service.lose)
    lost = submit(engine, FOX)
    end(lost)
    other = end(engine.adopt(elsewhere(engine, service, callback_url="https://hook.example/")))
    assert other.intent != lost.task.intent


@pytest.mark.parametrize("provider", [None, "acedata", "runapi"])
def test_unknown_id_is_told_in_one_line(engine: Engine, service: FakeService, provider: Provider | None) -> None:
    """Nothing was made, and no clip is there for it."""
    with pytest.raises(InvalidRequest) as caught:
        engine.adopt("no-such-task", provider)
    assert str(caught.value) == (
        "No service whose key is set knows a task 'no-such-task'. Nothing was sent but the question."
    )
    assert engine.handles == {}
    assert engine.journal.unfinished() == []


def test_task_of_the_other_service_is_not_found_at_the_named_one(engine: Engine, service: FakeService) -> None:
    """Who names the wrong service gets one line."""
    task_id = elsewhere(engine, service)
    service.script("look", reply(404, {"error": "not found"}))
    with pytest.raises(InvalidRequest, match="No service whose key is set knows a task 'task-1'"):
        engine.adopt(task_id, "runapi")


def test_adoption_without_the_key_names_the_variable(engine: Engine, service: FakeService) -> None:
    """A service whose key is not set cannot be asked."""
    settings.configure(runapi_key=None)
    with pytest.raises(InvalidRequest, match=r"\(Set RUNAPI_API_KEY to use RunAPI\.\)"):
        engine.adopt("task-1", "runapi")


def test_service_in_trouble_is_told_and_the_other_one_asked(engine: Engine, service: FakeService) -> None:
    """Where nobody knows the task, why one could not be asked is said; where the other one knows it, it is found."""
    task_id = elsewhere(engine, service, FOG)

    def look(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.acedata.cloud":
            raise httpx.ConnectError("no route")
        return service.honest("look", request)

    service.script("look", look, for_ever=True)
    with pytest.raises(InvalidRequest, match="AceDataCloud cannot be reached"):
        engine.adopt("no-such-task")
    assert end(engine.adopt(task_id)).provider == "runapi"
    assert paid(service) == 0


def test_adopted_task_that_failed_fails_in_the_service_s_words(engine: Engine, service: FakeService) -> None:
    """It is a clip as any other that failed, each time that it is asked for."""
    task_id = elsewhere(engine, service)
    service.failure = {"code": "api_error", "message": "The dragon escaped."}
    for _ in range(2):
        task = end(engine.adopt(task_id))
        assert task.status is Status.FAILED
        assert "The dragon escaped." in str(task.error)
    assert paid(service) == 0


def test_adopted_clip_is_known_to_the_next_kernel(engine: Engine, service: FakeService, tmp_path: Path) -> None:
    """It is in the journal with its trace id, and the cell that asks for the same finds it there."""
    service.result = {"trace_id": "trace-1"}
    task = end(engine.adopt(elsewhere(engine, service)))
    later = Engine(settings.current, engine.loop_thread, engine.providers, engine._clock)
    entry = later.journal.find(task.intent)
    assert entry
    assert (entry.task.trace_id, entry.task.task_id) == ("trace-1", task.task_id)
    assert end(submit(later, FOX)).intent == task.intent
    assert paid(service) == 0


def test_task_is_adopted_through_a_gateway(engine: Engine, service: FakeService) -> None:
    """A gateway knows repeated requests, as RunAPI does; its tasks are still AceDataCloud's, by what they say."""
    settings.configure(gateway="https://api.acedata.cloud", gateway_token="token")
    task = end(engine.adopt(elsewhere(engine, service)))
    assert (task.status, task.request, task.gateway) == (Status.COMPLETED, FOX, True)
