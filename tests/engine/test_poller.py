"""Looking at running tasks: when, in how few requests, and through whatever the services and the network do."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import httpx
import pytest
from fake_service import PAGE, Answer, reply
from world import World

from luma_jupyter import settings
from luma_jupyter.choices import Provider
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.poller import CONCURRENT_LOOKS, LONGEST_ASKED_PAUSE
from luma_jupyter.engine.schedule import KNOWN_LAW, LONGEST_FAULT_PAUSE, prior
from luma_jupyter.models import ModifyRequest, Status, VideoRef


def _modify(world: World, **options: Any) -> Handle:
    return world.submit(ModifyRequest(prompt="p", source=VideoRef(url="https://x.example/v.mp4")), **options)


ACTIONS = {"acedata": World.generate, "runapi": _modify}


def looks_of(provider: Provider, seconds: float) -> list[float]:
    """When a task is looked at that takes so long, as its prior says."""
    looks = [0.0]
    while looks[-1] < seconds:
        looks.append(prior(provider).next_look(looks[-1]))
    return [round(look, 1) for look in looks[1:]]


@pytest.mark.parametrize("provider", ACTIONS)
async def test_the_rhythm(world: World, provider: Provider) -> None:
    """A task of which nothing is known is looked at early, and then as the prior says; one request each."""
    world.service.seconds = 50
    await world.end(ACTIONS[provider](world))
    assert world.service.times("look") == looks_of(provider, 50)
    assert world.service.times("look")[:4] == [1, 3, 8, 18]
    assert {len(seen.ids) for seen in world.service.seen("look")} == {1}


@pytest.mark.parametrize("provider", ACTIONS)
async def test_the_learned_rhythm(world: World, provider: str) -> None:
    """After twenty tasks that took a minute, the next one is left alone until then, and then looked at often."""
    world.service.seconds = 60
    for _ in range(KNOWN_LAW):
        await world.end(ACTIONS[provider](world))
    begun, before = asyncio.get_running_loop().time(), len(world.service.seen("look"))
    await world.end(ACTIONS[provider](world))
    looks = [at - begun for at in world.service.times("look")[before:]]
    assert len(looks) <= 6
    assert looks[0] > 40
    assert looks[-1] < 62


async def test_what_the_service_says_is_learned(world: World) -> None:
    """AceDataCloud says when a task began and ended; that is exact, whatever the looks saw."""
    world.service.finished = True
    world.service.seconds = 47.5
    await world.end(world.generate())
    assert world.engine.journal.durations("acedata", "generate") == [47.5]
    await world.end(_modify(world))
    (seen,) = world.engine.journal.durations("runapi", "modify")
    assert seen == pytest.approx(47.5, abs=1.5)


async def test_a_late_look_teaches_nothing(world: World) -> None:
    """Where nobody looked for a while, as after an outage, nobody knows how long the task took."""
    world.service.script("look", *[FAULTS["500"]] * 6)
    await world.end(_modify(world))
    assert world.engine.journal.durations("runapi", "modify") == []


async def test_a_simulation_teaches_nothing(world: World) -> None:
    """The demo service takes as long as it is told to, so that is what is expected of it."""
    world.engine._lives.experience.learn("demo", "generate", 500.0)
    assert world.engine._lives.experience.law("demo", "generate") == prior("demo")
    assert world.engine.journal.durations("demo", "generate") == []


async def test_looks_can_be_asked_for(world: World) -> None:
    """Told to look now, the poller looks at all tasks at once, and then goes on in its rhythm."""
    world.service.seconds = 50
    handles = [world.generate(), _modify(world)]
    await asyncio.sleep(22)
    before = len(world.service.seen("look"))
    world.engine._lives.look_now()
    await asyncio.sleep(0.01)
    assert world.service.times("look")[before:] == [22, 22]
    for handle in handles:
        await world.end(handle)
    assert len(world.service.seen("look")) > before + 10


async def test_a_machine_that_slept(world: World) -> None:
    """After the laptop was closed, tasks are looked at as soon as that is noticed, as old as they are by then."""
    world.service.seconds = 1e6
    handle = world.generate()
    await asyncio.sleep(32)
    clock = world.engine._lives._clock
    world.engine._lives._clock = lambda: clock() + 3600
    await asyncio.sleep(20)
    assert [look for look in world.service.times("look") if look > 44] == [45]
    handle.stop()


async def test_the_budget_spaces_the_requests(world: World) -> None:
    """No more requests a minute than the setting allows, and no task is forgotten over it."""
    settings.configure(looks_per_minute=30)
    world.service.seconds = 60
    handles = [_modify(world) for _ in range(10)]
    assert {(await world.end(handle)).status for handle in handles} == {Status.COMPLETED}
    looks = world.service.times("look")
    assert min(after - before for before, after in pairwise(looks)) == pytest.approx(2)
    assert {len({look for seen in world.service.seen("look") for look in seen.ids})} == {10}


async def test_a_hanging_look_holds_nobody_up(world: World) -> None:
    """While one look-up gets no answer, the other tasks are looked at as if nothing had happened."""
    world.service.script("look", world.service.after(25))
    world.service.seconds = 10
    took = sorted([(await world.end(handle)).elapsed(0) for handle in (_modify(world), _modify(world))])
    assert took == [pytest.approx(18, abs=0.2), pytest.approx(26, abs=0.2)]


async def test_a_hundred_tasks_need_two_requests_a_round(world: World) -> None:
    """AceDataCloud's tasks are looked at together, 50 at most in a request, each once a round."""
    handles = [world.generate() for _ in range(100)]
    tasks = [await world.end(handle) for handle in handles]
    assert {task.status for task in tasks} == {Status.COMPLETED}
    assert len({task.path for task in tasks}) == 100
    assert world.service.times("look") == [1, 1.1, 3, 3.1, 8, 8.1, 18, 18.1]
    looks = [seen.ids for seen in world.service.seen("look")]
    assert {len(ids) for ids in looks} == {50}
    assert len({*looks[0], *looks[1]}) == 100


async def test_tasks_that_start_close_together_share_their_looks(world: World) -> None:
    """Tasks that were submitted a little apart come into step, so that a room full of clips stays few requests."""
    world.service.seconds = 200
    handles = []
    for _ in range(8):
        handles.append(world.generate())
        await asyncio.sleep(0.4)
    for handle in handles:
        await world.end(handle)
    late = [seen for seen in world.service.seen("look") if 50 < seen.at < 200]
    assert sum(len(seen.ids) for seen in late) / len(late) > 7


async def test_a_new_task_does_not_wait_for_the_others(world: World) -> None:
    """A task that is submitted between two looks at others has its own early looks."""
    world.service.seconds = 60
    first = world.generate()
    await world.until(first, Status.RUNNING)
    await asyncio.sleep(19)
    second = world.generate()
    await world.end(first)
    assert [seen.at for seen in world.service.seen("look") if "task-2" in seen.ids][:2] == pytest.approx([20, 22])
    assert max(len(seen.ids) for seen in world.service.seen("look")) == 2
    assert (await world.end(second)).status is Status.COMPLETED


async def test_single_look_ups_are_few_at_once(world: World) -> None:
    """RunAPI has no batch call: its tasks are looked at one by one, and only a few at the same moment."""
    world.service.script("look", *[world.service.after(5)] * 80)
    handles = [_modify(world) for _ in range(20)]
    for handle in handles:
        assert (await world.end(handle)).status is Status.COMPLETED
    assert {len(seen.ids) for seen in world.service.seen("look")} == {1}
    assert world.service.most_at_once["look"] == CONCURRENT_LOOKS


async def test_looks_stop_with_the_last_task_and_start_again(world: World) -> None:
    """Nothing is asked for while nothing runs; a later task is followed as the first one was."""
    await world.end(world.generate())
    first = len(world.service.seen("look"))
    await asyncio.sleep(1000)
    assert len(world.service.seen("look")) == first
    begun = asyncio.get_running_loop().time()
    assert (await world.end(world.generate())).status is Status.COMPLETED
    assert world.service.times("look")[first:] == [round(begun + after, 1) for after in (1, 3, 8, 18)]


FAULTS: dict[str, Answer] = {
    "500": reply(500, {"success": False, "error": {"code": "api_error", "message": "oops"}}),
    "503 page": reply(503, text=PAGE),
    "a page with 200": reply(200, text=PAGE),
    "broken JSON": reply(200, text='{"id": "task-1", "resp'),
    "a list": reply(200, ["task-1"]),
    "reset": httpx.ReadError("connection reset"),
    "no answer": httpx.ReadTimeout("slow"),
    "no connection": httpx.ConnectError("refused"),
    "429": reply(429, {"error": {"code": "too_many_requests", "message": "slow down"}}),
    "401": reply(401, {"error": {"code": "invalid_token", "message": "no such key"}}),
    "403": reply(403, {"error": {"code": "used_up", "message": "spent"}}),
    "404": reply(404, {"error": "task not found"}),
}


@pytest.mark.parametrize("provider", ACTIONS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_passes(world: World, fault: str, provider: str) -> None:
    """Whatever a look brings, the task goes on; its problem is told while it lasts and is gone afterwards."""
    world.service.script("look", None, FAULTS[fault], FAULTS[fault], None)
    world.service.seconds = 40
    handle = ACTIONS[provider](world)
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running saving completed"
    first, *others = world.problems(handle)
    assert first
    assert others == [None]
    assert (task.problem, task.error) == (None, None)


@pytest.mark.parametrize("failure", [None, {"code": "x", "message": "no"}], ids=["completed", "failed"])
async def test_a_problem_is_gone_at_the_end(world: World, failure: Any) -> None:
    """When the look after a failed one finds the end, nothing is told of the problem any more, also while saving."""
    world.service.failure = failure
    world.service.script("look", None, None, None, FAULTS["500"], None)
    handle = world.generate()
    task = await world.end(handle)
    assert len(world.problems(handle)) == 1
    after_running = [event.task for event in world.events[handle] if event.task.status is not Status.RUNNING][1:]
    assert task in after_running
    assert {task.problem for task in after_running} == {None}


async def test_a_problem_says_who_and_what(world: World) -> None:
    """A problem names the service and quotes its words."""
    world.service.script("look", FAULTS["500"])
    handle = world.generate()
    await world.end(handle)
    problem = str(world.problems(handle)[0])
    assert "AceDataCloud" in problem
    assert "oops" in problem


async def test_faults_slow_the_looks_down(world: World) -> None:
    """While every look fails they come ever more rarely, but at least once a minute; then the rhythm is back."""
    world.service.script("look", *[FAULTS["500"]] * 9)
    world.service.seconds = 300
    handle = world.generate()
    assert (await world.end(handle)).status is Status.COMPLETED
    looks = world.service.times("look")
    assert looks[:10] == [1, 3, 7, 15, 31, 63, 123, 183, 243, 303]
    assert max(after - before for before, after in pairwise(looks)) == LONGEST_FAULT_PAUSE


@pytest.mark.parametrize("jitter", [1.0])
async def test_clients_do_not_come_back_together(world: World) -> None:
    """Pauses after faults are lengthened by chance, up to a quarter, so that a class does not come back as one."""
    world.service.script("look", *[FAULTS["500"]] * 4, None)
    await world.end(world.generate())
    assert world.service.times("look") == [1, 3.5, 8.5, 18.5, 38.5]


@pytest.mark.parametrize("jitter", [1.0])
async def test_a_pause_that_is_asked_for_is_lengthened_too(world: World) -> None:
    """When a service names a time, not all its clients come back at that very moment."""
    world.service.script("look", reply(503, headers={"Retry-After": "40"}))
    await world.end(world.generate())
    assert world.service.times("look")[:2] == [1, 51]


async def test_one_good_look_makes_up_for_all_faults(world: World) -> None:
    """After a look that worked, the next fault is a first one again: its pause is short."""
    world.service.script("look", *[FAULTS["500"]] * 4, None, FAULTS["500"])
    world.service.seconds = 50
    await world.end(world.generate())
    assert world.service.times("look")[:5] == [1, 3, 7, 15, 31]
    failed = world.service.times("look")[5]
    assert world.service.times("look")[6] == pytest.approx(failed + 2)


async def test_looks_that_fail_together_count_once(world: World) -> None:
    """When many look-ups fail in one moment, the pause is that of one failure; then one goes ahead of the others."""

    async def late(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(10 - asyncio.get_running_loop().time())
        return httpx.Response(503)

    world.service.script("look", *[late] * 8)
    handles = [_modify(world) for _ in range(8)]
    for handle in handles:
        await world.end(handle)
    assert next(look for look in world.service.times("look") if look > 2) == 12


@pytest.mark.parametrize("provider", ACTIONS)
@pytest.mark.parametrize("fault", ["503 page", "401", "404", "reset"])
async def test_faults_without_end_detach(world: World, fault: str, provider: str) -> None:
    """When looks fail for good, the task is detached at its timeout and not before; the message says what was wrong."""
    world.service.script("look", *[FAULTS[fault]] * 500)
    handle = ACTIONS[provider](world, timeout=600)
    task = await world.end(handle)
    assert world.story(handle) == "queued submitting running detached"
    assert task.ended_at == task.submitted_at + 600  # type: ignore[operator]
    assert "may still run and be billed (task id task-1)" in str(task.error)
    assert "The last look failed: " in str(task.error)


@pytest.mark.parametrize(("asked", "next_look"), [("20", 21), ("86400", 1 + LONGEST_ASKED_PAUSE)])
async def test_a_busy_service_is_left_alone_as_long_as_it_asks(world: World, asked: str, next_look: float) -> None:
    """A Retry-After holds for all tasks of the service, also new ones, but not so long that all would be lost."""
    world.service.script("look", reply(429, {"error": "busy"}, headers={"Retry-After": asked}))
    first = world.generate()
    await world.until(first, Status.RUNNING)
    await asyncio.sleep(5)
    second = world.generate()
    assert (await world.end(first)).status is Status.COMPLETED
    assert (await world.end(second)).status is Status.COMPLETED
    assert world.service.times("look")[:2] == [1, next_look]


@pytest.mark.parametrize(("asked", "next_look"), [("15", 16), ("100000", 1 + LONGEST_ASKED_PAUSE)])
async def test_a_running_task_s_retry_after_is_honoured(world: World, asked: str, next_look: float) -> None:
    """RunAPI may say when to look at a running task next."""
    running = {"id": "task-1", "status": "processing"}
    world.service.script("look", reply(200, running, headers={"Retry-After": asked}))
    await world.end(_modify(world))
    assert world.service.times("look")[1] == next_look


async def test_a_task_that_is_missing_from_a_batch(world: World) -> None:
    """A task that the service does not know yet is looked for further, and told so; the others go on."""
    world.service.hidden.add("task-2")
    handles = [world.generate() for _ in range(3)]
    await world.until(handles[0], Status.COMPLETED)
    assert handles[2].task.status.ended or handles[2].task.status is Status.SAVING
    assert handles[1].task.status is Status.RUNNING
    assert "does not know this task" in str(handles[1].task.problem)
    world.service.hidden.clear()
    assert (await world.end(handles[1])).status is Status.COMPLETED
    assert world.problems(handles[0]) == world.problems(handles[2]) == []


async def test_a_failing_batch_leaves_the_others_alone(world: World) -> None:
    """When one batch of a round fails, the tasks of the others are told nothing and end in time."""
    world.service.script("look", None, FAULTS["500"])
    handles = [world.generate() for _ in range(60)]
    tasks = [await world.end(handle) for handle in handles]
    assert {task.status for task in tasks} == {Status.COMPLETED}
    unharmed = [handle for handle in handles if not world.problems(handle)]
    assert len(unharmed) == 50
    assert {round(handle.task.elapsed(0)) for handle in unharmed} == {18}


async def test_a_failing_service_leaves_the_other_alone(world: World) -> None:
    """While RunAPI is down, AceDataCloud's tasks are followed in their usual rhythm."""

    def runapi_is_down(request: httpx.Request) -> httpx.Response:
        if request.url.host == "runapi.ai":
            return httpx.Response(503)
        return world.service.honest("look", request)

    world.service.script("look", *[runapi_is_down] * 12)
    lucky, unlucky = world.generate(), _modify(world)
    assert (await world.end(lucky)).elapsed(0) == 18
    assert world.problems(lucky) == []
    assert unlucky.task.problem
    assert (await world.end(unlucky)).status is Status.COMPLETED


async def test_a_key_that_is_changed_meanwhile_is_used(world: World) -> None:
    """After a 401 the user sets a valid key, and the next look uses it: nothing is lost."""
    world.service.script("look", FAULTS["401"])
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    await asyncio.sleep(2)
    assert "ACEDATACLOUD_API_TOKEN" in str(handle.task.problem)
    settings.configure(acedata_token="a-new-key")
    assert (await world.end(handle)).status is Status.COMPLETED
    assert [seen.key for seen in world.service.seen("look")][1:] == ["Bearer a-new-key"] * 3


async def test_a_key_that_is_taken_away_meanwhile(world: World) -> None:
    """Without a key nothing is asked, the problem names the variable, and a new key takes it from there."""
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    settings.configure(acedata_token=None)
    await asyncio.sleep(10)
    assert world.service.seen("look") == []
    assert "ACEDATACLOUD_API_TOKEN" in str(handle.task.problem)
    settings.configure(acedata_token="a-new-key")
    assert (await world.end(handle)).status is Status.COMPLETED


@pytest.mark.parametrize("accident", ["in a look", "before it"])
async def test_a_bug_costs_no_task(
    world: World, accident: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of ours in a look is logged and told like a fault, and the looks go on."""
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    with monkeypatch.context() as patch:
        if accident == "in a look":
            world.service.script("look", RuntimeError("a bug"), RuntimeError("a bug"))
        else:
            patch.setattr(world.engine.services, "api", None)
        await asyncio.sleep(5)
    assert handle.task.problem
    assert "in an unforeseen way" in caplog.text
    assert (await world.end(handle)).status is Status.COMPLETED


@pytest.mark.parametrize("outcome", ["answers", "fails"])
async def test_an_answer_for_a_task_that_was_stopped_meanwhile(world: World, outcome: str) -> None:
    """When a look comes back after one of its tasks was stopped, that one stays detached and the others go on."""
    answer = world.service.after(4)

    async def late(request: httpx.Request) -> httpx.Response:
        response = await answer(request)  # type: ignore[operator]
        return response if outcome == "answers" else httpx.Response(503)

    world.service.seconds = 3
    world.service.script("look", late)
    stopped, followed = world.generate(), world.generate()
    await world.until(followed, Status.RUNNING)
    await asyncio.sleep(3)
    stopped.stop()
    assert (await world.end(stopped)).status is Status.DETACHED
    assert (await world.end(followed)).status is Status.COMPLETED
    assert stopped.task.status is Status.DETACHED
    assert stopped.task.problem is None
